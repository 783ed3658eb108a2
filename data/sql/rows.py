"""Conversion of table rows to domain values and back. Columns have the names of the fields, except as given here."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from data.model.alert import Alert, AlertKey, Priority
from data.model.alert_life import Verification
from data.model.case import Origin
from data.model.forecast import forecast_of, forecast_values
from data.model.geo import Location
from data.model.observation import Quality, Reading, Rejected
from data.model.people import AccountCode, Factor, FactorKind, Responder, Role, Session, User
from data.model.record import AuditEntry, Change, Evidence, Timer
from data.model.sightings import dwell_of, dwell_values, look_of, look_values
from data.model.task import Candidate, Event, Offer, Task
from data.model.vehicle import vehicle_of, vehicle_values
from data.ports.requests import Request, RequestKind
from data.ports.store import Answered
from data.sql.case_rows import clock_of, clock_values, step_of, step_values


def plain(value: Any, *left_out: str) -> dict[str, Any]:
    """The fields of a flat dataclass by name."""
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name not in left_out}


def alert_of(row: RowMapping) -> Alert:
    values = dict(row)
    key = AlertKey(*(values.pop(name) for name in AlertKey._fields))
    priority, xyxy = Priority(values.pop("priority")), values.pop("xyxy")
    known = Verification(values.pop("verification"))
    values |= {"dwell": dwell_of(values["dwell"]), "second_look": look_of(values["second_look"])}
    values["forecast"] = forecast_of(values["forecast"])
    values["vehicle"] = vehicle_of(values["vehicle"])
    return Alert(key=key, priority=priority, verification=known, xyxy=None if xyxy is None else tuple(xyxy), **values)


def alert_values(alert: Alert) -> dict[str, Any]:
    xyxy = None if alert.xyxy is None else [float(edge) for edge in alert.xyxy]
    own = plain(alert, "id", "key", "priority", "xyxy", "verification")
    return own | {
        **alert.key._asdict(),
        "priority": alert.priority.value,
        "xyxy": xyxy,
        "verification": alert.verification.value,
        "dwell": dwell_values(alert.dwell),
        "second_look": look_values(alert.second_look),
        "forecast": forecast_values(alert.forecast),
        "vehicle": vehicle_values(alert.vehicle),
    }


def _located(row: RowMapping) -> dict[str, Any]:
    values = dict(row)
    values["location"] = Location(lon=values.pop("lon"), lat=values.pop("lat"))
    values["priority"] = Priority(values["priority"])
    return values


def event_of(row: RowMapping) -> Event:
    values = _located(row)
    for name in ("co_handlers", "cooperating", "holders"):
        values[name] = tuple(values[name])
    values["origin"] = Origin(values["origin"])
    values["clocks"] = tuple(clock_of(clock) for clock in values["clocks"])
    values["steps"] = tuple(step_of(step) for step in values["steps"])
    return Event(**values)


def event_values(event: Event) -> dict[str, Any]:
    own = plain(event, "id", "location", "priority", "steps", "clocks")
    for name in ("co_handlers", "cooperating", "holders"):
        own[name] = list(own[name])
    return own | {
        "lon": event.location.lon,
        "lat": event.location.lat,
        "priority": event.priority.value,
        "origin": event.origin.value,
        "reporter": dict(event.reporter),
        "steps": [step_values(step) for step in event.steps],
        "clocks": [clock_values(clock) for clock in event.clocks],
    }


def task_of(row: RowMapping) -> Task:
    values = _located(row)
    checklist = tuple(values.pop("checklist"))
    candidates = tuple(Candidate(**candidate) for candidate in values.pop("candidates"))
    steps = tuple(step_of(step) for step in values.pop("steps"))
    also = tuple(values.pop("also_offered"))
    return Task(checklist=checklist, candidates=candidates, steps=steps, also_offered=also, **values)


def task_values(task: Task) -> dict[str, Any]:
    own = plain(task, "id", "location", "priority", "checklist", "candidates", "steps", "also_offered")
    return own | {
        "lon": task.location.lon,
        "lat": task.location.lat,
        "priority": task.priority.value,
        "checklist": list(task.checklist),
        "also_offered": list(task.also_offered),
        "candidates": [asdict(candidate) for candidate in task.candidates],
        "steps": [step_values(step) for step in task.steps],
    }


def offer_of(row: RowMapping) -> Offer:
    return Offer(**row)


def offer_values(offer: Offer) -> dict[str, Any]:
    return plain(offer, "id")


def responder_of(row: RowMapping) -> Responder:
    values = dict(row)
    lon, lat = values.pop("lon"), values.pop("lat")
    skills = frozenset(values.pop("skills"))
    return Responder(skills=skills, position=None if lon is None else Location(lon=lon, lat=lat), **values)


def responder_values(responder: Responder) -> dict[str, Any]:
    """The values of a responder's row, without the position, which is written separately."""
    own = plain(responder, "skills", "position", "position_at")
    return own | {"skills": sorted(responder.skills)}


