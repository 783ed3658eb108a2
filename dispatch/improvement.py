"""Measures of a signed review become work: one event with a task for each, by whom and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from data.config.settings import Settings
from data.model.alert import Priority
from data.model.case import Origin
from data.model.geo import Location
from data.model.people import SYSTEM, Actor
from data.model.review import Measure
from data.model.task import Event, EventState
from data.ports.store import Writer
from data.stored.trail import event_step
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task
from dispatch.cases import Given, take
from dispatch.routing import Roads

KIND = "improvement"
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Ground:
    """The title of the measures' event, where it lies, and what it says of itself."""

    title: str
    description: str
    site: str
    location: Location
    grid: str = ""


def measures_out(
    writer: Writer,
    measures: Sequence[Measure],
    ground: Ground,
    actor: Actor,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
) -> Event | None:
    """The event with a task for each measure, in their order; None without measures.

    A measure of a unit is assigned to it; one with another owner waits as a draft until somebody sends it. Raises
    NotFound for an unknown unit, and Forbidden.
    """
    if not measures:
        return None
    event = writer.add_event(
        Event(
            title=ground.title[:LONGEST_TITLE],
            kind=KIND,
            site=ground.site,
            location=ground.location,
            priority=Priority.P4,
            opened_at=now,
            grid=ground.grid,
            origin=Origin.OPERATOR,
            description=ground.description,
            lead=next((measure.unit for measure in measures if measure.unit), ""),
        )
    )
    event_step(writer, event, actor, "open", now, detail={"origin": Origin.OPERATOR.value})
    event = take(writer, event.id, EventStep.FILE, SYSTEM, now, Given(on_behalf=actor.name))
    for measure in measures:
        work = Work(
            title=measure.text if not measure.owner else f"{measure.text}（{measure.owner}）",
            unit=measure.unit,
            promised=measure.due,
            priority=Priority.P4,
            on_offer=False,
        )
        add_task(writer, event.id, work, actor, now, roads=roads, settings=settings)
    return writer.event(event.id)


def reviewed(writer: Writer, event_id: int, actor: Actor, now: datetime, reason: str) -> None:
    """复盘: a closed event whose report was signed is reviewed; one in another state stays in it."""
    if writer.event(event_id).state is EventState.CLOSED:
        take(writer, event_id, EventStep.REVIEW, actor, now, Given(reason=reason))
