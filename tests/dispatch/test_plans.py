"""What warnings, alerts and orders make of plans: work once, the difference, nothing taken from who has begun."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from alerts.lifecycle import end_alert, raise_alert
from data.config.plans import PlansSettings
from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.plan import RunState
from data.model.task import EventState, TaskState
from data.model.warning import MessageType, WarningArea, WarningLevel, WarningStatus
from data.ports.store import Store
from data.stored.modes import active_modes
from data.stored.plan_views import run_view
from dispatch import plan_runs
from tests.dispatch.city import LI
from tests.dispatch.plan_city import EAST, ZHAO, PlanCity, cap, plan_settings
from tests.stores import new_store

U, C = MessageType.UPDATE, MessageType.CANCEL
ORANGE, YELLOW = WarningLevel.ORANGE, WarningLevel.YELLOW
CHECKS = ["巡查 · 下穿道", "巡查 · 隧道口", "巡查 · 低洼处"]
PUMPS = ["泵就位 · 下穿道", "泵就位 · 隧道口", "泵就位 · 低洼处"]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[PlanCity]:
    store = new_store(tmp_path / "yiping.db")
    yield PlanCity(store)
    store.close()


def test_each_waterlogging_point_gets_its_task_in_the_grid_that_owns_it_once_for_three_deliveries(
    town: PlanCity,
) -> None:
    for _ in range(3):
        town.hear(cap(1))
    assert town.titles() == [*CHECKS, "提示商户 · 下穿道"]
    assert [task.unit for task in town.tasks()] == ["g-12", "g-12", "g-11", "g-12"]
    assert [task.grid for task in town.tasks()][:2] == [EAST, EAST]
    assert {task.priority for task in town.tasks()} == {Priority.P4}
    first = town.tasks()[0]
    assert first.checklist == ("雨水口无堵塞", "泵已试机")
    assert first.needs_photo
    assert first.state is TaskState.OFFERED
    event = town.store.read(lambda reader: reader.event(first.event_id))
    assert (event.origin, event.state, event.title) == ("plan", EventState.DISPATCHED, "暴雨应对 · 下穿道")


def test_an_upgrade_makes_only_the_difference_and_withdraws_what_no_longer_applies_unless_it_is_begun(
    town: PlanCity,
) -> None:
    town.hear(cap(1))
    before = {task.id for task in town.tasks()}
    town.hear(cap(2, ORANGE, U, 1))
    new = [task for task in town.tasks() if task.id not in before]
    assert [task.title for task in new] == PUMPS
    assert {task.priority for task in new} == {Priority.P2}
    assert [task.title for task in town.tasks() if task.cancelled_at] == ["提示商户 · 下穿道"]
    assert town.runs()[0].level is ORANGE
    town.hear(cap(3, YELLOW, U, 2))
    assert town.titles() == [*CHECKS, "提示商户 · 下穿道"], "lowered: the pumps go, the shops come back"
    assert len(town.runs()) == 1


def test_a_cancel_cancels_what_nobody_has_begun_and_only_that(town: PlanCity) -> None:
    town.hear(cap(1))
    begun = town.accept("巡查 · 隧道口")
    town.hear(cap(2, ORANGE, C, 1))
    assert [task.id for task in town.tasks(open_only=True)] == [begun.id]
    assert [run.state for run in town.runs()] == [RunState.ENDED]
    states = {event.title: event.state for event in town.store.read(lambda reader: reader.events())}
    assert states == {
        "暴雨应对 · 下穿道": EventState.VOIDED,
        "暴雨应对 · 低洼处": EventState.VOIDED,
        "暴雨应对 · 隧道口": EventState.HANDLING,
    }
    town.hear(cap(2, ORANGE, C, 1))
    assert len(town.tasks()) == 4


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_order_of_arrival_does_not_matter(town: PlanCity, order: tuple[int, ...]) -> None:
    messages = (cap(1), cap(2, ORANGE, U, 1), cap(3, YELLOW, U, 2))
    for index in order:
        town.hear(messages[index])
        town.hear(messages[index])
    assert sorted(town.titles()) == sorted([*CHECKS, "提示商户 · 下穿道"])
    assert [run.level for run in town.runs() if run.is_open] == [YELLOW]


def test_a_cancel_that_overtakes_its_warning_leaves_no_work(town: PlanCity) -> None:
    town.hear(cap(2, ORANGE, C, 1))
    town.hear(cap(1))
    assert town.tasks() == []
    assert town.runs() == []


def test_when_the_warning_expires_the_plan_ends_and_an_update_that_prolongs_it_brings_back_what_is_missing(
    town: PlanCity,
) -> None:
    town.hear(cap(1, hours=2))
    done = town.accept("巡查 · 下穿道")
    town.wait(hours=2)
    assert town.titles() == [done.title]
    assert [(step.step, step.reason) for step in town.runs()[0].steps][-1] == ("end", "expired")
    town.hear(cap(2, WarningLevel.BLUE, U, 1, hours=9))
    assert sorted(town.titles()) == sorted([*CHECKS, "提示商户 · 下穿道"])
    assert town.runs()[0].state is RunState.IN_FORCE


@pytest.mark.parametrize("status", [WarningStatus.EXERCISE, WarningStatus.TEST])
def test_an_exercise_is_shown_and_starts_no_work_nor_does_it_end_a_real_warning(
    town: PlanCity, status: WarningStatus
) -> None:
    town.hear(cap(1, ORANGE, status=status))
    assert town.tasks() == []
    assert [run.state for run in town.runs()] == [RunState.EXERCISE]
    town.hear(cap(5, ORANGE))
    real = town.titles()
    assert len(real) == 6
    town.hear(cap(6, ORANGE, C, 5, status=status))
    assert town.titles() == real


def test_only_places_inside_the_area_get_work(town: PlanCity) -> None:
    ring = ((106.50, 29.57), (106.512, 29.57), (106.512, 29.59), (106.50, 29.59), (106.50, 29.57))
    town.hear(cap(1, ORANGE, areas=(WarningArea("西片", (ring,)),)))
    assert town.titles() == ["巡查 · 低洼处", "泵就位 · 低洼处"]
    town.hear(cap(2, ORANGE, U, 1, areas=(WarningArea("区", geocodes=(("GB/T 2260", "500105"),)),)))
    assert len(town.titles()) == 6
    town.hear(cap(3, ORANGE, U, 2, areas=(WarningArea("外地", geocodes=(("GB/T 2260", "510000"),)),)))
    assert town.titles() == []


def test_two_warnings_of_the_same_storm_share_the_task_of_a_place(town: PlanCity) -> None:
    town.hear(cap(1))
    town.hear(cap(9))
    assert len(town.tasks()) == 4
    town.hear(cap(2, ORANGE, C, 1))
    assert len(town.titles()) == 4, "the other warning still holds"
    town.hear(cap(10, ORANGE, C, 9))
    assert town.titles() == []


def test_what_is_made_in_pieces_is_the_same_as_what_is_made_at_once(town: PlanCity) -> None:
    town.store.write(lambda writer: plan_runs.begin(writer, "storm", ZHAO, town.now, settings=town.settings))
    town.settle(at_most=1)
    assert town.titles() == [*CHECKS, *PUMPS]


def test_the_crest_mode_is_on_from_order_to_order_and_takes_its_unstarted_patrols_along(town: PlanCity) -> None:
    def order(step: str, **more: str) -> None:
        work = getattr(plan_runs, step)
        town.store.write(lambda writer: work(writer, "crest", ZHAO, town.now, settings=town.settings, **more))
        town.settle()

    with pytest.raises(Forbidden, match="operator may not order_plan"):
        town.store.write(lambda writer: plan_runs.begin(writer, "crest", LI, town.now, settings=town.settings))
    order("begin")
    assert town.store.read(active_modes) == {"flood-crest"}
    assert town.titles() == ["锁门 · 下河梯坎", "通知商铺 · 第12网格", "通知商铺 · 第11网格", "巡查 · 江滩"]
    calls = next(task for task in town.tasks() if task.title == "通知商铺 · 第12网格")
    assert calls.checklist == ("张记小面 · 000-1001", "茶馆 · 000-1002")
    with pytest.raises(IllegalMove, match=r"plan crest is in force since .*, begun by zhao"):
        order("begin")
    town.wait(minutes=31)
    assert town.titles().count("巡查 · 江滩") == 1, "nobody has begun the first one"
    town.accept("巡查 · 江滩")
    town.wait(minutes=31)
    assert town.titles().count("巡查 · 江滩") == 2
    with pytest.raises(InputRejected, match="needs a reason"):
        order("end", reason=" ")
    order("end", reason="洪峰已过")
    assert town.store.read(active_modes) == frozenset()
    assert [task.title for task in town.tasks(open_only=True)] == ["巡查 · 江滩"], "the one that is begun"
    town.wait(hours=2)
    assert len(town.titles()) == 1
    with pytest.raises(IllegalMove, match="plan crest is not in force"):
        order("end", reason="再次")


def stage(priority: Priority, number: int = 1) -> Raised:
    town_now = cap(1).effective
    return Raised(AlertKey("bank", "stage", "", str(number)), "threshold", priority, town_now, town_now)


def test_a_river_stage_proposes_the_mode_and_a_human_decides_asked_again_only_when_it_is_worse(town: PlanCity) -> None:
    def raised(priority: Priority, number: int) -> None:
        town.store.write(lambda writer: raise_alert(writer, stage(priority, number), None, town.now))
        town.store.write(lambda writer: plan_runs.follow_alerts(writer, town.now, town.settings, "stage"))
        town.settle()

    def last() -> RunState:
        return town.runs("crest")[-1].state

    raised(Priority.P3, 1)
    assert last() is RunState.PROPOSED
    told = run_view(town.runs("crest")[-1])
    assert (told["because"], told["cause"]) == (
        "bank/stage",
        {"site": "bank", "rule": "stage", "kind": "threshold", "label": ""},
    )
    assert town.tasks() == []
    town.store.write(
        lambda writer: plan_runs.dismiss(writer, "crest", ZHAO, town.now, settings=town.settings, reason="下游已退")
    )
    raised(Priority.P3, 2)
    assert last() is RunState.DISMISSED
    raised(Priority.P2, 3)
    assert last() is RunState.PROPOSED, "orange is worse than yellow: asked once more"
    town.store.write(lambda writer: plan_runs.begin(writer, "crest", ZHAO, town.now, settings=town.settings))
    town.settle()
    assert len(town.titles()) == 4
    for number in (1, 2, 3):
        ended = Ended(stage(Priority.P3, number).key, town.now, town.now)
        town.store.write(lambda writer, ended=ended: end_alert(writer, ended, town.now))  # type: ignore[misc]
    town.store.write(lambda writer: plan_runs.follow_alerts(writer, town.now, town.settings, "stage"))
    town.settle()
    run = town.runs("crest")[-1]
    assert (run.state, run.steps[-1].step) == (RunState.IN_FORCE, "stays"), "only an order ends it"
    assert len(town.titles()) == 4


def gas_city(store: Store, when_expired: str) -> PlanCity:
    """Waterlogging points with a plan that works only where an alert is, by people who can; `far` is the only one."""
    usual = plan_settings()
    pump = {"id": "pump", "zh": "抽排", "en": "Pump out", "marks": ["waterlogging_point"], "only_alerting": True,
            "to": "nearest", "skills": ["gas"]}  # fmt: skip
    gas = {"id": "gas", "zh": "气体", "en": "Gas", "kind": "gas", "alerts": [{"rules": ["stage"]}], "steps": [pump],
           "when_expired": when_expired}  # fmt: skip
    people = tuple(one.model_copy(update={"skills": ("gas",)}) if one.id == "far" else one for one in usual.responders)
    plans = PlansSettings.model_validate({"plans": [gas]})
    return PlanCity(store, usual.model_copy(update={"responders": people, "plans": plans}))


@pytest.mark.parametrize(("when_expired", "left"), [("end", []), ("keep", ["抽排 · 下穿道", "抽排 · 隧道口"])])
def test_a_step_for_alerting_places_follows_each_alert_and_asks_only_who_has_its_skills(
    tmp_path: Path, when_expired: str, left: list[str]
) -> None:
    store = new_store(tmp_path / "yiping.db")
    try:
        town = gas_city(store, when_expired)

        def follow() -> None:
            town.store.write(lambda writer: plan_runs.follow_alerts(writer, town.now, town.settings, "stage"))
            town.settle()

        def raised(site: str) -> None:
            one = Raised(AlertKey(site, "stage", "", ""), "threshold", Priority.P2, town.now, town.now)
            town.store.write(lambda writer: raise_alert(writer, one, None, town.now))
            follow()

        raised("dip-1")
        assert town.titles() == ["抽排 · 下穿道"]
        (task,) = town.tasks()
        assert (task.offered_to, task.also_offered) == ("far", ()), "near and middle are nearer and cannot"
        raised("dip-2")
        assert town.titles() == ["抽排 · 下穿道", "抽排 · 隧道口"], "the second alert, of the same level"
        for site in ("dip-1", "dip-2"):
            over = Ended(AlertKey(site, "stage", "", ""), town.now, town.now)
            town.store.write(lambda writer, over=over: end_alert(writer, over, town.now))  # type: ignore[misc]
            follow()
        assert town.titles() == left
    finally:
        store.close()


def test_by_order_a_step_for_alerting_places_is_for_all_of_them(tmp_path: Path) -> None:
    store = new_store(tmp_path / "yiping.db")
    try:
        town = gas_city(store, "end")
        store.write(lambda writer: plan_runs.begin(writer, "gas", ZHAO, town.now, settings=town.settings))
        town.settle()
        assert town.titles() == ["抽排 · 下穿道", "抽排 · 隧道口"]
    finally:
        store.close()


def test_what_an_officer_has_ended_is_only_proposed_again_and_only_when_it_gets_worse(town: PlanCity) -> None:
    def order(step: str, **more: str) -> None:
        work = getattr(plan_runs, step)
        town.store.write(lambda writer: work(writer, "storm", ZHAO, town.now, settings=town.settings, **more))
        town.settle()

    town.hear(cap(1, YELLOW))
    order("end", reason="排水已恢复")
    assert town.titles() == []
    town.hear(cap(2, YELLOW, U, 1))
    town.hear(cap(3, WarningLevel.BLUE, U, 2))
    assert [run.state for run in town.runs()] == [RunState.ENDED]
    town.hear(cap(4, ORANGE, U, 3))
    assert [run.state for run in town.runs()] == [RunState.PROPOSED]
    assert town.titles() == []
    order("begin", reason="同意")
    assert len(town.titles()) == 6
    assert [step.step for step in town.runs()[0].steps] == ["begin", "end", "propose", "begin"]


@pytest.mark.parametrize(
    ("code", "held"),
    [
        ("500105", True),
        ("500000", True),
        ("500105007000", True),
        ("500103", False),
        ("510105", False),
        ("US-CA", False),
    ],
)
def test_an_area_code_holds_the_grids_below_it(town: PlanCity, code: str, held: bool) -> None:
    far = (100.0, 10.0, 5.0)
    town.hear(cap(1, ORANGE, areas=(WarningArea("某地", circles=(far,), geocodes=(("code", code),)),)))
    assert (len(town.titles()) == 6) is held


def test_a_circle_holds_what_is_within_its_radius(town: PlanCity) -> None:
    town.hear(cap(1, ORANGE, areas=(WarningArea("圆", circles=((106.513, 29.583, 0.05),)),)))
    assert town.titles() == ["巡查 · 下穿道", "泵就位 · 下穿道"]
