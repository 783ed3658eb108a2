"""What comes back is noticed: the same kind, at most 7 days and 50 m away; alerts as well as reports."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.lifecycle import raise_alert
from data.config.settings import SiteSettings
from data.model.alert import AlertKey, Priority, Raised
from data.model.case import Origin
from data.model.geo import Location
from data.model.task import Event
from dispatch.intake import Report, bring_in
from dispatch.tasks import verify
from tests.dispatch.city import CHEN, GATE, LI, City

METRE = 1 / 111_195  # degrees of latitude


def ended(city: City) -> Event:
    """The event of an alert, from offer to closed."""
    task = city.step(verify, city.reported(), CHEN)
    event = city.store.read(lambda reader: reader.event(task.event_id))
    assert event.state == "closed"
    return event


def with_site(city: City, north_m: float) -> City:
    """One more camera, so far north of the gate."""
    place = Location(lon=GATE.lon, lat=GATE.lat + north_m * METRE)
    site = SiteSettings(id="gate-4", name="小学后门", location=place)
    city.settings = city.settings.model_copy(update={"sites": (*city.settings.sites, site)})
    return city


def alert_at(city: City, site: str, kind: str = "dwell") -> int:
    raised = Raised(AlertKey(site, "parking", "lane", "again"), kind, Priority.P3, city.now, city.now, label="car")
    alert = city.do(lambda writer: raise_alert(writer, raised, None, city.now))
    assert alert is not None
    return alert.id


def event_of(city: City, alert: int) -> Event:
    task = city.dispatch(city.store.read(lambda reader: reader.alert(alert)))
    return city.store.read(lambda reader: reader.event(task.event_id))


@pytest.mark.parametrize(
    ("days", "north_m", "kind", "linked"),
    [
        (6.99, 0, "dwell", True),
        (6.99, 49, "dwell", True),
        (7.01, 0, "dwell", False),
        (1, 51, "dwell", False),
        (1, 0, "intrusion", False),
    ],
)
def test_an_alert_that_comes_back_is_linked_to_the_event_it_repeats(
    city: City, days: float, north_m: float, kind: str, *, linked: bool
) -> None:
    before = ended(with_site(city, north_m))
    assert before.closed_at is not None
    city.now = before.closed_at + timedelta(days=days)
    assert event_of(city, alert_at(city, "gate-4", kind)).recurs == (before.id if linked else None)


def reported(city: City, origin: Origin) -> Event:
    report = Report("dwell", Location(lon=GATE.lon, lat=GATE.lat + 40 * METRE), "又停满了")
    return city.do(lambda writer: bring_in(writer, report, origin, LI, city.now, settings=city.settings))


def test_what_our_own_people_report_again_reopens_the_event(city: City) -> None:
    before = ended(city)
    city.now += timedelta(days=2)
    again = reported(city, Origin.OPERATOR)
    assert (again.id, again.state, again.closed_at) == (before.id, "filed", None)
    assert again.steps[-1].step == "reopen"


def test_what_a_citizen_reports_again_is_linked_and_waits_to_be_received(city: City) -> None:
    before = ended(city)
    city.now += timedelta(days=2)
    again = reported(city, Origin.CITIZEN)
    assert (again.id != before.id, again.recurs, again.state) == (True, before.id, "received")
    assert not city.store.read(lambda reader: reader.event(before.id)).is_open
