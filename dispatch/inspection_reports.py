"""A filled-in inspection: presence is checked, hazards become events, somebody else checks them again.

The form is filled in at the place, often without network: what counts is when and where that was. Each function is one
unit of work; they raise NotFound, Forbidden, IllegalMove and InputRejected, and then change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from data.config.inspections import ChecklistItem, InspectedPlace, InspectionType
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.case import OPENING, ClockName, Origin, Recorded
from data.model.geo import Location, distance_m
from data.model.inspection import Finding, Found, Inspection, InspectionReason
from data.model.people import SYSTEM, Action, Actor
from data.model.record import Evidence
from data.model.task import Event, EventState, TaskState
from data.model.views import iso
from data.ports.store import Reader, Writer
from data.stored.trail import event_step
from dispatch import tasks
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task, rework
from dispatch.cases import Given, category_for, take
from dispatch.clocks import calendar_of
from dispatch.inspection_calendar import next_due
from dispatch.inspection_people import in_charge
from dispatch.inspections import TIMER, added, make, recorded
from dispatch.routing import Roads
from dispatch.turns import tasks_of

AHEAD = timedelta(minutes=2)  # so far a phone's clock may go before ours
LONGEST_NOTE = 500  # characters
RECHECK_AGAIN = timedelta(days=1)  # a hazard that is still there after its deadline is looked at again by then


@dataclass(frozen=True, slots=True)
class Filled:
    """What somebody has filled in at a place.

    `found`: by the item's id; empty where only hazards are checked again. `rechecks`: by the event's id, whether the
    hazard is gone. `seen_at`, `position`, `accuracy_m`: when and where it was filled in, by the phone.
    """

    place: str
    seen_at: datetime
    position: Location
    accuracy_m: float
    found: Mapping[str, Found] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    rechecks: Mapping[int, bool] = field(default_factory=dict)
    note: str = ""
    photo: Evidence | None = None


@dataclass(frozen=True, slots=True)
class _At:
    """The place with its type, and who has been there when."""

    place: InspectedPlace
    kind: InspectionType
    filled: Filled
    actor: Actor
    now: datetime
    settings: Settings
    roads: Roads


def submit(  # noqa: PLR0917 - what was filled in, by whom, and when it arrived
    writer: Writer, filled: Filled, actor: Actor, now: datetime, settings: Settings, roads: Roads
) -> list[Inspection]:
    """Take an inspection, re-checks, or both. Returns the inspections that are done by it."""
    actor.require(Action.WORK_TASK)
    place = settings.inspections.by_id.get(filled.place)
    if place is None:
        raise NotFound(f"there is no place {filled.place[:80]!r} to inspect")
    here = _At(place, settings.inspections.types[place.type], filled, actor, now, settings, roads)
    _check_presence(here)
    _check_answers(here)
    if filled.photo is not None:
        writer.add_evidence(filled.photo)
    done = [_rechecked(writer, here, event_id, gone=gone) for event_id, gone in filled.rechecks.items()]
    if filled.found:
        done.append(_inspected(writer, here))
    return done


def _check_presence(here: _At) -> None:
    """The phone was near the place, knew where it was, and that was not long ago."""
    limit_m, filled = here.settings.inspections.presence_m, here.filled
    if filled.seen_at > here.now + AHEAD:
        raise InputRejected(
            "手机时间比服务器快，请校准后重填 / the phone's clock goes before ours: set it right and fill in again",
            key="inspection.ahead",
        )
    if here.now - filled.seen_at > here.settings.inspections.offline_for:
        raise InputRejected(
            f"填写已超过 {_hours(here.settings)} 小时，请重新巡查 / filled in more than {_hours(here.settings)} h ago: "
            "please inspect again",
            key="inspection.old",
            n=_hours(here.settings),
        )
    if filled.accuracy_m > limit_m:
        raise InputRejected(
            f"定位误差 {filled.accuracy_m:.0f} 米，须小于 {limit_m:.0f} 米，请到开阔处重试 / the position is known to "
            f"{filled.accuracy_m:.0f} m only, {limit_m:.0f} m are needed: try again in the open",
            key="inspection.inaccurate",
            n=round(filled.accuracy_m),
            limit=round(limit_m),
        )
    away_m = distance_m(filled.position, here.place.location)
    if away_m > limit_m:
        name = here.place.name
        raise InputRejected(
            f"距 {name} {away_m:.0f} 米，须在 {limit_m:.0f} 米内填写 / {away_m:.0f} m from {name}: fill in within "
            f"{limit_m:.0f} m",
            key="inspection.far",
            n=round(away_m),
            limit=round(limit_m),
        )


def _hours(settings: Settings) -> int:
    return int(settings.inspections.offline_for.total_seconds() // 3600)


def _check_answers(here: _At) -> None:
    """Every item has an answer, and a hazard that needs a photo has one."""
    filled, kind = here.filled, here.kind
    if not filled.found and not filled.rechecks:
        raise InputRejected("没有填写任何项目 / nothing is filled in", key="inspection.empty")
    if len(filled.note) > LONGEST_NOTE or any(len(note) > LONGEST_NOTE for note in filled.notes.values()):
        raise InputRejected(f"at most {LONGEST_NOTE} characters of a note")
    unknown = sorted({*filled.found, *filled.notes} - {item.id for item in kind.checklist})
    if unknown:
        raise InputRejected(
            f"检查表已更新，请刷新后重填 / the checklist has no item {unknown[0][:80]!r}: load it again",
            key="inspection.item",
        )
    missing = [item for item in kind.checklist if item.id not in filled.found]
    if filled.found and missing:
        raise InputRejected(
            f"还有 {len(missing)} 项未填：{missing[0].zh} / {len(missing)} items lack an answer: {missing[0].en}",
            key="inspection.missing",
            n=len(missing),
        )
    for item in kind.checklist:
        if filled.found.get(item.id) is Found.HAZARD and _needs_photo(item) and filled.photo is None:
            raise InputRejected(
                f"“{item.zh}”有隐患，须拍照 / a hazard of “{item.en}” needs a photo", key="inspection.photo"
            )


def _needs_photo(item: ChecklistItem) -> bool:
    return item.hazard is not None and item.hazard.photo


def _inspected(writer: Writer, here: _At) -> Inspection:
    """End the place's open inspection by this one, open the events of its hazards, and make the next one."""
    row = _open_row(writer, here)
    filled = here.filled
    findings = tuple(_finding(writer, here, item) for item in here.kind.checklist)
    row = _ended(writer, here, row, findings)
    detail = {
        "due": iso(row.due),
        "late": row.was_late,
        "seen_at": iso(filled.seen_at),
        "distance_m": row.distance_m,
        "hazards": [one.item for one in row.hazards],
        "events": sorted({one.event for one in row.hazards if one.event is not None}),
    }
    recorded(writer, row, "inspected", here.actor, here.now, detail)
    last = max(filled.seen_at, writer.last_inspected(row.place).get(row.place, filled.seen_at))
    placed = here.place.model_copy(update={"grid": row.grid})
    make(writer, placed, here.kind, next_due(here.kind, last, here.settings.zone_info), here.now)
    return row


