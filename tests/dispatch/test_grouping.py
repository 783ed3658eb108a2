"""Alerts of one kind at one place and time are one event; what is elsewhere, other or more urgent is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.lifecycle import raise_alert
from alerts.threshold import Recipe as Threshold
from data.config.alarms import AlarmSettings, GroupingSettings
from data.config.settings import SiteSettings
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.model.geo import Location
from dispatch.grouping import join_near
from dispatch.responders import sync_responders
from tests.dispatch.city import GATE, LI, City, settings
from tests.stores import new_store

FLOOD = GroupingSettings(groups=(("deep", "flood_extent"),))


def site(name: str, north_m: float, **more: Any) -> SiteSettings:
    place = Location(lon=GATE.lon, lat=GATE.lat + north_m / 111_195)
    return SiteSettings(id=name, location=place, **{"grid": "g1", **more})


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    sites = (
        site("dip", 0, catchment="creek", rules=(Threshold(id="deep", quantity="water_depth", above=15),)),
        site("near", 149),
        site("far", 151),
        site("other-grid", 20, grid="g2"),
        site("downstream", 900, grid="g9", catchment="creek"),
    )
    alarms = AlarmSettings(grouping=FLOOD)
    store = new_store(tmp_path / "city.db")
    city = City(store, settings().model_copy(update={"sites": sites, "alarms": alarms}))
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    yield city
    store.close()


def raised(
    city: City,
    at: str,
    *,
    rule: str = "deep",
    kind: str = "threshold",
    label: str = "water_depth",
    priority: Priority = Priority.P3,
) -> Alert:
    signal = Raised(AlertKey(at, rule, "", ""), kind, priority, city.now, city.now, label=label)
    alert = city.do(lambda writer: raise_alert(writer, signal, None, city.now))
    assert alert is not None
    return alert


def joined(city: City, alert: Alert) -> int | None:
    return city.do(lambda writer: join_near(writer, alert, city.now, city.settings)).event_id


def test_an_alert_near_an_open_event_of_its_kind_joins_it_and_says_so(city: City) -> None:
    event = city.dispatch(raised(city, "dip")).event_id
    assert joined(city, raised(city, "near")) == event
    assert joined(city, raised(city, "downstream")) == event, "one catchment"
    step = city.store.read(lambda reader: reader.alert_steps(2))[-1]
    assert (step.step.value, step.detail["event"]) == ("link", event)


@pytest.mark.parametrize(
    "other",
    [
        lambda city: raised(city, "far"),
        lambda city: raised(city, "other-grid"),
        lambda city: raised(city, "near", rule="rain", label="rainfall"),
        lambda city: raised(city, "near", rule="parking", kind="dwell", label="car"),
        lambda city: raised(city, "near", priority=Priority.P2),  # more urgent than the event
    ],
)
def test_what_is_elsewhere_another_thing_or_more_urgent_stays_alone(city: City, other: Callable[[City], Alert]) -> None:
    city.dispatch(raised(city, "dip"))
    assert joined(city, other(city)) is None


def test_kinds_of_one_group_are_one_event(city: City) -> None:
    event = city.dispatch(raised(city, "dip")).event_id
    assert joined(city, raised(city, "near", rule="seen", kind="flood_extent", label="water")) == event


def test_after_two_hours_it_is_another_event(city: City) -> None:
    city.dispatch(raised(city, "dip"))
    city.now += timedelta(hours=2, seconds=1)
    assert joined(city, raised(city, "near")) is None


def test_sending_somebody_to_an_alert_near_an_open_event_makes_a_task_of_that_event(city: City) -> None:
    first = city.dispatch(raised(city, "dip"))
    second = city.dispatch(raised(city, "near"), LI)
    assert (second.event_id, second.alert_id) == (first.event_id, 2)
    assert len(city.store.read(lambda reader: reader.events())) == 1


def test_a_top_priority_alert_is_not_put_away_by_itself(city: City) -> None:
    city.dispatch(raised(city, "dip", priority=Priority.P1))
    alert = raised(city, "near", priority=Priority.P1)
    assert joined(city, alert) is None
    assert city.dispatch(alert).event_id == 1
