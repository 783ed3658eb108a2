"""Words of an event that is entered by hand, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

ENTRY = MappingProxyType(
    {
        "field.place": ("地点", "Place"),
        "field.grid": ("网格", "Grid"),
        "field.priority": ("等级", "Priority"),
        "field.caller": ("来电人", "Caller"),
        "field.phone": ("电话", "Telephone"),
        "field.photo": ("照片", "Photo"),
        "entry.place": ("找到的地点", "Places found"),
        "entry.place_hint": ("点位、道路、网格、单位，或经纬度", "Site, street, grid, unit, or lon, lat"),
        "entry.pick": (
            "点击左侧地图选择位置，或在下面搜索地点",
            "Click the place on the map at the left, or search for it below",
        ),
        "entry.pick_above": (
            "点击地图选择位置；用键盘：方向键移动地图，Enter 取中心",
            "Click the place; by keyboard: arrows move the map, Enter takes its middle",
        ),
        "entry.nowhere": ("尚未选择位置", "No place chosen yet"),
        "entry.coordinates": ("经纬度", "Lon, lat"),
        "entry.near": ("{site} {n} 米", "{site}: {n} m"),
        "entry.no_grid": ("不在任何网格内", "in no grid"),
        "entry.far": ("远离所有点位，请核对位置", "far from every site: check the place"),
        "entry.by_kind": ("按类别：{what}", "By kind: {what}"),
        "entry.unit": ("单位", "unit"),
        "entry.unit.min": ("分钟", "min"),
        "entry.unit.h": ("小时", "h"),
        "entry.unit.d": ("天", "days"),
        "entry.kind.site": ("点位", "site"),
        "entry.kind.grid": ("网格", "grid"),
        "entry.kind.unit": ("单位", "unit"),
        "entry.kind.street": ("道路", "street"),
        "entry.kind.point": ("经纬度", "lon, lat"),
        "entry.discard": ("放弃正在录入的事件？", "Give up the event that is being entered?"),
        "entry.entered": ("已录入事件 {n}", "Event {n} is entered"),
        "event.step.open": ("录入", "entered"),
        "events.limit": ("时限 {n}", "deadline {n}"),
        "shortcut.enter_event": ("录入事件，在地图上点选位置", "enter an event, its place by a click on the map"),
    }
)
