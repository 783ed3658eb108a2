"""Rejected warnings are told at once, a source that keeps sending what cannot be used is an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert
from data.model.observation import Rejected
from data.ports.store import AlertQuery, Store, Writer
from engine.reactions.reject_watch import RejectWatch
from monitors.gauges.http_push import Recipe as Push
from monitors.warnings.cap_warnings import Recipe as Cap
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
PLACE = {"lon": 106.5, "lat": 29.5}
SETTINGS = Settings(
    sites=(
        SiteSettings(
            id="quay", location=PLACE, monitor=Push(id="stage", quantity="water_level", vertical_datum="wusong")
        ),
        SiteSettings(id="office", location=PLACE, monitors=(Cap(id="cap", url="http://127.0.0.1/latest.xml"),)),
    )
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "rejects.db")
    yield store
    store.close()


def refuse(store: Store, site: str, monitor: str, reason: str, at: datetime, *, times: int = 1) -> None:
    def work(writer: Writer) -> None:
        for number in range(times):
            writer.add_reject(Rejected(site, monitor, at + timedelta(seconds=number), reason, "<xml>"))

    store.write(work)


def open_alarms(store: Store) -> list[Alert]:
    query = AlertQuery(of=("rejects", "rejected_warning"), open_only=True)
    return sorted(store.read(lambda reader: reader.alerts(query)), key=lambda alert: alert.kind)


def test_a_rejected_warning_is_an_alarm_at_once_and_stays_for_half_an_hour(store: Store) -> None:
    watch = RejectWatch(store, SETTINGS)
    watch.poll(NOON)
    assert open_alarms(store) == []
    refuse(store, "office", "cap", "no CAP alert", NOON)
    refuse(store, "", "cap", "sent: the area is unknown", NOON)
    watch.poll(NOON + timedelta(seconds=1))
    found = open_alarms(store)
    assert {(alert.key.site, alert.priority.value, alert.label) for alert in found} == {
        ("office", "P2", "no CAP alert"),
        ("centre", "P2", "sent: the area is unknown"),
    }
    RejectWatch(store, SETTINGS).poll(NOON + timedelta(minutes=29))
    assert len(open_alarms(store)) == 2, "also after a restart"
    watch.poll(NOON + timedelta(minutes=31))
    assert open_alarms(store) == []


def test_many_rejects_of_one_source_are_one_alarm_that_ends_when_they_do(store: Store) -> None:
    watch = RejectWatch(store, SETTINGS)
    refuse(store, "quay", "stage", "9999.999 says that there is no value", NOON, times=19)
    watch.poll(NOON + timedelta(seconds=20))
    assert open_alarms(store) == []
    refuse(store, "quay", "stage", "9999.999 says that there is no value", NOON + timedelta(seconds=20))
    watch.poll(NOON + timedelta(seconds=21))
    (alarm,) = open_alarms(store)
    assert (alarm.kind, alarm.key.site, alarm.key.subject, alarm.priority.value) == ("rejects", "quay", "stage", "P3")
    assert alarm.label == "stage: 9999.999 says that there is no value"
    watch.poll(NOON + timedelta(minutes=9))
    assert len(open_alarms(store)) == 1
    watch.poll(NOON + timedelta(minutes=11))
    assert open_alarms(store) == []


def test_few_rejects_over_a_long_time_are_none(store: Store) -> None:
    watch = RejectWatch(store, SETTINGS)
    for minute in range(60):
        refuse(store, "quay", "stage", "x", NOON + timedelta(minutes=minute))
        watch.poll(NOON + timedelta(minutes=minute))
        assert open_alarms(store) == []


def test_rejects_older_than_a_month_are_removed(store: Store) -> None:
    refuse(store, "quay", "stage", "old", NOON - timedelta(days=31))
    refuse(store, "quay", "stage", "new", NOON)
    RejectWatch(store, SETTINGS).poll(NOON)
    assert [one.reason for one in store.read(lambda reader: reader.rejects())] == ["new"]


def test_alarms_about_rejects_end_as_soon_after_the_clock_was_put_back(store: Store) -> None:
    watch = RejectWatch(store, SETTINGS)
    refuse(store, "office", "cap", "no CAP alert", NOON)
    refuse(store, "quay", "stage", "9999.999 says that there is no value", NOON, times=20)
    watch.poll(NOON + timedelta(seconds=30))
    assert len(open_alarms(store)) == 2
    back = NOON - timedelta(hours=1)
    watch.poll(back)
    watch.poll(back + timedelta(minutes=11))
    assert [alarm.kind for alarm in open_alarms(store)] == ["rejected_warning"]
    watch.poll(back + timedelta(minutes=31))
    assert open_alarms(store) == []
