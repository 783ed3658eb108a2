"""A river street for the screens' tests: eight sites, twenty people, drawn pictures, a flood's readings."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import cache

import cv2
import numpy as np

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.lifecycle import raise_alert
from alerts.threshold import Recipe as Threshold
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.observation import Reading
from data.model.picture import encode_jpeg
from data.model.place import Place
from data.model.zone import Zone
from data.ports.feed import Box, FramePacket
from data.ports.recipe import MonitorRecipe
from data.ports.store import EvidenceVault, Store
from dispatch.responders import sync_responders
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from monitors.video.rtsp_camera import Recipe as RtspCamera

RIVER = Zone(id="river", polygon=((0.02, 0.52), (0.98, 0.46), (0.99, 0.97), (0.01, 0.98)))
LANE = Zone(id="lane", polygon=((0.10, 0.55), (0.62, 0.50), (0.70, 0.90), (0.05, 0.95)))
PERSON = (0.46, 0.40, 0.53, 0.72)
CAR = (0.22, 0.52, 0.50, 0.80)
# id, name, lon, lat, kind of scene
SITES = (
    ("quay-1", "滨江一号码头", 107.3057, 29.9033, "river"),
    ("quay-2", "滨江亲水步道", 107.3093, 29.9046, "river"),
    ("bridge", "石板桥", 107.3124, 29.9065, "river"),
    ("underpass", "正街下穿道", 107.3076, 29.9079, "road"),
    ("market", "农贸市场路口", 107.3110, 29.9092, "road"),
    ("school", "河街小学门口", 107.3147, 29.9086, "road"),
    ("gauge-river", "河街水文站", 107.3140, 29.9055, ""),
    ("gauge-rain", "河街雨量站", 107.3093, 29.9105, ""),
)
TEAMS = (("网格员", "walk"), ("排水队", "car"), ("城管", "e-bike"), ("应急队", "car"), ("交巡警", "car"))
NAMES = (
    "张伟", "王芳", "李强", "刘洋", "陈静", "杨帆", "赵磊", "黄敏", "周杰", "吴霞",
    "徐刚", "孙丽", "胡军", "朱琳", "高峰", "林涛", "何平", "郭颖", "马超", "罗兰",
)  # fmt: skip


def street_settings() -> Settings:
    """The street's configuration."""
    return Settings(
        name="河街街道治理中心",
        demo=True,
        timezone="Asia/Shanghai",
        sites=tuple(_site(*site) for site in SITES),
        responders=tuple(_person(i, name) for i, name in enumerate(NAMES)),
    )


def _site(site: str, name: str, lon: float, lat: float, scene: str) -> SiteSettings:
    gauges: list[MonitorRecipe] = []
    rules: list[Intrusion | Dwell | Threshold] = []
    zones: tuple[Zone, ...] = ()
    if scene == "river":
        zones = (RIVER,)
        rules.append(Intrusion(zone="river", labels=("person",), priority=Priority.P1))
    elif scene == "road":
        zones = (LANE,)
        rules.append(Dwell(zone="lane", labels=("car", "bus"), at_least=timedelta(seconds=180), priority=Priority.P3))
    if site in ("underpass", "market"):
        gauges.append(MqttGauge(host="127.0.0.1", topic="depth", quantity="water_depth", unit="cm"))
        rules.append(Threshold(quantity="water_depth", above=25.0, priority=Priority.P2))
    if site == "gauge-river":
        gauges.append(MqttGauge(host="127.0.0.1", topic="stage", quantity="water_level", unit="m"))
        rules.append(Threshold(quantity="water_level", above=181.0, clear_at=180.8, priority=Priority.P3))
    if site == "gauge-rain":
        gauges.append(MqttGauge(host="127.0.0.1", topic="rain", quantity="rain_intensity", unit="mm/h"))
    camera = RtspCamera(url=f"rtsp://127.0.0.1:8554/{site}") if scene else None
    place = Place(id=site, name=name, location=Location(lon=lon, lat=lat), grid="500103005007001", zones=zones)
    return SiteSettings(**dict(place), monitor=camera, monitors=tuple(gauges), rules=tuple(rules))


def _person(i: int, name: str) -> ResponderSettings:
    team, travel = TEAMS[i % len(TEAMS)]
    where = Location(lon=107.3045 + 0.0006 * (i * 7 % 20), lat=29.9025 + 0.0004 * (i * 11 % 20))
    return ResponderSettings(id=f"r{i + 1:02d}", name=name, team=team, travel=travel, location=where, on_shift=i < 18)


