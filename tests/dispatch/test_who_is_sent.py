"""Who is asked: filters, costs, two at once for the most urgent, offers that do not arrive, several tasks together."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.config.dispatch import AutomaticSettings, DispatchSettings
from data.config.settings import Settings
from data.errors import IllegalMove
from data.model.alert import Priority
from data.model.task import Candidate, Offer, Task, TaskState
from data.ports.store import Writer
from dispatch.assignment import assign
from dispatch.offers import follow_clock, mark_delivered
from dispatch.responders import sync_responders
from dispatch.tasks import accept, cancel, dispatch_all, en_route, on_scene, report, send_automatically, verify
from tests.dispatch.city import CHEN, FAR, LI, MIDDLE, NEAR, PLAIN, City, settings
from tests.stores import new_store

WAYS = {NEAR.name: NEAR, MIDDLE.name: MIDDLE, FAR.name: FAR}


@pytest.fixture
def urgent(tmp_path: Path) -> Iterator[City]:
    """Like config.yaml's defaults: two at once for P1, 10 s for an offer to arrive, load, rest and own grid count."""
    store = new_store(tmp_path / "urgent.db")
    city = City(store, with_dispatch(DispatchSettings()))
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    yield city
    store.close()


def with_dispatch(dispatch: DispatchSettings, **people: Any) -> Settings:
    return settings(**people).model_copy(update={"dispatch": dispatch})


def offers(city: City, task: Task) -> list[Offer]:
    return list(city.store.read(lambda reader: reader.offers(task.id)))


def arrive(city: City, *names: str) -> None:
    for name in names:
        city.do(lambda writer, name=name: mark_delivered(writer, name, city.now))  # type: ignore[misc]


def test_the_most_urgent_task_is_offered_to_the_two_best_and_the_first_acceptance_wins(urgent: City) -> None:
    task = urgent.dispatch(urgent.alert(Priority.P1))
    assert (task.offered_to, task.also_offered, task.state) == ("near", ("middle",), TaskState.OFFERED)
    taken = urgent.step(accept, task, MIDDLE)
    assert (taken.responder, taken.offered_to, taken.also_offered) == ("middle", "middle", ())
    first, second = offers(urgent, task)
    assert (first.withdrawn_at is not None, first.reason) == (True, "accepted by middle")
    assert second.accepted_at is not None
    with pytest.raises(IllegalMove, match="task 1 is accepted"):
        urgent.step(accept, task, NEAR)
    assert urgent.store.read(lambda reader: reader.busy_responders()) == frozenset({"middle"})


def test_somebody_whose_account_is_disabled_is_not_sent(urgent: City) -> None:
    def disable(writer: Writer) -> None:
        writer.save_user(replace(writer.user("near"), disabled_at=urgent.now, disabled_by="admin"))

    urgent.do(disable)
    task = urgent.dispatch(urgent.alert(Priority.P2))
    assert task.offered_to == "middle"
    assert {one.responder: one.reason for one in task.candidates}["near"] == "account disabled"
    with pytest.raises(IllegalMove, match="account disabled"):
        urgent.dispatch(urgent.alert(Priority.P2), responder="near")


def test_a_less_urgent_task_is_offered_to_one_after_the_other(urgent: City) -> None:
    task = urgent.dispatch(urgent.alert(Priority.P2))
    assert (task.offered_to, task.also_offered) == ("near", ())


def test_when_one_of_two_declines_the_next_takes_the_place(urgent: City) -> None:
    task = urgent.decline(urgent.dispatch(urgent.alert(Priority.P1)), NEAR, "太远")
    assert (task.offered_to, task.also_offered) == ("middle", ("far",))
    task = urgent.decline(task, MIDDLE, "太远")
    assert (task.offered_to, task.also_offered, task.state) == ("far", (), TaskState.OFFERED)
    task = urgent.decline(task, FAR, "太远")
    assert (task.offered_to, task.state) == (None, TaskState.DRAFT)


def test_an_offer_that_does_not_arrive_goes_to_the_next_after_ten_seconds_and_says_so(urgent: City) -> None:
    task = urgent.dispatch(urgent.alert(Priority.P2))
    urgent.pass_time(9.9)
    assert urgent.expire() == 0
    urgent.pass_time(0.1)
    assert urgent.expire() == 1
    assert urgent.task(task).offered_to == "middle"
    assert (offers(urgent, task)[0].reason, offers(urgent, task)[0].expired_at) == (
        "not delivered to the phone",
        urgent.now,
    )
    arrive(urgent, "middle")
    urgent.pass_time(60)
    assert urgent.expire() == 0
    assert urgent.task(task).offered_to == "middle"
    by_name = {candidate.responder: candidate for candidate in urgent.task(task).candidates}
    assert by_name["near"].reason == "not delivered to the phone"


def test_all_open_offers_of_a_cancelled_task_are_withdrawn(urgent: City) -> None:
    task = urgent.dispatch(urgent.alert(Priority.P1))
    urgent.step(cancel, task, CHEN)
    assert [offer.withdrawn_at is not None for offer in offers(urgent, task)] == [True, True]
    assert urgent.store.read(lambda reader: reader.busy_responders()) == frozenset()
    urgent.pass_time(3600)
    assert urgent.expire() == 0


