"""The words of the page of what was refused, and of the alarms about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REJECTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.rejects": ("拒收", "Rejects"),
        "rejects.none": ("24 小时内没有拒收任何数据", "Nothing was refused in the last 24 hours"),
        "rejects.read_at": ("读取于 {time}", "read at {time}"),
        "rejects.source": ("来源", "Source"),
        "rejects.count": ("次数", "Times"),
        "rejects.last": ("最近一次", "Last"),
        "rejects.reason": ("原因", "Reason"),
        "rejects.example": ("最近一条的开头", "How the newest began"),
        "rejects.no_site": ("本中心", "The centre"),
        "kind.rejects": ("数据大量被拒收", "many readings refused"),
        "kind.rejected_warning": ("有预警信息无法使用", "a warning could not be used"),
    }
)
