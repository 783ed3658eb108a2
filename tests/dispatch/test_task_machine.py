"""Random walks over the task's life on a real store: whatever people do, some things never happen."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from data.errors import Forbidden, IllegalMove
from data.model.alert import Priority
from data.model.people import Actor, Role
from data.model.record import broken_link
from data.model.task import EventState, Task, TaskState
from data.ports.store import TaskQuery
from data.sql.store import open_store
from dispatch.responders import sync_responders
from dispatch.tasks import accept, cancel, en_route, on_scene, report, verify
from tests.dispatch.city import CHEN, FAR, LI, MIDDLE, NEAR, City
from tests.dispatch.city import settings as configured

# A grid leader may both do and verify work: the one who could verify their own.
WORKERS = [Actor(worker.name, Role.GRID_LEADER) for worker in (NEAR, MIDDLE, FAR)]
people = st.sampled_from([*WORKERS, LI, CHEN])
which = st.integers(min_value=0, max_value=3)
ORDER = ("created_at", "accepted_at", "en_route_at", "on_scene_at", "reported_at", "verified_at", "closed_at")


class TaskLife(RuleBasedStateMachine):
    """Every rule tries one step by one person; refusals are fine, wrong states are not."""

    empty: Path  # a store with its schema, copied for every walk

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tasks-"))
        shutil.copy(self.empty, self.folder / "city.db")
        self.city = City(open_store(self.folder / "city.db", migrate=False), configured())
        self.city.do(lambda writer: sync_responders(writer, self.city.settings, self.city.now))
        self.done: Counter[str] = Counter()

    @rule(priority=st.sampled_from(list(Priority)))
    def dispatch_a_new_alert(self, priority: Priority) -> None:
        alert = self.city.alert(priority)
        self.attempt("dispatch", lambda: self.city.dispatch(alert))

    @rule(number=which)
    def dispatch_again(self, number: int) -> None:
        if self.tasks():
            task = self.pick(number)
            alert = self.city.store.read(lambda reader: reader.alert(task.alert_id or 0))
            was_draft = task.state is TaskState.DRAFT
            self.attempt("offer again" if was_draft else "dispatch", lambda: self.city.dispatch(alert))

    @rule(number=which, who=people)
    def accept(self, number: int, who: Actor) -> None:
        self.step("accept", accept, number, who)

    @rule(number=which, steps=st.integers(min_value=1, max_value=4))
    def the_right_person_goes_on(self, number: int, steps: int) -> None:
        """Without this rule random walks seldom get far."""
        way = (accept, en_route, on_scene, report)
        for _ in range(steps if self.tasks() else 0):
            task = self.pick(number)
            holder = task.responder or task.offered_to
            for who in (worker for worker in WORKERS if worker.name == holder):
                for function in way:
                    more = ("好了", None) if function is report else ()
                    if self.step(function.__name__, function, number, who, *more):
                        break

    @rule(number=which, who=people)
    def decline(self, number: int, who: Actor) -> None:
        if self.tasks():
            self.attempt("decline", lambda: self.city.decline(self.pick(number), who, "忙"))

    @rule(number=which, who=people)
    def set_out(self, number: int, who: Actor) -> None:
        self.step("en_route", en_route, number, who)

    @rule(number=which, who=people)
    def report(self, number: int, who: Actor) -> None:
        self.step("report", report, number, who, "好了", None)

    @rule(who=people, doer=st.booleans())
    def verify_what_is_reported(self, who: Actor, doer: bool) -> None:
        for number, task in enumerate(self.tasks()):
            if task.state is TaskState.REPORTED:
                did_it = next(worker for worker in WORKERS if worker.name == task.responder)
                if self.step("verify", verify, number, did_it if doer else who):
                    self.done["close"] += 1
                return

    @rule(number=which, who=people)
    def cancel(self, number: int, who: Actor) -> None:
        self.step("cancel", cancel, number, who)

    @rule(seconds=st.sampled_from([-5, 1, 59, 61, 181, 901, 7201]))
    def time_passes(self, seconds: int) -> None:
        self.city.pass_time(seconds)
        self.done["expire"] += self.city.expire()

    @invariant()
    def one_open_offer_a_task_and_one_duty_a_person(self) -> None:
        duties: Counter[str] = Counter()
        for task in self.tasks():
            offers = self.city.store.read(lambda reader, task=task: reader.offers(task.id))  # type: ignore[misc]
            waiting = [offer.responder for offer in offers if offer.is_open]
            assert len(waiting) <= 1
            assert (task.state is TaskState.OFFERED) == (waiting == [task.offered_to] != [None])
            duties.update(waiting)
            if task.is_open and task.responder is not None:
                duties[task.responder] += 1
        assert all(count == 1 for count in duties.values()), duties

    @invariant()
    def times_rise_and_nobody_verifies_their_own_work(self) -> None:
        for task in self.tasks():
            times = [at for at in (getattr(task, name) for name in ORDER) if at is not None]
            assert times == sorted(times)
            assert task.verified_by is None or task.verified_by != task.responder
            assert (task.verified_at is None) == (task.closed_at is None)

    @invariant()
    def an_event_is_closed_just_when_its_work_is_done(self) -> None:
        for event in self.city.store.read(lambda reader: reader.events()):
            tasks = [task for task in self.tasks() if task.event_id == event.id]
            worked = any(task.closed_at for task in tasks) and not any(task.is_open for task in tasks)
            assert (event.closed_at is not None) == worked

    @invariant()
    def an_event_runs_only_while_a_task_of_it_is_open(self) -> None:
        for event in self.city.store.read(lambda reader: reader.events()):
            if event.state in (EventState.DISPATCHED, EventState.HANDLING):
                assert any(task.is_open for task in self.tasks() if task.event_id == event.id), event.state

    def teardown(self) -> None:
        if not hasattr(self, "city"):
            return
        entries = self.city.store.read(lambda reader: reader.audit(limit=100_000))
        assert broken_link(entries) is None
        trail = Counter(entry.action for entry in entries if entry.subject.startswith("task:"))
        offers = trail.pop("offer", 0)
        self.done.pop("offer again", None)
        trail.pop("shortfall", None)
        trail.pop("ask_again", None)
        assert trail == Counter({name: count for name, count in self.done.items() if count})
        stored = sum(
            len(self.city.store.read(lambda reader, task=task: reader.offers(task.id)))  # type: ignore[misc]
            for task in self.tasks()
        )
        assert offers == stored
        self.city.store.close()
        shutil.rmtree(self.folder)

    def tasks(self) -> list[Task]:
        return list(self.city.store.read(lambda reader: reader.tasks(TaskQuery(limit=1000))))

    def pick(self, number: int) -> Task:
        tasks = self.tasks()
        return tasks[number % len(tasks)]

    def step(self, name: str, function: Callable[..., Task], number: int, who: Actor, *more: object) -> bool:
        return bool(self.tasks()) and self.attempt(
            name, lambda: self.city.step(function, self.pick(number), who, *more)
        )

    def attempt(self, name: str, step: Callable[[], Task]) -> bool:
        try:
            step()
        except (IllegalMove, Forbidden):
            return False
        self.done[name] += 1
        return True


@pytest.mark.slow
def test_no_random_walk_reaches_a_wrong_state(tmp_path: Path) -> None:
    open_store(tmp_path / "empty.db").close()

    class Walk(TaskLife):
        empty = tmp_path / "empty.db"

    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