def test_load_and_rest_count_beside_the_way_and_are_stored_with_their_parts(urgent: City) -> None:
    for _ in range(4):  # near is sent again and again, 100 m away: 77 s on foot; middle has 308 s
        task = urgent.dispatch(urgent.alert(Priority.P2))
        if task.offered_to != "near":
            break
        for step in (accept, en_route, on_scene):
            urgent.step(step, task, NEAR)
        urgent.step(report, task, NEAR, "好了", None)
        urgent.step(verify, task, LI)
        urgent.pass_time(60)
    assert task.offered_to == "middle"
    by_name = {candidate.responder: candidate for candidate in task.candidates}
    near = by_name["near"]
    assert near.cost_s > by_name["middle"].cost_s
    parts = [part.rsplit(" ", 2) for part in near.why.split(", ")]
    assert [name for name, _, _ in parts] == ["travel", "load", "rest"]
    assert sum(float(seconds) for _, seconds, _ in parts) == pytest.approx(near.cost_s, abs=2)


def test_the_zone_s_owner_has_a_bonus(tmp_path: Path) -> None:
    dispatch = PLAIN.model_copy(update={"cost": PLAIN.cost.model_copy(update={"own_grid": timedelta(seconds=900)})})
    city = City(new_store(tmp_path / "a.db"), with_dispatch(dispatch, far={"grid": "500105007003012"}))
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    task = city.dispatch(city.alert())
    assert task.offered_to == "far"
    assert task.candidates[0].why.endswith("own grid -900 s")
    city.store.close()


def test_who_lacks_the_skill_is_not_sent_and_a_shortfall_names_it(tmp_path: Path) -> None:
    dispatch = PLAIN.model_copy(update={"skills": {"parking": ("tow",)}})
    city = City(new_store(tmp_path / "a.db"), with_dispatch(dispatch, far={"skills": ("tow", "water")}))
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    task = city.dispatch(city.alert())
    assert task.offered_to == "far"
    assert {c.responder: c.reason for c in task.candidates}["near"] == "lacks tow"
    second = city.dispatch(city.alert())
    assert second.state is TaskState.DRAFT
    last = [change for change in city.changes("task") if "shortfall" in change.payload][-1]
    assert "near: lacks tow" in last.payload["shortfall"]
    city.store.close()


def test_sending_the_last_free_unit_of_a_grid_away_is_warned_of(tmp_path: Path) -> None:
    grids = {"near": {"grid": "g1"}, "middle": {"grid": "g2"}, "far": {"grid": "g2"}}
    city = City(new_store(tmp_path / "a.db"), with_dispatch(PLAIN, **grids))
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    task = city.dispatch(city.alert())
    by_name = {candidate.responder: candidate.warning for candidate in task.candidates}
    assert (by_name["near"], by_name["middle"]) == ("last free unit of grid g1", "")
    entry = city.store.read(lambda reader: reader.audit(subject=f"task:{task.id}"))[-1]
    assert entry.detail["warning"] == "last free unit of grid g1"
    city.store.close()


def test_several_tasks_at_once_cost_least_in_all_and_the_most_urgent_first(city: City) -> None:
    alerts = [city.alert(Priority.P3), city.alert(Priority.P3), city.alert(Priority.P3), city.alert(Priority.P1)]
    ids = [alert.id for alert in alerts]
    made = city.do(lambda writer: dispatch_all(writer, ids, LI, city.now, roads=city.roads, settings=city.settings))
    assert made[3].offered_to == "near", "the most urgent gets the nearest"
    assert {task.offered_to for task in made[:3]} == {"middle", "far", None}
    assert [task.state for task in made].count(TaskState.DRAFT) == 1


def candidate(name: str, cost_s: float) -> Candidate:
    return Candidate(name, cost_s, cost_s, "road", cost_s=cost_s)


def test_the_assignment_is_the_cheapest_there_is() -> None:
    chance = random.Random(3)
    for _ in range(50):
        tasks = {
            task: [candidate(name, chance.randint(1, 1000)) for name in "abcd" if chance.random() < 0.8]
            for task in range(3)
        }
        found = assign(tasks)
        assert len({one.responder for one in found.values()}) == len(found)
        most, best = cheapest(tasks)
        assert (len(found), sum(one.cost_s for one in found.values())) == (most, best)


def cheapest(tasks: dict[int, list[Candidate]], taken: frozenset[str] = frozenset()) -> tuple[int, float]:
    """Most tasks served, then least cost, by trying everything."""
    if not tasks:
        return 0, 0.0
    (first, *_), rest = tasks.keys(), dict(list(tasks.items())[1:])
    options = [cheapest(rest, taken)]
    for one in tasks[first]:
        if one.responder not in taken:
            served, cost = cheapest(rest, taken | {one.responder})
            options.append((served + 1, cost + one.cost_s))
    return min(options, key=lambda option: (-option[0], option[1]))


