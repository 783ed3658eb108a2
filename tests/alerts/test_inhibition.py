"""A closed road keeps parking alerts around it quiet, and only those, as long as it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import end_alert, raise_alert
from data.config.alarms import AlarmSettings, InhibitionSettings
from data.config.dispatch import ClosureSettings, DispatchSettings
from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.geo import Location
from data.ports.store import Store
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)


def site(name: str, north_m: float) -> SiteSettings:
    return SiteSettings(id=name, location=Location(lon=106.5, lat=29.5 + north_m / 111_195))


SETTINGS = Settings(
    sites=(site("dip", 0), site("near", 39), site("far", 41)),
    dispatch=DispatchSettings(closures=(ClosureSettings(rules=("deep",), radius=40),)),
    alarms=AlarmSettings(
        inhibitions=(InhibitionSettings(id="power", by_rules=("power-cut",), rules=("lamp",), radius=0),)
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "alerts.db")
    yield store
    store.close()


def fires(store: Store, at: str, rule: str, kind: str, priority: Priority = Priority.P3, *, s: float = 0) -> Alert:
    now = NOON + timedelta(seconds=s)
    raised = Raised(AlertKey(at, rule, "", ""), kind, priority, now, now)
    alert = store.write(lambda writer: raise_alert(writer, raised, None, now, SETTINGS))
    assert alert is not None
    return alert


def ends(store: Store, at: str, rule: str, s: float) -> None:
    now = NOON + timedelta(seconds=s)
    store.write(lambda writer: end_alert(writer, Ended(AlertKey(at, rule, "", ""), now, now), now, SETTINGS))


def quiet_by(store: Store, alert: Alert) -> str:
    return store.read(lambda reader: reader.alert(alert.id)).inhibited_by


def test_where_the_road_is_closed_parking_calls_nobody_until_it_is_open_again(store: Store) -> None:
    before = fires(store, "near", "parking", "dwell")
    flooded = fires(store, "dip", "deep", "threshold", Priority.P2)
    far, litter = fires(store, "far", "parking", "dwell"), fires(store, "near", "litter", "litter")
    during = fires(store, "dip", "parking", "dwell")
    by = f"alert:{flooded.id}"
    assert [quiet_by(store, one) for one in (before, during, far, litter, flooded)] == [by, by, "", "", ""]
    ends(store, "dip", "deep", 60)
    assert [quiet_by(store, one) for one in (before, during)] == ["", ""]
    assert [store.read(lambda r, n=one.id: r.alert(n)).calls for one in (before, far)] == [2, 1]  # type: ignore[misc]


def test_a_condition_that_eases_below_what_closes_the_road_releases_them(store: Store) -> None:
    fires(store, "dip", "deep", "threshold", Priority.P2)
    parked = fires(store, "near", "parking", "dwell")
    fires(store, "dip", "deep", "threshold", Priority.P3, s=10)
    assert quiet_by(store, parked) == ""
    fires(store, "dip", "deep", "threshold", Priority.P1, s=20)
    assert quiet_by(store, parked) == "alert:1"


def test_what_two_keep_quiet_is_quiet_until_both_have_ended(store: Store) -> None:
    fires(store, "dip", "deep", "threshold", Priority.P2)
    second = fires(store, "near", "deep", "threshold", Priority.P2)
    parked = fires(store, "near", "parking", "dwell")
    assert quiet_by(store, parked) == f"alert:{second.id}"
    ends(store, "near", "deep", 10)
    assert quiet_by(store, parked) == "alert:1"
    ends(store, "dip", "deep", 20)
    assert quiet_by(store, parked) == ""


def test_an_inhibition_of_ones_own_holds_at_its_site(store: Store) -> None:
    fires(store, "dip", "power-cut", "threshold")
    assert quiet_by(store, fires(store, "dip", "lamp", "threshold")) == "alert:1"
    assert quiet_by(store, fires(store, "near", "lamp", "threshold")) == ""
