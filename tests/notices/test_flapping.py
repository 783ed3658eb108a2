"""A sensor that comes and goes 600 times an hour: at most three notices and one task, by a real store and peer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.clocks import alerts_due
from alerts.lifecycle import end_alert, raise_alert
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.ports.channel import ChannelContext
from data.ports.store import Store, TaskQuery
from dispatch.routing import Roads
from engine.notifier import Notifier
from engine.reactions.aftermath import Aftermath
from notices.http_message import Recipe as HttpMessage
from tests.notices.street import Street, city, seconds
from tests.servers.http_peer import Peer, http_peer
from tests.stores import new_store

KEY = AlertKey("quay-1", "high-water", "", "")
FLAPS = 600


@pytest.fixture
def peer() -> Iterator[Peer]:
    with http_peer() as running:
        yield running


class Sensor:
    """Its alert begins and ends at the test's own times."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def fires(self, at: datetime) -> None:
        raised = Raised(KEY, "threshold", Priority.P1, at, at, label="water_level")
        self.store.write(lambda writer: raise_alert(writer, raised, None, at))

    def ends(self, at: datetime) -> None:
        self.store.write(lambda writer: end_alert(writer, Ended(KEY, at, at), at))


def test_six_hundred_flaps_in_an_hour_are_three_notices_and_one_task(peer: Peer, tmp_path: Path) -> None:
    channel = HttpMessage(id="sms", url=peer.url("/sms"), body={"id": "{delivery_id}", "title": "{title}"})
    once = PolicySettings(id="river", priorities=(Priority.P1,), steps=(StepSettings(channels=("sms",)),))
    settings = city().model_copy(update={"notices": NoticeSettings(channels=(channel,), policies=(once,))})
    store = new_store(tmp_path / "flapping.db")
    notifier = Notifier(store, settings, {"sms": channel.make(ChannelContext())})
    aftermath, sensor = Aftermath(store, settings, Roads()), Sensor(store)
    notifier.poll()
    began = datetime.now(UTC) - timedelta(hours=1)
    for flap in range(FLAPS):
        at = began + seconds(6 * flap)
        sensor.fires(at)
        if flap < 6 or flap % 60 == 0:
            aftermath.poll(at)
            notifier.poll()
            _wait_until_sent(store, notifier)
        sensor.ends(at + seconds(3))
    store.write(lambda writer: alerts_due(writer, began + timedelta(hours=2), settings=settings))
    aftermath.poll(began + timedelta(hours=2))
    notifier.poll()
    _wait_until_sent(store, notifier)
    notifier.close()
    alert = store.read(lambda reader: reader.alert(1))
    assert (alert.occurrence, alert.ended_at) == (3, began + seconds(6 * (FLAPS - 1) + 3))
    assert len({got.json["id"] for got in peer.received}) == len(peer.received) == 3
    assert "已锁定" in peer.received[-1].json["title"]
    (task,) = store.read(lambda reader: reader.tasks(TaskQuery()))
    event = store.read(lambda reader: reader.event(task.event_id))
    assert (event.kind, event.site, len(task.checklist)) == ("maintenance", "quay-1", 3)
    assert len(store.read(lambda reader: reader.events())) == 1
    store.close()


def _wait_until_sent(store: Store, notifier: Notifier) -> None:
    give_up_s = time.monotonic() + 30
    while store.read(lambda reader: reader.notices_due(datetime.now(UTC))):
        assert time.monotonic() < give_up_s
        notifier.poll()
        time.sleep(0.02)


def test_while_it_flaps_nobody_is_called_step_after_step(street: Street) -> None:
    sensor = Sensor(street.store)
    for flap in range(100):
        sensor.fires(street.now)
        street.wait(3)
        sensor.ends(street.now)
        street.wait(3) if flap < 10 else setattr(street, "now", street.now + seconds(3))
    street.wait(600)
    notices = street.store.read(lambda reader: reader.notices(subject="alert:1"))
    assert [(notice.occurrence, notice.step) for notice in reversed(notices)] == [(1, 0), (2, 0), (3, 0)]
