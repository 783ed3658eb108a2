"""Roll-calls in every store: a person is called once in each, the first answer stays, only open ones are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.case import Recorded
from data.model.roll_call import Called, CalledState, RollCall
from data.ports.store import Store
from tests.contracts.samples import NOON, after


def add(store: Store, title: str = "查岗") -> RollCall:
    ordered = Recorded("order", "open", NOON, "zhao", "duty_officer", detail={"n": 2})
    made = RollCall(title, "请回复", 180.0, NOON, (ordered,), "night-check", ("sms",))
    return store.write(lambda writer: writer.add_roll_call(made))


def call(store: Store, roll_call: RollCall, person: str) -> Called | None:
    called = Called(roll_call.id, person, "street", NOON, after(180))
    return store.write(lambda writer: writer.add_called(called))


def test_a_person_is_called_once_and_their_first_answer_stays(store: Store) -> None:
    made = add(store)
    assert store.read(lambda reader: reader.roll_call(made.id)) == made
    li = call(store, made, "li")
    assert li is not None
    assert call(store, made, "li") is None
    assert store.read(lambda reader: reader.called(made.id)) == [li]
    here = replace(li, answered_at=after(5), answer="present", reason="在\0岗")
    store.write(lambda writer: writer.save_called(here))
    (kept,) = store.read(lambda reader: reader.called(made.id, "li"))
    assert (kept.state, kept.reason) == (CalledState.PRESENT, "在\ufffd岗")
    with pytest.raises(IllegalMove, match="answered_at is set already"):
        store.write(lambda writer: writer.save_called(replace(kept, answered_at=after(9))))
    with pytest.raises(NotFound, match="no roll-call 99"):
        store.read(lambda reader: reader.roll_call(99))
    with pytest.raises(IllegalMove):
        store.write(lambda writer: writer.add_called(replace(li, roll_call_id=99)))


def test_only_open_roll_calls_are_told_to_a_person_and_steps_only_grow(store: Store) -> None:
    first, second = add(store), add(store, "洪峰")
    for one in (first, second):
        call(store, one, "li")
    assert [one.roll_call_id for one in store.read(lambda r: r.roll_calls_to("li"))] == [second.id, first.id]
    assert store.read(lambda reader: reader.roll_calls_to("zhao")) == []
    over = replace(
        second, closed_at=after(60), steps=(*second.steps, Recorded("close", "closed", after(60), "zhao"))
    )  # fmt: skip
    store.write(lambda writer: writer.save_roll_call(over))
    assert [one.roll_call_id for one in store.read(lambda r: r.roll_calls_to("li"))] == [first.id]
    assert [one.id for one in store.read(lambda r: r.roll_calls(open_only=True))] == [first.id]
    assert [one.id for one in store.read(lambda r: r.roll_calls(before_id=second.id))] == [first.id]
    with pytest.raises(StaleVersion):
        store.write(lambda writer: writer.save_roll_call(over))
    with pytest.raises(IllegalMove, match="recorded steps stay"):
        store.write(lambda writer: writer.save_roll_call(replace(first, steps=())))
