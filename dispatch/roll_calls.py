"""Roll-call 叫应: order, answer, call again, the next of the ladder, close.

Each function is one unit of work with an entry in the audit trail. The notifier sends what they call for
(`notices.roll_calls`); here nothing is sent. They raise Forbidden, IllegalMove and InputRejected.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.case import Recorded
from data.model.organisation import Unit, above
from data.model.people import SYSTEM, Action, Actor, Role
from data.model.record import AuditEntry, Change, Timer
from data.model.roll_call import Called, CalledState, RollAnswer, RollCall, counts_of
from data.ports.store import Reader, Writer

TIMER = "roll_call"
MOST_PEOPLE = 2000
LONGEST_REASON = 500  # characters
_UNANSWERED = frozenset({CalledState.CALLED, CalledState.REACHED, CalledState.MISSING})
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to call: people by name, of units and those below them, of roles, and those who work on plans in force."""

    people: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of them, and until when, seconds from the call."""

    title: str
    text: str
    answer_within: timedelta
    channels: tuple[str, ...] = ()
    template: str = ""
    ladder: bool = True


def people_of(reader: Reader, choice: Choice) -> dict[str, str]:
    """Each person once, with the unit for which they are called (empty where none is known). Raises NotFound."""
    units = {unit.id: unit for unit in reader.units()}
    users = {user.name: user for user in reader.users()}
    known = {one.id for one in reader.responders()} | set(users)
    _check_known(choice.units, units, "there is no unit")
    _check_known(choice.people, known, "nobody is called")
    own = {person: unit.id for unit in units.values() for person in (unit.leader, *unit.people)}
    chosen = [*_of_units(units, choice.units)]
    chosen += [(user.name, "") for user in users.values() if user.role in choice.roles]
    chosen += [(person, "") for plan in choice.plans for person in _on_plan(reader, plan, units)]
    chosen += [(person, "") for person in choice.people]
    able = known - {user.name for user in users.values() if user.disabled_at is not None}
    found: dict[str, str] = {}
    for person, unit in chosen:
        if person in able:
            found.setdefault(person, unit or own.get(person, ""))
    return found


def names_of(reader: Reader) -> dict[str, str]:
    """What users and responders are called, by their ids."""
    users = {user.name: user.display_name or user.name for user in reader.users()}
    return users | {one.id: one.name or one.id for one in reader.responders()}


def _check_known(names: Iterable[str], known: Container[str], what: str) -> None:
    missing = next((one for one in names if one not in known), None)
    if missing is not None:
        raise NotFound(f"{what} {missing[:80]!r}")


def _of_units(units: Mapping[str, Unit], chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The leader and the people of each chosen unit and of those below it, with their unit."""
    for unit in units.values():
        if any(one.id in chosen for one in above(units, unit.id)):
            yield from ((person, unit.id) for person in (unit.leader, *unit.people))


def _on_plan(reader: Reader, plan: str, units: Mapping[str, Unit]) -> Iterator[str]:
    """Who has an open task of the plan while it is in force; the people of the unit where a unit has it."""
    for run in reader.plan_runs(plan=plan, open_only=True):
        for task in (one for one in reader.plan_tasks(run.id) if one.is_open):
            if task.responder:
                yield task.responder
            elif task.unit in units:
                yield from units[task.unit].people


def order(writer: Writer, choice: Choice, given: Order, actor: Actor, now: datetime) -> RollCall:
    """Call them all. Raises InputRejected where nobody is chosen, or too many are."""
    actor.require(Action.CALL_ROLL)
    people = people_of(writer, choice)
    if not people:
        raise InputRejected("nobody is chosen", key="roll_call.nobody")
    if len(people) > MOST_PEOPLE:
        raise InputRejected(f"at most {MOST_PEOPLE} people", key="roll_call.many", limit=MOST_PEOPLE, n=len(people))
    detail = {"n": len(people), "units": list(choice.units), "roles": list(choice.roles), "plans": list(choice.plans)}
    added = writer.add_roll_call(
        RollCall(
            title=given.title.strip(),
            text=given.text.strip(),
            answer_within_s=given.answer_within.total_seconds(),
            ordered_at=now,
            steps=(_step("order", "open", actor, now, detail=detail),),
            template=given.template,
            channels=given.channels,
            ladder=given.ladder,
        )
    )
    due = now + given.answer_within
    for person, unit in people.items():
        writer.add_called(Called(added.id, person, unit, now, due))
    writer.add_timer(Timer(TIMER, added.id, due))
    return _told(writer, added, "order", actor, now, detail | {"title": added.title, "people": list(people)})


