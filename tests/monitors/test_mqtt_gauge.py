"""MQTT gauges against a real Mosquitto: no message is lost before it is stored, none that cannot be used returns."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from data.errors import DeviceLost
from data.model.frame import Frame
from data.model.observation import Quality, Reading, Rejected, Sensed
from data.ports.recipe import Answering, Context, SharesThread
from engine.camera.device import Device
from monitors.gauges._mqtt import INBOX_AT_MOST
from monitors.gauges.mqtt_gauge import Recipe
from tests.servers.mosquitto import Mosquitto, mosquitto

pytestmark = pytest.mark.server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


def gauge(broker: Mosquitto, **more: object) -> Recipe:
    plain = {"host": "127.0.0.1", "port": broker.port, "topic": "gauges/3", "quantity": "water_depth", "timeout": "20s"}
    return Recipe.model_validate({**plain, "value": "depth", "time": "at", **more})


def publish(broker: Mosquitto, *payloads: object, retain: bool = False, topic: str = "gauges/3") -> None:
    """Send at QoS 1 and wait until the broker has them."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for payload in payloads:
        content = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        client.publish(topic, content, qos=1, retain=retain).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def take(
    recipe: Recipe, context: Context, count: int, *, commit: bool, within_s: float = 5.0
) -> list[Sensed | Rejected]:
    """What comes until there are `count`, or until the time is over; committed or not."""
    monitor = recipe.make(context)
    taken: list[Sensed | Rejected] = []
    ends_s = time.monotonic() + within_s
    for seen in monitor.observe():
        if isinstance(seen, Sensed | Rejected):
            taken.append(seen)
        if isinstance(seen, Reading) and commit:
            monitor.committed(seen)
        if seen is None and (len(taken) >= count or time.monotonic() > ends_s):
            monitor.close()
    return taken


def subscribe(recipe: Recipe, context: Context) -> None:
    """Be there once, so that the broker has a session for us."""
    assert take(recipe, context, 0, commit=True, within_s=0) == []
    monitor = recipe.make(context)
    seen = monitor.observe()
    for _ in range(3):
        next(seen)
    monitor.close()
    list(seen)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_a_reading_is_converted_and_carries_its_own_time(broker: Mosquitto, context: Context) -> None:
    recipe = gauge(
        broker, id="kerb", value="data.0.depth", unit="m", quality_field="state", timezone="Asia/Shanghai",
        vertical_datum="kerb"
    )  # fmt: skip
    subscribe(recipe, context)
    publish(broker, {"at": "2024-07-12T12:00:00", "state": "UNCERTAIN", "data": [{"depth": 0.255}]})
    at = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
    expected = Reading("gate-3", "kerb", "water_depth", 25.5, at, Quality.UNCERTAIN, None, "kerb")
    assert take(recipe, context, 1, commit=True) == [expected]


def test_a_plain_number_has_the_time_of_its_arrival(broker: Mosquitto, context: Context) -> None:
    recipe = gauge(broker, value=None, time=None)
    subscribe(recipe, context)
    publish(broker, "12.5")
    (reading,) = take(recipe, context, 1, commit=True)
    assert isinstance(reading, Reading)
    assert reading.value == 12.5
    assert abs((datetime.now(UTC) - reading.at).total_seconds()) < 10


def test_what_was_not_committed_comes_again_and_what_was_does_not(broker: Mosquitto, context: Context) -> None:
    recipe = gauge(broker)
    subscribe(recipe, context)
    times = [now() - timedelta(seconds=10 - second) for second in range(5)]
    publish(broker, *[{"at": at.isoformat(), "depth": depth} for depth, at in enumerate(times)])
    first = take(recipe, context, 5, commit=False)
    assert [r.value for r in first if isinstance(r, Reading)] == [0, 1, 2, 3, 4]
    assert take(recipe, context, 5, commit=True) == first
    assert take(recipe, context, 1, commit=True, within_s=1) == []


CONSUMER = """
import sys, pickle
from pathlib import Path
from data.ports.recipe import Answering, Context, SharesThread
from engine.camera.device import Device
from monitors.gauges._mqtt import INBOX_AT_MOST
recipe, site = pickle.loads(Path(sys.argv[1]).read_bytes())
for seen in recipe.make(Context(site)).observe():
    if seen is not None:
        print(seen.value, flush=True)
"""