@cache
def scene(kind: str, shift: int = 0) -> bytes:
    """A drawn 640 x 360 picture of a riverbank or a road with a passer-by or a car, as JPEG."""
    rng = np.random.default_rng(len(kind) * 100 + shift)
    y = np.linspace(0, 1, 360)[:, None, None]
    sky, ground = np.array([98, 92, 84.0]), np.array([62, 66, 64.0])
    image = np.tile(sky * (1 - y) + ground * y, (1, 640, 1))
    image += rng.normal(0, 3, (360, 640, 1))
    picture = np.clip(image, 0, 255).astype(np.uint8)
    cv2.rectangle(picture, (0, 60), (640, 150), (74, 76, 80), -1)
    for x in range(0, 640, 80):
        cv2.rectangle(picture, (x + 8, 74), (x + 66, 140), (60 + x % 23, 66, 70), -1)
    if kind == "river":
        cv2.fillPoly(picture, [np.array([[0, 190], [640, 168], [640, 360], [0, 360]])], (86, 78, 58))
        for row in range(200, 356, 14):
            cv2.line(picture, (row * 3 % 90, row), (row * 3 % 90 + 420, row - 6), (104, 96, 76), 1)
        _figure(picture, PERSON, shift)
    else:
        cv2.fillPoly(picture, [np.array([[60, 180], [420, 170], [640, 360], [0, 360]])], (70, 70, 70))
        cv2.line(picture, (240, 180), (300, 360), (150, 150, 150), 3)
        _car(picture, CAR)
    return encode_jpeg(picture, None, 82)


def _figure(picture: np.ndarray, xyxy: tuple[float, float, float, float], shift: int) -> None:
    left, top, right, bottom = (round(v * s) for v, s in zip(xyxy, (640, 360, 640, 360), strict=True))
    middle = (left + right) // 2 + shift % 5
    cv2.circle(picture, (middle, top + 14), 11, (120, 150, 190), -1)
    cv2.rectangle(picture, (middle - 14, top + 26), (middle + 14, top + 74), (60, 80, 150), -1)
    cv2.line(picture, (middle - 6, top + 74), (middle - 10, bottom), (50, 45, 45), 9)
    cv2.line(picture, (middle + 6, top + 74), (middle + 10, bottom), (50, 45, 45), 9)


def _car(picture: np.ndarray, xyxy: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = (round(v * s) for v, s in zip(xyxy, (640, 360, 640, 360), strict=True))
    cv2.rectangle(picture, (left, top + 34), (right, bottom - 14), (150, 148, 140), -1)
    cv2.rectangle(picture, (left + 34, top), (right - 40, top + 40), (90, 88, 84), -1)
    for x in (left + 36, right - 36):
        cv2.circle(picture, (x, bottom - 14), 15, (30, 30, 30), -1)


def packet(site: str, at: datetime, sequence: int) -> FramePacket:
    """A live tile of one of the street's cameras."""
    kind = next(scene for site_id, *_, scene in SITES if site_id == site)
    box = Box(PERSON, "person", 0.83, 4) if kind == "river" else Box(CAR, "car", 0.91, 7)
    return FramePacket(site, at, sequence, 640, 360, scene(kind, sequence % 5), (box,))


def settle(store: Store, now: datetime) -> None:
    """The street's people, in their places."""
    store.write(lambda writer: sync_responders(writer, street_settings(), now))


def raise_one(
    store: Store, vault: EvidenceVault, now: datetime, *, site: str, subject: str = "1", own_picture: bool = False
) -> Alert:
    """An alert as the running side would raise it: P1 at the river, P3 on the road, P2 for water on the road.

    There are seven pictures, so alerts share theirs; `own_picture`: this one has bytes of its own behind its picture.
    """
    kind = next(scene for site_id, *_, scene in SITES if site_id == site)
    priority, xyxy, label, confidence, value, unit = Priority.P1, PERSON, "person", 0.83, None, ""
    key, rule = AlertKey(site, "intrusion", "river", subject), "intrusion"
    if kind == "road":
        priority, xyxy, label, key, rule = Priority.P3, CAR, "car", AlertKey(site, "dwell", "lane", subject), "dwell"
    if subject == "water":
        priority, label, value, unit = Priority.P2, "water_depth", 27.4, "cm"
        key, rule = AlertKey(site, "threshold", "", ""), "threshold"
    content = scene(kind or "road", sum(map(ord, subject)) % 7) + (subject.encode() if own_picture else b"")
    picture = vault.keep(content, "image/jpeg", now, site)
    raised = Raised(
        key, rule, priority, now, now, label=label, confidence=None if value else confidence,
        xyxy=None if value else xyxy, value=value, unit=unit,
    )  # fmt: skip
    alert = store.write(lambda writer: raise_alert(writer, raised, picture, now))
    assert alert is not None
    return alert


def flood(now: datetime, hours: float = 3.0) -> list[Reading]:
    """The last hours: rain first, then water on the road, then the river's crest."""
    readings = []
    start, minutes = now - timedelta(hours=hours), round(hours * 60)
    for minute in range(0, minutes, 2):
        at, x = start + timedelta(minutes=minute), minute / minutes
        rain = 46 * math.exp(-(((x - 0.42) / 0.13) ** 2)) + 3 * (1 + math.sin(minute))
        depth = 31 * math.exp(-(((x - 0.66) / 0.16) ** 2))
        stage = 178.9 + 2.35 / (1 + math.exp(-(x - 0.62) * 14))
        readings += [
            Reading("gauge-rain", "mqtt_gauge", "rain_intensity", round(rain, 1), at),
            Reading("underpass", "mqtt_gauge", "water_depth", round(depth, 1), at),
            Reading("market", "mqtt_gauge", "water_depth", round(depth * 0.45, 1), at),
            Reading("gauge-river", "mqtt_gauge", "water_level", round(stage, 2), at),
        ]
    return readings
