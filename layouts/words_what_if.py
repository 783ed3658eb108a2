"""Words of what would have been otherwise, on the review page, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WHAT_IF: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "review.map": ("此刻地图", "Map at this moment"),
        "review.next": ("下一条 ›", "Next alert ›"),
        "review.frame_back": ("‹ 帧", "‹ Frame"),
        "review.frame_on": ("帧 ›", "Frame ›"),
        "review.previous": ("‹ 上一条", "‹ Previous alert"),
        "what_if.title": ("假如当时……", "What if …"),
        "what_if.rule": ("规则", "Rule"),
        "what_if.setting": ("设定", "Setting"),
        "what_if.value": ("改为", "New value"),
        "what_if.now": ("现为 {value}", "now {value}"),
        "what_if.add": ("＋ 加上这一项", "+ Add this"),
        "what_if.drop": ("去掉", "Take out"),
        "what_if.without": ("少一人", "Without"),
        "what_if.everybody": ("全员在岗", "everybody there"),
        "what_if.go": ("推演", "Judge again"),
        "what_if.working": ("正在按新设定重新研判，已 {n} 秒", "Judging again, {n} s so far"),
        "what_if.no_span": ("请先调取一段时间", "Read a span first"),
        "what_if.none": ("没有差别", "No difference"),
        "what_if.open": ("仍未结束", "still open"),
        "what_if.count.new": ("新增 {n}", "{n} new"),
        "what_if.count.gone": ("消失 {n}", "{n} gone"),
        "what_if.count.earlier": ("提前 {n}", "{n} earlier"),
        "what_if.count.later": ("推后 {n}", "{n} later"),
        "what_if.count.graver": ("升级 {n}", "{n} graver"),
        "what_if.count.milder": ("降级 {n}", "{n} milder"),
        "what_if.count.longer": ("延长 {n}", "{n} longer"),
        "what_if.count.shorter": ("缩短 {n}", "{n} shorter"),
        "what_if.count.same": ("不变 {n}", "{n} the same"),
        "what_if.new": ("{place}：新增一条，{after} 发出", "{place}: a new alert, raised {after}"),
        "what_if.gone": ("{place}：{before} 的一条不再发出", "{place}: the alert of {before} is gone"),
        "what_if.earlier": (
            "{place}：提前 {by}，由 {before} 提到 {after}",
            "{place}: {by} earlier, {before} becomes {after}",
        ),
        "what_if.later": (
            "{place}：推后 {by}，由 {before} 推到 {after}",
            "{place}: {by} later, {before} becomes {after}",
        ),
        "what_if.graver": (
            "{place}：{before} 的一条由 {priority_before} 升为 {priority}",
            "{place}: the alert of {before} rises from {priority_before} to {priority}",
        ),
        "what_if.milder": (
            "{place}：{before} 的一条由 {priority_before} 降为 {priority}",
            "{place}: the alert of {before} falls from {priority_before} to {priority}",
        ),
        "what_if.longer": (
            "{place}：{before} 的一条延长，由 {was} 延到 {ended}",
            "{place}: the alert of {before} is longer, its end {was} becomes {ended}",
        ),
        "what_if.shorter": (
            "{place}：{before} 的一条缩短，由 {was} 提到 {ended}",
            "{place}: the alert of {before} is shorter, its end {was} becomes {ended}",
        ),
        "what_if.dispatch": ("派遣的差别", "Otherwise dispatched"),
        "what_if.sent": ("原：{before}；假如：{after}", "Was: {before}; what if: {after}"),
        "what_if.no_alert": ("没有预警", "no alert"),
        "what_if.nobody": ("无人可派", "nobody can be sent"),
        "what_if.offered": ("{who}，{at} 到达（路上 {way}）", "{who}, there at {at} ({way} on the way)"),
        "what_if.assumed": (
            "推演只计算，不派单、不通知。假定首选人员立即出发，到预警结束前不再接其他任务。",
            "This is only computed: nobody is dispatched or told. The first choice is taken to set out at once, and to "
            "be busy until the alert ends.",
        ),
        "what_if.gap": ("其间有一段没有留存观测", "Part of this time was not kept"),
        "what_if.code": (
            "程序已更新，重放与当时的判断不完全一致",
            "The program has changed: a replay differs from what was decided",
        ),
        "what_if.inexact": (
            "开始时的状态不详，开头一段可能有出入",
            "The state at the beginning is not known: shortly after it may differ",
        ),
        "what_if.note.zone_looked_into": (
            "{site}：{detector} 当时看的是区域“{zone}”原来的范围，换到别处会看到什么，无从得知",
            "{site}: {detector} looked into zone {zone} as it lay then; what it would have found elsewhere is not "
            "known",
        ),
        "what_if.note.zone_doubts": (
            "{site}：存疑目标只在区域“{zone}”原来的范围内放大复看过，新范围内未经复看即判断",
            "{site}: objects in doubt were looked at closer only where zone {zone} lay then; elsewhere they are judged "
            "without that",
        ),
        "what_if.note.no_zone": ("{site} 当时没有区域“{zone}”", "{site} had no zone {zone} in this time"),
        "what_if.note.no_rule": ("{site} 当时没有规则“{rule}”", "{site} had no rule {rule} in this time"),
        "what_if.damaged": ("部分留存的观测已损坏", "Some of what was kept is damaged"),
        "what_if.setting.above": ("上限", "above"),
        "what_if.setting.below": ("下限", "below"),
        "what_if.setting.clear_at": ("恢复值", "clear at"),
        "what_if.setting.clear_by": ("恢复差", "clear by"),
        "what_if.setting.pending_for": ("持续多久才报", "pending for"),
        "what_if.setting.samples": ("连续几次才报", "samples"),
        "what_if.setting.keep_firing_for": ("正常多久才结束", "keep firing for"),
        "what_if.setting.at_least": ("最少停留", "at least"),
        "what_if.setting.occluded_for": ("被遮挡可多久", "occluded for"),
        "what_if.setting.congestion_of": ("几辆算排队", "congestion of"),
        "what_if.setting.vehicles": ("几辆算拥堵", "vehicles"),
        "what_if.setting.pictures": ("几张画面有才报", "pictures"),
        "what_if.setting.of": ("在几张画面中", "of"),
        "what_if.setting.confidence": ("最低置信度", "confidence"),
        "what_if.setting.median_confidence": ("中位置信度", "median confidence"),
        "what_if.setting.min_height": ("最小高度", "min height"),
        "what_if.setting.max_height": ("最大高度", "max height"),
        "what_if.setting.over": ("时间窗", "over"),
        "what_if.setting.after": ("多久算中断", "after"),
        "shortcut.play": ("播放或暂停", "play or pause"),
        "shortcut.step": ("前后步进", "step back and forth"),
        "shortcut.frame": ("上一帧、下一帧", "one picture back, one on"),
        "shortcut.leap": ("下一条、上一条预警", "to the next, the previous alert"),
        "shortcut.ends": ("到开头、结尾", "to the beginning, the end"),
    }
)