def answer(  # noqa: PLR0917 - who says what for whom
    writer: Writer, roll_call_id: int, person: str, said: RollAnswer, reason: str, actor: Actor, now: datetime
) -> Called:
    """One answer, one's own or what somebody said by telephone (which needs the right to call). The first one counts.

    Who cannot come is stood in for by the next of the ladder at once.
    """
    roll_call, own = writer.roll_call(roll_call_id), actor.name == person
    if not own:
        actor.require(Action.CALL_ROLL)
    called = next(iter(writer.called(roll_call_id, person)), None)
    if called is None:
        if own:
            raise Forbidden(f"{person} is not called by roll-call {roll_call_id}", key="roll_call.not_called")
        raise NotFound(f"{person[:80]!r} is not called by roll-call {roll_call_id}")
    if called.answered_at is not None:
        raise IllegalMove(
            f"{person} has answered at {called.answered_at.isoformat()}",
            key="roll_call.answered",
            who=person,
            at=called.answered_at.isoformat(),
        )
    _check_open(roll_call)
    if said is RollAnswer.UNABLE and not reason.strip():
        raise InputRejected("say why", key="reason")
    kept = replace(
        called,
        answered_at=now,
        answer=said.value,
        reason=reason.strip()[:LONGEST_REASON],
        told_by="" if own else actor.name,
    )
    writer.save_called(kept)
    if said is RollAnswer.UNABLE:
        _call_deputy(writer, roll_call, kept, now)
    detail = {"person": person, "answer": said.value, "reason": kept.reason}
    _told(writer, roll_call, "answer", actor, now, detail)
    return kept


def recall(writer: Writer, roll_call_id: int, actor: Actor, now: datetime) -> RollCall:
    """Call everybody once more who has not answered. Raises IllegalMove where all have."""
    actor.require(Action.CALL_ROLL)
    roll_call = writer.roll_call(roll_call_id)
    _check_open(roll_call)
    waiting = [one for one in writer.called(roll_call_id) if one.state in _UNANSWERED]
    if not waiting:
        raise IllegalMove(f"everybody has answered roll-call {roll_call_id}", key="roll_call.all_answered")
    due = now + timedelta(seconds=roll_call.answer_within_s)
    for one in waiting:
        writer.save_called(replace(one, calls=one.calls + 1, due=due))
    writer.add_timer(Timer(TIMER, roll_call_id, due))
    detail = {"n": len(waiting)}
    saved = writer.save_roll_call(
        replace(roll_call, steps=(*roll_call.steps, _step("recall", "open", actor, now, detail=detail)))
    )
    return _told(writer, saved, "recall", actor, now, detail)


def close(writer: Writer, roll_call_id: int, note: str, actor: Actor, now: datetime) -> RollCall:
    """End it with a summary: how many are present, cannot come, and did not answer, and who."""
    actor.require(Action.CALL_ROLL)
    roll_call = writer.roll_call(roll_call_id)
    _check_open(roll_call)
    called = writer.called(roll_call_id)
    by_state = {
        state.value: [one.person for one in called if one.state is state]
        for state in (CalledState.UNABLE, CalledState.MISSING, CalledState.CALLED, CalledState.REACHED)
    }
    detail = {"counts": counts_of(called), **by_state}
    step = _step("close", "closed", actor, now, note.strip()[:LONGEST_REASON], detail)
    saved = writer.save_roll_call(replace(roll_call, closed_at=now, steps=(*roll_call.steps, step)))
    writer.finish_timers_of(TIMER, roll_call_id, now)
    return _told(writer, saved, "close", actor, now, detail | {"reason": step.reason})