def test_a_consumer_killed_before_the_commit_loses_nothing(
    broker: Mosquitto, context: Context, tmp_path: Path, root: Path
) -> None:
    recipe = gauge(broker)
    subscribe(recipe, context)
    publish(broker, *[{"at": now().isoformat(), "depth": depth} for depth in range(10)])
    handed = tmp_path / "handed"
    handed.write_bytes(pickle.dumps((recipe, context.site)))
    consumer = subprocess.Popen(
        [sys.executable, "-c", CONSUMER, str(handed)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert consumer.stdout is not None
    assert [consumer.stdout.readline().strip() for _ in range(10)] == [f"{depth}.0" for depth in range(10)]
    consumer.send_signal(signal.SIGKILL)
    consumer.wait(5)
    consumer.stdout.close()
    again = take(recipe, context, 10, commit=True)
    assert sorted(r.value for r in again if isinstance(r, Reading)) == list(range(10))


def test_a_killed_broker_is_a_loss_and_its_messages_come_after_its_restart(broker: Mosquitto, context: Context) -> None:
    recipe = gauge(broker)
    subscribe(recipe, context)
    publish(broker, *[{"at": now().isoformat(), "depth": depth} for depth in range(10)])
    time.sleep(1.2)  # the broker writes what changed once a second
    monitor = recipe.make(context)
    seen = monitor.observe()
    readings: list[Frame | Sensed | Rejected] = []
    while len(readings) < 10:
        came = next(seen)
        readings += [came] if came is not None else []
    broker.kill()
    with pytest.raises(DeviceLost, match=r"gate-3: mqtt://127\.0\.0\.1:\d+/gauges/3: the broker is lost"):
        list(seen)
    monitor.committed(next(r for r in readings if isinstance(r, Reading)))  # too late for this connection: harmless
    with pytest.raises(DeviceLost, match="cannot connect"):
        list(recipe.make(context).observe())
    broker.start()
    assert set(take(recipe, context, 10, commit=True)) == set(readings)


def test_a_silent_broker_is_lost_within_its_time_out(broker: Mosquitto, context: Context) -> None:
    recipe = gauge(broker, timeout="2s")
    subscribe(recipe, context)
    monitor = recipe.make(context)
    seen = monitor.observe()
    assert [next(seen) for _ in range(3)] == [None] * 3
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    try:
        for running in (seen, recipe.make(context).observe()):
            began = time.monotonic()
            with pytest.raises(DeviceLost):
                list(running)
            assert time.monotonic() - began <= 4.0
    finally:
        broker.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"\xff\xfe\x00garbage", "not UTF-8 text"),
        ("garbage {", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "has no 'depth'"),
        ({"depth": "deep", "at": "NOW"}, "'deep' is not a number"),
        ({"depth": True, "at": "NOW"}, "True is not a number"),
        ({"depth": "NaN", "at": "NOW"}, "there is no value: it says 'NaN'"),
        ({"depth": 1e999, "at": "NOW"}, "inf is not a number"),
        ({"depth": 3}, "has no 'at'"),
        ({"depth": 3, "at": "yesterday"}, "'yesterday' is not a time"),
        ({"depth": 3, "at": "2024-07-12T12:00:00"}, "no offset from UTC and the gauge no `timezone`"),
        ({"depth": 3, "at": 1e300}, "is not a time"),
        ({"depth": 3, "at": "FUTURE"}, "s from the future"),
        ({"depth": 3, "at": "NOW", "unit": "mm/h"}, "water_depth is kept in cm; 'mm/h' cannot be converted"),
        ({"depth": 3, "at": "NOW", "unit": "bananas"}, "water_depth is kept in cm; 'bananas' cannot be converted"),
    ],
)
def test_what_cannot_be_used_is_rejected_once_and_the_rest_goes_on(
    broker: Mosquitto, context: Context, payload: object, said: str
) -> None:
    recipe = gauge(broker, unit_field="unit" if "unit" in str(payload) else None)
    subscribe(recipe, context)
    times = {"NOW": now().isoformat(), "FUTURE": (now() + timedelta(seconds=90)).isoformat()}
    if isinstance(payload, dict):
        payload = {name: times.get(str(value), value) for name, value in payload.items()}
    publish(broker, payload, {"depth": 7, "at": times["NOW"], "unit": "cm"})
    rejected, reading = take(recipe, context, 2, commit=True)
    assert isinstance(rejected, Rejected)
    assert said in rejected.reason
    assert rejected.monitor == "mqtt_gauge"
    assert isinstance(reading, Reading)
    assert reading.value == 7
    assert take(recipe, context, 1, commit=True, within_s=0.6) == []


def test_a_retained_number_says_nothing_about_now(broker: Mosquitto, context: Context) -> None:
    publish(broker, "12.5", retain=True)
    (rejected,) = take(gauge(broker, value=None, time=None), context, 1, commit=True)
    assert isinstance(rejected, Rejected)
    assert "retained message without a time" in rejected.reason


