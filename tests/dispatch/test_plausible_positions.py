"""Positions that cannot be true are kept apart, marked, and not used; a report at such a place is not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from data.config.settings import ResponderSettings, SiteSettings
from data.errors import InputRejected
from data.model.case import Origin
from data.model.geo import Location
from dispatch.intake import Report, bring_in
from dispatch.responders import SharedPosition, rank, share_position
from tests.dispatch.city import GATE, LI, NEAR, NOON, City

NULL_ISLAND = Location(lon=0, lat=0)
BEIJING = Location(lon=116.39, lat=39.9)
NEXT_STREET = Location(lon=106.5130, lat=29.5840)  # about 150 m from the gate
TOWN = Location(lon=106.85, lat=29.583)  # 33 km east of the gate


def share(city: City, place: Location, after_s: float) -> SharedPosition:
    now = NOON + timedelta(seconds=after_s)
    return city.do(lambda writer: share_position(writer, NEAR, now, place, city.settings))


def first_to_go(city: City) -> str:
    ranking = city.store.read(lambda r: rank(r, GATE, city.now, roads=city.roads, settings=city.settings))
    return ranking.eligible[0].responder


@pytest.mark.parametrize(
    ("place", "doubt"),
    [
        (NULL_ISLAND, "0/0 is what a receiver says that knows no place"),
        (Location(lon=0.004, lat=-0.002), "0/0 is what a receiver says that knows no place"),
        (BEIJING, "1458 km from the nearest site, limit 200 km"),
        (Location(lon=-106.512, lat=29.583), "from the nearest site, limit 200 km"),
        (TOWN, "a jump of 32.6 km in 1 s, limit 200 km/h"),
    ],
)
def test_a_position_that_cannot_be_true_moves_nobody_and_is_marked_in_the_track(
    city: City, place: Location, doubt: str
) -> None:
    assert share(city, NEXT_STREET, 10) == SharedPosition(kept=True)
    shared = share(city, place, 11)
    assert shared.kept is False
    assert doubt in shared.doubt
    assert city.store.read(lambda reader: reader.responder("near")).position == NEXT_STREET
    newest, before = city.store.read(lambda reader: reader.track("near", limit=2))
    assert (newest.location, newest.doubt, before.doubt) == (place, shared.doubt, "")
    assert first_to_go(city) == "near"


def test_a_jump_that_the_next_position_confirms_is_believed(city: City) -> None:
    share(city, NEXT_STREET, 10)
    assert share(city, TOWN, 11).kept is False
    assert share(city, Location(lon=106.8501, lat=29.583), 21) == SharedPosition(kept=True)


def test_after_a_single_jump_the_true_positions_go_on_at_once(city: City) -> None:
    share(city, NEXT_STREET, 10)
    share(city, TOWN, 11)
    assert share(city, Location(lon=106.5131, lat=29.584), 12) == SharedPosition(kept=True)


def test_0_0_and_another_part_of_the_world_are_never_confirmed(city: City) -> None:
    share(city, NEXT_STREET, 10)
    for number, place in enumerate((NULL_ISLAND, NULL_ISLAND, BEIJING, BEIJING)):
        assert share(city, place, 20 + number).kept is False


def test_somebody_drives_across_town_at_the_limit(city: City) -> None:
    share(city, NEXT_STREET, 0)
    assert share(city, TOWN, 600) == SharedPosition(kept=True)  # 32.6 km in ten minutes: 195 km/h


def test_a_report_at_0_0_is_kept_at_its_senders_last_position_and_says_so(city: City) -> None:
    share(city, NEXT_STREET, 10)
    report = Report(kind="litter", location=NULL_ISLAND, description="袋子堆在路边")
    event = city.do(lambda w: bring_in(w, report, Origin.GRID, NEAR, city.now, settings=city.settings))
    assert event.location == NEXT_STREET
    (step,) = [one for one in city.store.read(lambda r: r.audit(subject=f"event:{event.id}")) if one.action == "open"]
    assert step.detail["place_doubt"] == "0/0 is what a receiver says that knows no place"


def test_what_an_operator_enters_at_0_0_is_refused_with_words(city: City) -> None:
    report = Report(kind="litter", location=NULL_ISLAND, description="x")
    with pytest.raises(InputRejected, match=r"lon, lat: 0/0 .* choose the place on the map"):
        city.do(lambda w: bring_in(w, report, Origin.OPERATOR, LI, city.now, settings=city.settings))


def test_a_configured_place_at_0_0_or_with_swapped_coordinates_is_named() -> None:
    with pytest.raises(ValidationError, match="lon 0, lat 0 is no place of a district"):
        SiteSettings(id="gate", location={"lon": 0, "lat": 0})
    with pytest.raises(ValidationError, match=r"lon and lat seem to be swapped: write lon: 106\.512, lat: 29\.583"):
        ResponderSettings(id="zhang", name="张", location={"lon": 29.583, "lat": 106.512})
