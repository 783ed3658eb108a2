"""How surely a camera saw it: how long something stood, and what the second look saw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SIGHTINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "dwell.time": ("停留时长", "Time there"),
        "dwell.least": ("≥ {least} 秒", "≥ {least} s"),
        "dwell.both": ("≥ {least} 秒，≤ {most} 秒", "≥ {least} s, ≤ {most} s"),
        "dwell.before": ("开始监视时已在", "there before watching began"),
        "dwell.unseen": ("未见 {n} 秒", "unseen {n} s"),
        "dwell.part": ("{from} 至 {to} 未见", "unseen from {from} to {to}"),
        "dwell.as_of": ("截至 {at}", "as of {at}"),
        "look": ("放大复看", "Second look"),
        "look.asked": ("正在复看，暂按疑似", "being looked at again; probable until then"),
        "look.seen": (
            "放大 {magnify} 倍再次看到：{label} {score}",
            "seen again at {magnify}× the size: {label} {score}",
        ),
        "look.unclear": (
            "放大 {magnify} 倍未能确定：{label} {score}",
            "not certain at {magnify}× the size: {label} {score}",
        ),
        "look.not_seen": ("放大 {magnify} 倍未见：{label}", "not seen at {magnify}× the size: {label}"),
        "look.none": ("未及复看", "no time for a second look"),
        "look.instead": ("更像{label}", "more like {label}"),
        "look.withdrawn": ("复看未见，已撤回", "not seen again, withdrawn"),
        "audit.look": ("放大复看", "second look"),
    }
)
