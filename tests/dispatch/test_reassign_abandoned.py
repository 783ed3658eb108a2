"""Whoever is disabled holds up no task: it is offered to another at once, with its history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.model.people import Role
from data.model.task import EventState, OfferState, Task, TaskState
from dispatch.reassign_abandoned import Abandoned, abandoned_by, reassign_abandoned
from dispatch.tasks import accept, en_route, on_scene, report
from tests.dispatch.city import MIDDLE, NEAR, City


def disable(city: City, name: str = "near", **changes: object) -> int:
    """Disable the account as the screen does, and reassign what it leaves behind; how many."""
    changes = changes or {"disabled_at": city.now, "disabled_by": "admin"}
    city.do(lambda writer: writer.save_user(replace(writer.user(name), **changes)))  # type: ignore[arg-type]
    return reassign_all(city, name)


def reassign_all(city: City, name: str) -> int:
    found = city.store.read(lambda reader: abandoned_by(reader, name))
    return sum(reassign_one(city, one) for one in found)


def reassign_one(city: City, one: Abandoned) -> bool:
    return city.do(lambda writer: reassign_abandoned(writer, one, city.now, roads=city.roads, settings=city.settings))


def accepted(city: City) -> Task:
    task = city.dispatch(city.alert())
    return city.step(accept, task, NEAR)


@pytest.mark.parametrize("steps", [(), (en_route,), (en_route, on_scene)])
def test_an_accepted_task_of_somebody_disabled_is_offered_to_the_next_with_its_history(
    city: City, steps: tuple[object, ...]
) -> None:
    task = accepted(city)
    for step in steps:
        city.pass_time(30)
        city.step(step, task, NEAR)  # type: ignore[arg-type]
    assert disable(city) == 1
    after = city.task(task)
    assert (after.state, after.offered_to, after.responder) == (TaskState.OFFERED, "middle", None)
    assert after.steps[-1].reason == "near: account disabled"
    assert after.steps[-1].detail["responder"] == "near"
    assert after.steps[-1].detail["accepted_at"]
    assert ("reassign", "system") in city.trail(f"task:{task.id}")
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.DISPATCHED
    city.step(accept, task, MIDDLE)
    assert city.task(task).responder == "middle"


def test_an_open_offer_of_somebody_disabled_goes_on_without_waiting_for_its_end(city: City) -> None:
    task = city.dispatch(city.alert())
    assert disable(city) == 1
    first, second = city.store.read(lambda reader: reader.offers(task.id))
    assert (first.responder, first.state, first.reason) == ("near", OfferState.EXPIRED, "account disabled")
    assert (second.responder, second.state) == ("middle", OfferState.OPEN)


def test_a_role_that_does_no_tasks_hands_them_on_too_and_says_so(city: City) -> None:
    task = accepted(city)
    assert disable(city, role=Role.ANALYST) == 1
    assert city.task(task).offered_to == "middle"
    assert city.task(task).steps[-1].reason == "near: works as analyst now"


def test_with_nobody_left_the_dispatcher_is_told_why(city: City) -> None:
    task = accepted(city)
    for name in ("middle", "far"):
        assert disable(city, name) == 0
    assert disable(city) == 1
    after = city.task(task)
    assert (after.state, after.offered_to) == (TaskState.DRAFT, None)
    told = [change.payload for change in city.changes("task") if "shortfall" in change.payload][-1]
    assert "near: account disabled" in told["shortfall"]
    assert "far: account disabled" in told["shortfall"]


def test_reported_work_stays_to_be_verified_and_nothing_happens_twice(city: City) -> None:
    task = accepted(city)
    for step in (en_route, on_scene):
        city.step(step, task, NEAR)
    city.step(report, task, NEAR, "车已开走", None)
    assert disable(city) == 0
    assert city.task(task).state is TaskState.REPORTED
    assert city.task(task).responder == "near"


def test_tasks_of_who_can_work_are_left_alone(city: City) -> None:
    task = accepted(city)
    assert [reassign_all(city, name) for name in ("near", "middle", "nobody")] == [0, 0, 0]
    assert city.task(task).responder == "near"
    disable(city)
    assert reassign_all(city, "near") == 0


def test_what_was_settled_meanwhile_is_left_alone(city: City) -> None:
    task = accepted(city)
    city.do(lambda writer: writer.save_user(replace(writer.user("near"), disabled_at=city.now, disabled_by="admin")))
    (found,) = city.store.read(lambda reader: abandoned_by(reader, "near"))
    assert [reassign_one(city, found), reassign_one(city, found)] == [True, False]
    assert [action for action, _ in city.trail(f"task:{task.id}")].count("reassign") == 1
