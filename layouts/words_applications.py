"""The words of the catalogue of applications."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

APPLICATIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.applications": ("应用目录", "Applications"),
        "applications.none": ("没有应用，也没有点位", "There are no applications and no sites"),
        "applications.month": ("本月：自 {at} 起", "This month: since {at}"),
        "applications.name": ("应用", "Application"),
        "applications.owner": ("负责单位", "Owner"),
        "applications.state": ("状态", "State"),
        "applications.sites": ("点位", "Sites"),
        "applications.alerts": ("本月预警", "Alerts of the month"),
        "applications.tasks": ("本月任务", "Tasks of the month"),
        "applications.plans": ("预案", "Plans"),
        "applications.alerts_counts": ("{month} 条，未结束 {open}", "{month}, {open} open"),
        "applications.tasks_counts": ("{month} 件，办结 {done}；在办 {open}", "{month}, {done} done; {open} open"),
        "applications.sites_counts": ("{n} 处", "{n}"),
        "applications.sites_lost": ("{n} 处中断", "{n} lost"),
        "applications.available": ("可启用的应用包", "Packs that can be switched on"),
        "applications.on": ("启用", "Switch on"),
        "applications.off": ("停用", "Switch off"),
        "applications.own": ("未用应用包", "without a pack"),
        "applications.no_profile": ("未分类点位", "Sites without a profile"),
        "applications.state.alerting": ("有预警", "alerting"),
        "applications.inspected": ("巡查 {places} 处", "{places} inspected places"),
        "applications.inspected.overdue": ("逾期 {overdue}", "{overdue} overdue"),
        "applications.inspected.last": ("最近 {at}", "last {at}"),
        "applications.state.overdue": ("有巡查逾期", "an inspection is overdue"),
        "applications.state.blind": ("有点位中断", "a site is lost"),
        "applications.state.unknown": ("有点位尚无消息", "a site is not heard of"),
        "applications.state.watching": ("监测中", "watching"),
        "applications.state.idle": ("尚无点位", "no site yet"),
        "profile.riverbank": ("江边", "Riverbanks"),
        "profile.no_parking": ("禁停", "No parking"),
        "profile.waterlogging_point": ("积水点", "Waterlogging points"),
        "profile.river_gauge": ("水位站", "River gauges"),
        "profile.rain_gauge": ("雨量站", "Rain gauges"),
        "profile.septic_tank": ("化粪池", "Septic tanks"),
    }
)