def test_what_is_sent_automatically_is_not_acknowledged_and_a_shortfall_waits_for_a_human(urgent: City) -> None:
    def send() -> Task:
        alert = urgent.alert(Priority.P1)
        return urgent.do(
            lambda writer: send_automatically(writer, alert, urgent.now, roads=urgent.roads, settings=urgent.settings)
        )

    task = send()
    assert (task.offered_to, task.also_offered, task.created_by) == ("near", ("middle",), "system")
    assert urgent.store.read(lambda reader: reader.alert(task.alert_id or 0)).acknowledged_at is None
    assert send().offered_to == "far"
    third = send()
    assert third.state is TaskState.DRAFT
    change = [c for c in urgent.store.read(lambda reader: reader.changes(0)) if "shortfall" in c.payload][-1]
    assert change.subject == f"task:{third.id}"
    assert "near: busy with another task" in change.payload["shortfall"]


def test_only_the_named_rules_of_the_named_priorities_are_sent_automatically(city: City) -> None:
    urgent, other = city.alert(Priority.P1), city.alert(Priority.P3)
    named = AutomaticSettings(rules=("parking",), priorities=(Priority.P1,))
    assert [named.fits(urgent), named.fits(other)] == [True, False]
    assert [AutomaticSettings(rules=("parking",)).fits(one) for one in (urgent, other)] == [True, True]
    assert not AutomaticSettings().fits(urgent)


RACES = int(os.environ.get("YIPING_RACES", "300"))  # `make races`: 10,000
AT_ONCE = 16


@pytest.mark.slow
def test_in_thousands_of_races_of_two_who_accept_never_two_have_it(urgent: City) -> None:
    """Both hold an offer of the same task; whoever is first in the store has it, the other is told so."""
    people = [replace(NEAR, name="near"), replace(MIDDLE, name="middle")]
    won = {"near": 0, "middle": 0}
    chance = random.Random(5)

    def answer(job: tuple[Task, Any]) -> str | None:
        task, who = job
        try:
            return urgent.step(accept, task, who).responder
        except IllegalMove:
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        left = RACES
        while left:
            tasks = make_races(urgent, min(left, 100))
            left -= len(tasks)
            jobs = [(task, who) for task in tasks for who in chance.sample(people, 2)]
            answers = list(pool.map(answer, jobs))
            for number, task in enumerate(tasks):
                winners = [one for one in answers[2 * number : 2 * number + 2] if one is not None]
                assert len(winners) == 1
                assert urgent.task(task).responder == winners[0]
                accepted = [o.responder for o in offers(urgent, task) if o.accepted_at is not None]
                assert accepted == winners
                won[winners[0]] += 1
            urgent.do(lambda writer, made=tasks: call_off(writer, made, urgent.now))  # type: ignore[misc]
    assert min(won.values()) > RACES / 100, won


def call_off(writer: Writer, tasks: list[Task], now: datetime) -> None:
    """So that the next ones find nobody busy."""
    for task in tasks:
        writer.save_task(replace(writer.task(task.id), cancelled_at=now))


def make_races(city: City, number: int) -> list[Task]:
    """Drafts, each with an open offer to both; made in one unit of work."""
    first = city.dispatch(city.alert(Priority.P1))
    template = city.task(first)
    expires = city.now + timedelta(hours=1)

    def work(writer: Writer) -> list[Task]:
        made = []
        for _ in range(number):
            fresh = replace(template, id=0, version=0, also_offered=("middle",), offered_to="near")
            task = writer.add_task(fresh)
            for name in ("near", "middle"):
                writer.add_offer(Offer(task.id, name, city.now, expires, 1.0, 1.0, "road"))
            made.append(task)
        return made

    tasks = city.do(work)
    city.step(cancel, first, CHEN)
    return tasks


def test_an_offer_ends_after_the_seconds_it_was_promised_when_the_clock_is_put_back_an_hour(urgent: City) -> None:
    task = urgent.dispatch(urgent.alert(Priority.P1))
    arrive(urgent, "near", "middle")
    lasts_s = (offers(urgent, task)[0].expires_at - urgent.now).total_seconds()
    urgent.pass_time(20 - 3600)
    assert urgent.do(lambda w: follow_clock(w, timedelta(hours=-1), urgent.now, urgent.settings)) == 2
    urgent.pass_time(lasts_s - 21)
    assert urgent.expire() == 0
    assert urgent.task(task).offered_to == "near"
    urgent.pass_time(2)
    assert urgent.expire() == 2
    assert [offer.is_open for offer in offers(urgent, task)] == [False, False, True]


def test_an_offer_that_was_made_by_the_new_clock_stays_as_it_is(urgent: City) -> None:
    urgent.pass_time(-3600)
    task = urgent.dispatch(urgent.alert(Priority.P2))
    urgent.pass_time(1)
    before = offers(urgent, task)
    assert urgent.do(lambda w: follow_clock(w, timedelta(hours=-1), urgent.now, urgent.settings)) == 0
    assert offers(urgent, task) == before