def mark_shown(writer: Writer, person: str, now: datetime) -> int:
    """A page or phone of theirs has shown the roll-calls to them; how many it was the first time for."""
    fresh = [one for one in writer.roll_calls_to(person) if one.shown_at is None]
    for one in fresh:
        writer.save_called(replace(one, shown_at=now))
        _publish(writer, one.roll_call_id, now)
    return len(fresh)


def limits_due(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
    """Mark who did not answer in the limit and call the next of the ladder; returns how many timers ended."""
    ended = 0
    for timer in writer.timers_due(now, _AT_ONCE, kinds=(TIMER,)) if timers is None else timers:
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        ended += 1
        roll_call = writer.roll_call(timer.subject)
        if not roll_call.is_open:
            continue
        called = writer.called(roll_call.id)
        late = [one for one in called if one.state in _UNANSWERED and one.missed_at is None and one.due <= now]
        deputies = []
        for one in late:
            missed = replace(one, missed_at=now)
            writer.save_called(missed)
            deputies.append(_call_deputy(writer, roll_call, missed, now))
        if late:
            detail = {"missing": [one.person for one in late], "called_instead": [one for one in deputies if one]}
            _told(writer, roll_call, "limit", SYSTEM, now, detail)
    return ended


def deputy_of(units: Mapping[str, Unit], called: Called, known: Iterable[str], able: Iterable[str]) -> tuple[str, str]:
    """The next of the ladder and their unit: the people of the unit in their order, its leader, the leaders above.

    `known`: who is called already. `able`: users who are not disabled. ("", "") where the ladder ends.
    """
    taken, may_be = set(known), set(able)
    chain = above(units, called.unit)
    steps = [(person, chain[0].id) for person in chain[0].people] if chain else []
    steps += [(unit.leader, unit.id) for unit in chain]
    return next(((who, unit) for who, unit in steps if who in may_be and who not in taken), ("", ""))


def _call_deputy(writer: Writer, roll_call: RollCall, called: Called, now: datetime) -> str:
    """Call the next of the ladder; their name, or empty where there is none."""
    if not roll_call.ladder:
        return ""
    units = {unit.id: unit for unit in writer.units()}
    able = {user.name for user in writer.users() if user.disabled_at is None} | {one.id for one in writer.responders()}
    who, unit = deputy_of(units, called, (one.person for one in writer.called(roll_call.id)), able)
    if not who:
        return ""
    due = now + timedelta(seconds=roll_call.answer_within_s)
    writer.add_called(Called(roll_call.id, who, unit, now, due, stands_for=called.person))
    writer.add_timer(Timer(TIMER, roll_call.id, due))
    return who


def _check_open(roll_call: RollCall) -> None:
    if not roll_call.is_open:
        text = f"roll-call {roll_call.id} is closed"
        raise IllegalMove(text, key="roll_call.closed", roll_call=roll_call.id)


def _step(  # noqa: PLR0917
    step: str, to: str, actor: Actor, now: datetime, reason: str = "", detail: Mapping[str, Any] | None = None
) -> Recorded:
    role = "" if actor.role is None else actor.role.value
    return Recorded(step, to, now, actor.name, role, reason, dict(detail or {}))


def _publish(writer: Writer, roll_call_id: int, now: datetime) -> None:
    writer.publish(Change("roll_call", f"roll_call:{roll_call_id}", now, {"roll_call": roll_call_id}))


def _told(  # noqa: PLR0917
    writer: Writer, roll_call: RollCall, step: str, actor: Actor, now: datetime, detail: Mapping[str, Any]
) -> RollCall:
    role = "" if actor.role is None else actor.role.value
    writer.record(AuditEntry(now, actor.name, role, step, f"roll_call:{roll_call.id}", dict(detail)))
    _publish(writer, roll_call.id, now)
    return roll_call