def reading_of(row: RowMapping) -> Reading:
    return Reading(**{**row, "quality": Quality(row["quality"])})


def superseded_reading_of(row: RowMapping) -> Reading:
    """A reading before its correction."""
    values = {name: value for name, value in row.items() if name not in {"id", "superseded_at"}}
    return Reading(**{**values, "quality": Quality(row["quality"])})


def reading_values(reading: Reading) -> dict[str, Any]:
    return {
        "site": reading.site,
        "monitor": reading.monitor,
        "quantity": reading.quantity,
        "at": reading.at,
        "value": float(reading.value),
        "quality": reading.quality.value,
        "uncertainty": reading.uncertainty,
        "first_value": reading.first_value,
        "corrections": reading.corrections,
        "vertical_datum": reading.vertical_datum,
    }


def rejected_of(row: RowMapping) -> Rejected:
    values = dict(row)
    del values["id"]
    return Rejected(**values)


def evidence_of(row: RowMapping) -> Evidence:
    return Evidence(**row)


def user_of(row: RowMapping) -> User:
    return User(**{**row, "role": Role(row["role"])})


def user_values(user: User) -> dict[str, Any]:
    return plain(user, "role") | {"role": user.role.value}


def session_of(row: RowMapping) -> Session:
    values = dict(row)
    return Session(user=values.pop("user_name"), **values)


def session_values(session: Session) -> dict[str, Any]:
    return plain(session, "user") | {"user_name": session.user}


def factor_of(row: RowMapping) -> Factor:
    values = dict(row)
    return Factor(user=values.pop("user_name"), kind=FactorKind(values.pop("kind")), **values)


def factor_values(factor: Factor) -> dict[str, Any]:
    body = {"kind": factor.kind.value, "body": dict(factor.body), "user_name": factor.user}
    return plain(factor, "id", "user") | body


def account_code_of(row: RowMapping) -> AccountCode:
    values = dict(row)
    return AccountCode(user=values.pop("user_name"), **values)


def account_code_values(code: AccountCode) -> dict[str, Any]:
    return plain(code, "user") | {"user_name": code.user}


def timer_of(row: RowMapping) -> Timer:
    return Timer(**row)


def audit_of(row: RowMapping) -> AuditEntry:
    return AuditEntry(**row)


def change_of(row: RowMapping) -> Change:
    return Change(**row)


def answered_of(row: RowMapping) -> Answered:
    return Answered(status=row["status"], body=row["body"], request_hash=row["request_hash"])


def request_of(row: RowMapping) -> Request:
    return Request(**{**row, "kind": RequestKind(row["kind"])})


def request_values(request: Request) -> dict[str, Any]:
    answer = None if request.answer is None else dict(request.answer)
    return plain(request, "id") | {"kind": request.kind.value, "payload": dict(request.payload), "answer": answer}


def utc(at: datetime) -> datetime:
    """The same moment in UTC, as it will be read back, so that hashes do not depend on the writer's time zone."""
    return at.astimezone(UTC)
