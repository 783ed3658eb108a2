"""Many at once: of several who answer one offer, one wins; the others are told why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from alerts.lifecycle import acknowledge
from data.errors import Forbidden, IllegalMove
from data.model.people import Actor, Role
from data.model.task import Task
from dispatch.tasks import accept, cancel, verify
from tests.dispatch.city import CHEN, LI, MIDDLE, NEAR, City


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each gave, or the refusal it got; all begun together."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait(10)
        try:
            return work()
        except (IllegalMove, Forbidden) as refusal:
            return refusal

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_of_two_responders_who_answer_one_task_at_once_one_accepts(city: City) -> None:
    for _ in range(40):
        task = city.dispatch(city.alert())
        city.decline(task, NEAR)  # both have had an offer; the second is the open one
        results = at_once(*(partial(city.step, accept, task, who) for who in (NEAR, MIDDLE, NEAR, MIDDLE)))
        won = [result for result in results if isinstance(result, Task)]
        assert [task.responder for task in won] == ["middle"]
        assert sum(isinstance(result, IllegalMove) for result in results) == 3
        city.step(cancel, task, CHEN)


def test_an_offer_is_accepted_or_declined_or_expired_but_never_two_of_them(city: City) -> None:
    outcomes = set()
    for _ in range(40):
        task = city.dispatch(city.alert())
        city.pass_time(15 * 60)  # the very last moment: the answer is still in time, and the offer is due
        at_once(partial(city.step, accept, task, NEAR), city.expire, partial(city.decline, task, NEAR))
        first, *_ = city.store.read(lambda reader, task=task: reader.offers(task.id))  # type: ignore[misc]
        ends = {
            name
            for name in ("accepted", "declined", "expired", "withdrawn")
            if getattr(first, f"{name}_at") is not None
        }
        assert len(ends) == 1
        assert (city.task(task).responder == "near") == (ends == {"accepted"})
        outcomes |= ends
        city.step(cancel, task, CHEN)
    assert outcomes <= {"accepted", "declined", "expired"}


def test_of_several_who_dispatch_one_alert_one_makes_the_task(city: City) -> None:
    for _ in range(20):
        alert = city.alert()
        results = at_once(*(partial(city.dispatch, alert, actor) for actor in (LI, CHEN, LI, CHEN)))
        (task,) = (result for result in results if isinstance(result, Task))
        refusals = [str(result) for result in results if isinstance(result, IllegalMove)]
        assert len(refusals) == 3
        assert all(f"being worked on: task {task.id}" in refusal for refusal in refusals)
        city.step(cancel, task, CHEN)


def test_of_several_who_acknowledge_or_verify_one_is_written_down(city: City) -> None:
    officers = [Actor(f"officer-{i}", Role.DUTY_OFFICER) for i in range(4)]
    alert = city.alert()
    results = at_once(
        *(
            partial(city.do, lambda writer, who=who: acknowledge(writer, alert.id, who, city.now))  # type: ignore[misc]
            for who in officers
        )
    )
    assert sum(not isinstance(result, IllegalMove) for result in results) == 1
    task = city.reported(alert)
    results = at_once(*(partial(city.step, verify, task, who) for who in officers))
    assert sum(isinstance(result, Task) for result in results) == 1
    assert [action for action, _ in city.trail(f"task:{task.id}")].count("verify") == 1