def _open_row(writer: Writer, here: _At) -> Inspection:
    """The place's open inspection; a new one where the clock has not made it yet."""
    rows = [one for one in writer.open_inspections(here.place.id) if one.event_id is None]
    if rows:
        return rows[0]
    due = max(here.now, next_due(here.kind, here.filled.seen_at, here.settings.zone_info))
    return make(writer, here.place, here.kind, due, here.now)


def _ended(writer: Writer, here: _At, row: Inspection, findings: tuple[Finding, ...]) -> Inspection:
    filled = here.filled
    row = writer.save_inspection(
        replace(
            row,
            done_at=filled.seen_at,
            done_by=here.actor.name,
            findings=findings,
            note=filled.note.strip(),
            photo=None if filled.photo is None else filled.photo.id,
            position=filled.position,
            accuracy_m=filled.accuracy_m,
            distance_m=round(distance_m(filled.position, here.place.location), 1),
        )
    )
    writer.finish_timers_of(TIMER, row.id, here.now)
    return row


def _finding(writer: Writer, here: _At, item: ChecklistItem) -> Finding:
    """The item's finding; a hazard has its event: the one that is open already, or a new one."""
    found, note = here.filled.found[item.id], here.filled.notes.get(item.id, "").strip()
    if found is not Found.HAZARD or item.hazard is None:
        return Finding(item.id, found, note)
    before = _event_before(writer, here, item)
    if before is not None and before.is_open:
        detail = {"found_again_by": here.actor.name, "item": item.id, "note": note}
        take(writer, before.id, EventStep.LINK, SYSTEM, here.now, Given(detail=detail, on_behalf=here.actor.name))
        return Finding(item.id, found, note, before.id, before.id)
    event = _opened_event(writer, here, item, note, None if before is None else before.id)
    return Finding(item.id, found, note, event.id, event.recurs)


