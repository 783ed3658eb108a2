"""The words of an alert's four axes and of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ALERTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "condition.normal": ("正常", "normal"),
        "condition.pending": ("待定", "pending"),
        "condition.active": ("告警中", "active"),
        "condition.clearing": ("正在恢复", "clearing"),
        "condition.stale": ("数据中断", "stale"),
        "condition.cleared": ("已恢复", "cleared"),
        "suppression.shelved": ("搁置", "shelved"),
        "suppression.by_design": ("按设计抑制", "suppressed by design"),
        "suppression.out_of_service": ("停用检修", "out of service"),
        "verification.unverified": ("未核实", "unverified"),
        "verification.probable": ("疑似", "probable"),
        "verification.confirmed": ("已确认属实", "confirmed"),
        "verification.dismissed": ("误报", "dismissed"),
        "alert.occurrence": ("第 {n} 次", "occurrence {n}"),
        "alert.latched": ("反复告警，已锁定", "flapping, latched"),
        "alert.follows": ("上次告警 {id}", "follows alert {id}"),
        "audit.reopen": ("再次触发", "fires again"),
        "audit.worsen": ("升级", "worse"),
        "audit.ease": ("降级", "less severe"),
        "audit.clear": ("开始恢复", "clearing"),
        "audit.recur": ("恢复中断", "recurs"),
        "audit.fall_silent": ("数据中断", "silent"),
        "audit.be_heard": ("数据恢复", "heard again"),
        "audit.latch": ("锁定反复告警", "latched"),
        "audit.lapse": ("确认到期", "acknowledgement expired"),
        "audit.shelve": ("搁置", "shelved"),
        "audit.unshelve": ("取消搁置", "unshelved"),
        "audit.inhibit": ("按设计抑制", "inhibited"),
        "audit.release": ("解除抑制", "released"),
        "audit.out_of_service": ("停用检修", "out of service"),
        "audit.return_to_service": ("恢复使用", "returned to service"),
        "audit.suspect": ("疑似", "probable"),
        "audit.confirm": ("确认属实", "confirmed"),
        "audit.dismiss": ("判为误报", "dismissed"),
    }
)
