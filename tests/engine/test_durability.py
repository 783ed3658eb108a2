"""Broker and sensors' process killed again and again: nothing is lost that the broker had promised to keep.

A PUBACK of Mosquitto means "received", not "on the disk": it saves its state a moment later. Promised is what was
acknowledged before the state that the kill left behind was written. Two kills each here; `make durability`: ten.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from data.config.settings import SiteSettings
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.engine.city import CHONGQING, Cities, City
from tests.servers.mosquitto import Mosquitto, mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow]
KILLS = int(os.environ.get("YIPING_KILLS", "2"))
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
PER_SECOND = 1000
BURST = 10


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


class Publisher:
    """Publishes numbered readings at QoS 1 and knows when each was acknowledged (seconds since the epoch)."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self.number = 0
        self.acknowledged: dict[int, float] = {}

    def publish_until(self, ended: threading.Event) -> None:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
        numbers: dict[int, int] = {}

        def acknowledged(_client: Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Properties) -> None:
            self.acknowledged.setdefault(numbers[mid], time.time())

        client.on_publish = acknowledged
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self._broker.port)
        client.loop_start()
        while not ended.wait(BURST / PER_SECOND):
            for _ in range(BURST):
                self.number += 1
                at = BEGAN + timedelta(milliseconds=self.number)
                numbers[client._last_mid + 1] = self.number  # known before its answer can come
                client.publish("gauges/3", json.dumps({"at": at.isoformat(), "depth": self.number}), qos=1)
        time.sleep(0.2)
        client.disconnect()
        client.loop_stop()


def stored(city: City) -> set[int]:
    since, until = BEGAN - timedelta(hours=1), BEGAN + timedelta(hours=2)
    readings = city.store.read(lambda reader: reader.readings("point-3", since=since, until=until))
    return {round(reading.value) for reading in readings}


def newest(city: City) -> float:
    return max((reading.value for reading in city.store.read(lambda reader: reader.latest_readings())), default=0)


def saved_at(broker: Mosquitto) -> float:
    """When the state was written that the broker will start from."""
    return (broker.folder / "mosquitto.db").stat().st_mtime


@pytest.mark.timeout(900)
def test_what_the_broker_had_promised_is_stored_whoever_is_killed(city: Cities, broker: Mosquitto) -> None:
    where = {"host": "127.0.0.1", "port": broker.port, "topic": "gauges/3", "value": "depth", "time": "at"}
    gauge = MqttGauge.model_validate({"quantity": "count", "timeout": "10s", **where})
    one = city(sites=(SiteSettings(id="point-3", location=CHONGQING, monitor=gauge),))
    running = one.start()
    one.wait_for(lambda: one.connected("point-3"))
    publisher, promised = Publisher(broker), set[int]()
    for _ in range(KILLS):
        for victim in ("broker", "sensors"):
            ended, flowing = threading.Event(), publisher.number + PER_SECOND / 4
            thread = threading.Thread(target=publisher.publish_until, args=(ended,))
            thread.start()
            # Only while readings pass through can a kill lose one.
            one.wait_for(lambda flowing=flowing: newest(one) > flowing, 120)  # type: ignore[misc]
            time.sleep(random.uniform(0.02, 0.1))  # not just after a commit
            if victim == "broker":
                broker.kill()
                ended.set()
                thread.join(30)
                kept_s = saved_at(broker)
                promised |= {number for number, at_s in publisher.acknowledged.items() if at_s < kept_s}
                publisher.acknowledged.clear()
                broker.start()
            else:
                running.signal("sensors")
                time.sleep(0.5)
                ended.set()
                thread.join(30)
    promised |= set(publisher.acknowledged)
    assert len(promised) > KILLS * PER_SECOND / 4
    ends_s = time.monotonic() + 240
    while (missing := promised - stored(one)) and time.monotonic() < ends_s:
        time.sleep(1)
    assert not missing, f"{len(missing)} of {len(promised)} are lost, e.g. {sorted(missing)[:20]}"
    print(f"{KILLS} kills each: {len(promised)} promised, {len(missing)} lost")
