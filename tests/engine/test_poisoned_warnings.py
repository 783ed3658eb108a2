"""Warnings with monstrous or unreadable areas in the store, of an older version or damaged: named, nothing stops."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from data.config.fusion import FusedPlace, FusionSettings
from data.model.plan import RunState
from data.model.warning import WarningArea, WarningLevel
from data.ports.store import AlertQuery
from data.stored.warnings_in import receive_warning
from dispatch.routing import Roads
from engine.reactions.fusing import Fusion
from engine.reactions.planner import Planner
from tests.dispatch.plan_city import PlanCity, cap
from tests.stores import new_store

NOW = datetime.now(UTC)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[PlanCity]:
    store = new_store(tmp_path / "yiping.db")
    yield PlanCity(store, now=NOW)
    store.close()


def heard(town: PlanCity, number: int, areas: tuple[WarningArea, ...] | None = None) -> None:
    """Stored and told, but not followed yet: the planner was away."""

    message = replace(cap(number, WarningLevel.ORANGE), effective=NOW, onset=NOW, expires=NOW + timedelta(hours=6))
    message = message if areas is None else replace(message, areas=areas)
    town.store.write(lambda writer: receive_warning(writer, message, NOW))


def changed(tmp_path: Path, number: int, **columns: str | None) -> None:
    """What stands in the file is changed behind the store's back."""
    engine = create_engine(f"sqlite:///{tmp_path / 'yiping.db'}")
    with engine.begin() as connection:
        for name, value in columns.items():
            connection.execute(text(f"UPDATE warnings SET {name} = :value WHERE id = :id"),
                               {"value": value, "id": number})  # fmt: skip
    engine.dispose()


def tangle(points: int) -> list[list[float]]:
    chance = random.Random(7)
    ring = [[106.4 + 0.3 * chance.random(), 29.4 + 0.3 * chance.random()] for _ in range(points)]
    return [*ring, ring[0]]


def alarms(town: PlanCity) -> list[str]:
    query = AlertQuery(site="centre", limit=50)
    return [alert.label for alert in town.store.read(lambda reader: reader.alerts(query))]


@pytest.mark.parametrize("points", [150, 49_999])
def test_a_tangled_area_of_an_older_version_is_bounded_at_the_start_which_takes_a_moment(
    town: PlanCity, tmp_path: Path, points: int
) -> None:
    heard(town, 1)
    area = {"description": "青石区", "polygons": [tangle(points)], "circles": [], "geocodes": []}
    changed(tmp_path, 1, areas=json.dumps([area]), infos=None)
    began_s = time.process_time()
    Planner(town.store, town.settings, Roads()).poll()
    assert time.process_time() - began_s < 5, "it took 51 s and held the write lock"
    (warning,) = town.store.read(lambda reader: reader.warnings())
    assert sum(len(ring) for one in warning.areas for ring in (*one.polygons, *one.outlines)) <= 501
    (run,) = town.runs()
    assert run.state is RunState.PROPOSED, "nobody can tell where within its hull it holds"
    assert run.steps[0].detail["doubts"] == ["area_unknown"]


@pytest.mark.parametrize(
    "columns",
    [
        {"areas": "[{"},
        {"areas": "[[1, 2]]"},
        {"areas": '[{"description": "x", "polygons": [["a"]], "circles": [], "geocodes": []}]'},
        {"areas": '[{"description": "x"}]', "infos": None},
        {"level": "purple"},
        {"infos": '[{"areas": [99]}]'},
        {"infos": "7"},
        {"effective": "yesterday"},
    ],
)
def test_a_row_that_cannot_be_read_is_put_aside_with_an_alarm_and_the_others_go_on(
    town: PlanCity, tmp_path: Path, columns: dict[str, str | None]
) -> None:
    heard(town, 1)
    heard(town, 2)
    changed(tmp_path, 1, **columns)
    planner = Planner(town.store, town.settings, Roads())
    planner.poll()
    planner.poll()
    assert [run.source.split(",")[1] for run in town.runs()] == ["storm_2"]
    assert any(label.startswith("warning 1 is put aside") for label in alarms(town))
    reasons = [one.reason for one in town.store.read(lambda reader: reader.rejects())]
    assert len([reason for reason in reasons if reason.startswith("warning 1 is put aside")]) == 1
    assert [one.id for one in town.store.read(lambda reader: reader.warnings(in_force_at=NOW))] == [2]
    assert len(town.titles()) > 0


def test_a_ring_of_two_points_covers_nothing_and_stops_nothing(town: PlanCity, tmp_path: Path) -> None:
    heard(town, 1, (WarningArea("x", (((106.5, 29.5), (106.6, 29.6)),)),))
    heard(town, 2)
    Planner(town.store, town.settings, Roads()).poll()
    assert [run.source.split(",")[1] for run in town.runs()] == ["storm_2"]


def test_fusion_reads_a_warning_once_and_puts_aside_one_that_cannot_be_read(town: PlanCity, tmp_path: Path) -> None:

    place = FusedPlace(id="dip-1", rules=("depth",), warnings=("暴雨",))
    settings = town.settings.model_copy(update={"fusion": FusionSettings(places=(place,))})
    heard(town, 1)
    heard(town, 2)
    changed(tmp_path, 1, areas="[{")
    fusion = Fusion(town.store, settings, Roads())
    fusion.poll(NOW)
    fusion.poll(NOW)
    assert [one.id for one in fusion._warnings] == [2]
    assert len(alarms(town)) == 1
