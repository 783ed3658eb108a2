"""The roster decides who is on shift; without one the configuration does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from data.errors import IllegalMove
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import Role
from data.ports.store import Writer
from dispatch.responders import rank, share_position, sync_responders
from dispatch.roster import changes_of_shift, keep_shifts
from tests.dispatch.city import GATE, NEAR, NOON, OFF, City

HOUR = timedelta(hours=1)


def planned(city: City) -> None:
    """`near` has the shift until one o'clock, `off` (off shift as configured) the one after it."""

    def work(writer: Writer) -> None:
        writer.put_unit(Unit("grid-1", UnitKind.POST, "网格岗"))
        writer.add_shift(Shift("grid-1", "near", NOON - HOUR, NOON + HOUR))
        writer.add_shift(Shift("grid-1", "off", NOON + HOUR, NOON + 9 * HOUR))

    city.do(work)


def on_shift(city: City) -> set[str]:
    return {one.id for one in city.store.read(lambda reader: reader.responders()) if one.on_shift}


def against(city: City, name: str) -> str:
    ranking = city.store.read(lambda r: rank(r, GATE, city.now, roads=city.roads, settings=city.settings))
    return {one.responder: one.reason for one in (*ranking.eligible, *ranking.refused)}[name]


def test_a_shift_begins_and_ends_by_the_roster_and_who_is_in_none_stays_as_configured(city: City) -> None:
    planned(city)
    assert city.do(lambda writer: keep_shifts(writer, city.settings, city.now)) == 0
    assert on_shift(city) == {"near", "middle", "far"}
    city.now = NOON + HOUR
    assert [one.id for one in city.store.read(lambda r: changes_of_shift(r, city.settings, city.now))] == [
        "near",
        "off",
    ]
    assert city.do(lambda writer: keep_shifts(writer, city.settings, city.now)) == 2
    assert on_shift(city) == {"off", "middle", "far"}
    assert (against(city, "near"), against(city, "off")) == ("off shift", "")
    here = Location(lon=106.5, lat=29.5)
    assert city.do(lambda writer: share_position(writer, OFF, city.now, here, city.settings)).kept
    with pytest.raises(IllegalMove, match="near is off shift; positions are taken on shift only"):
        city.do(lambda writer: share_position(writer, NEAR, city.now, here, city.settings))
    assert NEAR.role is Role.RESPONDER


def test_a_restart_asks_the_roster_and_a_roster_that_nobody_keeps_up_is_forgotten(city: City) -> None:
    planned(city)
    city.do(lambda writer: sync_responders(writer, city.settings, NOON + 2 * HOUR))
    assert on_shift(city) == {"off", "middle", "far"}
    later = NOON + timedelta(days=8)
    city.do(lambda writer: keep_shifts(writer, city.settings, later))
    assert on_shift(city) == {"near", "middle", "far"}
