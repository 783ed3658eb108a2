"""Inspections 巡查: rows for the configured places, made due and overdue by timers, brought forward ahead of rain.

Each function that writes is one unit of work; every change has an audit entry and a row of the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from data.config.inspections import InspectedPlace, InspectionType
from data.config.settings import Settings
from data.model.inspection import Inspection, InspectionReason, InspectionState
from data.model.people import SYSTEM, Actor
from data.model.record import AuditEntry, Change, Timer
from data.model.views import iso
from data.model.warning import WarningInfo
from data.ports.store import Reader, Writer
from dispatch.grids import GridMap
from dispatch.inspection_calendar import first_due, is_warned, next_due, opens
from dispatch.inspection_people import InCharge, in_charge

TIMER = "inspection"
AT_ONCE = 100  # rows of one unit of work, since other writers wait meanwhile
_TIMERS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Work:
    """What the rows lack to be in line with the settings.

    `new`: places without an open row, with the day it is due. `drop`: rows with the reason why they are not inspected
    any more. `move`: rows as they should be.
    """

    new: tuple[tuple[InspectedPlace, datetime], ...] = ()
    drop: tuple[tuple[Inspection, str], ...] = ()
    move: tuple[Inspection, ...] = ()

    def __len__(self) -> int:
        return len(self.new) + len(self.drop) + len(self.move)

    def parts(self) -> Iterable[Work]:
        """The same in units of work that are short enough."""
        for n in range(0, max(len(self.new), len(self.drop), len(self.move)), AT_ONCE):
            yield Work(self.new[n : n + AT_ONCE], self.drop[n : n + AT_ONCE], self.move[n : n + AT_ONCE])


def out_of_line(reader: Reader, settings: Settings, now: datetime, blocks: Sequence[WarningInfo] = ()) -> Work:
    """What has to be made, dropped and moved. `blocks`: of the warnings in force for the district."""
    places, zone = settings.inspections.by_id, settings.zone_info
    rows = reader.open_inspections()
    last = reader.last_inspected() if places else {}
    grids = GridMap(reader.units()) if any(not place.grid for place in places.values()) else None
    standing: dict[str, Inspection] = {}
    drop: list[tuple[Inspection, str]] = []
    move: list[Inspection] = []
    for row in rows:
        place = places.get(row.place)
        if row.event_id is not None:
            if not reader.event(row.event_id).is_open:
                drop.append((row, f"event {row.event_id} has ended"))
            continue
        if place is None or place.type != row.type:
            drop.append((row, "not inspected any more" if place is None else f"is of the type {place.type} now"))
            continue
        standing[row.place] = row
        kind = settings.inspections.types[place.type]
        wanted = _in_line(row, _placed(place, grids), kind, last.get(row.place), settings, now, blocks)
        if wanted != row:
            move.append(wanted)
    missing = [_placed(place, grids) for place in places.values() if place.id not in standing]
    never: dict[str, list[InspectedPlace]] = {}
    for place in missing:
        if place.id not in last:
            never.setdefault(place.grid, []).append(place)  # by grid: so each inspector's days are alike
    dues = {
        place.id: first_due(settings.inspections.types[place.type], now, number, len(each), zone)
        for each in never.values()
        for number, place in enumerate(each)
    }
    new = tuple(
        (place, dues.get(place.id) or next_due(settings.inspections.types[place.type], last[place.id], zone))
        for place in missing
    )
    return Work(new, tuple(drop), tuple(move))


def bring_in_line(writer: Writer, work: Work, settings: Settings, now: datetime) -> int:
    """Do a part of the work; rows that changed meanwhile are left for the next look. Returns how many were changed."""
    done = 0
    for row, why in work.drop:
        if writer.inspection(row.id).version == row.version:
            _drop(writer, row, why, now)
            done += 1
    for place, due in work.new:
        if not any(one.event_id is None for one in writer.open_inspections(place.id)):
            make(writer, place, settings.inspections.types[place.type], due, now)
            done += 1
    for row in work.move:
        if writer.inspection(row.id).version == row.version:
            _move(writer, row, now)
            done += 1
    return done


def make(writer: Writer, place: InspectedPlace, kind: InspectionType, due: datetime, now: datetime) -> Inspection:
    """The place's next inspection."""
    row = Inspection(
        place=place.id,
        type=place.type,
        name=place.name,
        location=place.location,
        made_at=now,
        opens=opens(kind, due, now),
        due=due,
        grid=place.grid,
    )
    return added(writer, row, now)


def added(writer: Writer, row: Inspection, now: datetime) -> Inspection:
    """Store a new row with its timer; no audit entry: nobody has done anything, and it is not due yet."""
    row = writer.add_inspection(row)
    writer.add_timer(Timer(TIMER, row.id, row.opens))
    if row.opens <= now:
        return _opened(writer, row, now)
    return row


