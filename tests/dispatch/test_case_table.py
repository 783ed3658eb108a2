"""The table of an event's transitions: every role, every state, every step; and long random walks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove
from data.model.case import Origin, Recorded
from data.model.category import Category
from data.model.people import SYSTEM, Actor, Role
from data.model.record import broken_link
from data.model.task import Event, EventState, Task, TaskState
from data.ports.store import Store
from dispatch.case_rules import Attempt
from dispatch.case_table import TABLE, EventStep
from dispatch.cases import check
from dispatch.transitions import TRANSITIONS, Step
from dispatch.transitions import check as check_task
from tests.dispatch.case_walk import EVENT_EDGES, MORNING, PLACE, Walk
from tests.stores import new_store

D, S, C, G, R, A = (
    Role.DUTY_OFFICER, Role.SECTION_HEAD, Role.COMMANDER, Role.GRID_LEADER, Role.RESPONDER, Role.ANALYST
)  # fmt: skip
LEADERS = {D, S, C}
SHIFT = LEADERS | {Role.OPERATOR}

# Who may, written by hand; a step that is not here is the system's alone.
EVENT_ROLES = {
    "receive": SHIFT, "file": SHIFT, "refuse": SHIFT, "call_back": SHIFT, "link": SHIFT, "dispatch": SHIFT,
    "judge": LEADERS, "suspend": LEADERS, "resume": LEADERS, "extend": LEADERS, "escalate": LEADERS,
    "reopen": LEADERS, "convene": LEADERS, "share": LEADERS, "hand_over": LEADERS, "outcome": LEADERS,
    "close": LEADERS, "void": {D, C}, "rule": {C}, "review": {S, C, A}, "hold": {S, C}, "split": {S, C},
}  # fmt: skip
WORKERS = {G, R}
TASK_ROLES = {
    "offer": SHIFT, "assign": SHIFT, "reassign": SHIFT, "accept": WORKERS, "decline": WORKERS, "en_route": WORKERS,
    "on_scene": WORKERS, "report": WORKERS, "block": WORKERS, "unblock": WORKERS, "return": WORKERS,
    "verify": SHIFT | {G}, "rework": SHIFT | {G}, "cancel": LEADERS, "rule": {C},
    "ask_again": SHIFT, "send": SHIFT, "call": SHIFT, "take_back": SHIFT,
}  # fmt: skip
LITTER = Category(kind="litter", zh="垃圾", en="Litter")


def standing(state: EventState) -> tuple[Event, list[Task]]:
    """An event in this state, with whatever any step asks for, and one task open or closed as the step needs it."""
    steps = (
        Recorded("share", "judging", MORNING, "qian", detail={"with": "heyang"}),
        Recorded("split", "judging", MORNING, "qian"),
        Recorded("submit", "to_check", MORNING, "system"),
        Recorded("call_back", "to_check", MORNING, "li", detail={"satisfied": True}),
        Recorded("x", state.value, MORNING, "li"),
    )
    event = Event(
        "垃圾", "litter", "", PLACE, LITTER.priority, MORNING, origin=Origin.CITIZEN, description="脏", lead="urban",
        holders=("qingshi", "heyang"), steps=steps, id=1,
    )  # fmt: skip
    done = Task(1, "清", LITTER.priority, PLACE, MORNING, "li", responder="u1", closed_at=MORNING, id=1)
    return event, [done]


def attempt_of(step: EventStep, state: EventState, actor: Actor) -> tuple[Event, Attempt]:
    event, known = standing(state)
    if step is EventStep.HOLD:
        event = replace(event, holders=("qingshi",))
    if step in (EventStep.DISPATCH, EventStep.REASSIGN, EventStep.REWORK):
        known = [*known, replace(known[0], id=2, closed_at=None)]
    return event, Attempt(event, actor, LITTER, known, "因为", timedelta(hours=1), "heyang")


@pytest.mark.parametrize("step", list(EventStep))
def test_every_role_may_take_just_the_steps_written_here(step: EventStep) -> None:
    allowed = EVENT_ROLES.get(step.value, set())
    for state in sorted(TABLE[step].states):
        for role in Role:
            event, attempt = attempt_of(step, state, Actor("somebody", role))
            if role in allowed:
                check(event, step, attempt)
                continue
            with pytest.raises(Forbidden):
                check(event, step, attempt)
        event, attempt = attempt_of(step, state, SYSTEM)
        check(event, step, attempt)


@pytest.mark.parametrize("step", list(EventStep))
def test_in_every_other_state_the_step_is_refused_with_its_reason(step: EventStep) -> None:
    for state in set(EventState) - TABLE[step].states:
        event, attempt = attempt_of(step, state, SYSTEM)
        with pytest.raises(IllegalMove, match=rf"event 1 is {state}; {step} is possible only when"):
            check(event, step, attempt)


def test_the_table_has_just_the_edges_that_are_written_by_hand() -> None:
    edges: dict[str, set[str]] = {state.value: set() for state in EventState}
    for move in TABLE.values():
        for state in move.states:
            if move.to is not None and move.to is not state:
                edges[state.value].add(move.to.value)
    edges["suspended"] |= {"filed", "judging", "dispatched", "handling", "to_check"}  # back to where it was
    assert edges == EVENT_EDGES


TASK_IN = {
    TaskState.DRAFT: {},
    TaskState.OFFERED: {"offered_to": "urban"},
    TaskState.ACCEPTED: {"accepted_at": MORNING},
    TaskState.EN_ROUTE: {"en_route_at": MORNING},
    TaskState.ON_SCENE: {"on_scene_at": MORNING},
    TaskState.REPORTED: {"reported_at": MORNING},
    TaskState.VERIFIED: {"verified_at": MORNING},
    TaskState.CLOSED: {"closed_at": MORNING},
    TaskState.CANCELLED: {"cancelled_at": MORNING},
    TaskState.BLOCKED: {"steps": (Recorded("block", "blocked", MORNING, "u1"),)},
    TaskState.RETURNED: {"steps": (Recorded("x", "returned", MORNING, "u1"),)},
    TaskState.REWORK: {"steps": (Recorded("rework", "rework", MORNING, "li"),)},
}


@pytest.mark.parametrize("step", list(Step))
def test_every_role_may_take_just_the_steps_of_a_task_written_here(step: Step) -> None:
    allowed = TASK_ROLES.get(step.value, set())
    transition = TRANSITIONS[step]
    for state, changes in TASK_IN.items():
        task = replace(Task(1, "清", LITTER.priority, PLACE, MORNING, "li", unit="urban", id=1), **changes)  # type: ignore[arg-type]
        assert task.state is state
        possible = state in transition.states | transition.unit_states
        for role in Role:
            who = Actor("u1", role)
            members = ("u1",) if role in WORKERS and transition.who.name in ("OFFERED", "ASSIGNED") else ()
            if role not in allowed:
                with pytest.raises(Forbidden):
                    check_task(task, step, who, (), MORNING, members=members, reason="因为")
            elif possible:
                check_task(task, step, who, (), MORNING, members=members, reason="因为")
            else:
                with pytest.raises(IllegalMove, match=rf"task 1 is {state.value.replace('_', ' ')}"):
                    check_task(task, step, who, (), MORNING, members=members, reason="因为")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "walk.db")
    yield opened
    opened.close()


WALKS = int(os.environ.get("YIPING_SOAK_WALKS", "1"))


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("number", range(WALKS))
def test_random_steps_reach_every_state_and_no_wrong_one(store: Store, number: int) -> None:
    """`YIPING_SOAK_STEPS=1000000 YIPING_SOAK_WALKS=8` for the long version (make soak-states)."""
    steps = int(os.environ.get("YIPING_SOAK_STEPS", "20000")) // WALKS
    began = time.monotonic()
    walk = Walk(store, seed=20260713 + number, settings=Settings(timezone="Asia/Shanghai"))
    walk.go(steps)
    taken = sum(walk.done.values())
    print(f"\nwalk {number}: {steps} steps, {taken} taken, in {time.monotonic() - began:.0f} s, none illegal")
    replayed = store.read(walk.replay)  # type: ignore[arg-type]
    assert walk.tried == steps
    assert sum(walk.done.values()) > steps // 5, walk.done
    assert replayed > steps // 20
    assert {f"event {state}" for state in EventState} <= walk.reached | {"event received"}
    wanted = set(TaskState) - {TaskState.VERIFIED, TaskState.DRAFT}  # verified closes at once; units need no draft
    assert {f"task {state}" for state in wanted} <= walk.reached
    if steps <= 50_000:
        assert broken_link(store.read(lambda reader: reader.audit(limit=1_000_000))) is None
