"""街道吹哨、部门报到: departments meet about one event. Across districts, both sides hold the same event.

Functions raise as `dispatch.cases.take` does; each is one unit of work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.case import Part
from data.model.organisation import UnitKind
from data.model.people import Actor
from data.model.task import Event
from data.ports.store import Reader, Writer
from dispatch.case_table import EventStep
from dispatch.case_work import Work, assigned
from dispatch.cases import Given, take
from dispatch.grids import district_of


@dataclass(frozen=True, slots=True)
class Topic:
    """What one department takes on in a meeting, and by when."""

    title: str
    department: str
    promised: date
    part: Part = Part.CO_HANDLER


def convene(
    writer: Writer,
    event_id: int,
    actor: Actor,
    now: datetime,
    *,
    minutes: str,
    topics: Sequence[Topic],
) -> Event:
    """街道吹哨、部门报到: record the meeting, and make one task for each topic."""
    if not minutes.strip() or not topics:
        raise InputRejected("a meeting has a record and at least one topic")
    for topic in topics:
        writer.unit(topic.department)
        if topic.promised < now.date():
            raise InputRejected(f"{topic.title}: {topic.promised} is past")
    event = writer.event(event_id)
    departments = tuple(dict.fromkeys(t.department for t in topics if t.part is Part.CO_HANDLER))
    others = tuple(one for one in departments if one not in (event.lead, *event.co_handlers))
    detail = {
        "minutes": minutes.strip(),
        "topics": [{"title": t.title, "department": t.department, "promised": t.promised.isoformat()} for t in topics],
    }
    changes = {"co_handlers": (*event.co_handlers, *others)}
    convened = take(writer, event_id, EventStep.CONVENE, actor, now, Given(detail=detail, changes=changes))
    for topic in topics:
        work = Work(title=topic.title, part=topic.part, unit=topic.department, promised=topic.promised)
        assigned(writer, convened, work, actor, now)
    return convened


def share(writer: Writer, event_id: int, actor: Actor, now: datetime, district: str, reason: str) -> Event:  # noqa: PLR0917
    """Ask another district to hold the event, too."""
    if writer.unit(district).kind is not UnitKind.DISTRICT:
        raise InputRejected(f"{district} is no district")
    event = writer.event(event_id)
    own = event.holders or tuple(one for one in (district_of(writer, event.grid),) if one)
    if district in own:
        raise IllegalMove(f"{district} holds event {event_id} already")
    given = Given(reason=reason, detail={"with": district}, changes={"holders": own})
    return take(writer, event_id, EventStep.SHARE, actor, now, given)


def hold(writer: Writer, event_id: int, actor: Actor, now: datetime, district: str) -> Event:
    """The district agrees to hold the event: from now on it is in both districts' lists."""
    _speaks_for(writer, actor, (district,))
    event = writer.event(event_id)
    changes = {"holders": (*event.holders, district)}
    given = Given(unit=district, detail={"district": district}, changes=changes)
    return take(writer, event_id, EventStep.HOLD, actor, now, given)


def split(  # noqa: PLR0917 - who agreed to what, and when
    writer: Writer, event_id: int, actor: Actor, now: datetime, shares: Mapping[str, str], reason: str
) -> Event:
    """Record in writing who is responsible for what, for every district that holds the event."""
    event = writer.event(event_id)
    _speaks_for(writer, actor, event.holders)
    missing = sorted(set(event.holders) - {district for district, text in shares.items() if text.strip()})
    if missing:
        raise InputRejected(f"say what {', '.join(missing)} is responsible for")
    return take(writer, event_id, EventStep.SPLIT, actor, now, Given(reason=reason, detail={"shares": dict(shares)}))


def _speaks_for(reader: Reader, actor: Actor, districts: Iterable[str]) -> None:
    if actor.role is None:
        return
    units = [reader.unit(district) for district in districts]
    if not any(actor.name in (*unit.people, unit.leader) for unit in units):
        raise Forbidden(f"{actor.name} does not speak for {', '.join(unit.id for unit in units) or 'any district'}")
