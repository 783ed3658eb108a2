"""A chain of offers that nobody answers goes on though its process is killed in the middle, again and again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from alerts.lifecycle import raise_alert
from data.config.dispatch import DispatchSettings
from data.config.settings import ResponderSettings, SiteSettings
from data.model.alert import AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.people import Actor, Role
from data.model.task import Offer, Task, TaskState
from data.ports.store import Writer
from dispatch.routing import load_roads
from dispatch.tasks import dispatch
from tests.engine.city import CHONGQING, Cities, City

OFFICER = Actor("li", Role.DUTY_OFFICER)
WITHIN = timedelta(seconds=1.5)
TASKS, PEOPLE, KILLS = 2, 6, 3
RESUME_WITHIN_S = 5.0


def chains(city: Cities) -> City:
    """Six people at rising distances; nobody ever answers."""
    people = tuple(
        ResponderSettings(id=f"p{n:02}", name=f"p{n:02}", location=Location(lon=106.5 + 0.001 * (n + 1), lat=29.6))
        for n in range(PEOPLE)
    )
    plain = DispatchSettings(accept_within=dict.fromkeys(Priority, WITHIN), deliver_within=None, offers_at_once={})
    site = SiteSettings(id="gate-3", location=CHONGQING)
    return city(sites=(site,), responders=people, dispatch=plain)


def sent(one: City, number: int) -> int:
    now, settings = datetime.now(UTC), one.options.settings

    def work(writer: Writer) -> Task:
        raised = Raised(AlertKey("gate-3", "dwell", "", str(number)), "dwell", Priority.P2, now, now)
        alert = raise_alert(writer, raised, None, now)
        assert alert is not None
        return dispatch(writer, alert.id, OFFICER, now, roads=load_roads(None), settings=settings)

    return one.store.write(work).id


def offers(one: City, task: int) -> list[Offer]:
    return list(one.store.read(lambda reader: reader.offers(task)))


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_after_each_kill_the_chain_goes_on_within_5_s_and_nobody_is_asked_twice_or_forgotten(city: Cities) -> None:
    one = chains(city)
    running = one.start()
    one.wait_for((one.options.run_dir / "clock.lock").exists)
    tasks = [sent(one, number) for number in range(TASKS)]
    waited, lock = [], one.options.run_dir / "clock.lock"
    for _ in range(KILLS):
        before = {task: len(offers(one, task)) for task in tasks}
        one.wait_for(lambda before=before: any(len(offers(one, task)) > before[task] for task in tasks))  # type: ignore[misc]
        killed = str(running.signal("clock"))
        time.sleep(WITHIN.total_seconds())  # what was offered last is over while nobody is there to see it
        one.wait_for(lambda killed=killed: lock.read_text().strip() not in ("", killed), 60)  # type: ignore[misc]
        late = [offer.id for task in tasks for offer in open_offers(one, task) if offer.expires_at <= datetime.now(UTC)]
        waited.append(one.wait_for(lambda late=late: all(ended(one, number) for number in late)))  # type: ignore[misc]
    print(f"\nchains go on {', '.join(f'{s:.2f}' for s in waited)} s after the clock is back")
    one.wait_for(lambda: all(state(one, task) is TaskState.DRAFT for task in tasks), 120)
    for task in tasks:
        chain = offers(one, task)
        people = [offer.responder for offer in chain]
        assert len(set(people)) == len(people), "nobody is asked twice"
        assert all(offer.expired_at is not None for offer in chain), "no offer is forgotten"
        for earlier, later in pairwise(chain):
            assert earlier.expired_at is not None
            assert later.offered_at >= earlier.expired_at, "one after the other"
    gaps = sorted(
        (later.offered_at - earlier.expires_at).total_seconds()
        for task in tasks
        for earlier, later in pairwise(offers(one, task))
    )
    soon_s, median_s = gaps[len(gaps) // 4], gaps[len(gaps) // 2]
    print(f"from an expiry to the next offer: a quarter within {soon_s:.2f} s, half within {median_s:.2f} s")
    assert soon_s <= 2.0  # while nobody kills it; how long the others waited is the killing's doing
    asked = {offer.responder for task in tasks for offer in offers(one, task)}
    assert asked == {f"p{n:02}" for n in range(PEOPLE)}
    assert max(waited) <= RESUME_WITHIN_S


def state(one: City, task: int) -> TaskState:
    return one.store.read(lambda reader: reader.task(task)).state


def ended(one: City, offer: int) -> bool:
    return not one.store.read(lambda reader: reader.offer(offer)).is_open


def open_offers(one: City, task: int) -> list[Offer]:
    return [offer for offer in offers(one, task) if offer.is_open]