def _event_before(reader: Reader, here: _At, item: ChecklistItem) -> Event | None:
    """The event of the same hazard at the same place: open, or ended so recently that this one repeats it."""
    since = here.now - timedelta(days=800)
    for row in reader.inspections_done(since, here.now + AHEAD, place=here.place.id, limit=200):
        for one in row.findings:
            if one.item == item.id and one.event is not None and one.found is Found.HAZARD and row.event_id is None:
                event = reader.event(one.event)
                within = here.settings.cases.recurrence_within
                recent = event.closed_at is None or here.now - event.closed_at <= within
                return event if recent and event.state is not EventState.VOIDED else None
    return None


def _opened_event(writer: Writer, here: _At, item: ChecklistItem, note: str, recurs: int | None) -> Event:
    """The event of a hazard, filed, with its task for who has to see to it and the re-check until its deadline."""
    event = writer.add_event(_event_of(writer, here, item, note, recurs))
    detail = dict(event.steps[0].detail) | {"origin": event.origin.value, "recurs": recurs}
    event_step(writer, event, here.actor, "open", here.now, detail=detail)
    take(writer, event.id, EventStep.FILE, SYSTEM, here.now, Given(on_behalf=here.actor.name))
    # Without a unit the task waits for a human's decision: nobody is called at night for a missing sign.
    work = Work(title=event.title, unit=event.lead, checklist=(f"{item.zh} / {item.en}",), on_offer=bool(event.lead))
    add_task(writer, event.id, work, SYSTEM, here.now, roads=here.roads, settings=here.settings)
    event = writer.event(event.id)
    if event.state is EventState.FILED:  # a draft does not dispatch it; the deadline runs all the same
        _dispatched(writer, event, here)
        event = writer.event(event.id)
    _recheck_row(writer, here, event, _deadline(event, here))
    return event


def _event_of(reader: Reader, here: _At, item: ChecklistItem, note: str, recurs: int | None) -> Event:
    """Its lead is the category's, where the organisation has that unit, else who is in charge of the grid."""
    hazard = item.hazard
    assert hazard is not None
    category, charge = category_for(reader, hazard.kind), in_charge(reader, here.settings)
    detail: dict[str, Any] = {"place": here.place.id, "item": item.id}
    if hazard.limit is not None:
        detail["limit_s"] = hazard.limit.total_seconds()
    actor, role = here.actor, "" if here.actor.role is None else here.actor.role.value
    grid = here.place.grid or next((row.grid for row in reader.open_inspections(here.place.id)), "")
    filled = here.filled
    return Event(
        title=f"{here.place.name} · {item.zh if here.settings.language == 'zh' else item.en}",
        kind=hazard.kind,
        site="",
        location=here.place.location,
        priority=hazard.priority or category.priority,
        opened_at=here.now,
        grid=grid,
        origin=Origin.INSPECTION,
        description=note or filled.note.strip(),
        photo=None if filled.photo is None else filled.photo.id,
        reporter={"user": actor.name, "seen_at": iso(filled.seen_at) or ""},
        section=category.section,
        lead=category.lead if category.lead in charge.units else charge.unit(grid),
        co_handlers=category.co_handlers,
        cooperating=category.cooperating,
        recurs=recurs,
        steps=(Recorded(OPENING, EventState.RECEIVED.value, here.now, actor.name, role, "", detail),),
    )


