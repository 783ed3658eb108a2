"""The words of the page of drills."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DRILL: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.drill": ("演练", "Drills"),
        "drill.now": (
            "正在演练 {since} 至 {until}，{speed} 倍速，演练时间 {ends} 结束",
            "This drill repeats {since} to {until}, {speed} times as fast; it is over at {ends}",
        ),
        "drill.waits": ("演练尚未开始，请先登录", "The drill has not begun yet: time to log in"),
        "drill.soon": ("{at} 开始", "It begins at {at}"),
        "drill.over": ("记录的时段已播完，可以收尾", "The recorded span is over: finish what is open"),
        "drill.counted": (
            "值班员的用时按真实时钟计，虚拟处置人员的用时按记录时段的时间计",
            "What the shift does is counted by the clock on the wall, what virtual responders do in the recorded time",
        ),
        "drill.step": ("环节", "Step"),
        "drill.step.acknowledged": ("确认", "Acknowledged"),
        "drill.step.dispatched": ("派遣", "Dispatched"),
        "drill.step.on_scene": ("到场", "On scene"),
        "drill.step.handled": ("处置完毕并核实", "Handled and verified"),
        "drill.limit": ("时限", "Limit"),
        "drill.in_time": ("按时", "In time"),
        "drill.late": ("超时", "Over"),
        "drill.open": ("未到时限", "Open"),
        "drill.median": ("中位用时", "Median"),
        "drill.worst": ("最长用时", "Longest"),
        "drill.night": ("当夜实际", "That night"),
        "drill.here": ("演练", "Drill"),
        "drill.of": ("{n} / {of}", "{n} of {of}"),
        "drill.alert": ("告警", "Alert"),
        "drill.raised": ("发生", "Raised"),
        "drill.alerts": ("逐条对照：演练用时（当夜用时）", "Alert by alert: time in the drill (that night)"),
        "drill.none": ("还没有告警", "No alert yet"),
        "drill.missing": ("当夜有而演练尚未出现的告警：{n} 条", "Alerts of that night that have not come (yet): {n}"),
        "drill.how": (
            "在服务器上开始一次演练：值班人员用平时的账号登录演练地址，不影响正在运行的系统",
            "Begin a drill on the server; the shift logs in at the drill's address as usual. The running system is not "
            "touched",
        ),
        "drill.earlier": ("以往的演练", "Earlier drills"),
        "drill.earlier.none": ("还没有做过演练", "There was no drill yet"),
        "drill.span": ("演练的时段", "Repeated span"),
        "drill.began": ("开始", "Began"),
        "drill.speed": ("倍速", "Speed"),
    }
)
