"""Texts of the events page and of the organisation page, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CASE_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "task.blocked": ("受阻", "blocked"),
        "task.returned": ("已退单", "given back"),
        "task.rework": ("返工", "to be done again"),
        "page.events": ("事件", "Events"),
        "page.organisation": ("组织", "Organisation"),
        "event.received": ("待受理", "received"),
        "event.to_verify": ("待核实", "to verify"),
        "event.filed": ("已立案", "filed"),
        "event.not_filed": ("不予立案", "not filed"),
        "event.judging": ("研判中", "being judged"),
        "event.dispatched": ("已派遣", "dispatched"),
        "event.handling": ("处置中", "being handled"),
        "event.to_check": ("待核查", "to check"),
        "event.closed": ("已结案", "closed"),
        "event.reviewed": ("已复盘", "reviewed"),
        "event.suspended": ("挂账", "suspended"),
        "event.voided": ("作废", "voided"),
        "origin.alert": ("自动预警", "alert"),
        "origin.citizen": ("市民", "citizen"),
        "origin.operator": ("值班录入", "operator"),
        "origin.grid": ("网格上报", "grid member"),
        "origin.plan": ("预案", "plan"),
        "origin.upkeep": ("日常管护", "upkeep"),
        "part.lead": ("主办", "Lead"),
        "part.co_handler": ("协办", "Co-handler"),
        "part.cooperating": ("配合", "Cooperating"),
        "clock.intake": ("受理时限", "Intake"),
        "clock.handling": ("处置时限", "Handling"),
        "clock.paused": ("已暂停", "paused"),
        "clock.stopped": ("已停", "stopped"),
        "clock.left": ("剩 {n}", "{n} left"),
        "clock.over": ("超时 {n}", "{n} over"),
        "clock.working": ("工作时间", "working time"),
        "clock.calendar": ("自然时间", "calendar time"),
        "audit.assign": ("派单到单位", "assigned to a unit"),
        "audit.block": ("受阻", "blocked"),
        "audit.unblock": ("恢复处置", "goes on"),
        "audit.return": ("退单", "given back"),
        "audit.rule": ("裁定", "ruled"),
        "audit.reassign": ("改派", "reassigned"),
        "audit.rework": ("返工", "to be done again"),
    }
)