def _dispatched(writer: Writer, event: Event, here: _At) -> None:
    """Start the deadline of an event whose task is a draft or was returned."""
    step = event.last(OPENING)
    limit_s = None if step is None else step.detail.get("limit_s")
    given = Given(limit=None if limit_s is None else timedelta(seconds=limit_s), on_behalf=here.actor.name)
    take(writer, event.id, EventStep.DISPATCH, SYSTEM, here.now, given, calendar=calendar_of(here.settings))


def _deadline(event: Event, here: _At) -> datetime:
    clock = event.clock(ClockName.HANDLING)
    return here.now + RECHECK_AGAIN if clock is None or clock.due is None else clock.due


def _recheck_row(writer: Writer, here: _At, event: Event, due: datetime) -> Inspection:
    row = Inspection(
        place=here.place.id,
        type=here.place.type,
        name=event.title,
        location=here.place.location,
        made_at=here.now,
        opens=here.now,
        due=max(due, here.now),
        reason=InspectionReason.RECHECK,
        grid=event.grid,
        event_id=event.id,
    )
    return added(writer, row, here.now)


def _close(writer: Writer, here: _At, event: Event, row: Inspection) -> None:
    """Verify the work on the event by this re-check; with its last task the event is closed."""
    if not tasks_of(writer, event.id, open_only=True):  # all were cancelled: the re-check is the work that was done
        work = Work(title=event.title, on_offer=False)
        add_task(writer, event.id, work, SYSTEM, here.now, roads=here.roads, settings=here.settings)
    if event.state in (EventState.FILED, EventState.JUDGING):
        _dispatched(writer, event, here)
    for task in tasks_of(writer, event.id, open_only=True):
        tasks.verify_by_recheck(writer, task.id, here.actor, here.now, {"inspection": row.id, "photo": row.photo})


def finder_of(event: Event) -> str:
    """Who has found the hazard of this event."""
    found = event.last(OPENING)
    return "" if found is None else found.by


def why_not_recheck(reader: Reader, event: Event, person: str) -> str:
    """`finder` or `worker` where this person may not check the hazard again, else empty: another person has to."""
    if finder_of(event) == person:
        return "finder"
    if any(task.responder == person for task in tasks_of(reader, event.id)):
        return "worker"
    return ""


def _rechecked(writer: Writer, here: _At, event_id: int, *, gone: bool) -> Inspection:
    """Somebody else has looked: the hazard is gone, which closes its event, or it is still there."""
    event = writer.event(event_id)
    row = next((one for one in writer.open_inspections(here.place.id) if one.event_id == event_id), None)
    if row is None or not event.is_open or here.filled.seen_at + AHEAD < row.made_at:
        raise IllegalMove(
            f"事件 {event_id} 不需复查 / event {event_id} waits for no re-check at {here.place.id}",
            key="inspection.no_recheck",
            event=event_id,
        )
    why = why_not_recheck(writer, event, here.actor.name)
    if why:
        who = here.actor.name
        raise Forbidden(
            f"复查须由他人进行 / event {event_id} was found or worked on by {who}: another person checks it",
            key="inspection.own_recheck",
            event=event_id,
        )
    item = str(next((one.detail.get("item", "") for one in event.steps if one.step == OPENING), ""))
    row = _ended(writer, here, row, (Finding(item, Found.OK if gone else Found.HAZARD, event=event_id),))
    detail = {"event": event_id, "gone": gone, "seen_at": iso(here.filled.seen_at), "distance_m": row.distance_m}
    recorded(writer, row, "rechecked", here.actor, here.now, detail)
    if gone:
        _close(writer, here, event, row)
        return row
    for task in tasks_of(writer, event_id, open_only=True):
        if task.state is TaskState.REPORTED:
            rework(
                writer, task.id, SYSTEM, here.now, here.filled.note.strip() or "re-check: still there", here.settings
            )
    after = writer.event(event_id)
    _recheck_row(writer, here, after, max(_deadline(after, here), here.now + RECHECK_AGAIN))
    return row