def test_a_login_is_used_and_a_wrong_one_is_a_clear_loss(tmp_path: Path, context: Context) -> None:
    with mosquitto(tmp_path, user="admin", password="p@ss:word") as broker:
        assert take(gauge(broker, credentials="camera"), context, 0, commit=True, within_s=1) == []
        with pytest.raises(DeviceLost, match="the broker refuses us: Not authorized"):
            list(gauge(broker).make(context).observe())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"topic": "gauges/#"}, "without the wildcards"),
        ({"unit": "mm/h"}, "water_depth is kept in cm; 'mm/h' cannot be converted"),
        ({"quantity": "wetness"}, "no quantity 'wetness'; known: water_level"),
        ({"timezone": "Asia/Shangai"}, "no time zone 'Asia/Shangai'"),
        ({"timeout": 5}, "a duration needs a unit"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe.model_validate({"host": "127.0.0.1", "topic": "gauges/3", "quantity": "water_depth", **wrong})


def test_after_its_topic_was_changed_a_gauge_no_longer_reads_what_the_broker_still_has_of_the_earlier_one(
    broker: Mosquitto, context: Context
) -> None:
    subscribe(gauge(broker), context)
    moved = gauge(broker, topic="gauges/4")
    publish(broker, {"at": now().isoformat(), "depth": 1.0})  # kept for us by the session
    subscribe(moved, context)
    publish(broker, {"at": now().isoformat(), "depth": 2.0})
    publish(broker, {"at": now().isoformat(), "depth": 3.0}, topic="gauges/4")
    taken = take(moved, context, 1, commit=True)
    assert [one.value for one in taken if isinstance(one, Reading)] == [3.0]


@contextmanager
def read(recipes: Iterable[Recipe], context: Context) -> Iterator[dict[str, float]]:
    """Devices that run; the newest value of each as it comes, stored at once."""
    values: dict[str, float] = {}

    def take_in(device: Device, item: object) -> None:
        if isinstance(item, Reading):
            values[item.monitor] = item.value
            device.committed(item)

    devices = [Device(recipe, context, take_in, idle_is_alive=True) for recipe in recipes]
    for device in devices:
        device.start()
    assert not [one.name for one in threading.enumerate() if one.name.startswith("read-")], "none to be opened"
    try:
        wait_for(lambda: all(isinstance(d._monitor, Answering) and d._monitor.has_answered for d in devices))
        yield values
    finally:
        for device in devices:
            device.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def test_forty_gauges_of_a_broker_take_three_threads(broker: Mosquitto, context: Context) -> None:
    recipes = [gauge(broker, id=f"g{number}", topic=f"gauges/{number}") for number in range(40)]
    before = set(threading.enumerate())
    with read(recipes, context) as values:
        publish(broker, {"at": now().isoformat(), "depth": 7}, topic="gauges/39")
        publish(broker, {"at": now().isoformat(), "depth": 5}, topic="gauges/0")
        wait_for(lambda: values == {"g39": 7.0, "g0": 5.0})
        wait_for(
            lambda: (
                {one.name for one in threading.enumerate() if one not in before}
                == {"gauges-loop", "shared-reader", "shared-opener"}
            )
        )
    wait_for(
        lambda: {one.name for one in threading.enumerate() if one not in before} == {"shared-reader", "shared-opener"}
    )


def test_a_gauge_whose_connection_has_a_number_above_1023_is_read_like_any_other(
    broker: Mosquitto, context: Context
) -> None:
    publish(broker, {"at": now().isoformat(), "depth": 7}, retain=True)
    with ExitStack() as held:
        for _ in range(1100):
            held.callback(os.close, os.dup(0))
        with read([gauge(broker)], context) as values:
            wait_for(lambda: values == {"mqtt_gauge": 7.0})


def test_more_than_is_kept_without_acknowledgement_waits_in_the_network_and_is_all_given(
    broker: Mosquitto, context: Context
) -> None:
    woken = threading.Event()
    monitor = gauge(broker, value=None, time=None).make(context)
    assert isinstance(monitor, SharesThread)
    assert isinstance(monitor, Answering)
    monitor.wake_by(woken.set)
    wait_for(lambda: monitor.has_answered)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for number in range(3 * INBOX_AT_MOST):
        client.publish("gauges/3", str(number), qos=0)
    client.publish("gauges/3", "-1", qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()
    given: list[float] = []
    ends_s = time.monotonic() + 30
    while -1.0 not in given and time.monotonic() < ends_s:
        found = list(monitor.waiting())
        assert len(found) < 2 * INBOX_AT_MOST  # some come while those are taken
        given += [one.value for one in found if isinstance(one, Reading)]
        woken.wait(0.1)
    monitor.close()
    assert given == [*map(float, range(3 * INBOX_AT_MOST)), -1.0]
