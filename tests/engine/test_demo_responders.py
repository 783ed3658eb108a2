"""The demo's people on its streets, with a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from alerts.lifecycle import raise_alert
from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.alert import AlertKey, Priority, Raised
from data.model.geo import Location, distance_m
from data.model.people import Actor, Role
from data.ports.store import Store
from dispatch.geojson import read_lines
from dispatch.responders import share_position, sync_responders
from dispatch.routing import Roads, load_roads
from dispatch.tasks import accept, dispatch
from engine.catalogue import load_catalogue
from engine.demo.responders import Streets, corners_of, move_once
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
ROADS = ROOT / "data/demo/roads.geojson"


@pytest.fixture(scope="module")
def city() -> Settings:
    return load_settings(ROOT / "config.yaml", load_catalogue())[0]


@pytest.fixture(scope="module")
def roads() -> Roads:
    return load_roads(ROADS)


@pytest.fixture
def store(tmp_path: Path, city: Settings) -> Iterator[Store]:
    store = new_store(tmp_path / "yiping.db")
    store.write(lambda writer: sync_responders(writer, city, NOON))
    yield store
    store.close()


def streets(city: Settings, roads: Roads) -> Streets:
    homes = {r.id: r.location for r in city.responders if r.location is not None}
    return Streets(roads, corners_of(read_lines(ROADS)), homes)


def positions(store: Store) -> dict[str, Location]:
    return {r.id: r.position for r in store.read(lambda reader: reader.responders()) if r.position is not None}


def test_everybody_moves_along_streets_no_faster_than_they_can(store: Store, city: Settings, roads: Roads) -> None:
    everybody = streets(city, roads)
    start, before = positions(store), positions(store)
    for number in range(1, 31):
        move_once(store, everybody, NOON + timedelta(seconds=2 * number))
        now = positions(store)
        assert max(distance_m(before[who], now[who]) for who in now) <= 7.0 * 2 + 0.5
        before = now
    assert sum(distance_m(start[who], before[who]) > 5 for who in start) >= 20
    pieces = np.array([(a, b) for line in read_lines(ROADS) for a, b in pairwise(line.points)])
    for place in before.values():
        assert _off_road_m(place, pieces) < 2.0


def test_positions_reach_the_screens_as_changes(store: Store, city: Settings, roads: Roads) -> None:
    everybody = streets(city, roads)
    since = store.read(lambda reader: reader.last_change())
    told = sum(move_once(store, everybody, NOON + timedelta(seconds=2 * n)) for n in range(1, 5))
    changes = store.read(lambda reader: reader.changes(since))
    assert len(changes) == told >= 24
    assert {change.topic for change in changes} == {"responder"}
    assert changes[-1].payload["responder"]["position_at"] == changes[-1].at.isoformat(timespec="milliseconds")


def test_who_accepted_a_task_goes_there_and_stays(store: Store, city: Settings, roads: Roads) -> None:
    site = city.site("quay-1")
    key = AlertKey("quay-1", "person-in-river", "river", "1")
    alert = store.write(
        lambda w: raise_alert(w, Raised(key, "intrusion", Priority.P1, NOON, NOON, "person"), None, NOON)
    )
    assert alert is not None
    officer = Actor("duty", Role.DUTY_OFFICER)
    task = store.write(lambda w: dispatch(w, alert.id, officer, NOON, roads=roads, settings=city, responder="drain-4"))
    everybody = streets(city, roads)
    move_once(store, everybody, NOON + timedelta(seconds=2))
    assert not everybody.walkers["drain-4"].goal  # offered is not accepted: nobody acts for people
    store.write(lambda w: accept(w, task.id, Actor("drain-4", Role.RESPONDER), NOON))
    for number in range(2, 150):
        move_once(store, everybody, NOON + timedelta(seconds=2 * number))
    assert distance_m(positions(store)["drain-4"], site.location) < 15
    after = store.read(lambda reader: reader.task(task.id))
    assert after.en_route_at is None
    assert after.on_scene_at is None


def test_a_phone_that_reports_its_position_is_believed(store: Store, city: Settings, roads: Roads) -> None:
    everybody = streets(city, roads)
    move_once(store, everybody, NOON + timedelta(seconds=2))
    away = Location(lon=107.3170, lat=29.9071)
    at = NOON + timedelta(seconds=3)
    store.write(lambda w: share_position(w, Actor("squad-1", Role.RESPONDER), at, away, city))
    for number in range(2, 30):
        move_once(store, everybody, NOON + timedelta(seconds=2 * number))
    assert positions(store)["squad-1"] == away


def _off_road_m(place: Location, pieces: np.ndarray) -> float:
    """Distance from the nearest piece of road, metres."""
    scale = np.array([111_195 * np.cos(np.radians(place.lat)), 111_195])
    start, end = (pieces[:, 0] - (place.lon, place.lat)) * scale, (pieces[:, 1] - (place.lon, place.lat)) * scale
    along = end - start
    share = np.clip(-(start * along).sum(1) / np.maximum((along**2).sum(1), 1e-9), 0, 1)[:, None]
    return float(np.hypot(*(start + share * along).T).min())
