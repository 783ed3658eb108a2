"""Gauges in a process of their own: no reading lost, judged once, acknowledged only when it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from alerts.intrusion import Recipe as Intrusion
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.observation import Reading
from monitors.gauges._mqtt import UNSTORED_AT_MOST
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.engine.city import CHONGQING, Cities, City
from tests.engine.kinds import Brightness, LampCamera
from tests.servers.mosquitto import Mosquitto, mosquitto

BEGAN = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as broker:
        yield broker


def depth_rule() -> Threshold:
    return Threshold(quantity="water_depth", above=25, pending_for=timedelta(seconds=1))


def gauge(broker: Mosquitto) -> MqttGauge:
    where = {"host": "127.0.0.1", "port": broker.port, "topic": "gauges/3", "value": "depth", "time": "at"}
    return MqttGauge.model_validate({"kind": "mqtt_gauge", "quantity": "water_depth", "timeout": "2s", **where})


def publish(broker: Mosquitto, *depths: float) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    for depth in depths:
        text = json.dumps({"at": datetime.now(UTC).isoformat(), "depth": depth})
        client.publish("gauges/3", text, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def readings(city: City, site: str) -> list[Reading]:
    since, until = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    return list(city.store.read(lambda reader: reader.readings(site, since=since, until=until)))


@pytest.mark.server
@pytest.mark.slow
def test_a_killed_sensor_process_loses_no_reading_and_raises_one_alert(city: Cities, broker: Mosquitto) -> None:
    site = SiteSettings(id="point-3", location=CHONGQING, monitor=gauge(broker), rules=(depth_rule(),))
    one = city(sites=(site,))
    running = one.start()
    one.wait_for(lambda: one.connected("point-3"))
    publish(broker, 5.0, 6.0, 31.0)
    one.wait_for(lambda: len(readings(one, "point-3")) == 3)
    running.signal("sensors")
    publish(broker, *(31.0 + number for number in range(20)))
    one.wait_for(lambda: len(readings(one, "point-3")) == 23)
    one.wait_for(lambda: one.alerts("point-3", open_only=True))
    running.signal("sensors")
    publish(broker, 3.0)
    one.wait_for(lambda: not one.alerts("point-3", open_only=True))
    (alert,) = one.alerts("point-3")
    assert (alert.kind, alert.unit) == ("threshold", "cm")
    assert [reading.value for reading in readings(one, "point-3")] == [5, 6, 31, *range(31, 51), 3]
    changes = one.store.read(lambda reader: reader.changes(0))
    news = [change for change in changes if change.topic == "reading"]
    assert 2 <= len(news) < 24, "readings are told at most once a second"
    assert news[-1].payload["value"] == 3.0
    assert "Traceback" not in running.log


@pytest.mark.server
def test_readings_that_are_stored_already_are_acknowledged_so_that_the_broker_sends_the_next(
    city: Cities, broker: Mosquitto
) -> None:
    one = city(sites=(SiteSettings(id="point-3", location=CHONGQING, monitor=gauge(broker)),))
    running = one.start()
    one.wait_for(lambda: one.connected("point-3"))
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    at = datetime.now(UTC)

    def send(seconds: int, depth: float) -> None:
        text = json.dumps({"at": (at + timedelta(seconds=seconds)).isoformat(), "depth": depth})
        client.publish("gauges/3", text, qos=1).wait_for_publish(5)

    send(0, 5.0)
    one.wait_for(lambda: len(readings(one, "point-3")) == 1)
    old = running.pid("sensors")
    running.signal("sensors")
    one.wait_for(lambda: running.pid("sensors") not in {None, old})
    for _ in range(UNSTORED_AT_MOST + 50):
        send(0, 5.0)
    send(1, 6.0)
    client.disconnect()
    client.loop_stop()
    one.wait_for(lambda: [reading.value for reading in readings(one, "point-3")] == [5.0, 6.0])


@pytest.mark.server
def test_garbage_from_a_broker_is_kept_as_rejected_and_the_rest_goes_on(city: Cities, broker: Mosquitto) -> None:
    one = city(sites=(SiteSettings(id="point-3", location=CHONGQING, monitor=gauge(broker)),))
    one.start()
    one.wait_for(lambda: one.connected("point-3"))
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish("gauges/3", b"\xff\xfe{not json", qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
    publish(broker, 5.0)
    one.wait_for(lambda: [reading.value for reading in readings(one, "point-3")] == [5.0])
    (rejected,) = one.store.read(lambda reader: reader.rejects(site="point-3"))
    assert rejected.reason


def test_a_recorded_series_read_again_after_a_restart_is_not_judged_again(city: Cities, tmp_path: Path) -> None:
    values = [5, 5, 30, 30, 30, 5, 5]
    rows = [f"{(BEGAN + timedelta(minutes=minute)).isoformat()},{value}" for minute, value in enumerate(values)]
    (tmp_path / "depth.csv").write_text("\n".join(["time,depth", *rows]) + "\n")
    where = {"path": tmp_path / "depth.csv", "time": "time", "value": "depth", "quantity": "water_depth"}
    series = CsvGauge.model_validate({"kind": "csv_gauge", **where})
    site = SiteSettings(id="point-3", location=CHONGQING, monitor=series, rules=(depth_rule(),))
    one = city(sites=(site,))
    running = one.start()
    one.wait_for(lambda: len(readings(one, "point-3")) == 7)
    one.wait_for(lambda: [alert.is_open for alert in one.alerts("point-3")] == [False])
    running.signal("sensors")
    one.wait_for(lambda: running.log.count("the source has ended") == 2)
    assert len(readings(one, "point-3")) == 7
    (alert,) = one.alerts("point-3")
    assert (alert.started_at, alert.ended_at) == (BEGAN + timedelta(minutes=2), BEGAN + timedelta(minutes=5))


@pytest.mark.server
def test_camera_and_gauge_of_one_site_keep_their_own_alerts_over_restarts(
    city: Cities, broker: Mosquitto, tmp_path: Path
) -> None:
    folder = tmp_path / "lamps" / "point-3"
    folder.mkdir(parents=True)
    site = SiteSettings(
        id="point-3",
        location=CHONGQING,
        monitor=LampCamera(folder=folder),
        monitors=(gauge(broker),),
        detectors=(Brightness(),),
        rules=(Intrusion(keep_firing_for=timedelta(seconds=1)), depth_rule()),
    )
    one = city(sites=(site,))
    one.set("point-3", "bright")
    running = one.start()
    one.wait_for(lambda: running.log.count("started") == 3 and one.connected("point-3"))
    one.wait_for(lambda: one.alerts("point-3", open_only=True))
    publish(broker, 40.0, 40.0)
    one.wait_for(lambda: len(one.alerts("point-3", open_only=True)) == 2)
    for name in ("sensors", "worker-1"):
        old = running.signal(name)
        one.wait_for(lambda name=name, old=old: running.pid(name) not in {old, None})  # type: ignore[misc]
    publish(broker, 41.0)
    one.wait_for(lambda: readings(one, "point-3")[-1].value == 41.0)
    one.set("point-3")
    one.wait_for(lambda: [a.kind for a in one.alerts("point-3", open_only=True)] == ["threshold"])
    publish(broker, 3.0)
    one.wait_for(lambda: not one.alerts("point-3", open_only=True))
    assert sorted(alert.kind for alert in one.alerts("point-3")) == ["intrusion", "threshold"]
