"""A case of another system becomes an event: filed, with the tasks of its ladder, its personal values kept apart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from data.config.case_sources import CaseSource
from data.config.settings import Settings
from data.model.case import Origin
from data.model.organisation import Unit
from data.model.people import SYSTEM, Actor
from data.model.received_case import PersonalValue, ReceivedCase, key_of
from data.model.record import Timer
from data.model.task import Event
from data.ports.store import Writer
from data.stored.trail import event_step
from dispatch import call_out, personal_data
from dispatch.case_mapping import MappedCase, rounded
from dispatch.case_table import EventStep
from dispatch.cases import Given, category_for, take
from dispatch.grids import grid_at
from dispatch.plausible import place_doubt
from dispatch.routing import Roads

_LONGEST_TITLE = 200


def take_in(
    writer: Writer,
    source: CaseSource,
    mapped: MappedCase,
    actor: Actor,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
) -> tuple[Event, bool]:
    """The event of the case, and whether it is new. A case that is known stays as it is, whatever is sent again.

    Unlike a report it is never joined to an earlier event nearby: two warnings at one address are two people.
    """
    key = key_of(mapped.external_id)
    known = writer.received_case(source.id, key)
    if known is not None:
        return writer.event(known.event_id), False
    event, grid = _opened(writer, source, mapped, actor, now, settings)
    case = ReceivedCase(source.id, key, mapped.reference, event.id, now, now + source.keep)
    values = [
        PersonalValue(event.id, field.id, field.zh, field.en, frozenset(field.roles), value)
        for field, value in mapped.personal
    ]
    writer.add_received_case(case, values)
    if values:
        writer.add_timer(Timer(personal_data.TIMER, event.id, case.delete_at))
    take(writer, event.id, EventStep.FILE, SYSTEM, now, Given(on_behalf=actor.name))
    call_out.begin(writer, event, source.call_out, grid, now, roads=roads, settings=settings)
    return writer.event(event.id), True


def _opened(  # noqa: PLR0917 - what came from where, and when
    writer: Writer, source: CaseSource, mapped: MappedCase, actor: Actor, now: datetime, settings: Settings
) -> tuple[Event, Unit | None]:
    """The new event, and the grid of its exact place; the event keeps the place rounded."""
    category = category_for(writer, source.kind)
    doubt = "" if mapped.place is None else place_doubt(mapped.place, settings)
    place = source.location if mapped.place is None or doubt else mapped.place
    grid = grid_at(writer.units(), place)
    event = writer.add_event(
        Event(
            title=f"{source.name(settings.language)} {mapped.reference}"[:_LONGEST_TITLE],
            kind=source.kind,
            site="",
            location=rounded(place, source.place_digits),
            priority=mapped.priority or category.priority,
            opened_at=now,
            grid=grid.code if grid is not None else "",
            origin=Origin.EXTERNAL,
            description=mapped.description,
            section=category.section,
            lead=category.lead,
            co_handlers=category.co_handlers,
            cooperating=category.cooperating,
        )
    )
    detail: dict[str, Any] = {"origin": Origin.EXTERNAL.value, "source": source.id, "reference": mapped.reference}
    detail |= {"personal": [field.id for field, _ in mapped.personal]}
    detail |= {"missing": list(mapped.missing)} if mapped.missing else {}
    detail |= {"place_doubt": "outside of the district"} if doubt else {}  # not where: it may be somebody's home
    event_step(writer, event, actor, "open", now, detail=detail)
    return event, grid
