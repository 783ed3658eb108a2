"""Positions of vehicles as gateways give them: read, converted, bounded; kept until they are stored."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import InputRejected
from data.local.inbox import Inbox
from data.model.observation import Position, Rejected, Sensed
from data.ports.recipe import Context, Receptive
from monitors.gauges._gcj02 import gcj02_of, wgs84_of
from monitors.gauges._mqtt import Subscription
from monitors.gauges.vehicle_mqtt import Recipe as VehicleMqtt
from monitors.gauges.vehicle_push import Recipe as VehiclePush
from tests.monitors.test_mqtt_gauge import publish
from tests.servers.mosquitto import Mosquitto, mosquitto

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
TRUCK: dict[str, Any] = {
    "plate": "渝A·12345",
    "lon": 106.57,
    "lat": 29.56,
    "speed": 42.5,
    "direction": 90,
    "time": "2024-07-12T12:00:00+08:00",
}


def source(**more: Any) -> VehiclePush:
    return VehiclePush.model_validate({"kind": "vehicle_push", "id": "gateway", **more})


def only(recipe: VehiclePush, sent: Any) -> Position:
    (one,) = recipe.read("street-3", sent, NOON).given
    assert isinstance(one, Position)
    return one


def test_a_gateways_object_is_a_position() -> None:
    assert only(source(), TRUCK) == Position("street-3", "gateway", "渝A12345", 106.57, 29.56, NOON, 42.5, 90.0)


def test_undecoded_numbers_of_a_terminal_are_scaled() -> None:
    sent = {"simNo": 13912345678, "longitude": 106570000, "latitude": 29560000, "speed": 425, "gpsTime": 1720756800000}
    found = only(source(degree_scale=1e-6, speed_scale=0.1), sent)
    assert (found.vehicle, found.at) == ("13912345678", NOON)
    assert (found.lon, found.lat, found.speed_kmh) == pytest.approx((106.57, 29.56, 42.5))


def test_members_are_found_by_the_settings_and_local_times_have_a_zone() -> None:
    recipe = source(
        items="data.list", vehicle="car.no", longitude="gps.x", latitude="gps.y", time="t", timezone="Asia/Shanghai"
    )
    sent = {
        "data": {"list": [{"car": {"no": "渝B2"}, "gps": {"x": "106.57", "y": "29.56"}, "t": "2024-07-12 12:00:00"}]}
    }
    assert only(recipe, sent) == Position("street-3", "gateway", "渝B2", 106.57, 29.56, NOON)


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),  # Shanghai
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),  # Shenzhen
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),  # Beijing
    ],
)
def test_gcj02_is_converted_where_it_is_declared(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    """The pairs of places that eviltransform tests itself by."""
    assert gcj02_of(*wgs84) == pytest.approx(gcj02, abs=1e-9)
    found = only(source(coordinates="gcj02"), TRUCK | {"lon": gcj02[0], "lat": gcj02[1]})
    assert (found.lon, found.lat) == pytest.approx(wgs84, abs=1e-7)
    as_it_came = only(source(), TRUCK | {"lon": gcj02[0], "lat": gcj02[1]})
    assert (as_it_came.lon, as_it_came.lat) == gcj02


@given(st.floats(74.0, 134.0), st.floats(4.0, 53.0))
@settings(max_examples=200, deadline=None)
def test_there_and_back_again_is_less_than_a_centimetre(lon: float, lat: float) -> None:
    back_lon, back_lat = wgs84_of(*gcj02_of(lon, lat))
    east_m = (back_lon - lon) * 111_320 * math.cos(math.radians(lat))
    assert math.hypot(east_m, (back_lat - lat) * 111_320) < 0.01


def test_outside_of_china_nothing_is_moved() -> None:
    assert gcj02_of(2.35, 48.86) == wgs84_of(2.35, 48.86) == (2.35, 48.86)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plate": ""}, "is no plate"),
        ({"plate": "x" * 21}, "is no plate"),
        ({"plate": None}, "no vehicle: none of plate"),
        ({"lon": 29.56, "lat": 106.57}, "is no place on earth: are they swapped"),
        ({"lon": 106570000}, "`degree_scale`"),
        ({"lon": "east"}, "longitude: 'east' is no number"),
        ({"lon": True}, "longitude: True is no number"),
        ({"speed": 900}, "900 km/h cannot be"),
        ({"time": "2024-07-12T12:02:00+08:00"}, "120 s from the future"),
        ({"time": "1970-01-01T00:00:05Z"}, "never set"),
        ({"time": "2024-07-12T12:00:00"}, "time:"),
        ({"time": None}, "no time: none of time"),
    ],
)
def test_what_cannot_be_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputRejected, match=words):
        source().read("street-3", TRUCK | change, NOON)


@pytest.mark.parametrize("sent", [[], 7, "x", [TRUCK] * 1001, None])
def test_what_is_no_position_and_too_many_at_once_are_refused(sent: Any) -> None:
    with pytest.raises(InputRejected):
        source().read("street-3", sent, NOON)


def test_one_wrong_position_of_several_costs_the_others_nothing() -> None:
    taken = source().read("street-3", {"positions": [TRUCK, TRUCK | {"speed": -1}, 3]}, NOON)
    good, *wrong = taken.given
    assert isinstance(good, Position)
    assert [one.reason.partition(":")[0] for one in wrong if isinstance(one, Rejected)] == ["position 2", "position 3"]


@pytest.mark.parametrize("change", [{"lon": 0, "lat": 0}, {"fix": False}, {"valid": "V"}, {"located": 0}])
def test_a_vehicle_without_a_fix_is_no_news(change: dict[str, Any]) -> None:
    taken = source().read("street-3", [TRUCK | change, TRUCK], NOON)
    assert (len(taken.given), taken.without_fix) == (1, 1)


def test_what_was_pushed_comes_again_until_it_is_stored(context: Context) -> None:
    recipe = source()
    assert isinstance(recipe, Receptive)
    given = recipe.accept("gate-3", [TRUCK, TRUCK | {"plate": "B2"}], NOON)
    inbox = Inbox(context.var_dir, context.site.id, "gateway")
    inbox.put(given)
    monitor = recipe.make(context)
    seen = monitor.observe()
    assert [next(seen), next(seen)] == list(given)
    monitor.committed(given[0])
    assert len(inbox.waiting()) == 1
    monitor.committed(given[1])
    assert inbox.waiting() == []
    monitor.close()


@pytest.mark.parametrize(
    ("topic", "heard", "unheard"),
    [
        ("jt808/+/position", "jt808/139/position", "jt808/139/alarm"),
        ("gps/#", "gps/a/b", "gp"),
        ("gps", "gps", "gps/a"),
    ],
)
def test_a_gateways_topics_may_have_wildcards(topic: str, heard: str, unheard: str) -> None:
    recipe = VehicleMqtt.model_validate({"host": "127.0.0.1", "topic": topic})
    assert recipe.hears(heard)
    assert not recipe.hears(unheard)


@pytest.mark.parametrize("topic", ["#", "a/#/b", "a+/b", "a/b#"])
def test_a_topic_that_means_everything_or_nothing_is_refused(topic: str) -> None:
    with pytest.raises(ValidationError, match="topic"):
        VehicleMqtt.model_validate({"host": "127.0.0.1", "topic": topic})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


@pytest.mark.server
def test_a_message_over_mqtt_is_acknowledged_when_all_its_positions_are_stored(
    broker: Mosquitto, context: Context
) -> None:
    recipe = VehicleMqtt.model_validate(
        {"host": "127.0.0.1", "port": broker.port, "topic": "jt808/+/position", "timeout": "20s"}
    )

    def take(count: int, *, commit: int) -> list[Sensed]:
        """What comes within some seconds of the broker's answer, of which so many are stored."""
        monitor, found, ends_s = recipe.make(context), list[Sensed](), time.monotonic() + 20
        assert isinstance(monitor, Subscription)
        for item in monitor.observe():
            if isinstance(item, Position):
                found.append(item)
                if len(found) <= commit:
                    monitor.committed(item)
            if item is None and ((len(found) >= count and monitor.has_answered) or time.monotonic() > ends_s):
                monitor.close()
        return found

    now = datetime.now(UTC).replace(microsecond=0)
    times = [(now - timedelta(seconds=n)).isoformat() for n in (3, 2)]
    assert take(0, commit=0) == []  # the session exists from now on
    publish(broker, [TRUCK | {"time": at} for at in times], topic="jt808/139/position")
    first = take(2, commit=1)
    assert len(first) == 2
    assert take(2, commit=2) == first, "half of the message was stored: all of it comes again"
    publish(broker, {"x": 1}, TRUCK | {"time": times[1], "plate": "B2"}, topic="jt808/140/position")
    assert [one.vehicle for one in take(1, commit=1) if isinstance(one, Position)] == ["B2"]
