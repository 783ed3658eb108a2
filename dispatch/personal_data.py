"""Personal values of an event: masked for everybody, shown on need with an audit entry, deleted after their limit.

They stand in a table of their own and nowhere else: not in the event, the outbox, the audit trail, notices or exports.
This module alone gives them to somebody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.case import Recorded
from data.model.people import SYSTEM, Actor, Role
from data.model.received_case import PersonalValue
from data.model.record import AuditEntry, Timer
from data.model.views import iso
from data.ports.store import Reader, Writer
from data.stored.trail import event_step
from dispatch.turns import tasks_of

TIMER = "personal_data"
SHOWN, DELETED = "show_personal", "delete_personal"
LONGEST_REASON = 500
_IN_THE_STREET = frozenset({Role.RESPONDER, Role.GRID_LEADER})
_AT_ONCE = 20


def masked(reader: Reader, event_id: int, actor: Actor) -> dict[str, Any] | None:
    """Which personal values there are, without them; None for an event that had none.

    `mine`: those that this actor may be shown.
    """
    case = reader.received_case_of_event(event_id)
    if case is None:
        return None
    values = reader.personal_values(event_id)
    own = {one.field for one in _visible(reader, event_id, values, actor)}
    fields = [{"field": one.field, "zh": one.zh, "en": one.en, "mine": one.field in own} for one in values]
    if not fields and case.deleted_at is None:
        return None
    return {"fields": fields, "delete_at": iso(case.delete_at), "deleted_at": iso(case.deleted_at)}


def show(writer: Writer, event_id: int, actor: Actor, reason: str, now: datetime) -> Mapping[str, str]:
    """The values that this actor may see, by field; who looked at which, and why, stands in the audit trail.

    Raises NotFound, IllegalMove when they are deleted, Forbidden, and InputRejected without a reason.
    """
    writer.event(event_id)
    case = writer.received_case_of_event(event_id)
    if case is None:
        raise NotFound(f"event {event_id} has no personal data")
    if case.deleted_at is not None:
        at = iso(case.deleted_at)
        raise IllegalMove(f"the personal data of event {event_id} were deleted at {at}", key="personal.deleted", at=at)
    own = _visible(writer, event_id, writer.personal_values(event_id), actor)
    if not own:
        role = "" if actor.role is None else actor.role.value
        raise Forbidden(f"role {role} may not see the personal data of event {event_id}", key="personal.role")
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise InputRejected("say why you need it", key="reason")
    detail = {"fields": [one.field for one in own], "reason": reason}
    role = "" if actor.role is None else actor.role.value
    writer.record(AuditEntry(now, actor.name, role, SHOWN, f"event:{event_id}", detail))
    return {one.field: one.value for one in own}


def limits_due(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
    """Delete the values whose limit is over; returns how many timers ended."""
    ended = 0
    for timer in writer.timers_due(now, _AT_ONCE, kinds=(TIMER,)) if timers is None else timers:
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        ended += 1
        _delete(writer, timer.subject, now)
    return ended


def _delete(writer: Writer, event_id: int, now: datetime) -> None:
    """Delete the values, with a step of the event, by which every screen learns of it."""
    fields = [one.field for one in writer.personal_values(event_id)]
    if not writer.delete_personal_values(event_id, now):
        return
    event, detail = writer.event(event_id), {"fields": fields}
    recorded = Recorded(DELETED, event.state.value, now, SYSTEM.name, "", "", detail)
    event = writer.save_event(replace(event, steps=(*event.steps, recorded)))
    event_step(writer, event, SYSTEM, DELETED, now, detail=detail)


def _visible(reader: Reader, event_id: int, values: Sequence[PersonalValue], actor: Actor) -> list[PersonalValue]:
    own = [one for one in values if actor.role in one.roles]
    if own and actor.role in _IN_THE_STREET and not _is_at_work(reader, event_id, actor.name):
        return []
    return own


def _is_at_work(reader: Reader, event_id: int, person: str) -> bool:
    """True while this person has an accepted task of the event."""
    return any(task.responder == person for task in tasks_of(reader, event_id, open_only=True))