def inspections_due(writer: Writer, now: datetime, *, settings: Settings, timers: Sequence[Timer] | None = None) -> int:
    """Make inspections due and overdue at their times; overdue ones are named with who was in charge."""
    ended = 0
    charge: InCharge | None = None
    for timer in writer.timers_due(now, _TIMERS_AT_ONCE, kinds=(TIMER,)) if timers is None else timers:
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        ended += 1
        row = writer.inspection(timer.subject)
        if not row.is_open:
            continue
        if row.opened_at is None and row.opens <= now:
            row = _opened(writer, row, now)
        if row.opened_at is not None and row.overdue_at is None and row.due <= now:
            charge = charge or in_charge(writer, settings)
            row = writer.save_inspection(replace(row, overdue_at=now))
            detail = {"due": iso(row.due), "people": list(charge.people(row.grid)), "grid": row.grid}
            recorded(writer, row, "overdue", SYSTEM, now, detail)
    return ended


def recorded(  # noqa: PLR0917 - who did what to which inspection
    writer: Writer, row: Inspection, step: str, actor: Actor, now: datetime, detail: Mapping[str, Any]
) -> None:
    """The audit entry of a step and its row of the outbox."""
    role = "" if actor.role is None else actor.role.value
    named = {"place": row.place, "name": row.name, "reason": row.reason.value}
    writer.record(AuditEntry(now, actor.name, role, step, f"inspection:{row.id}", named | dict(detail)))
    published(writer, row, now)


def published(writer: Writer, row: Inspection, now: datetime) -> None:
    """The screens learn that an inspection has changed."""
    writer.publish(Change("inspection", f"inspection:{row.id}", now, {"inspection": row.id, "state": row.state.value}))


def _opened(writer: Writer, row: Inspection, now: datetime) -> Inspection:
    row = writer.save_inspection(replace(row, opened_at=now))
    writer.finish_timers_of(TIMER, row.id, now)
    writer.add_timer(Timer(TIMER, row.id, row.due))
    recorded(writer, row, "due", SYSTEM, now, {"due": iso(row.due)})
    return row


def _move(writer: Writer, row: Inspection, now: datetime) -> None:
    """Store a row with other times or another name, and its timer."""
    before = writer.inspection(row.id)
    row = writer.save_inspection(row)
    if (row.opens, row.due) == (before.opens, before.due):
        published(writer, row, now)
        return
    writer.finish_timers_of(TIMER, row.id, now)
    if row.opened_at is None and row.opens <= now:
        row = _opened(writer, row, now)
    else:
        writer.add_timer(Timer(TIMER, row.id, row.opens if row.opened_at is None else row.due))
    recorded(writer, row, "moved", SYSTEM, now, {"from": iso(before.due), "due": iso(row.due)})


def _drop(writer: Writer, row: Inspection, why: str, now: datetime) -> None:
    row = writer.save_inspection(replace(row, dropped_at=now))
    writer.finish_timers_of(TIMER, row.id, now)
    recorded(writer, row, "dropped", SYSTEM, now, {"why": why})


def _placed(place: InspectedPlace, grids: GridMap | None) -> InspectedPlace:
    """The place with its grid, by the outlines where none is written."""
    if place.grid or grids is None:
        return place
    unit = grids.at(place.location)
    return place if unit is None else place.model_copy(update={"grid": unit.code})


def _in_line(  # noqa: PLR0917 - a row, and all that it depends on
    row: Inspection,
    place: InspectedPlace,
    kind: InspectionType,
    last: datetime | None,
    settings: Settings,
    now: datetime,
    blocks: Sequence[WarningInfo],
) -> Inspection:
    """The row as it should be now. One that is overdue stays so: only its name and place follow the settings."""
    row = replace(row, name=place.name, location=place.location, grid=place.grid)
    if row.state is InspectionState.OVERDUE:
        return row
    zone = settings.zone_info
    due = next_due(kind, last, zone) if last is not None else min(row.due, next_due(kind, row.made_at, zone))
    if last is None and row.reason is InspectionReason.RAIN:
        due = next_due(kind, row.made_at, zone)
    reason, begins = InspectionReason.CALENDAR, due - kind.window
    rain = kind.before_rain
    if rain is not None and is_warned(kind, blocks) and (last is None or now - last >= rain.fresh_for):
        if row.reason is InspectionReason.RAIN:
            return row
        if now + rain.within < due:
            due, reason, begins = now + rain.within, InspectionReason.RAIN, now
    if (due, reason) == (row.due, row.reason) and max(begins, row.made_at) == row.opens:
        return row
    # Once on the list it stays there; one that would be overdue at once by a new calendar is given until now.
    return replace(row, due=max(due, now), reason=reason, opens=row.opens if row.opened_at else max(begins, now))
