"""The planner among the real processes: a plan tells people once; one that was edited while in force is caught up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.config.notices import NoticeSettings
from data.config.plans import PlansSettings
from data.model.plan import RunState
from data.model.warning import MessageType, WarningLevel
from data.stored.warnings_in import receive_warning
from dispatch.routing import Roads
from engine.reactions.planner import Planner
from notices.loudspeaker import Recipe as Loudspeaker
from tests.dispatch.plan_city import PLANS, PlanCity, cap, plan_settings
from tests.engine.city import Cities, City
from tests.servers.http_peer import Peer, http_peer
from tests.stores import new_store

NOTICE = {"id": "tell", "do": "notice", "channels": ["street"], "text": "{plan}：{headline}，请商户移车"}


@pytest.fixture
def speaker() -> Iterator[Peer]:
    with http_peer() as peer:
        yield peer


def deliver(one: City, number: int, level: WarningLevel, *references: int) -> None:
    now = datetime.now(UTC)
    kind = MessageType.UPDATE if references else MessageType.ALERT
    warning = replace(cap(number, level, kind, *references), effective=now, expires=now + timedelta(hours=1))
    one.store.write(lambda writer: receive_warning(writer, warning, now))


def test_a_plan_speaks_once_through_the_loudspeaker_however_often_its_warning_comes(
    city: Cities, speaker: Peer
) -> None:
    storm = PLANS["plans"][0] | {"steps": [NOTICE]}
    one = city(
        plans=PlansSettings.model_validate({"plans": [storm]}),
        district_codes=("500105",),
        notices=NoticeSettings(channels=(Loudspeaker(id="street", url=speaker.url("/play")),)),
    )
    one.start()
    for number in (1, 1):
        deliver(one, number, WarningLevel.BLUE)
    one.wait_for(lambda: speaker.received)
    assert speaker.received[0].json["text"] == "暴雨应对：暴雨blue，请商户移车"
    deliver(one, 2, WarningLevel.ORANGE, 1)
    one.wait_for(lambda: [run.level for run in one.store.read(lambda r: r.plan_runs())] == [WarningLevel.ORANGE])
    one.wait_for(lambda: not one.store.read(lambda reader: reader.plan_runs(unsettled_only=True)))
    assert len(speaker.received) == 1
    (notice,) = one.store.read(lambda reader: reader.notices())
    assert (notice.policy, notice.subject) == ("plan:storm", "plan:1")


def test_a_plan_that_was_edited_while_it_is_in_force_is_caught_up_at_the_next_start(tmp_path: Path) -> None:
    store = new_store(tmp_path / "yiping.db")
    town = PlanCity(store)
    town.hear(replace(cap(1), expires=datetime.now(UTC) + timedelta(hours=1)))
    assert len(town.titles()) == 4
    steps = [
        step | ({"marks": [], "places": ["dip-2"]} if step["id"] == "check" else {})
        for step in PLANS["plans"][0]["steps"]
    ]
    edited = PLANS | {"plans": [PLANS["plans"][0] | {"steps": steps}, *PLANS["plans"][1:]]}
    changed = plan_settings().model_copy(update={"plans": PlansSettings.model_validate(edited)})
    Planner(store, changed, Roads()).poll()
    assert sorted(town.titles()) == ["巡查 · 隧道口", "提示商户 · 下穿道"]
    gone = plan_settings().model_copy(update={"plans": PlansSettings()})
    Planner(store, gone, Roads()).poll()
    assert town.titles() == []
    assert [run.state for run in town.runs()] == [RunState.ENDED]
    assert town.runs()[0].steps[-1].reason == "no longer configured"
    store.close()
