"""Taking back a dispatch within ten seconds: as if nobody had been sent."""

from __future__ import annotations

import pytest

from alerts.lifecycle import acknowledge
from data.errors import Forbidden, IllegalMove
from data.model.alert import AlertState, Priority
from data.model.people import Actor, Role
from data.model.task import EventState, Task, TaskState
from dispatch.tasks import accept, take_back
from tests.dispatch.city import CHEN, LI, NEAR, City


def taken_back(city: City, task: Task, actor: Actor = LI) -> Task:
    return city.do(lambda writer: take_back(writer, task.id, actor, city.now, settings=city.settings))


def test_it_frees_everybody_and_the_alert_calls_again_as_if_nothing_had_been_done(city: City) -> None:
    alert = city.alert(Priority.P1)
    task = city.dispatch(alert)
    city.pass_time(10)
    assert taken_back(city, task).state is TaskState.CANCELLED
    assert city.store.read(lambda reader: reader.busy_responders()) == frozenset()
    now = city.store.read(lambda reader: reader.alert(alert.id))
    assert (now.state, now.acknowledged_by, now.event_id, now.calls) == (AlertState.FIRING, None, None, 2)
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.VOIDED
    (entry,) = [e for e in city.store.read(lambda r: r.audit(subject=f"task:{task.id}")) if e.action == "take_back"]
    assert (entry.actor, entry.detail) == ("li", {"reason": "taken back by li"})
    assert city.trail(f"alert:{alert.id}") == [("raise", "system"), ("acknowledge", "li"), ("unacknowledge", "li")]
    (offer,) = city.store.read(lambda reader: reader.offers(task.id))
    assert (offer.withdrawn_at, offer.reason) == (city.now, "taken back by li")
    again = city.dispatch(alert, CHEN)
    assert (again.offered_to, again.event_id != task.event_id) == ("near", True)


def test_an_acknowledgement_of_before_stays_and_its_event_is_to_be_judged(city: City) -> None:
    alert = city.alert()
    city.do(lambda writer: acknowledge(writer, alert.id, CHEN, city.now))
    task = city.dispatch(alert)
    taken_back(city, task)
    now = city.store.read(lambda reader: reader.alert(alert.id))
    assert (now.acknowledged_by, now.event_id) == ("chen", task.event_id)
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.JUDGING
    assert city.dispatch(alert).offered_to == "near"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("late", "for 10 s"),
        ("accepted", "was accepted by near meanwhile"),
        ("somebody else", "was dispatched by li"),
        ("twice", "is cancelled"),
    ],
)
def test_it_is_refused_when(city: City, how: str, why: str) -> None:
    task = city.dispatch(city.alert())
    actor = CHEN if how == "somebody else" else LI
    if how == "late":
        city.pass_time(10.01)
    if how == "accepted":
        city.step(accept, task, NEAR)
    if how == "twice":
        taken_back(city, task)
    before = city.store.read(lambda reader: reader.last_change())
    with pytest.raises(IllegalMove, match=why):
        taken_back(city, task, actor)
    assert city.store.read(lambda reader: reader.last_change()) == before


def test_an_unaccepted_dispatch_is_taken_back_like_any_other(city: City) -> None:
    for _ in range(3):
        city.dispatch(city.alert())
    task = city.dispatch(city.alert())
    assert task.unaccepted_since is not None
    assert taken_back(city, task).unaccepted_since is None
    with pytest.raises(Forbidden):
        taken_back(city, city.dispatch(city.alert()), Actor("li", Role.ANALYST))
