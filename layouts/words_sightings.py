"""How surely a camera saw it: how long something stood, what the second look saw; what is expected of a gauge."""

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
        "forecast": ("到限预报", "Forecast"),
        "forecast.level": ("现 {level} {unit}，限值 {limit} {unit}", "now {level} {unit}, limit {limit} {unit}"),
        "forecast.range": (
            "预计 {least} 至 {most} 分钟后达到 {limit} {unit}",
            "in {least} to {most} min it reaches {limit} {unit}",
        ),
        "forecast.open_ended": (
            "最早 {least} 分钟后达到 {limit} {unit}",
            "in {least} min at the earliest it reaches {limit} {unit}",
        ),
        "forecast.unit": ("最慢所需队伍路程 {travel} 分钟", "slowest needed unit travels {travel} min"),
        "forecast.nearest": ("最近人员路程 {travel} 分钟", "nearest unit needs {travel} min"),
        "forecast.nobody": ("暂无可派人员，按 {travel} 分钟计", "nobody who can go is known, {travel} min assumed"),
        "forecast.late": ("来不及提前到场", "too late to be there before"),
        "forecast.reached": ("已达到限值", "limit reached"),
        "forecast.superseded": ("已达到限值，见超限告警", "limit reached, see its own alert"),
        "forecast.receded": ("上涨已停，已撤回", "rises no more, withdrawn"),
        "forecast.as_of": ("读数时间 {at}", "reading of {at}"),
        "audit.foresee": ("更新预报", "forecast renewed"),
    }
)
