"""Shift handover 交接班: begin, note, sign, return, take, drop; changes of shift in the roster, and what is overdue.

Each function is one unit of work and leaves an entry in the audit trail. They raise Forbidden, IllegalMove (the state
does not allow it), StaleVersion (it was changed since it was read) and InputRejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from data.errors import IllegalMove, InputRejected, StaleVersion
from data.model.case import Recorded
from data.model.handover import (
    Handover,
    HandoverNote,
    HandoverState,
    HandoverStep,
    digest_of,
    handover_document,
)
from data.model.organisation import Shift
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry, Change
from data.ports.store import Reader, Writer

LONGEST_NOTE = 2000  # characters
MOST_NOTES = 500
LONGEST_SHIFT = timedelta(hours=24)  # how far back a handover reaches when none was made before
EARLY = timedelta(hours=2)  # a handover that was taken so long before the change of shift is that change's

_FROM: Mapping[HandoverStep, frozenset[HandoverState]] = MappingProxyType(
    {
        HandoverStep.SIGN: frozenset({HandoverState.DRAFT}),
        HandoverStep.RETURN: frozenset({HandoverState.SIGNED}),
        HandoverStep.TAKE: frozenset({HandoverState.SIGNED}),
        HandoverStep.DROP: frozenset({HandoverState.DRAFT, HandoverState.SIGNED}),
    }
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A change of shift without its handover. `missing`: the signature that is missing, "outgoing" or "incoming"."""

    change: datetime
    missing: str
    handover: int | None


def begin(writer: Writer, actor: Actor, now: datetime) -> Handover:
    """A new draft. Raises IllegalMove while another one is open."""
    actor.require(Action.HAND_OVER)
    last = writer.last_taken_handover()
    taken = None if last is None or last.incoming is None else last.incoming.at
    since = now - LONGEST_SHIFT if taken is None else max(taken, now - LONGEST_SHIFT)
    begun = _step(HandoverStep.BEGIN, HandoverState.DRAFT, actor, now)
    made = writer.add_handover(Handover(since=since, steps=(begun,), change=nearest_change(writer, now)))
    return _told(writer, made, HandoverStep.BEGIN, actor, now, {})


def note(  # noqa: PLR0917 - who wrote what about which item
    writer: Writer, handover_id: int, actor: Actor, now: datetime, item: str, text: str, version: int | None = None
) -> Handover:
    """A note while it is a draft; after the first signature a question or an answer, which is no part of the items."""
    actor.require(Action.HAND_OVER)
    handover = _current(writer, handover_id, version)
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise InputRejected(f"a note has 1 to {LONGEST_NOTE} characters", key="handover.note", limit=LONGEST_NOTE)
    if not handover.is_open:
        raise _over(handover)
    if len(handover.notes) >= MOST_NOTES:
        raise IllegalMove(f"a handover has at most {MOST_NOTES} notes", key="handover.notes", limit=MOST_NOTES)
    question = handover.state is HandoverState.SIGNED
    kept = HandoverNote(item, text, actor.name, now, question)
    saved = writer.save_handover(replace(handover, notes=(*handover.notes, kept)))
    return _told(writer, saved, "ask" if question else "note", actor, now, {"item": item, "text": text})


def sign(  # noqa: PLR0917 - what is signed, by whom and how
    writer: Writer, handover_id: int, actor: Actor, now: datetime, items: Mapping[str, Any], version: int, how: str
) -> Handover:
    """The outgoing officer signs: `items` are fixed. `how`: what the signature rests on, "password" or "session"."""
    actor.require(Action.HAND_OVER)
    handover = _moved(_current(writer, handover_id, version), HandoverStep.SIGN, HandoverState.SIGNED, actor, now, how)
    handover = writer.save_handover(replace(handover, items=items))
    fixed = digest_of(handover_document(handover))
    return _told(writer, handover, HandoverStep.SIGN, actor, now, {"sha256": fixed, "how": how})


def give_back(  # noqa: PLR0917
    writer: Writer, handover_id: int, actor: Actor, now: datetime, reason: str, version: int
) -> Handover:
    """Back to a draft: the first signature is void, the items are those of the moment again."""
    actor.require(Action.HAND_OVER)
    handover = _current(writer, handover_id, version)
    moved = _moved(handover, HandoverStep.RETURN, HandoverState.DRAFT, actor, now, reason=_reason(reason))
    saved = writer.save_handover(replace(moved, items=None))
    return _told(writer, saved, HandoverStep.RETURN, actor, now, {"reason": reason.strip()})


def take(  # noqa: PLR0917
    writer: Writer, handover_id: int, actor: Actor, now: datetime, version: int, how: str
) -> Handover:
    """The incoming officer signs; the SHA-256 of the whole goes into the audit trail. Never the one who handed over."""
    actor.require(Action.HAND_OVER)
    handover = _current(writer, handover_id, version)
    if handover.outgoing is not None and handover.outgoing.by == actor.name:
        raise IllegalMove(
            f"{actor.name} signed handover {handover_id} already: somebody else takes over", key="handover.same_person"
        )
    moved = _moved(handover, HandoverStep.TAKE, HandoverState.TAKEN, actor, now, how)
    document = handover_document(moved)
    digest = digest_of(document)
    saved = writer.save_handover(replace(moved, document=document, digest=digest))
    by = {"outgoing": "" if handover.outgoing is None else handover.outgoing.by, "incoming": actor.name}
    return _told(writer, saved, HandoverStep.TAKE, actor, now, {"sha256": digest, "how": how, **by})


