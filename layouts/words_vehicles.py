"""The words of vehicles: their positions, permits, and what they did before."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VEHICLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kind.geofence": ("驶入禁行区域", "where it may not drive"),
        "kind.line_crossing": ("越线", "crossed the line"),
        "proof.position": ("车辆位置", "Vehicle's position"),
        "label.vehicle": ("车辆", "Vehicle"),
        "vehicle": ("车辆", "Vehicle"),
        "vehicle.permit.unknown": ("许可未查", "permit not checked"),
        "vehicle.permit.none": ("无通行许可", "no permit"),
        "vehicle.permit.expired": ("许可已过期", "permit has expired"),
        "vehicle.permit.not_yet": ("许可尚未生效", "permit not valid yet"),
        "vehicle.permit.out_of_hours": ("不在许可时段", "outside the permit's hours"),
        "vehicle.until": ("有效期至 {at}", "valid until {at}"),
        "vehicle.repeat": ("第 {n} 次，上次 {at}", "time no. {n}, last on {at}"),
        "vehicle.first": ("首次", "first time"),
        "vehicle.speed": ("{n} km/h", "{n} km/h"),
        "vehicle.before": ("此前", "Before"),
        "vehicles.age": ("车辆 {n} · {age}", "{n} vehicles · {age}"),
        "vehicles.failed": ("车辆位置读取失败", "positions of vehicles cannot be read"),
    }
)
