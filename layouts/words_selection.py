"""Words of what is chosen on the wall and of the search, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

SELECTION = MappingProxyType(
    {
        "selection.back": ("返回", "Back"),
        "selection.choose": ("选择", "Choose"),
        "selection.open_event": ("事件详情", "The event"),
        "selection.site": ("点位", "site"),
        "selection.event": ("事件", "event"),
        "selection.person": ("人员", "person"),
        "selection.where": ("地点", "Place"),
        "selection.grid": ("网格", "Grid"),
        "selection.seen": ("设备", "Device"),
        "selection.team": ("班组", "Team"),
        "selection.shift": ("班次", "Shift"),
        "selection.position": ("定位", "Position"),
        "selection.tasks": ("任务", "Tasks"),
        "selection.no_tasks": ("没有任务", "No tasks"),
        "selection.no_alerts": ("没有在办预警", "No alerts in hand"),
        "selection.ways": ("{n} 条路线", "{n} ways"),
        "selection.closed_n": ("{n} 处封路", "{n} closed"),
        "selection.closed": ("封路：{who}", "closed to {who}"),
        "selection.and": ("、", ", "),
        "way.walk": ("步行", "walkers"),
        "way.e-bike": ("电动车", "e-bikes"),
        "way.car": ("汽车", "cars"),
        "person.on_shift": ("在岗", "on shift"),
        "person.off_shift": ("不在岗", "off shift"),
        "search.title": ("搜索", "Search"),
        "search.hint": (
            "点位、摄像机、预警、事件、人员：名称、拼音首字母或编号",
            "Sites, cameras, alerts, events, people: name, pinyin initials or number",
        ),
        "search.keys": ("↑ ↓ 选择 · Enter 打开 · Esc 关闭", "↑ ↓ choose · Enter open · Esc close"),
        "search.none": ("没有找到", "Nothing was found"),
        "search.alert": ("预警", "Alerts"),
        "search.event": ("事件", "Events"),
        "search.site": ("点位", "Sites"),
        "search.camera": ("摄像机", "Cameras"),
        "search.person": ("人员", "People"),
        "shortcut.search": (
            "搜索点位、摄像机、预警、事件、人员",
            "search sites, cameras, alerts, events and people",
        ),
        "shortcut.let_go": ("放开所选，恢复原来的视图", "let go of what is chosen: the view before comes back"),
    }
)
