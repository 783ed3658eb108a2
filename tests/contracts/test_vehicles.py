"""Tracks of vehicles and the alerts about one of them, in both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerts.lifecycle import end_alert, raise_alert
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.observation import Position
from data.model.vehicle import PermitState, VehicleSight, drives
from data.ports.store import Store

NIGHT = datetime(2024, 7, 12, 16, 0, tzinfo=UTC)
PLATE = "渝A12345"


def at(second: float, plate: str = PLATE) -> Position:
    return Position(
        "street-3", "gateway", plate, 106.57, round(29.56 + second / 1e5, 6), NIGHT + timedelta(seconds=second), 36.0
    )


def raised(hours_ago: float, rule: str = "closed", plate: str = PLATE) -> Raised:
    when = NIGHT - timedelta(hours=hours_ago)
    vehicle = VehicleSight(plate, 106.57, 29.56, 36.0, PermitState.EXPIRED, NIGHT - timedelta(days=3))
    return Raised(AlertKey("street-3", rule, "", plate), "geofence", Priority.P2, when, when, "truck", vehicle=vehicle)


def test_a_track_is_read_in_order_and_the_newest_of_each_vehicle_is_known(store: Store) -> None:
    given = [at(0), at(20), at(10), at(5, "B2")]
    store.write(lambda writer: writer.add_positions(given, of_track=given))
    store.write(lambda writer: writer.add_positions([at(10)], of_track=[at(10)]))
    track = store.read(lambda reader: reader.vehicle_track(PLATE, NIGHT, NIGHT + timedelta(minutes=1)))
    assert track == [at(0), at(10), at(20)]
    assert store.read(lambda reader: reader.vehicle_track(PLATE, NIGHT, NIGHT + timedelta(minutes=1), limit=1)) == [
        at(20)
    ]
    assert store.read(lambda reader: reader.newest_positions(NIGHT)) == [at(20), at(5, "B2")]


def test_old_positions_are_removed_an_hour_at_a_time(store: Store) -> None:
    given = [at(0), at(4000), at(8000)]
    store.write(lambda writer: writer.add_positions(given, of_track=given))
    before = NIGHT + timedelta(seconds=7000)
    assert store.write(lambda writer: writer.prune_positions(before)) is True
    assert store.write(lambda writer: writer.prune_positions(before)) is False
    kept = store.read(lambda reader: reader.vehicle_track(PLATE, NIGHT, NIGHT + timedelta(days=1)))
    assert kept == [at(8000)]
    assert store.read(lambda reader: reader.newest_positions(NIGHT)) == [at(8000)]


def test_an_alert_names_the_drives_of_the_same_vehicle_before_it(store: Store) -> None:
    for one in (raised(100), raised(99.9, rule="crossing"), raised(30), raised(20, plate="B2"), raised(24 * 91)):
        store.write(lambda writer, one=one: raise_alert(writer, one, None, one.at))  # type: ignore[misc]
        ended = Ended(one.key, one.at, one.at)
        store.write(lambda writer, ended=ended: end_alert(writer, ended, ended.at))  # type: ignore[misc]
    alert = store.write(lambda writer: raise_alert(writer, raised(0), None, NIGHT))
    assert alert is not None
    expected = raised(0).vehicle
    assert expected is not None
    assert alert.vehicle == replace(expected, earlier=2, last_at=NIGHT - timedelta(hours=30))
    assert store.read(lambda reader: reader.alert(alert.id)) == alert
    # The other rule's alert about the same drive counts no more.
    second = store.write(lambda writer: raise_alert(writer, raised(-0.01, rule="crossing"), None, NIGHT))
    assert second is not None
    assert second.vehicle is not None
    assert second.vehicle.earlier == 2


def test_alerts_close_to_each_other_are_one_drive() -> None:
    minutes = [0, 10, 25, 100, 200, 225]
    times = [NIGHT + timedelta(minutes=one) for one in minutes]
    assert drives(times, NIGHT + timedelta(minutes=230)) == (2, NIGHT + timedelta(minutes=100))
    assert drives(times, NIGHT + timedelta(minutes=300)) == (3, NIGHT + timedelta(minutes=225))
    assert drives([], NIGHT) == (0, None)
