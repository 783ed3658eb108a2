"""The words of the page of notices."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NOTICES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.notices": ("通知", "Notices"),
        "push.on": ("本机推送 开", "Push to this browser: on"),
        "push.off": ("本机推送 关", "Push to this browser: off"),
        "push.hint": (
            "经浏览器厂商的云服务送达，内容已加密",
            "It goes through the browser maker's cloud, encrypted",
        ),
        "notices.nothing": ("还没有发出通知", "Nothing was sent yet"),
        "notices.data": ("数据 {age}", "data {age}"),
        "notices.at": ("时间", "Time"),
        "notices.state": ("状态", "State"),
        "notices.channel": ("渠道", "Channel"),
        "notices.to": ("对象", "To"),
        "notices.what": ("内容", "What"),
        "notices.result": ("结果", "Result"),
        "notices.attempts": ("第 {n} 次", "attempt {n}"),
        "notices.answer": ("已叫应", "Answered"),
        "notices.answered_by": ("{who} 已应答 {text}", "{who} answered {text}"),
        "notices.unanswered": ("待应答", "no answer yet"),
        "notice.waiting": ("待发送", "waiting"),
        "notice.delivered": ("已送达", "delivered"),
        "notice.answered": ("已叫应", "answered"),
        "notice.stopped": ("已停止", "stopped"),
        "notice.failed": ("发送失败", "failed"),
        "audit.answer": ("应答叫应", "answered the call-out"),
    }
)
