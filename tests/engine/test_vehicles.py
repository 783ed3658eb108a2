"""Positions of vehicles in the real sensors' process: judged once, kept thinned, replayed the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.geofence import Recipe as Geofence
from alerts.line_crossing import Recipe as LineCrossing
from data.model.observation import Position
from data.model.vehicle import PermitState
from engine.catalogue import load_catalogue
from engine.reactions.vehicle_retention import VehicleRetention
from engine.replay.replayer import Replayer
from monitors.gauges.vehicle_push import Recipe as VehiclePush
from tests.engine.gauge_site import BEGAN, SITE, Town

LON, LAT = 106.5, 29.6
METRE = 1 / 96_700  # degrees of longitude there
FENCE = Geofence.model_validate(
    {"id": "closed", "radius": 100, "priority": "P2", "permits": [{"plate": "B2", "until": "2026-07-13T00:00:00Z"}]}
)
LINE = LineCrossing.model_validate({"id": "line", "ground": [[LON, LAT + 0.001], [LON, LAT - 0.001]]})


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    gateway = VehiclePush.model_validate({"kind": "vehicle_push", "id": "gateway"})
    town = Town(tmp_path, gauges=(gateway,), rules=(FENCE, LINE))
    yield town
    town.end()


def drive(town: Town, *metres: float, plate: str = "A1", every: int = 10, late: timedelta = timedelta(0)) -> None:
    """Positions so many metres east of the site, the next after so many seconds."""
    for east in metres:
        position = Position(SITE, "gateway", plate, LON + east * METRE, LAT, town.wall - late, 36.0, 90.0)
        town.come((town.device("gateway"), position))
        town.pass_time(every)


def track(town: Town, plate: str = "A1") -> list[int]:
    """Where the kept track lies, metres east."""
    since, until = BEGAN - timedelta(days=1), BEGAN + timedelta(days=1)
    found = town.store.read(lambda reader: reader.vehicle_track(plate, since, until))
    return [round((one.lon - LON) / METRE) for one in found]


def test_a_truck_in_the_closed_street_is_one_alert_of_each_rule_also_over_a_restart(town: Town) -> None:
    drive(town, -300, -180, -60)
    town.restart()
    drive(town, 60, 180, 300)
    fence, line = sorted(town.alerts(), key=lambda one: one.key.rule)
    assert (fence.key.subject, fence.kind, fence.priority, fence.value) == ("A1", "geofence", "P2", 36.0)
    assert fence.vehicle is not None
    assert (fence.vehicle.permit, fence.vehicle.earlier) == (PermitState.NONE, 0)
    assert (line.key.subject, line.kind) == ("A1", "line_crossing")
    town.pass_time(130)
    assert town.alerts() == []
    drive(town, -60, 60, plate="B2")
    assert [(one.key.rule, one.key.subject) for one in town.alerts()] == [("line", "B2")], "the fence permits it"


def test_what_is_older_than_ten_minutes_belongs_to_the_track_and_is_not_judged(town: Town) -> None:
    drive(town, -60, 0, 60, late=timedelta(minutes=11))
    assert town.alerts(open_only=False) == []
    assert track(town) == [-60, 0, 60]


def test_a_track_is_thinned_and_a_standing_vehicle_is_kept_every_ten_minutes(town: Town) -> None:
    drive(town, *range(500, 560, 2), every=1)
    assert track(town) == [500, 522, 544]
    drive(town, *([600] * 13), plate="C3", every=60)
    assert track(town, "C3") == [600, 600]
    newest = town.store.read(lambda reader: reader.newest_positions(BEGAN))
    assert {one.vehicle: one.at for one in newest} == {
        "A1": BEGAN + timedelta(seconds=29),
        "C3": BEGAN + timedelta(seconds=30 + 720),
    }


def test_the_same_position_twice_is_one(town: Town) -> None:
    position = Position(SITE, "gateway", "A1", LON, LAT, town.wall)
    for _ in range(3):
        town.come((town.device("gateway"), position))
    assert track(town) == [0]
    assert town.alerts("closed", open_only=False) == [], "one position said three times is not two"


def test_the_clock_put_back_stops_neither_the_track_nor_the_rules(town: Town) -> None:
    drive(town, -300)
    town.wall -= timedelta(hours=1)
    town.pass_time(40)
    drive(town, -60, 0)
    assert [one.key.rule for one in town.alerts("closed")] == ["closed"]


def test_a_replay_finds_the_same_alerts(town: Town) -> None:
    drive(town, -300, -180, -60, 60, 180, 300)
    town.pass_time(130)
    town.stop()
    since, until = BEGAN - timedelta(seconds=5), town.wall
    replayed = Replayer(town.options.observations_dir, load_catalogue()).replay(since, until)
    assert sorted((one.key.rule, one.key.subject) for one in replayed.found) == [("closed", "A1"), ("line", "A1")]
    assert replayed.same, "exactly what was decided live"
    assert replayed.exact
    town.start()


def test_tracks_older_than_they_are_kept_are_removed(town: Town) -> None:
    drive(town, 500, 700)
    retention = VehicleRetention(town.store, town.options.settings)
    retention.poll(BEGAN + timedelta(days=29))
    assert track(town) == [500, 700]
    retention.poll(BEGAN + timedelta(days=30, hours=1))
    assert track(town) == []
