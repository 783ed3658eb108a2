"""The day's route goes by the roads, and no turned part of it would make it shorter."""

from __future__ import annotations

import time
from random import Random

import pytest

from data.model.geo import Location
from dispatch.inspection_route import MOST_STOPS, day_route
from dispatch.routing import Roads
from tests.web.phone_city import GATE, STEP_LAT, STEP_LON


def at(east: float, north: float = 0.0) -> Location:
    return Location(lon=GATE.lon + east * STEP_LON, lat=GATE.lat + north * STEP_LAT)


def test_stops_along_a_street_are_visited_one_after_the_other_and_not_in_the_order_of_the_list() -> None:
    tour = day_route(at(0), [at(3), at(1), at(4), at(2)], "walk", Roads())
    assert tour.order == (1, 3, 0, 2)
    assert tour.distance_m == pytest.approx(4 * 96.8, rel=0.01)


def test_a_crossing_that_nearest_neighbour_makes_is_taken_out() -> None:
    stops = [at(1), at(-1.2), at(3.6), at(10)]
    tour = day_route(at(0), stops, "walk", Roads())
    assert tour.order == (1, 0, 2, 3), "first the one behind, since the way does not lead back"


def test_without_stops_there_is_no_way_and_too_many_are_refused() -> None:
    assert day_route(at(0), [], "walk", Roads()).travel_s == 0
    with pytest.raises(ValueError, match="at most 60 stops"):
        day_route(at(0), [at(1)] * (MOST_STOPS + 1), "walk", Roads())


def test_fifty_stops_are_ordered_in_seconds_and_better_than_a_third_of_their_list() -> None:
    random = Random(7)
    stops = [at(random.uniform(-5, 5), random.uniform(-5, 5)) for _ in range(50)]
    began = time.perf_counter()
    tour = day_route(at(0), stops, "walk", Roads())
    took_s = time.perf_counter() - began
    given = sum(
        Roads().routes(there, [(here, "walk")])[0].travel_s for here, there in zip([at(0), *stops], stops, strict=False)
    )
    assert sorted(tour.order) == list(range(50))
    assert tour.travel_s < given / 3
    assert took_s < 10, f"{took_s:.1f} s"
