"""Small domain values for the contract tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from data.model.alert import Alert, AlertKey, Priority
from data.model.geo import Location
from data.model.observation import Quality, Reading
from data.model.people import Responder
from data.model.record import AuditEntry, Change, Evidence
from data.model.task import Event, Offer, Task

NOON = datetime(2024, 7, 12, 4, 0, 0, 123456, tzinfo=UTC)
GATE = Location(lon=106.512, lat=29.583)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def an_alert(subject: str = "7", site: str = "gate-3", raised_s: float = 0) -> Alert:
    key = AlertKey(site, "dwell", "lane", subject)
    return Alert(key, "dwell", Priority.P3, after(raised_s - 180), after(raised_s), "car", 0.75, (0.1, 0.2, 0.3, 0.5))


def an_event(site: str = "gate-3") -> Event:
    return Event("校门口违停", "dwell", site, GATE, Priority.P3, NOON, grid="500105007003012")


def a_task(event_id: int, *, created_s: float = 0) -> Task:
    return Task(event_id, "move the car", Priority.P3, GATE, after(created_s), "li", site="gate-3")


def an_offer(task_id: int, responder: str = "zhang") -> Offer:
    return Offer(task_id, responder, NOON, after(900), travel_s=120.5, distance_m=840.25, method="road")


def a_responder(name: str = "zhang") -> Responder:
    return Responder(
        name, "张伟", "网格员", "500105007003012", frozenset({"traffic", "water"}), "13800000000", "e-bike"
    )


def a_reading(value: float = 12.5, at_s: float = 0, quantity: str = "water_depth") -> Reading:
    return Reading("dip-1", "gauge", quantity, value, after(at_s), Quality.GOOD)


def an_entry(action: str = "acknowledge", subject: str = "alert:1") -> AuditEntry:
    return AuditEntry(NOON, "li", "operator", action, subject, {"说明": "看到了", "depth": 25.5})


def a_change(number: int = 1) -> Change:
    return Change("alert", str(number), NOON, {"alert": {"id": number}})


def a_picture(sha: str = "ab" * 32, origin: str = "gate-3", at_s: float = 0) -> Evidence:
    return Evidence(sha, f"2024/07/12/{sha}.jpg", "image/jpeg", after(at_s), 1234, origin)
