"""A task from dispatch to closed, on a real store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import acknowledge
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected, NobodyAvailable, NotFound
from data.model.alert import AlertState, Priority
from data.model.people import Actor, Role
from data.model.record import Evidence, broken_link
from data.model.task import EventState, Task, TaskState
from data.ports.store import AlertQuery
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task, resume
from dispatch.cases import Given
from dispatch.cases import take as take_event_step
from dispatch.clocks import calendar_of
from dispatch.responders import sync_responders
from dispatch.tasks import accept, cancel, decline, en_route, on_scene, report, verify
from dispatch.transitions import TRANSITIONS, Step
from tests.dispatch.city import CHEN, FAR, LI, MIDDLE, NEAR, NOON, OFF, City, settings
from tests.stores import new_store

PHOTO = Evidence("a" * 64, "aa/photo.jpg", "image/jpeg", NOON, 1234, "report:1")


def test_the_whole_way_leaves_who_and_when_for_each_step(city: City) -> None:
    alert = city.alert()
    task = city.dispatch(alert)
    assert (task.state, task.offered_to, task.title) == (TaskState.OFFERED, "near", "小学门口 · 小汽车超时停留")
    for seconds, step in ((20, accept), (40, en_route), (60, on_scene)):
        city.pass_time(seconds)
        city.step(step, task, NEAR)
    city.pass_time(10)
    city.step(report, task, NEAR, " 车已开走 ", PHOTO)
    city.pass_time(10)
    done = city.step(verify, task, LI, "看过了")
    assert done.state is TaskState.CLOSED
    assert (done.responder, done.verified_by, done.report_text) == ("near", "li", "车已开走")
    assert done.accepted_at == NOON + timedelta(seconds=20)
    assert done.closed_at == NOON + timedelta(seconds=140)
    assert city.trail(f"task:{task.id}") == [
        ("dispatch", "li"),
        ("offer", "li"),
        ("accept", "near"),
        ("en_route", "near"),
        ("on_scene", "near"),
        ("report", "near"),
        ("verify", "li"),
        ("close", "system"),
    ]
    assert city.trail(f"event:{task.event_id}") == [
        ("open", "li"),
        ("file", "system"),
        ("dispatch", "li"),
        ("handle", "system"),
        ("submit", "system"),
        ("close", "system"),
    ]
    assert city.trail(f"alert:{alert.id}") == [("raise", "system"), ("acknowledge", "li")]
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.CLOSED
    assert city.store.read(lambda reader: reader.evidence("a" * 64)) == PHOTO
    assert broken_link(city.store.read(lambda reader: reader.audit())) is None
    states = [change.payload["task"]["state"] for change in city.changes("task")]
    assert states == ["draft", "offered", "accepted", "en_route", "on_scene", "reported", "verified", "closed"]


def test_dispatch_acknowledges_only_what_nobody_has_acknowledged(city: City) -> None:
    alert = city.alert()
    city.do(lambda writer: acknowledge(writer, alert.id, CHEN, city.now))
    task = city.dispatch(alert)
    stored = city.store.read(lambda reader: reader.alert(alert.id))
    assert (stored.acknowledged_by, stored.event_id, stored.state) == ("chen", task.event_id, AlertState.ACKNOWLEDGED)
    assert city.trail(f"alert:{alert.id}") == [("raise", "system"), ("acknowledge", "chen"), ("link", "li")]


def test_candidates_are_stored_nearest_first_with_the_reasons_against_the_others(city: City) -> None:
    task = city.dispatch(city.alert())
    assert [(c.responder, c.reason) for c in task.candidates] == [
        ("near", ""),
        ("middle", ""),
        ("far", ""),
        ("off", "off shift"),
    ]
    assert [round(c.distance_m) for c in task.candidates] == [100, 400, 900, 10]
    second = city.dispatch(city.alert())
    assert second.offered_to == "middle"
    assert {c.responder: c.reason for c in second.candidates}["near"] == "busy with another task"


def test_a_phone_that_has_been_silent_is_not_offered_a_task_but_a_configured_place_counts(city: City) -> None:
    position = city.settings.responders[0].location
    assert position is not None
    moved = position.model_copy(update={"lat": position.lat + 0.0001})
    city.do(lambda writer: writer.put_position("near", NOON + timedelta(minutes=1), moved))
    city.pass_time(32 * 60)
    task = city.dispatch(city.alert())
    assert task.offered_to == "middle"
    reasons = {c.responder: c.reason for c in task.candidates}
    assert reasons["near"] == "last position is 31 min old, limit 30 min"


def test_a_human_may_name_the_responder_but_not_one_who_is_off_shift_or_busy(city: City) -> None:
    assert city.dispatch(city.alert(), responder="far").offered_to == "far"
    with pytest.raises(NobodyAvailable, match="far cannot be sent: busy with another task"):
        city.dispatch(city.alert(), responder="far")
    with pytest.raises(NobodyAvailable, match="off cannot be sent: off shift"):
        city.dispatch(city.alert(), responder="off")
    with pytest.raises(NotFound):
        city.dispatch(city.alert(), responder="nobody")


def test_an_alert_that_is_worked_on_is_not_dispatched_twice(city: City) -> None:
    alert = city.alert()
    task = city.dispatch(alert)
    with pytest.raises(IllegalMove, match=f"alert {alert.id} is being worked on: task {task.id} is offered, near"):
        city.dispatch(alert)


def test_declining_and_not_answering_pass_the_offer_on_until_a_human_must_see_it(city: City) -> None:
    task = city.dispatch(city.alert())
    task = city.decline(task, NEAR, "在另一处")
    assert task.offered_to == "middle"
    city.pass_time(15 * 60 - 1)
    assert city.expire() == 0
    city.pass_time(1)
    assert city.expire() == 1
    assert city.task(task).offered_to == "far"
    mark = city.store.read(lambda reader: reader.last_change())
    last = city.decline(task, FAR)
    assert (last.state, last.offered_to) == (TaskState.DRAFT, None)
    shortfall = next(c.payload for c in city.changes("task", mark) if "shortfall" in c.payload)["shortfall"]
    assert sorted(shortfall) == [
        "far: declined: no reason given",
        "middle: did not answer in time",
        "near: declined: 在另一处",
        "off: off shift",
    ]
    assert [action for action, _ in city.trail(f"task:{task.id}")] == [
        "dispatch", "offer", "decline", "offer", "expire", "offer", "decline", "shortfall",
    ]  # fmt: skip


def test_a_draft_that_nobody_was_left_for_is_offered_again_to_who_had_not_answered(city: City) -> None:
    alert = city.alert()
    task = city.dispatch(alert)
    city.decline(task, NEAR)
    for _ in range(2):
        city.pass_time(15 * 60)
        assert city.expire() == 1
    assert city.task(task).state is TaskState.DRAFT
    again = city.dispatch(alert)
    assert (again.id, again.offered_to) == (task.id, "middle")
    city.pass_time(15 * 60)
    city.expire()
    assert city.task(task).offered_to == "far"
    city.pass_time(15 * 60)
    city.expire()
    assert city.task(task).state is TaskState.DRAFT
    assert city.dispatch(alert, responder="near").offered_to == "near"  # a human may ask again who declined


@pytest.mark.parametrize(("priority", "seconds"), [("P1", 60), ("P2", 180), ("P3", 900), ("P4", 7200)])
def test_an_offer_lasts_as_long_as_its_priority_allows(city: City, priority: str, seconds: int) -> None:
    task = city.dispatch(city.alert(Priority(priority)))
    (offer,) = city.store.read(lambda reader: reader.offers(task.id))
    assert offer.expires_at - offer.offered_at == timedelta(seconds=seconds)


def test_who_answers_too_late_is_told_since_when(city: City) -> None:
    task = city.dispatch(city.alert(Priority.P1))
    city.pass_time(61)
    with pytest.raises(IllegalMove, match=r"to near expired at 2026-07-12T04:01:00"):
        city.step(accept, task, NEAR)
    city.expire()
    with pytest.raises(IllegalMove, match=r"to near was expired at 2026-07-12T04:01:01"):
        city.step(accept, task, NEAR)
    city.step(accept, task, MIDDLE)
    with pytest.raises(IllegalMove, match=r"is accepted \(by middle\); accept is possible only when offered"):
        city.step(accept, task, NEAR)


def test_the_chain_of_offers_goes_on_after_the_store_was_closed_and_opened(tmp_path: Path) -> None:
    first = City(new_store(tmp_path / "city.db"), settings())
    first.do(lambda writer: sync_responders(writer, first.settings, first.now))
    task = first.dispatch(first.alert(Priority.P1))
    first.store.close()
    second = City(new_store(tmp_path / "city.db"), settings(), now=NOON + timedelta(seconds=300))
    assert second.expire() == 1
    assert second.expire() == 0
    offers = second.store.read(lambda reader: reader.offers(task.id))
    assert [(offer.responder, offer.is_open) for offer in offers] == [("near", False), ("middle", True)]
    assert second.step(accept, task, MIDDLE).responder == "middle"
    second.store.close()


def test_nobody_verifies_their_own_work_but_a_grid_leader_may_verify_another_s(city: City) -> None:
    near_as_leader = replace(NEAR, role=Role.GRID_LEADER)
    task = city.dispatch(city.alert())
    for step in (accept, en_route, on_scene):
        city.step(step, task, near_as_leader)
    city.step(report, task, near_as_leader, "好了", None)
    with pytest.raises(Forbidden, match="nobody verifies their own work"):
        city.step(verify, task, near_as_leader)
    assert city.step(verify, task, Actor("wu", Role.GRID_LEADER)).state is TaskState.CLOSED


def test_a_report_says_something(city: City) -> None:
    task = city.dispatch(city.alert())
    for step in (accept, en_route, on_scene):
        city.step(step, task, NEAR)
    with pytest.raises(InputRejected, match="a photo or a text"):
        city.step(report, task, NEAR, "   ", None)
    with pytest.raises(InputRejected, match="4001 characters"):
        city.step(report, task, NEAR, "长" * 4001, None)
    assert city.step(report, task, NEAR, "", PHOTO).report_photo == "a" * 64


def test_a_report_tells_what_of_the_checklist_is_done_and_has_the_photo_that_the_task_asks_for(city: City) -> None:
    dispatched = city.dispatch(city.alert())
    with_list = replace(dispatched, checklist=("锁闭通道", "张贴告示", "拍照"), needs_photo=True)
    task = city.do(lambda writer: writer.save_task(with_list))
    for step in (accept, en_route, on_scene):
        city.step(step, task, NEAR)
    with pytest.raises(InputRejected, match=rf"task {task.id} asks for a photo"):
        city.step(report, task, NEAR, "已锁", None)
    with pytest.raises(InputRejected, match="no item 3"):
        city.do(lambda writer: report(writer, task.id, NEAR, city.now, "已锁", PHOTO, checked=(0, 3)))
    done = city.do(lambda writer: report(writer, task.id, NEAR, city.now, "已锁", PHOTO, checked=(2, 0)))
    assert (done.checked, city.task(task).checked) == ((0, 2), (0, 2))
    assert city.task(task).needs_photo
    (said,) = [e for e in city.store.read(lambda r: r.audit(subject=f"task:{task.id}")) if e.action == "report"]
    assert (said.detail["checked"], said.detail["of"]) == ([0, 2], 3)


def test_cancelling_withdraws_the_offer_and_leaves_the_event_open_for_another_task(city: City) -> None:
    alert = city.alert()
    task = city.dispatch(alert)
    cancelled = city.step(cancel, task, CHEN, "误报")
    assert cancelled.state is TaskState.CANCELLED
    (offer,) = city.store.read(lambda reader: reader.offers(task.id))
    assert offer.withdrawn_at == NOON
    event = city.store.read(lambda reader: reader.event(task.event_id))
    assert event.state is EventState.JUDGING, "nobody is at work on it any more"
    assert (event.steps[-1].step, event.steps[-1].reason) == ("return", "误报")
    another = city.dispatch(alert)
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.DISPATCHED
    assert (another.event_id, another.offered_to) == (task.event_id, "near")
    city.pass_time(3600)
    city.expire()
    assert len(city.store.read(lambda reader: reader.offers(task.id))) == 1  # the withdrawn one is left alone


def test_an_event_with_another_open_task_goes_on_when_one_is_cancelled(city: City) -> None:
    first = city.dispatch(city.alert())
    work = Work("second")
    second = city.do(
        lambda writer: add_task(writer, first.event_id, work, CHEN, city.now, roads=city.roads, settings=city.settings)
    )
    city.step(cancel, first, CHEN, "够了")
    assert city.store.read(lambda reader: reader.event(first.event_id)).state is EventState.DISPATCHED
    city.step(cancel, second, CHEN)
    event = city.store.read(lambda reader: reader.event(first.event_id))
    assert (event.state, event.steps[-1].reason) == (EventState.JUDGING, "all_cancelled")


def test_a_suspended_event_whose_tasks_were_cancelled_is_to_be_judged_when_it_goes_on(city: City) -> None:
    task = city.dispatch(city.alert())
    calendar = calendar_of(city.settings)
    because = Given(reason="等材料")
    city.do(
        lambda writer: take_event_step(
            writer, task.event_id, EventStep.SUSPEND, CHEN, city.now, because, calendar=calendar
        )
    )
    city.step(cancel, task, CHEN)
    assert city.store.read(lambda reader: reader.event(task.event_id)).state is EventState.SUSPENDED
    event = city.do(lambda writer: resume(writer, task.event_id, CHEN, city.now, "", city.settings))
    assert event.state is EventState.JUDGING, "it was dispatched before, but nobody is at work on it any more"
    assert [(one.step, one.reason) for one in event.steps[-2:]] == [("resume", ""), ("return", "all_cancelled")]


def test_a_closed_event_is_not_dispatched_again(city: City) -> None:
    alert = city.alert()
    task = city.reported(alert)
    city.step(verify, task, LI)
    with pytest.raises(IllegalMove, match=r"event 1 of alert 1 was closed at"):
        city.dispatch(alert)


def test_an_alert_whose_site_is_gone_from_the_configuration_has_no_place_to_send_to(city: City) -> None:
    alert = city.alert()
    city.settings = Settings(responders=city.settings.responders)
    with pytest.raises(IllegalMove, match="site 'gate-3' of alert 1 is no longer configured"):
        city.dispatch(alert)


def test_a_clock_set_back_does_not_turn_the_order_of_steps_round(city: City) -> None:
    task = city.dispatch(city.alert())
    accepted = city.step(accept, task, NEAR)
    city.pass_time(-60)
    assert city.step(en_route, task, NEAR).en_route_at == accepted.accepted_at


def test_one_of_the_roles_alone_may_do_each_step(city: City) -> None:
    task = city.dispatch(city.alert())
    with pytest.raises(Forbidden, match="role operator may not work_task"):
        city.step(accept, task, LI)
    with pytest.raises(Forbidden, match="was not offered to far"):
        city.step(accept, task, FAR)
    with pytest.raises(Forbidden, match="role operator may not cancel_task"):
        city.step(cancel, task, LI)
    with pytest.raises(Forbidden, match="role responder may not dispatch"):
        city.dispatch(city.alert(), actor=OFF)
    city.step(accept, task, NEAR)
    with pytest.raises(Forbidden, match="near's; only they can do en_route"):
        city.step(en_route, task, FAR)


# --- every state × every step

STEPS: dict[Step, tuple[Callable[..., Task], Actor, tuple[object, ...]]] = {
    Step.ACCEPT: (accept, NEAR, ()),
    Step.DECLINE: (decline, NEAR, ()),
    Step.EN_ROUTE: (en_route, NEAR, ()),
    Step.ON_SCENE: (on_scene, NEAR, ()),
    Step.REPORT: (report, NEAR, ("好了", None)),
    Step.VERIFY: (verify, LI, ()),
    Step.CANCEL: (cancel, CHEN, ()),
}
_TURNS = {TaskState.BLOCKED, TaskState.RETURNED, TaskState.REWORK}  # tested with the units' tasks
STANDING = [state for state in TaskState if state not in _TURNS | {TaskState.VERIFIED}]  # verified closes at once


def bring(city: City, state: TaskState) -> Task:
    """A task in this state that `near` was offered."""
    task = city.dispatch(city.alert())
    if state is TaskState.DRAFT:
        for who in (NEAR, MIDDLE, FAR):
            task = city.decline(task, who)
        return task
    for reached, step, actor, more in (
        (TaskState.ACCEPTED, accept, NEAR, ()),
        (TaskState.EN_ROUTE, en_route, NEAR, ()),
        (TaskState.ON_SCENE, on_scene, NEAR, ()),
        (TaskState.REPORTED, report, NEAR, ("好了", None)),
        (TaskState.CLOSED, verify, LI, ()),
    ):
        if task.state is state:
            return task
        if state is TaskState.CANCELLED:
            return city.step(cancel, task, CHEN)
        task = city.step(step, task, actor, *more)
        assert task.state is reached
    return task


def take(city: City, step: Step, task: Task) -> Task:
    function, actor, more = STEPS[step]
    return city.decline(task, actor) if function is decline else city.step(function, task, actor, *more)


@pytest.mark.parametrize("state", STANDING)
def test_in_every_state_just_the_steps_of_the_table_are_possible_and_the_others_say_why(
    city: City, state: TaskState
) -> None:
    task = bring(city, state)
    assert task.state is state
    for step in STEPS:
        if state in TRANSITIONS[step].states:
            continue
        before = city.trail(f"task:{task.id}")
        why = rf"task {task.id} is {state.value.replace('_', ' ')}.*{step} is possible"
        with pytest.raises(IllegalMove, match=why):
            take(city, step, task)
        assert city.task(task) == task
        assert city.trail(f"task:{task.id}") == before


@pytest.mark.parametrize(
    ("step", "state"),
    [(step, state) for step in STEPS for state in STANDING if state in TRANSITIONS[step].states],
)
def test_every_step_of_the_table_is_really_possible(city: City, step: Step, state: TaskState) -> None:
    task = bring(city, state)
    moved = take(city, step, task)
    assert moved.version > task.version
    assert [action for action, _ in city.trail(f"task:{task.id}")].count(step.value) >= 1


def test_responders_follow_the_configuration_and_keep_the_position_of_their_phone(city: City) -> None:
    assert {u.name: u.role for u in city.store.read(lambda reader: reader.users())}["near"] is Role.RESPONDER
    phone = city.settings.responders[0].location
    assert phone is not None
    phone = phone.model_copy(update={"lon": phone.lon + 0.001})
    city.do(lambda writer: writer.put_position("near", NOON + timedelta(seconds=5), phone))
    fewer = Settings(sites=city.settings.sites, responders=settings(near={"team": "排水队"}).responders[:2])
    for _ in range(2):
        city.pass_time(60)
        city.do(lambda writer: sync_responders(writer, fewer, city.now))
    known = {r.id: r for r in city.store.read(lambda reader: reader.responders())}
    assert (known["near"].position, known["near"].team) == (phone, "排水队")
    assert known["middle"].position_at == NOON
    assert [r.id for r in known.values() if r.on_shift] == ["middle", "near"]
    assert not city.store.read(lambda reader: reader.alerts(AlertQuery()))
