"""Roll-call: whom an order reaches, the ladder, and that no order of steps loses an answer or calls anybody twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.organisation import Unit, UnitKind
from data.model.people import PERMITTED, Action, Actor, Role, User
from data.model.roll_call import CalledState, RollAnswer
from data.ports.store import Store, Writer
from dispatch import roll_calls
from dispatch.roll_calls import Choice
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=3)
CHIEF = Actor("zhao", Role.DUTY_OFFICER)
ORDER = roll_calls.Order("暴雨红色：请确认已到岗", "", LIMIT)
CREW = ("an", "bo", "chi")


@contextmanager
def opened() -> Iterator[Store]:
    """A street with a leader, a crew below it in the order of their ladder, and one who is disabled."""
    with TemporaryDirectory(prefix="roll-calls-") as folder:
        store = new_store(Path(folder) / "yiping.db")

        def settle(writer: Writer) -> None:
            writer.add_user(User("zhao", Role.DUTY_OFFICER))
            for name in (*CREW, "chief", "gone"):
                writer.add_user(
                    User(name, Role.RESPONDER, disabled_at=NOON if name == "gone" else None)
                )  # fmt: skip
            writer.put_unit(Unit("street", UnitKind.STREET, "街道", leader="chief"))
            writer.put_unit(Unit("crew", UnitKind.POST, "排水队", parent="street", people=("an", "gone", "bo", "chi")))

        store.write(settle)
        yield store
        store.close()


def states(store: Store, number: int) -> dict[str, str]:
    return {one.person: one.state.value for one in store.read(lambda reader: reader.called(number))}


def test_people_are_chosen_once_by_unit_with_all_below_by_role_and_by_name_and_never_the_disabled() -> None:
    with opened() as store:
        by_unit = store.read(lambda reader: roll_calls.people_of(reader, Choice(units=("street",), people=("an",))))
        assert by_unit == {"chief": "street", "an": "crew", "bo": "crew", "chi": "crew"}
        assert store.read(lambda r: roll_calls.people_of(r, Choice(roles=(Role.DUTY_OFFICER,)))) == {"zhao": ""}
        with pytest.raises(NotFound, match="nobody is called 'nobody'"):
            store.read(lambda reader: roll_calls.people_of(reader, Choice(people=("nobody",))))
        with pytest.raises(InputRejected) as empty:
            store.write(lambda writer: roll_calls.order(writer, Choice(people=("gone",)), ORDER, CHIEF, NOON))
        assert empty.value.key == "roll_call.nobody"
        operator = Actor("li", Role.OPERATOR)
        with pytest.raises(Forbidden):
            store.write(lambda writer: roll_calls.order(writer, Choice(people=("an",)), ORDER, operator, NOON))


def test_who_does_not_answer_in_the_limit_and_who_cannot_come_are_stood_in_for_by_the_next_of_the_ladder() -> None:
    with opened() as store:
        made = store.write(lambda writer: roll_calls.order(writer, Choice(people=("an",)), ORDER, CHIEF, NOON))
        store.write(lambda writer: roll_calls.limits_due(writer, NOON + LIMIT - timedelta(seconds=1)))
        assert states(store, made.id) == {"an": "called"}
        store.write(lambda writer: roll_calls.limits_due(writer, NOON + LIMIT))
        assert states(store, made.id) == {"an": "missing", "bo": "called"}, "the disabled one is passed over"
        bo, at = Actor("bo", Role.RESPONDER), NOON + timedelta(minutes=4)
        with pytest.raises(InputRejected, match="say why"):
            store.write(lambda w: roll_calls.answer(w, made.id, "bo", RollAnswer.UNABLE, " ", bo, at))
        store.write(lambda w: roll_calls.answer(w, made.id, "bo", RollAnswer.UNABLE, "路断了", bo, at))
        assert states(store, made.id) == {"an": "missing", "bo": "unable", "chi": "called"}
        store.write(lambda writer: roll_calls.limits_due(writer, at + LIMIT))
        store.write(lambda writer: roll_calls.limits_due(writer, at + 2 * LIMIT))
        assert states(store, made.id) == {"an": "missing", "bo": "unable", "chi": "missing", "chief": "missing"}
        late = store.write(lambda w: roll_calls.answer(w, made.id, "an", RollAnswer.PRESENT, "", CHIEF, at + 3 * LIMIT))
        assert (late.state, late.told_by) == (CalledState.PRESENT, "zhao"), "late, and told by telephone, it counts"
        stands = {one.person: one.stands_for for one in store.read(lambda reader: reader.called(made.id))}
        assert stands == {"an": "", "bo": "an", "chi": "bo", "chief": "chi"}


def test_the_summary_has_the_counts_and_the_names_and_nothing_is_taken_after_it() -> None:
    with opened() as store:
        made = store.write(lambda writer: roll_calls.order(writer, Choice(people=CREW), ORDER, CHIEF, NOON))
        an = Actor("an", Role.RESPONDER)
        store.write(lambda w: roll_calls.answer(w, made.id, "an", RollAnswer.PRESENT, "", an, NOON))
        closed = store.write(lambda writer: roll_calls.close(writer, made.id, "雨停", CHIEF, NOON + LIMIT))
        detail = closed.steps[-1].detail
        assert detail["counts"] == {"called": 2, "reached": 0, "present": 1, "unable": 0, "missing": 0, "all": 3}
        assert detail["called"] == ["bo", "chi"]
        bo = Actor("bo", Role.RESPONDER)
        with pytest.raises(IllegalMove) as over:
            store.write(lambda w: roll_calls.answer(w, made.id, "bo", RollAnswer.PRESENT, "", bo, NOON + LIMIT))
        assert over.value.key == "roll_call.closed"
        assert store.read(lambda reader: reader.timers_due(NOON + 9 * LIMIT, kinds=(roll_calls.TIMER,))) == []


def test_only_those_who_lead_a_shift_call_the_roll() -> None:
    may = {role for role in Role if Action.CALL_ROLL in PERMITTED[role]}
    assert may == {Role.DUTY_OFFICER, Role.SECTION_HEAD, Role.COMMANDER}


def take(store: Store, number: int, step: str, who: str, now: datetime) -> None:
    actor = CHIEF if who == "zhao" else Actor(who, Role.RESPONDER)
    match step:
        case "present" | "unable":
            said = RollAnswer(step)
            store.write(lambda w: roll_calls.answer(w, number, who, said, "因为", actor, now))
        case "recall":
            store.write(lambda writer: roll_calls.recall(writer, number, actor, now))
        case "close":
            store.write(lambda writer: roll_calls.close(writer, number, "", actor, now))
        case "shown":
            store.write(lambda writer: roll_calls.mark_shown(writer, who, now))
        case _:
            store.write(lambda writer: roll_calls.limits_due(writer, now))


STEPS = st.tuples(
    st.sampled_from(("present", "unable", "recall", "close", "shown", "limit")),
    st.sampled_from((*CREW, "chief", "zhao")),
    st.integers(min_value=0, max_value=200),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=16))
def test_in_any_order_of_steps_nobody_is_called_twice_and_every_answer_is_the_first_and_stays(
    steps: list[tuple[str, str, int]],
) -> None:
    with opened() as store:
        made = store.write(lambda writer: roll_calls.order(writer, Choice(people=("an", "bo")), ORDER, CHIEF, NOON))
        now, answers = NOON, dict[str, str]()
        for step, who, seconds in steps:
            now += timedelta(seconds=seconds)
            try:
                take(store, made.id, step, who, now)
            except (Forbidden, IllegalMove, NotFound):
                continue
            if step in {"present", "unable"}:
                assert who not in answers
                answers[who] = step
        called = store.read(lambda reader: reader.called(made.id))
        assert len({one.person for one in called}) == len(called)
        assert {one.person: one.answer for one in called if one.answered_at} == answers
        known = {one.person for one in called}
        assert all(one.stands_for in known for one in called if one.stands_for)
        told = [entry for entry in store.read(lambda reader: reader.audit()) if entry.action == "answer"]
        assert [entry.detail["person"] for entry in told] == list(answers)
        if store.read(lambda reader: reader.roll_call(made.id)).is_open:
            store.write(lambda writer: roll_calls.limits_due(writer, now + LIMIT))
            late = store.read(lambda reader: reader.called(made.id))
            assert all(one.answered_at or one.missed_at or one.due > now + LIMIT for one in late)
