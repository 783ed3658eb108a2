"""Nobody accepts a task: from when on, whom a human may ask after all, and who above is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import Forbidden, IllegalMove, NobodyAvailable, NotFound
from data.model.alert import Priority
from data.model.people import Actor, Role, User
from data.model.task import Offer, Ring, Task, TaskState
from data.ports.store import TaskQuery
from dispatch.case_work import Work, add_task, reassign
from dispatch.offers import UNACCEPTED, ask_again
from dispatch.responders import sync_responders
from dispatch.tasks import accept, cancel, dispatch_all, send_automatically
from dispatch.unaccepted import Person, escalate_due, note_call, people_for, send_anyone
from tests.dispatch.city import CHEN, FAR, LI, MIDDLE, NEAR, NOON, OFF, PLAIN, City, opened_city
from tests.dispatch.city import settings as configured
from tests.stores import new_store

ACTORS = {actor.name: actor for actor in (NEAR, MIDDLE, FAR, OFF)}


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[City]:
    """A city in which nobody is on shift."""
    with opened_city(tmp_path) as city:
        city.settings = configured(**{name: {"on_shift": False} for name in ("near", "middle", "far")})
        city.do(lambda writer: sync_responders(writer, city.settings, city.now))
        yield city


def with_dispatch(city: City, **changes: Any) -> None:
    city.settings = city.settings.model_copy(update={"dispatch": PLAIN.model_copy(update=changes)})


def exhausted(city: City, priority: Priority = Priority.P1) -> Task:
    """Near declined, middle and far did not answer."""
    task = city.dispatch(city.alert(priority))
    city.decline(task, NEAR, "车坏了")
    for _ in range(2):
        city.pass_time(7200)
        assert city.expire() == 1
    return city.task(task)


def ask(city: City, task: Task, ring: Ring, actor: Actor = LI) -> Task:
    return city.do(
        lambda writer: ask_again(writer, task.id, actor, city.now, ring, roads=city.roads, settings=city.settings)
    )


def send(city: City, task: Task, who: str, actor: Actor = LI, *, anyway: bool = False) -> Task:
    return city.do(
        lambda writer: send_anyone(
            writer, task.id, who, actor, city.now, anyway=anyway, roads=city.roads, settings=city.settings
        )
    )


def people(city: City, task: Task) -> dict[str, Person]:
    now = city.now
    found = city.store.read(
        lambda reader: people_for(reader, reader.task(task.id), now, roads=city.roads, settings=city.settings)
    )
    return {one.responder.id: one for one in found}


def asked(city: City, task: Task) -> list[Offer]:
    return [offer for offer in city.store.read(lambda reader: reader.offers(task.id)) if offer.is_open]


def escalate(city: City) -> int:
    return city.do(lambda writer: escalate_due(writer, city.now, settings=city.settings))


def timers(city: City) -> int:
    later = city.now + timedelta(days=1)
    return len(city.store.read(lambda reader: reader.timers_due(later, 100, kinds=(UNACCEPTED,))))


def test_it_is_unaccepted_from_the_moment_nobody_is_left_until_somebody_accepts(city: City) -> None:
    task = exhausted(city)
    since = city.now
    assert (task.state, task.unaccepted_since) == (TaskState.DRAFT, since)
    city.pass_time(240)
    task = ask(city, task, Ring.AGAIN)
    assert (task.state, task.offered_to, task.unaccepted_since) == (TaskState.OFFERED, "middle", since), (
        "being asked is not accepting"
    )
    city.pass_time(60)
    for _ in range(2):
        city.expire()
        city.pass_time(60)
    assert (city.task(task).state, city.task(task).unaccepted_since) == (TaskState.DRAFT, since)
    ask(city, task, Ring.AGAIN)
    taken = city.step(accept, task, MIDDLE)
    assert taken.unaccepted_since is None
    view = [change.payload["task"]["unaccepted_since"] for change in city.changes("task")]
    assert view[-1] is None
    assert since.isoformat(timespec="milliseconds") in view


def test_with_nobody_available_a_dispatch_makes_a_task_that_says_so(lonely: City) -> None:
    task = lonely.dispatch(lonely.alert(Priority.P1))
    assert (task.state, task.unaccepted_since, task.created_by) == (TaskState.DRAFT, NOON, "li")
    with pytest.raises(NobodyAvailable, match="near: off shift"):
        ask(lonely, task, Ring.AGAIN)
    assert lonely.trail(f"task:{task.id}") == [("dispatch", "li"), ("shortfall", "system")], "a refusal leaves nothing"
    alert = lonely.alert(Priority.P1)
    by_rule = lonely.do(
        lambda writer: send_automatically(writer, alert, lonely.now, roads=lonely.roads, settings=lonely.settings)
    )
    assert (by_rule.unaccepted_since, by_rule.created_by) == (NOON, "system")


def test_each_ring_reaches_more_people_and_a_round_asks_nobody_twice(city: City) -> None:
    with_dispatch(city, reach={Priority.P1: timedelta(minutes=8)})  # far has 15 min on foot
    task = city.dispatch(city.alert(Priority.P1))
    city.decline(task, NEAR, "车坏了")
    city.pass_time(60)
    city.expire()
    assert city.task(task).unaccepted_since == city.now, "far is beyond the reach"
    reach = {name: one.ring for name, one in people(city, task).items()}
    assert reach == {"near": Ring.EVERYBODY, "middle": Ring.AGAIN, "far": Ring.WIDER, "off": Ring.EVERYBODY}
    order = []
    for ring in (Ring.AGAIN, Ring.WIDER, Ring.EVERYBODY):
        task = ask(city, task, ring)
        while task.state is TaskState.OFFERED:
            order.append((ring.value, task.offered_to))
            city.pass_time(60)
            city.expire()
            task = city.task(task)
    assert order == [
        ("again", "middle"),
        ("wider", "middle"),
        ("wider", "far"),
        ("everybody", "off"),
        ("everybody", "near"),
        ("everybody", "middle"),
        ("everybody", "far"),
    ]


def test_a_wider_ring_is_asked_beside_those_who_are_being_asked(city: City) -> None:
    task = ask(city, exhausted(city), Ring.AGAIN)
    assert [offer.responder for offer in asked(city, task)] == ["middle"]
    ask(city, task, Ring.EVERYBODY)
    assert {offer.responder for offer in asked(city, task)} == {"middle", "off"}


def test_the_list_tells_every_reason_against_everybody(city: City) -> None:
    with_dispatch(city, reach={Priority.P1: timedelta(minutes=8)}, skills={"parking": ("boat",)})
    task = city.dispatch(city.alert(Priority.P1))
    assert task.unaccepted_since == NOON
    told = {name: list(one.reasons) for name, one in people(city, task).items()}
    assert told == {
        "near": ["lacks boat"],
        "middle": ["lacks boat"],
        "far": ["lacks boat", "too far: 15 min, limit 8 min"],
        "off": ["off shift", "lacks boat"],
    }


def test_a_human_may_send_anybody_against_every_reason_and_the_trail_says_so(city: City) -> None:
    task = exhausted(city)
    with pytest.raises(NobodyAvailable, match="off cannot be sent: off shift"):
        send(city, task, "off")
    sent = send(city, task, "off", anyway=True)
    assert (sent.state, sent.offered_to) == (TaskState.OFFERED, "off")
    entry = [e for e in city.store.read(lambda r: r.audit(subject=f"task:{task.id}")) if e.action == "send"][-1]
    assert (entry.actor, entry.detail["to"], entry.detail["despite"]) == ("li", "off", ["off shift"])
    with pytest.raises(IllegalMove, match="is offered to off already"):
        send(city, task, "off", anyway=True)
    also = send(city, task, "near", anyway=True)
    assert (also.offered_to, also.also_offered) == ("off", ("near",))
    with pytest.raises(NotFound):
        send(city, task, "nobody", anyway=True)
    assert city.step(accept, task, OFF).responder == "off"


def test_who_does_less_urgent_work_is_taken_away_from_it_and_it_goes_on_to_others(city: City) -> None:
    parking = city.dispatch(city.alert(Priority.P3))
    city.step(accept, parking, NEAR)
    task = city.dispatch(city.alert(Priority.P1))
    for who in (MIDDLE, FAR):
        task = city.decline(task, who)
    assert task.unaccepted_since is not None
    near = people(city, task)["near"]
    assert near.busy_with is not None
    assert (near.busy_with.id, near.reasons, near.ring) == (parking.id, ("busy with another task",), None)
    with pytest.raises(NobodyAvailable, match="busy with another task"):
        send(city, task, "near")
    task = send(city, task, "near", anyway=True)
    assert task.offered_to == "near"
    rest = city.task(parking)
    assert (rest.offered_to, rest.responder) == ("middle", None)
    assert ("reassign", "li") in city.trail(f"task:{parking.id}")
    assert rest.steps[-1].reason == f"needed for task {task.id}"
    assert city.step(accept, task, NEAR).responder == "near"


def test_nobody_is_taken_away_from_work_that_is_as_urgent(city: City) -> None:
    first = city.dispatch(city.alert(Priority.P1))
    city.step(accept, first, NEAR)
    task = city.dispatch(city.alert(Priority.P1))
    with pytest.raises(NobodyAvailable, match=f"near does task {first.id}, which is as urgent"):
        send(city, task, "near", anyway=True)
    assert city.task(first).responder == "near"


def test_an_account_that_does_no_tasks_is_not_sent_by_anybody(city: City) -> None:
    task = exhausted(city)
    city.do(lambda writer: writer.save_user(replace(writer.user("near"), disabled_at=city.now, disabled_by="admin")))
    assert people(city, task)["near"].ring is None
    with pytest.raises(NobodyAvailable, match="account disabled"):
        send(city, task, "near", anyway=True)


def test_only_who_dispatches_may_ask_again_send_or_call(city: City) -> None:
    task = exhausted(city)
    for role in (Role.ANALYST, Role.RESPONDER, Role.GRID_LEADER, Role.ADMINISTRATOR):
        who = Actor("somebody", role)
        with pytest.raises(Forbidden):
            ask(city, task, Ring.AGAIN, who)
        with pytest.raises(Forbidden):
            send(city, task, "off", who, anyway=True)
        with pytest.raises(Forbidden):
            city.do(lambda writer, who=who: note_call(writer, task.id, "off", who, city.now))  # type: ignore[misc]
    assert city.task(task) == task


def test_a_call_is_kept_in_the_trail(city: City) -> None:
    task = exhausted(city)
    city.do(lambda writer: note_call(writer, task.id, "off", LI, city.now))
    assert city.trail(f"task:{task.id}")[-1] == ("call", "li")
    assert city.task(task).steps[-1].detail == {"who": "off"}


@pytest.fixture
def ladder(city: City) -> City:
    """A section head, an officer and two commanders stand above."""

    def people_above(writer: Any) -> None:
        for name, role in (("qian", Role.SECTION_HEAD), ("chen", Role.DUTY_OFFICER), ("sun", Role.COMMANDER)):
            writer.add_user(User(name, role))

    city.do(people_above)
    return city


def test_each_time_the_limit_passes_the_next_post_above_is_told_until_the_highest(ladder: City) -> None:
    task = exhausted(ladder)
    told = []
    for _ in range(6):
        ladder.pass_time(119)
        assert escalate(ladder) == 0
        ladder.pass_time(1)
        escalate(ladder)
        steps = [one for one in ladder.task(task).steps if one.step == "escalate"]
        told.append([dict(one.detail["to"]) for one in steps])
    assert told[0] == [{"section_head": ["qian"]}]
    assert told[-1] == [{"section_head": ["qian"]}, {"duty_officer": ["chen"]}, {"commander": ["sun"]}]
    event = ladder.store.read(lambda reader: reader.event(task.event_id))
    last = event.steps[-1]
    assert (last.step, last.detail["task"], last.detail["unaccepted_s"]) == ("escalate", task.id, 360)
    assert [action for action, _ in ladder.trail(f"task:{task.id}")].count("escalate") == 3
    assert timers(ladder) == 0


def test_each_task_of_an_event_climbs_the_ladder_by_itself(ladder: City) -> None:
    ladder.settings = configured(**{name: {"on_shift": False} for name in ("near", "middle", "far")})
    ladder.do(lambda writer: sync_responders(writer, ladder.settings, ladder.now))
    task = ladder.dispatch(ladder.alert(Priority.P1))
    other = ladder.do(
        lambda writer: add_task(
            writer, task.event_id, Work(), LI, ladder.now, roads=ladder.roads, settings=ladder.settings
        )
    )
    assert ladder.task(task).unaccepted_since == other.unaccepted_since == NOON
    ladder.pass_time(120)
    assert escalate(ladder) == 2
    told = [one.detail["to"] for which in (task, other) for one in ladder.task(which).steps if one.step == "escalate"]
    assert told == [{"section_head": ["qian"]}] * 2, "neither leaps over a post because of the other"


def test_it_goes_on_while_somebody_is_asked_again_and_ends_when_somebody_accepts(ladder: City) -> None:
    task = exhausted(ladder)
    ladder.pass_time(100)
    ask(ladder, task, Ring.AGAIN)
    ladder.pass_time(20)
    assert escalate(ladder) == 1
    assert timers(ladder) == 1
    ladder.step(accept, task, MIDDLE)
    assert timers(ladder) == 0
    ladder.pass_time(600)
    assert escalate(ladder) == 0


@pytest.mark.parametrize("ends", ["cancelled", "no limit"])
def test_nobody_is_told_of_a_cancelled_task_or_without_a_limit(ladder: City, ends: str) -> None:
    task = exhausted(ladder, Priority.P4 if ends == "no limit" else Priority.P1)
    if ends == "cancelled":
        assert ladder.step(cancel, task, CHEN).unaccepted_since is None
    assert timers(ladder) == 0


def test_a_second_lack_after_an_acceptance_begins_anew(ladder: City) -> None:
    task = exhausted(ladder)
    ask(ladder, task, Ring.AGAIN)
    ladder.step(accept, task, MIDDLE)
    ladder.pass_time(3600)
    ladder.do(
        lambda writer: reassign(
            writer, task.id, CHEN, ladder.now, "车坏了", roads=ladder.roads, settings=ladder.settings
        )
    )
    again = ladder.task(task)
    while again.state is TaskState.OFFERED:
        again = ladder.decline(again, ACTORS[again.offered_to or ""])
    assert again.unaccepted_since == ladder.now
    assert timers(ladder) == 1


class Chance:
    """One random walk: what people do about one task after the other."""

    def __init__(self, city: City) -> None:
        self.city = city

    def tasks(self) -> list[Task]:
        return [t for t in self.city.store.read(lambda r: r.tasks(TaskQuery(limit=100))) if t.is_open]

    def take(self, what: str, number: int) -> None:
        city, tasks = self.city, self.tasks()
        if what == "alert" or not tasks:
            city.dispatch(city.alert(list(Priority)[number % 4]))
            return
        task = tasks[number % len(tasks)]
        who = list(ACTORS)[number % 4]
        steps: dict[str, Callable[[], object]] = {
            "decline": lambda: city.decline(task, ACTORS[who]),
            "accept": lambda: city.step(accept, task, ACTORS[who]),
            "cancel": lambda: city.step(cancel, task, CHEN),
            "send": lambda: send(city, task, who, anyway=True),
            "call": lambda: city.do(lambda writer: note_call(writer, task.id, who, LI, city.now)),
            **{ring.value: partial(ask, city, task, ring) for ring in Ring if ring is not Ring.USUAL},
        }
        if what == "time":
            city.pass_time(61 * (1 + number % 4))
            while city.expire():
                pass
            while escalate(city):
                pass
            return
        try:
            steps[what]()
        except (IllegalMove, Forbidden):
            return


STEPS = ("alert", "decline", "accept", "cancel", "send", "call", "again", "wider", "everybody", "time", "time")


@pytest.mark.slow
@given(walk=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=5, max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_people_do_a_task_is_asked_of_somebody_accepted_or_loudly_unaccepted(
    tmp_path_factory: pytest.TempPathFactory, walk: list[tuple[str, int]]
) -> None:
    store = new_store(tmp_path_factory.mktemp("walk") / "city.db")
    try:
        city = City(store, configured())
        city.do(lambda writer: sync_responders(writer, city.settings, city.now))
        chance = Chance(city)
        for what, number in walk:
            chance.take(what, number)
            holders: list[str] = []
            for task in chance.tasks():
                waiting = [offer.responder for offer in asked(city, task)]
                if task.state is TaskState.DRAFT:
                    assert task.unaccepted_since is not None, "a task that nobody is asked about says so"
                assert (task.state is TaskState.OFFERED) == bool(waiting)
                assert task.unaccepted_since is None or task.responder is None
                holders += waiting + ([task.responder] if task.responder else [])
            assert len(holders) == len(set(holders)), "nobody has two duties"
    finally:
        store.close()


def test_of_several_dispatched_at_once_who_gets_nobody_is_unaccepted(city: City) -> None:
    ids = [city.alert(Priority.P3).id for _ in range(4)]
    made = city.do(lambda writer: dispatch_all(writer, ids, LI, city.now, roads=city.roads, settings=city.settings))
    assert [task.unaccepted_since is not None for task in made].count(True) == 1
