"""Intake of events that do not come from alerts: from a citizen, an operator, a grid member or a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from data.config.settings import Settings
from data.errors import InputRejected
from data.model.alert import Priority
from data.model.case import OPENING, ClockName, Origin, Recorded, TimeKind
from data.model.geo import Location
from data.model.people import SYSTEM, Action, Actor
from data.model.record import Evidence
from data.model.task import Event, EventState
from data.ports.store import Reader, Writer
from data.stored.trail import event_step
from dispatch import clocks
from dispatch.case_clocks import retime
from dispatch.case_table import EventStep
from dispatch.cases import Given, category_for, take
from dispatch.clocks import calendar_of
from dispatch.grids import grid_at
from dispatch.plausible import place_doubt
from dispatch.recurrence import same_as

TITLE_LIMIT, DESCRIPTION_LIMIT = 200, 4000  # characters
_NOBODY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Report:
    """A reported event. An empty title is made from the category."""

    kind: str
    location: Location
    description: str = ""
    title: str = ""
    priority: Priority | None = None
    site: str = ""
    grid: str = ""
    photo: Evidence | None = None
    place_doubt: str = ""
    """Why the location is the responder's last position instead of the one that the phone sent."""
    limit: timedelta | None = None
    """The time to handle it, instead of the category's; whoever judges it may say another."""
    reporter: Mapping[str, str] = field(default_factory=lambda: _NOBODY)


def bring_in(
    writer: Writer, report: Report, origin: Origin, actor: Actor, now: datetime, *, settings: Settings
) -> Event:
    """Take in a report: a new event in 待受理, or the event that it repeats.

    An event that ended recently at the same place is reopened when staff report it again. A citizen's report is only
    linked to it, since anybody can send one. Raises Forbidden and InputRejected.
    """
    if origin is not Origin.CITIZEN:
        actor.require(Action.REPORT_EVENT)
    _check(report)
    if origin in {Origin.CITIZEN, Origin.OPERATOR, Origin.GRID}:
        report = _placed(writer, report, actor, settings)
    if report.photo is not None:
        writer.add_evidence(report.photo)
    before = same_as(writer, report.kind, report.location, now, settings)
    if before is not None and not before.is_open and origin is not Origin.CITIZEN:
        return _again(writer, before, report, origin, actor, now)
    return _new(writer, report, origin, actor, now, settings, recurs=None if before is None else before.id)


def _check(report: Report) -> None:
    if not report.kind.strip():
        raise InputRejected("say what kind of event it is")
    if len(report.title) > TITLE_LIMIT or len(report.description) > DESCRIPTION_LIMIT:
        raise InputRejected(f"at most {TITLE_LIMIT} characters of title and {DESCRIPTION_LIMIT} of description")


def _placed(reader: Reader, report: Report, actor: Actor, settings: Settings) -> Report:
    """The report, moved to its sender's last position if its own location is implausible. Raises InputRejected."""
    doubt = place_doubt(report.location, settings)
    if not doubt:
        return report
    position = next((one.position for one in reader.responders() if one.id == actor.name), None)
    if position is None or place_doubt(position, settings):
        raise InputRejected(f"lon, lat: {doubt}; choose the place on the map")
    return replace(report, location=position, place_doubt=doubt)


def _again(  # noqa: PLR0917 - what comes back, and who says so
    writer: Writer, before: Event, report: Report, origin: Origin, actor: Actor, now: datetime
) -> Event:
    detail = {
        "reported_by": actor.name,
        "origin": origin.value,
        "description": report.description,
        "photo": None if report.photo is None else report.photo.id,
    }
    given = Given(reason="reported again at the same place", detail=detail, on_behalf=actor.name)
    return take(writer, before.id, EventStep.REOPEN, SYSTEM, now, given)


def _new(  # noqa: PLR0917 - what came in, from whom, and when
    writer: Writer,
    report: Report,
    origin: Origin,
    actor: Actor,
    now: datetime,
    settings: Settings,
    *,
    recurs: int | None,
) -> Event:
    category = category_for(writer, report.kind)
    grid = None if report.grid else grid_at(writer.units(), report.location)
    event = Event(
        title=report.title.strip() or (category.zh if settings.language == "zh" else category.en),
        kind=report.kind,
        site=report.site,
        location=report.location,
        priority=report.priority or category.priority,
        opened_at=now,
        grid=report.grid or (grid.code if grid is not None else ""),
        origin=origin,
        description=report.description.strip(),
        photo=None if report.photo is None else report.photo.id,
        reporter=dict(report.reporter),
        section=category.section,
        lead=category.lead,
        co_handlers=category.co_handlers,
        cooperating=category.cooperating,
        recurs=recurs,
        steps=_opening(report, actor, now),
    )
    calendar = calendar_of(settings)
    if category.intake_limit is not None:
        intake = clocks.start(calendar, ClockName.INTAKE, TimeKind.WORKING, category.intake_limit, now)
        event = replace(event, clocks=(intake,))
    event = writer.add_event(event)
    retime(writer, event, category, now, calendar)
    detail: dict[str, Any] = {"origin": origin.value, "recurs": recurs}
    if report.place_doubt:
        detail["place_doubt"] = report.place_doubt
    if report.limit is not None:
        detail["limit_s"] = report.limit.total_seconds()
    event_step(writer, event, actor, "open", now, detail=detail)
    return event


def _opening(report: Report, actor: Actor, now: datetime) -> tuple[Recorded, ...]:
    """The first step, recorded where it says something: the deadline that whoever took it in has set."""
    if report.limit is None:
        return ()
    role = "" if actor.role is None else actor.role.value
    detail = {"limit_s": report.limit.total_seconds()}
    return (Recorded(OPENING, EventState.RECEIVED.value, now, actor.name, role, "", detail),)
