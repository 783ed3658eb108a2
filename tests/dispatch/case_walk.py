"""Random walks over events and tasks on a real store, and what must never be seen on the way.

The edges below are written by hand, not read off the table: a mistake in the table shows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.case import Origin, Part
from data.model.category import Category
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role
from data.model.task import Event, EventState, Task
from data.ports.store import Store, Writer
from dispatch import convening, tasks, turns
from dispatch.case_clocks import clocks_due
from dispatch.case_table import TABLE, EventStep
from dispatch.case_work import Work, add_task, dispatch_units, give_back, judge, reassign, resume, rework
from dispatch.cases import Given, take
from dispatch.clocks import calendar_of
from dispatch.intake import Report, bring_in
from dispatch.routing import Roads
from dispatch.turns import tasks_of

MORNING = datetime(2026, 7, 13, 1, 0, tzinfo=UTC)  # Monday, nine o'clock in Shanghai
PLACE = Location(lon=106.512, lat=29.583)
REFUSALS = (IllegalMove, Forbidden, InputRejected)

EVENT_EDGES = {
    "received": {"to_verify", "filed", "not_filed", "voided"},
    "to_verify": {"filed", "not_filed", "voided"},
    "filed": {"judging", "dispatched", "suspended", "voided"},
    "judging": {"dispatched", "suspended", "voided"},
    "dispatched": {"handling", "to_check", "judging", "suspended", "voided"},
    "handling": {"to_check", "judging", "dispatched", "suspended", "voided"},
    "to_check": {"closed", "handling", "suspended", "voided"},
    "closed": {"reviewed", "filed"},
    "reviewed": {"filed"},
    "not_filed": {"filed"},
    "suspended": {"filed", "judging", "dispatched", "handling", "to_check", "voided"},
    "voided": set(),
}
_AT_WORK = {"accepted", "en_route", "on_scene"}
_TURN_OR_END = {"blocked", "returned", "cancelled", "draft", "offered"}
TASK_EDGES = {
    "draft": {"offered", "cancelled"},
    "offered": {"accepted", "draft", "cancelled", "returned"},
    "accepted": {"en_route", "reported"} | _TURN_OR_END,
    "en_route": {"on_scene", "reported"} | _TURN_OR_END,
    "on_scene": {"reported"} | _TURN_OR_END,
    "blocked": _AT_WORK | {"returned", "cancelled", "draft", "offered"},
    "returned": {"draft", "offered", "cancelled"},
    "reported": {"closed", "rework", "cancelled"},
    "rework": {"reported", "cancelled", "draft", "offered"},
    "closed": {"rework"},
    "cancelled": set(),
    "verified": set(),
}

_ONWARDS = {
    "offered": ("accept",),
    "accepted": ("report", "en_route"),
    "en_route": ("report", "on_scene"),
    "on_scene": ("report",),
    "reported": ("verify", "verify", "rework"),
    "blocked": ("unblock",),
    "returned": ("reassign",),
    "rework": ("report",),
}

UNITS = (
    Unit("qingshi", UnitKind.DISTRICT, "青石区", people=("sun",)),
    Unit("heyang", UnitKind.DISTRICT, "河阳区", people=("qian",)),
    Unit("safety", UnitKind.SECTION, "平安法治", leader="qian"),
    Unit("g-1", UnitKind.GRID, "第1网格", "qingshi", code="500998001001001", leader="wu"),
    Unit("urban", UnitKind.DEPARTMENT, "城管", people=("u1", "u2")),
    Unit("water", UnitKind.DEPARTMENT, "排水", people=("w1", "wu")),
    Unit("community", UnitKind.COMMUNITY, "社区", people=("c1",)),
)
PEOPLE = (
    Actor("li", Role.OPERATOR),
    Actor("zhao", Role.DUTY_OFFICER),
    Actor("qian", Role.SECTION_HEAD),
    Actor("sun", Role.COMMANDER),
    Actor("wu", Role.GRID_LEADER),
    Actor("zhou", Role.ANALYST),
    Actor("admin", Role.ADMINISTRATOR),
    *(Actor(name, Role.RESPONDER) for name in ("u1", "u2", "w1", "c1")),
)
_STAFF = (*PEOPLE[:4], *PEOPLE[:4], *PEOPLE[4:7])  # those with rights come more often: else few steps succeed


@dataclass
class Walk:
    """A city in which people try things at random; refusals are fine, wrong states are not."""

    store: Store
    seed: int
    settings: Settings = field(default_factory=lambda: Settings(timezone="Asia/Shanghai"))
    now: datetime = MORNING
    tried: int = 0
    done: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    mark: int | None = None  # the newest change when the last step was refused

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.events: list[int] = []
        self.calendar = calendar_of(self.settings)

        def begin(writer: Writer) -> None:
            for unit in UNITS:
                writer.put_unit(unit)
            limit = timedelta(hours=4)
            writer.put_category(Category(kind="litter", zh="垃圾", en="Litter", lead="urban", limit=limit))

        self.store.write(begin)

    def go(self, steps: int, at_once: int = 250) -> None:
        """So many attempts, each a unit of work of its own; those that wait together share a commit."""
        while steps > 0:
            waiting = [self.store.submit(self.attempt) for _ in range(min(steps, at_once))]
            for future in waiting:
                with suppress(*REFUSALS):
                    future.result()
            steps -= len(waiting)

    def attempt(self, writer: Writer) -> None:
        """One step by one person; what it led to is checked at once, and after a refusal that nothing is there."""
        self.tried += 1
        self.now += timedelta(minutes=self.random.choice((0, 1, 5, 30)))
        mark = writer.last_change()
        assert self.mark in (None, mark), "a step was refused and has changed something"
        self.mark = None
        if len(self.events) < 12 or self.random.random() < 0.03:
            self._new(writer)
            return
        if self.random.random() < 0.02:
            self.done["clock"] += clocks_due(writer, self.now, calendar=self.calendar)
            return
        event_id = self.random.choice(self.events[-40:])
        before, tasks_before = writer.event(event_id), {task.id: task for task in tasks_of(writer, event_id)}
        name, step = self._some_step(writer, before, list(tasks_before.values()))
        try:
            step()
        except REFUSALS:
            self.mark = mark
            raise
        self.done[name] += 1
        self._check(before, writer.event(event_id), tasks_before, tasks_of(writer, event_id), name)

    def _new(self, writer: Writer) -> None:
        origin = self.random.choice((Origin.CITIZEN, Origin.OPERATOR, Origin.GRID))
        row, column = divmod(len(self.events), 30_000)
        away = Location(lon=-170 + 0.01 * column, lat=PLACE.lat + 0.01 * row)
        report = Report("litter", away, "路边垃圾", grid="500998001001001", reporter={"phone": "1"})
        event = bring_in(writer, report, origin, Actor("li", Role.OPERATOR), self.now, settings=self.settings)
        self.events.append(event.id)

    def _some_step(self, writer: Writer, event: Event, known: list[Task]) -> tuple[str, Callable[[], object]]:
        if known and self.random.random() < 0.65:
            return self._task_step(writer, self.random.choice(known))
        fitting = [step for step, move in TABLE.items() if event.state in move.states]
        step = self.random.choice(fitting if fitting and self.random.random() < 0.8 else list(EventStep))
        if event.state is EventState.TO_CHECK and self.random.random() < 0.5:
            step = self.random.choice((EventStep.CALL_BACK, EventStep.CLOSE))
        who = self.random.choice(_STAFF)
        reason = self.random.choice(("因为", "因为", "因为", ""))
        return step.value, lambda: self._event_step(writer, event, step, who, reason)

    def _event_step(self, writer: Writer, event: Event, step: EventStep, who: Actor, reason: str) -> object:
        now, number = self.now, event.id
        if step is EventStep.JUDGE:
            changes = {"lead": self.random.choice(("urban", "water")), "cooperating": ("community",)}
            return judge(writer, number, who, now, changes=changes, limit=timedelta(hours=3))
        if step is EventStep.DISPATCH:
            return dispatch_units(writer, number, who, now, settings=self.settings)
        if step is EventStep.CONVENE:
            topics = [convening.Topic("议题", "water", now.date() + timedelta(days=3))]
            return convening.convene(writer, number, who, now, minutes="纪要", topics=topics)
        if step is EventStep.SHARE:
            return convening.share(writer, number, who, now, "heyang", reason)
        if step is EventStep.HOLD:
            return convening.hold(writer, number, who, now, "heyang")
        if step is EventStep.SPLIT:
            return convening.split(writer, number, who, now, dict.fromkeys(event.holders, "一半"), reason)
        if step is EventStep.RESUME:
            return resume(writer, number, who, now, reason, self.settings)
        detail = {"reached": True, "satisfied": self.random.random() < 0.7}
        given = Given(reason=reason, more_time=timedelta(hours=1), detail=detail)
        return take(writer, number, step, who, now, given, calendar=self.calendar)

    def _task_step(self, writer: Writer, task: Task) -> tuple[str, Callable[[], object]]:
        """Mostly by somebody who could: random people seldom get far."""
        members = next((unit.people for unit in UNITS if unit.id == task.unit), ())
        insiders = [who for who in PEOPLE if who.name in members]
        worker = self.random.choice(insiders or [PEOPLE[-1]])
        if self.random.random() < 0.2:
            worker = self.random.choice(PEOPLE)
        elif task.responder is not None:
            worker = next((who for who in PEOPLE if who.name == task.responder), worker)
        boss, now, number = self.random.choice(_STAFF), self.now, task.id
        plain = {step.__name__: step for step in (tasks.accept, tasks.en_route, tasks.on_scene)}
        name = self.random.choice(
            (*plain, "report", "report", "verify", "verify", "cancel", "block", "unblock", "give_back", "rule",
             "reassign", "rework", "add_task")
        )  # fmt: skip
        if self.random.random() < 0.6:  # onwards: purely random steps seldom get far
            name = self.random.choice(_ONWARDS.get(task.state.value, (name,)))
        if name in plain:
            return name, lambda: plain[name](writer, number, worker, now)
        ways: dict[str, Callable[[], object]] = {
            "report": lambda: tasks.report(writer, number, worker, now, "好了", None),
            "verify": lambda: tasks.verify(writer, number, boss, now),
            "cancel": lambda: tasks.cancel(writer, number, boss, now),
            "block": lambda: turns.block(writer, number, worker, now, "锁着"),
            "unblock": lambda: turns.unblock(writer, number, worker, now),
            "give_back": lambda: give_back(writer, number, worker, now, "不归我管"),
            "rule": lambda: turns.rule(writer, number, boss, now, "归城管"),
            "reassign": lambda: reassign(
                writer, number, boss, now, "改派", roads=Roads(), settings=self.settings,
                unit=self.random.choice(("urban", "water")),
            ),
            "rework": lambda: rework(writer, number, boss, now, "没扫净", self.settings),
            "add_task": lambda: add_task(
                writer, task.event_id, Work(part=Part.COOPERATING, unit="community"), boss, now, roads=Roads(),
                settings=self.settings,
            ),
        }  # fmt: skip
        return name, ways[name]

    def _check(
        self, before: Event, after: Event, tasks_before: dict[int, Task], tasks_after: list[Task], name: str
    ) -> None:
        self.reached |= {f"event {after.state}"} | {f"task {task.state}" for task in tasks_after}
        assert after.steps[: len(before.steps)] == before.steps, name
        path = [before.state.value, *(one.to for one in after.steps[len(before.steps) :])]
        for here, there in pairwise(path):
            assert here == there or there in EVENT_EDGES[here], f"event {here} -> {there} by {name}"
        for task in tasks_after:
            was = tasks_before.get(task.id)
            if was is not None and was.state is not task.state:
                assert task.state.value in TASK_EDGES[was.state.value], f"task {was.state} -> {task.state} by {name}"
            assert task.verified_by is None or task.verified_by != task.responder, name
        if after.state in (EventState.CLOSED, EventState.REVIEWED):
            assert not any(task.is_open for task in tasks_after), f"{name} left a task open"
        if after.state in (EventState.DISPATCHED, EventState.HANDLING):
            assert any(task.is_open for task in tasks_after), f"{name} left an event running with nobody at work"
        assert (after.closed_at is not None) == (after.state.value in {"closed", "reviewed", "not_filed", "voided"})
        handling = [clock for clock in after.clocks if clock.name == "handling" and clock.is_running]
        assert not handling or after.state.value in {"dispatched", "handling", "judging"}, f"{name}: a clock runs on"

    def replay(self, writer: Writer) -> int:
        """Every recorded step was possible where it was taken, says the table; how many there were."""
        count = 0
        for number in self.events:
            state, suspended_from = EventState.RECEIVED, EventState.RECEIVED
            for one in writer.event(number).steps:
                move = TABLE[EventStep(one.step)]
                assert state in move.states, f"{one.step} from {state}"
                to = suspended_from if move.back else (move.to or state)
                assert one.to == to.value, f"{one.step}: {one.to} instead of {to}"
                if one.step == EventStep.SUSPEND.value:
                    suspended_from = state
                state, count = to, count + 1
        return count