def drop(writer: Writer, handover_id: int, actor: Actor, now: datetime, reason: str, version: int) -> Handover:  # noqa: PLR0917
    """Give it up."""
    actor.require(Action.HAND_OVER)
    handover = _current(writer, handover_id, version)
    moved = _moved(handover, HandoverStep.DROP, HandoverState.DROPPED, actor, now, reason=_reason(reason))
    saved = writer.save_handover(moved)
    return _told(writer, saved, HandoverStep.DROP, actor, now, {"reason": reason.strip()})


def is_intact(reader: Reader, handover: Handover) -> bool:
    """True if what is stored is what was signed: rows, document, digest and the audit trail agree."""
    if handover.state is not HandoverState.TAKEN:
        return True
    told = [entry for entry in reader.audit(subject=f"handover:{handover.id}") if entry.action == HandoverStep.TAKE]
    same = handover_document(handover) == handover.document and digest_of(handover.document) == handover.digest
    return same and len(told) == 1 and told[0].detail.get("sha256") == handover.digest


def changes_of_shift(reader: Reader, now: datetime) -> list[datetime]:
    """When a shift of somebody who may hand over ends and they do not go on, in order; a day back, and all to come."""
    hands_over = {user.name for user in reader.users() if user.disabled_at is None and may(user.role, Action.HAND_OVER)}
    shifts = [one for one in reader.shifts(since=now - LONGEST_SHIFT) if one.person in hands_over]
    return sorted({one.ends for one in shifts if not _goes_on(one, shifts)})


def nearest_change(reader: Reader, now: datetime) -> datetime | None:
    """The change of shift for which a handover that begins now is made; None where no shifts are planned."""
    last = reader.last_taken_handover()
    taken = None if last is None or last.incoming is None else last.incoming.at
    changes = changes_of_shift(reader, now)
    past = [at for at in changes if at <= now and (taken is None or taken < at - EARLY)]
    return past[-1] if past else next((at for at in changes if at > now), None)


def overdue(reader: Reader, now: datetime, late_after: timedelta | None) -> Overdue | None:
    """The last change of shift, if its handover still lacks a signature after `late_after` (None: never overdue)."""
    past = [at for at in changes_of_shift(reader, now) if at <= now]
    if late_after is None or not past or now < past[-1] + late_after:
        return None
    last = reader.last_taken_handover()
    if last is not None and last.incoming is not None and last.incoming.at >= past[-1] - EARLY:
        return None
    current = reader.open_handover()
    signed = current is not None and current.state is HandoverState.SIGNED
    return Overdue(past[-1], "incoming" if signed else "outgoing", None if current is None else current.id)


def _goes_on(shift: Shift, shifts: list[Shift]) -> bool:
    """True if the same person is on another shift right after this one."""
    return any(one.person == shift.person and one.begins <= shift.ends < one.ends for one in shifts)


def _current(reader: Reader, handover_id: int, version: int | None) -> Handover:
    handover = reader.handover(handover_id)
    if version is not None and version != handover.version:
        raise StaleVersion(
            f"handover {handover_id} was changed: version {version} is now {handover.version}", key="handover.changed"
        )
    return handover


def _moved(  # noqa: PLR0917
    handover: Handover,
    step: HandoverStep,
    to: HandoverState,
    actor: Actor,
    now: datetime,
    how: str = "",
    *,
    reason: str = "",
) -> Handover:
    if not handover.is_open:
        raise _over(handover)
    if handover.state not in _FROM[step]:
        raise IllegalMove(
            f"{step} of handover {handover.id}: it is {handover.state}",
            key=f"handover.{handover.state}",
            handover=handover.id,
        )
    taken = _step(step, to, actor, now, reason, {"how": how} if how else {})
    return replace(handover, steps=(*handover.steps, taken))


def _over(handover: Handover) -> IllegalMove:
    text = f"handover {handover.id} is {handover.state} and stays as it is"
    return IllegalMove(text, key="handover.over", handover=handover.id)


def _step(  # noqa: PLR0917
    step: HandoverStep,
    to: HandoverState,
    actor: Actor,
    now: datetime,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Recorded:
    role = "" if actor.role is None else actor.role.value
    return Recorded(step.value, to.value, now, actor.name, role, reason, dict(detail or {}))


def _reason(text: str) -> str:
    if not text.strip():
        raise InputRejected("say why", key="reason")
    return text.strip()[:LONGEST_NOTE]


def _told(  # noqa: PLR0917
    writer: Writer, handover: Handover, step: str, actor: Actor, now: datetime, detail: Mapping[str, Any]
) -> Handover:
    role = "" if actor.role is None else actor.role.value
    subject = f"handover:{handover.id}"
    writer.record(AuditEntry(now, actor.name, role, str(step), subject, dict(detail)))
    told = {"handover": handover.id, "state": handover.state.value, "version": handover.version}
    writer.publish(Change("handover", subject, now, told))
    return handover
