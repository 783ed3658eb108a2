"""Where a warning counts: a plan begins only in our own district, block by block, and asks where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.cap.message import parse_cap
from data.model.alert import Priority
from data.model.plan import RunState
from data.model.warning import MessageType, WarningArea, WarningLevel
from dispatch import plan_runs
from tests.data.test_cap import block, message
from tests.dispatch.city import NOON
from tests.dispatch.plan_city import EAST, ZHAO, PlanCity, cap
from tests.stores import new_store

WINDSOR = WarningArea("Windsor", (((-83.0, 42.3), (-82.4, 42.3), (-82.4, 41.7), (-83.1, 41.7), (-83.0, 42.3)),))
WEST_RING = ((106.50, 29.57), (106.512, 29.57), (106.512, 29.59), (106.50, 29.59), (106.50, 29.57))
HELD = "<expires>2099-12-31T00:00:00+08:00</expires>"
U, C = MessageType.UPDATE, MessageType.CANCEL


@pytest.fixture
def town(tmp_path: Path) -> Iterator[PlanCity]:
    store = new_store(tmp_path / "yiping.db")
    yield PlanCity(store)
    store.close()


def code(name: str, value: str) -> WarningArea:
    return WarningArea("某地", geocodes=((name, value),))


@pytest.mark.parametrize(
    ("area", "state"),
    [
        (WINDSOR, None),
        (WarningArea("far", circles=((100.0, 10.0, 50.0),)), None),
        (code("GB/T 2260", "654026"), None),
        (code("GB2260", "510105"), None),
        (code("x", "500103"), None),
        (code("GB/T 2260", "500105"), RunState.IN_FORCE),
        (code("国家行政区划编码", "500000000000"), RunState.IN_FORCE),
        (code("x", "500105"), RunState.IN_FORCE),
        (code("GB/T 2260", "500105007003"), RunState.IN_FORCE),
        (WarningArea("here", (WEST_RING,)), RunState.IN_FORCE),
        (WarningArea("here", circles=((106.513, 29.583, 0.1),)), RunState.IN_FORCE),
        (WarningArea("青石区"), RunState.PROPOSED),
        (WarningArea("x", unknown=True), RunState.PROPOSED),
        (WarningArea("far but more", circles=((100.0, 10.0, 50.0),), unknown=True), RunState.PROPOSED),
        (WarningArea("tangled", outlines=(WEST_RING,)), RunState.PROPOSED),
        (WarningArea("tangled elsewhere", outlines=WINDSOR.polygons), None),
        (code("FIPS6", "500105"), RunState.PROPOSED),
        (code("SAME", "500105"), RunState.PROPOSED),
        (code("UGC", "TXZ192"), RunState.PROPOSED),
        (code("EMMA_ID", "500105"), RunState.PROPOSED),
    ],
    ids=lambda one: (
        one.description + "".join(f" {n} {c}" for n, c in one.geocodes) if isinstance(one, WarningArea) else ""
    ),
)
def test_a_plan_begins_only_where_the_area_meets_the_district_and_asks_where_nobody_can_tell(
    town: PlanCity, area: WarningArea, state: RunState | None
) -> None:
    town.hear(cap(1, WarningLevel.ORANGE, areas=(area,)))
    assert [run.state for run in town.runs()] == ([] if state is None else [state])
    assert bool(town.tasks()) is (state is RunState.IN_FORCE)


def test_a_message_without_any_area_asks_and_a_human_begins_it_everywhere_or_declines(town: PlanCity) -> None:
    town.hear(cap(1, WarningLevel.ORANGE, areas=()))
    (run,) = town.runs()
    assert (run.state, run.steps[0].detail["doubts"]) == (RunState.PROPOSED, ["area_unknown"])
    town.store.write(lambda writer: plan_runs.begin(writer, "storm", ZHAO, town.now, settings=town.settings))
    town.settle()
    assert len(town.titles()) == 6
    town.hear(cap(2, WarningLevel.ORANGE, C, 1))
    assert town.titles() == []
    town.hear(cap(3, WarningLevel.ORANGE, areas=()))
    town.store.write(
        lambda writer: plan_runs.dismiss(writer, "storm", ZHAO, town.now, settings=town.settings, reason="不是本区")
    )
    assert [run.state for run in town.runs()] == [RunState.ENDED, RunState.DISMISSED]


def test_an_update_that_moves_the_area_away_ends_the_plan(town: PlanCity) -> None:
    town.hear(cap(1))
    town.hear(cap(2, WarningLevel.RED, U, 1, areas=(WINDSOR,)))
    (run,) = town.runs()
    assert (run.state, run.steps[-1].reason) == (RunState.ENDED, "elsewhere")


def test_an_update_whose_area_cannot_be_told_keeps_the_places_it_has_and_takes_no_new_ones(town: PlanCity) -> None:
    town.hear(cap(1, WarningLevel.ORANGE, areas=(WarningArea("西片", (WEST_RING,)),)))
    assert town.titles() == ["巡查 · 低洼处", "泵就位 · 低洼处"]
    town.hear(cap(2, WarningLevel.RED, U, 1, areas=(WarningArea("?", unknown=True),)))
    (run,) = town.runs()
    assert (run.state, run.level) == (RunState.IN_FORCE, WarningLevel.RED)
    assert {task.title for task in town.tasks(open_only=True)} == {"巡查 · 低洼处", "泵就位 · 低洼处"}


def test_blue_in_one_grid_and_red_in_the_next_is_blue_work_here_and_red_work_there(town: PlanCity) -> None:
    blue = block("暴雨", "Minor", f"<geocode><valueName>GB/T 2260</valueName><value>{EAST}</value></geocode>", HELD)
    red = block("暴雨", "Extreme", "<polygon>29.57,106.50 29.57,106.512 29.59,106.512 29.59,106.50</polygon>", HELD)
    town.hear(replace(parse_cap(message(info=blue + red)), effective=NOON))
    (run,) = town.runs()
    assert (run.state, run.level) == (RunState.IN_FORCE, WarningLevel.RED)
    assert sorted((task.title, task.priority) for task in town.tasks()) == [
        ("巡查 · 下穿道", Priority.P4),
        ("巡查 · 低洼处", Priority.P1),
        ("巡查 · 隧道口", Priority.P4),
        ("提示商户 · 下穿道", Priority.P4),
        ("泵就位 · 低洼处", Priority.P1),
    ]


def test_the_graver_of_two_blocks_counts_at_a_place_that_both_hold(town: PlanCity) -> None:
    here = "<circle>29.583,106.513 5</circle>"
    town.hear(parse_cap(message(info=block("暴雨", "Extreme", here, HELD) + block("暴雨", "Minor", here, HELD))))
    assert {task.priority for task in town.tasks()} == {Priority.P1}
    assert "提示商户 · 下穿道" not in town.titles()


def test_wind_and_rain_in_one_message_begin_the_plans_of_both_and_all_clear_ends_them(town: PlanCity) -> None:
    here = "<circle>29.583,106.513 5</circle>"
    both = message(info=block("洪水", "Moderate", here, HELD) + block("暴雨", "Severe", here, HELD), identifier="a")
    town.hear(parse_cap(both))
    assert [run.state for run in town.runs("storm")] == [RunState.IN_FORCE]
    assert [run.state for run in town.runs("crest")] == [RunState.PROPOSED]
    clear = block("暴雨", "Severe", here, f"<responseType>AllClear</responseType>{HELD}")
    update = message("Update", clear, "yz@cq.gov.cn,a,2024-07-12T11:50:00+08:00", identifier="b")
    town.hear(parse_cap(update))
    assert [run.state for run in (*town.runs("storm"), *town.runs("crest"))] == [RunState.ENDED, RunState.ENDED]


@pytest.mark.parametrize("references", ["a", "yz@cq.gov.cn,a", "yz@cq.gov.cn,a,2024-07-12T11:50:00+08:00"])
@pytest.mark.parametrize("first_comes", ["first", "last"])
def test_a_cancel_with_a_partial_reference_ends_the_plan_in_whatever_order_they_come(
    town: PlanCity, references: str, first_comes: str
) -> None:
    here = block("暴雨", "Severe", "<circle>29.583,106.513 5</circle>", HELD)
    messages = [
        parse_cap(message(info=here, identifier="a")),
        parse_cap(message("Cancel", "", references, identifier="b")),
    ]
    for one in messages if first_comes == "first" else reversed(messages):
        town.hear(one)
    assert not [run for run in town.runs() if run.is_open]
    assert town.titles() == []


def test_identifiers_and_senders_with_commas_name_one_plan_from_its_beginning_to_its_end(town: PlanCity) -> None:
    here = block("暴雨", "Severe", "<circle>29.583,106.513 5</circle>", HELD)
    town.hear(parse_cap(message(info=here, identifier="a,1%2C", sender="Office, City of Stone")))
    assert [run.state for run in town.runs()] == [RunState.IN_FORCE]
    town.wait(hours=1)
    assert [run.state for run in town.runs()] == [RunState.IN_FORCE]


def test_a_message_that_may_be_an_exercise_asks(town: PlanCity) -> None:
    here = block("暴雨", "Severe", "<circle>29.583,106.513 5</circle>", HELD)
    town.hear(parse_cap(message(info=here, status="Real")))
    (run,) = town.runs()
    assert run.state is RunState.PROPOSED
    assert "status_unknown" in run.steps[0].detail["doubts"]


def test_a_message_of_years_ago_without_an_end_begins_nothing(town: PlanCity) -> None:
    town.now = datetime(2026, 7, 1, tzinfo=UTC)
    here = block("暴雨", "Severe", "<circle>29.583,106.513 5</circle>")
    town.hear(parse_cap(message(info=here, sent="2009-03-01T00:09:25+00:00")))
    assert town.runs() == []


def test_codes_of_another_scheme_count_where_the_configuration_names_ours(tmp_path: Path) -> None:
    store = new_store(tmp_path / "other.db")
    town = PlanCity(store)
    town.settings = town.settings.model_copy(update={"district_codes": ("UGC:TXZ192", "SAME:048453")})
    town.maker = replace(town.maker, settings=town.settings)
    town.hear(cap(1, areas=(code("UGC", "TXZ193"),)))
    assert town.runs() == []
    town.hear(cap(2, areas=(code("SAME", "048453"),)))
    assert [run.state for run in town.runs()] == [RunState.IN_FORCE]
    store.close()
