"""PostgreSQL is killed while alerts come: all of them arrive when it is back, once; no process has to start again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from paho.mqtt import publish

from alerts.threshold import Recipe as Threshold
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import SiteSettings
from data.model.record import GENESIS, broken_link
from data.ports.store import AlertQuery
from data.sql.store import open_store
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from notices.http_message import Recipe as HttpMessage
from tests.contracts.postgres import Cluster, binaries, running_cluster
from tests.engine.city import CHONGQING, City
from tests.servers.mosquitto import Mosquitto, mosquitto

pytestmark = [pytest.mark.paired, pytest.mark.server, pytest.mark.slow]

LAMPS = tuple(f"lamp-{number}" for number in range(4))
GAUGES = tuple(f"gauge-{number}" for number in range(8))
BACK_WITHIN_S = 10.0


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test alone, since it is killed."""
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    with running_cluster(folder) as running:
        yield running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        yield running


def gauge_site(name: str, port: int) -> SiteSettings:
    where = {"kind": "mqtt_gauge", "host": "127.0.0.1", "port": port, "topic": name, "quantity": "water_depth"}
    rule = {"kind": "threshold", "quantity": "water_depth", "above": 25, "unit": "cm", "priority": "P2"}
    return SiteSettings(
        id=name,
        location=CHONGQING,
        monitor=MqttGauge.model_validate({**where, "unit": "cm"}),
        rules=(Threshold.model_validate(rule),),
    )


@pytest.fixture
def city(tmp_path: Path, cluster: Cluster, broker: Mosquitto) -> Iterator[City]:
    url = cluster.new_database()
    open_store(url).close()
    sites = [gauge_site(name, broker.port) for name in GAUGES]
    nobody = HttpMessage(id="phone", url="http://127.0.0.1:9/")
    policy = PolicySettings(id="night", steps=(StepSettings(after=timedelta(hours=1), channels=("phone",)),))
    rounds = NoticeSettings(channels=(nobody,), policies=(policy,))
    made = City(tmp_path, *LAMPS, sites=sites, store_url=url, notices=rounds)
    yield made
    made.close()


def test_what_came_while_postgresql_was_dead_arrives_once_within_ten_seconds(
    city: City, cluster: Cluster, broker: Mosquitto
) -> None:
    running = city.start()
    city.wait_for(lambda: all(city.health(name) == "live" for name in LAMPS))

    def measure(name: str, depth_cm: float) -> None:
        publish.single(name, f"{depth_cm}", qos=1, hostname="127.0.0.1", port=broker.port)

    def raised() -> Counter[str]:
        return Counter(
            alert.key.site for alert in city.store.read(lambda reader: reader.alerts(AlertQuery(limit=1000)))
        )

    for name in GAUGES:
        measure(name, 3.0)
    city.set(LAMPS[0], "bright")
    measure(GAUGES[0], 40.0)
    city.wait_for(lambda: raised() == {LAMPS[0]: 1, GAUGES[0]: 1})
    before = {name: running.pid(name) for name in ("worker-1", "sensors", "clock", "notifier")}

    cluster.kill()
    for number in range(1, len(GAUGES)):
        measure(GAUGES[number], 40.0)
        if number < len(LAMPS):
            city.set(LAMPS[number], "bright")
        time.sleep(0.5)  # they come one after another while there is no server
    spooled = city.options.spool_dir
    city.wait_for(lambda: len([file for file in spooled.rglob("*") if file.is_file() and file.stat().st_size]) >= 3)
    cluster.restart()
    back = time.monotonic()
    wanted = dict.fromkeys((*LAMPS, *GAUGES), 1)
    city.wait_for(lambda: raised() == wanted, 60.0)
    took_s = time.monotonic() - back
    assert took_s <= BACK_WITHIN_S

    for name in LAMPS:  # whoever was spooled twice would come twice now
        city.set(name)
    open_lamps = AlertQuery(limit=1000, open_only=True)
    city.wait_for(
        lambda: (
            not [
                alert for alert in city.store.read(lambda reader: reader.alerts(open_lamps)) if alert.key.site in LAMPS
            ]
        ),
        20.0,
    )
    assert raised() == wanted
    changes = city.store.read(lambda reader: reader.changes(0, 10_000, topics=("alert",)))
    born = Counter(change.subject for change in changes if change.payload["alert"]["version"] == 1)
    assert set(born.values()) == {1}, "no screen was told of an alert twice"
    assert len(born) == len(wanted)
    assert broken_link(city.store.read(lambda reader: reader.audit(limit=10_000)), GENESIS) is None
    assert {name: running.pid(name) for name in before} == before, running.log[-3000:]
