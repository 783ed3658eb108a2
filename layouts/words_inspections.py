"""The words of the page of inspections and of the sheet of codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INSPECTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.inspections": ("巡查", "Inspections"),
        "inspections.coverage": ("覆盖", "Coverage"),
        "inspections.overdue": ("逾期未查", "Overdue"),
        "inspections.repeats": ("反复隐患", "Hazards that came back"),
        "inspections.route": ("当日路线", "Route of the day"),
        "inspections.none": (
            "没有巡查场所：在配置的 inspections 中写类型和场所，或启用应用包",
            "No place is inspected: write types and places under inspections in the settings, or switch a pack on",
        ),
        "inspections.days": ("近 {n} 天", "last {n} days"),
        "inspections.places": ("场所", "Places"),
        "inspections.inspected": ("已查", "Inspected"),
        "inspections.of": ("{n} / {of}", "{n} of {of}"),
        "inspections.due": ("待查", "Due"),
        "inspections.overdue.count": ("逾期", "Overdue"),
        "inspections.rechecks": ("待复查", "To check again"),
        "inspections.rechecks.late": ("其中逾期 {n}", "{n} of them overdue"),
        "inspections.hazards": ("隐患", "Hazards"),
        "inspections.hazards.open": ("未消除 {n}", "{n} open"),
        "inspections.type": ("类型", "Type"),
        "inspections.grid": ("网格", "Grid"),
        "inspections.no_grid": ("无网格", "no grid"),
        "inspections.people": ("巡查人", "Who inspects"),
        "inspections.nobody": ("无人", "nobody"),
        "inspections.place": ("场所", "Place"),
        "inspections.late": ("逾期", "Overdue for"),
        "inspections.late.days": ("{n} 天", "{n} d"),
        "inspections.late.hours": ("{n} 小时", "{n} h"),
        "inspections.reason.calendar": ("按期", "by calendar"),
        "inspections.reason.rain": ("雨前", "before rain"),
        "inspections.reason.recheck": ("复查", "check again"),
        "inspections.all_done": ("没有逾期", "Nothing is overdue"),
        "inspections.no_repeats": ("没有反复隐患", "No hazard came back"),
        "inspections.more": ("另有 {n} 处", "{n} more"),
        "inspections.event": ("事件 {n}", "event {n}"),
        "inspections.again": ("与事件 {n} 相同", "as event {n}"),
        "inspections.route.who": ("路线：", "Route of"),
        "inspections.route.choose": ("选择巡查人", "Choose who inspects"),
        "inspections.route.empty": ("没有待查场所", "Nothing is due"),
        "inspections.route.whole": (
            "{n} 处，路上 {minutes} 分钟，{km} 公里",
            "{n} places, {minutes} min on the way, {km} km",
        ),
        "inspections.route.leg": ("{minutes} 分钟", "{minutes} min"),
        "inspections.route.left_out": ("另有 {n} 处待查，排到以后", "{n} more are due and left for another day"),
        "inspections.route.straight": ("直线估计", "straight-line estimate"),
        "inspections.codes": ("场所二维码", "Codes of the places"),
        "inspections.codes.print": ("打印二维码", "Print the codes"),
        "inspections.codes.of_grid": ("本网格二维码", "Codes of this grid"),
        "inspections.codes.hint": (
            "用浏览器打印本页，裁开后贴在场所入口。巡查人用手机相机扫码，即打开该场所的检查表。",
            "Print this page from the browser, cut it and put each code at its door. Whoever inspects scans it with "
            "the phone's camera, and the place's checklist opens.",
        ),
        "inspections.codes.left_out": (
            "另有 {n} 处未列出，请按网格打印。",
            "{n} more are not shown: print them by grid.",
        ),
        "inspections.codes.scan": ("巡查请扫码", "Scan to inspect"),
        "inspections.codes.none": ("没有场所", "There is no place"),
        "refused.inspection.far": (
            "离场所 {n} 米，须在 {limit} 米内填写",
            "{n} m from the place: fill in within {limit} m",
        ),
        "refused.inspection.inaccurate": (
            "定位误差 {n} 米，须小于 {limit} 米",
            "The position is known to {n} m only, {limit} m are needed",
        ),
        "refused.inspection.ahead": ("手机时间比服务器快", "The phone's clock goes before ours"),
        "refused.inspection.old": ("填写已超过 {n} 小时", "Filled in more than {n} h ago"),
        "refused.inspection.empty": ("没有填写任何项目", "Nothing is filled in"),
        "refused.inspection.item": ("检查表已更新，请刷新后重填", "The checklist has changed: load it again"),
        "refused.inspection.missing": ("还有 {n} 项未填", "{n} items lack an answer"),
        "refused.inspection.photo": ("此隐患须拍照", "This hazard needs a photo"),
        "refused.inspection.no_recheck": ("事件 {event} 不需复查", "Event {event} waits for no re-check"),
        "refused.inspection.own_recheck": (
            "复查须由他人进行：事件 {event} 由您发现或处置",
            "Another person has to check it: event {event} was found or worked on by you",
        ),
    }
)
