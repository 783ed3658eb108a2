"""Geofences on positions of vehicles: every alert equals what a slow reference with shapely finds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import LineString, Point, Polygon

from alerts.geofence import Recipe
from data.model.alert import Ended, Raised, Signal
from data.model.geo import Location
from data.model.observation import Position, Reading, Tick
from data.model.place import Place
from data.model.vehicle import PermitState
from data.ports.recipe import Context, KnowsByReadings, Rule
from engine.judging.frozen import freeze, thaw

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)  # 12:00 in Chongqing
LON, LAT = 106.57, 29.56
EAST_M, NORTH_M = 96_730.0, 111_195.0  # metres of a degree there, to 0.1 %
SQUARE = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)]


def lon_lat(east_m: float, north_m: float) -> tuple[float, float]:
    return LON + east_m / EAST_M, LAT + north_m / NORTH_M


def rule(**more: Any) -> Rule:
    given = {"area": [lon_lat(*corner) for corner in SQUARE], "positions": 1, **more}
    return fence(**given)


def fence(**given: Any) -> Rule:
    place = Place(id="street-3", location=Location(lon=LON, lat=LAT))
    return Recipe.model_validate({"kind": "geofence", "id": "closed", **given}).make(
        Context(place, timezone="Asia/Shanghai")
    )


def at(east_m: float, north_m: float, second: float, plate: str = "渝A12345", speed: float | None = None) -> Position:
    lon, lat = lon_lat(east_m, north_m)
    return Position("street-3", "gateway", plate, lon, lat, NOON + timedelta(seconds=second), speed)


def tick(second: float) -> Tick:
    return Tick("street-3", NOON + timedelta(seconds=second))


def raised(signals: list[Signal]) -> list[str]:
    return [one.key.subject for one in signals if isinstance(one, Raised)]


def judged(one: Rule, *seen: Position | Tick) -> list[Signal]:
    return [signal for item in seen for signal in one.judge(item)]


def test_a_truck_inside_raises_one_alert_that_ends_two_minutes_after_it_was_heard_there_last() -> None:
    live = rule(label="truck", priority="P2")
    signals = judged(live, at(-100, 100, 0), at(50, 100, 10, speed=36.0), at(150, 100, 20), at(300, 100, 30))
    (first,) = signals
    assert isinstance(first, Raised)
    assert (first.key, first.label, first.priority) == (("street-3", "closed", "", "渝A12345"), "truck", "P2")
    assert (first.at, first.value, first.unit) == (NOON + timedelta(seconds=10), 36.0, "km/h")
    assert first.vehicle is not None
    assert (first.vehicle.plate, first.vehicle.permit) == ("渝A12345", PermitState.NONE)
    # The way out of the area at 30 s still led through it.
    assert judged(live, tick(149)) == []
    (end,) = judged(live, tick(150))
    assert isinstance(end, Ended)
    assert (end.key, end.ended_at) == (first.key, NOON + timedelta(seconds=30))


def test_driving_through_between_two_positions_is_seen() -> None:
    assert raised(judged(rule(), at(-50, 100, 0), at(250, 100, 30))) == ["渝A12345"]
    assert raised(judged(rule(), at(-50, 250, 0), at(250, 250, 30))) == []


def test_over_a_minute_without_a_position_nobody_knows_which_way_it_drove() -> None:
    assert judged(rule(), at(-50, 100, 0), at(250, 100, 61)) == []


def test_a_single_stray_fix_raises_nothing_and_three_in_a_row_are_believed() -> None:
    assert judged(rule(), at(-5000, 0, 0), at(100, 100, 5), at(-4990, 0, 10), at(-4980, 0, 20)) == []
    found = judged(rule(), at(-5000, 0, 0), at(100, 100, 5), at(101, 100, 10), at(102, 100, 15))
    assert raised(found) == ["渝A12345"]


def test_two_positions_in_a_row_are_asked_for_unless_set() -> None:
    live = fence(area=[lon_lat(*corner) for corner in SQUARE])
    assert judged(live, at(100, 100, 0)) == []
    assert raised(judged(live, at(101, 100, 10))) == ["渝A12345"]


def test_a_closed_street_is_a_line_with_a_width() -> None:
    street = [lon_lat(0, 0), lon_lat(100, 0), lon_lat(100, 100)]
    near, beside = at(50, 14, 0), at(50, 18, 0)
    assert raised(judged(fence(street=street, width=30, positions=1), near)) == ["渝A12345"]
    assert judged(fence(street=street, width=30, positions=1), beside) == []


def test_a_circle_lies_around_the_site() -> None:
    assert raised(judged(fence(radius=100, positions=1), at(60, 60, 0))) == ["渝A12345"]
    assert judged(fence(radius=100, positions=1), at(80, 80, 0)) == []


def test_outside_of_a_prescribed_area_is_alarming_where_that_is_wanted() -> None:
    live = rule(when="outside")
    assert raised(judged(live, at(100, 100, 0), at(300, 100, 10))) == ["渝A12345"]


@pytest.mark.parametrize(
    ("permit", "allowed", "state"),
    [
        ({}, True, None),
        ({"from": "2024-07-01T00:00:00+08:00", "until": "2024-07-31T00:00:00+08:00"}, True, None),
        ({"until": "2024-07-12T11:59:00+08:00"}, False, PermitState.EXPIRED),
        ({"from": "2024-07-13T00:00:00+08:00"}, False, PermitState.NOT_YET),
        ({"during": [{"start": "22:00", "end": "06:00"}]}, False, PermitState.OUT_OF_HOURS),
    ],
)
def test_a_permit_holds_in_its_time_and_hours_only(
    permit: dict[str, Any], allowed: bool, state: PermitState | None
) -> None:
    found = judged(rule(permits=[{"plate": "渝 A·12345", **permit}]), at(100, 100, 0))
    assert (found == []) is allowed
    assert [one.vehicle.permit for one in found if isinstance(one, Raised) and one.vehicle] == (
        [] if state is None else [state]
    )


def test_outside_its_hours_the_rule_raises_nothing() -> None:
    assert judged(rule(during=[{"start": "22:00", "end": "06:00"}]), at(100, 100, 0)) == []
    assert raised(judged(rule(during=[{"start": "11:00", "end": "13:00"}]), at(100, 100, 0))) == ["渝A12345"]


def test_late_and_repeated_positions_change_nothing() -> None:
    live = rule()
    assert raised(judged(live, at(100, 100, 10))) == ["渝A12345"]
    assert judged(live, at(100, 100, 10), at(100, 100, 5)) == []


def test_an_open_alert_goes_on_after_a_restart_and_the_way_is_joined() -> None:
    live = rule()
    judged(live, at(-50, 100, 0), at(100, 100, 10, "渝B2"))
    assert isinstance(live, KnowsByReadings)
    state = live.snapshot()  # type: ignore[attr-defined]
    again = rule()
    again.resume([])
    again.restore(state)  # type: ignore[attr-defined]
    assert raised(judged(again, at(250, 100, 30))) == ["渝A12345"]


def test_its_whole_state_can_be_frozen_for_replay() -> None:
    permits = [{"plate": "B2", "from": "2024-07-01T00:00:00+08:00", "during": [{"start": "08:00", "end": "09:00"}]}]
    live = rule(permits=permits, during=[{"start": "11:00", "end": "13:00"}])
    judged(live, at(-50, 100, 0))
    modules = frozenset({type(live).__module__})
    thawed = thaw(freeze(live, modules), modules)
    assert raised(judged(thawed, at(250, 100, 30))) == ["渝A12345"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give one of area, street and radius"),
        ({"radius": 10, "street": [[1, 2], [1, 3]]}, "give one of area, street and radius"),
        ({"area": [[1, 2], [1, 2], [1, 3]]}, "three different corners"),
        ({"area": [[29.5, 106.5], [29.6, 106.5], [29.6, 106.6]]}, "swapped"),
        ({"area": [[106, 29], [108, 29], [107, 30]]}, "mistyped"),
        ({"radius": 10, "zone": "lane"}, "polygon in a picture"),
        ({"radius": 10, "permits": [{"plate": "A", "until": "2024-07-12T00:00:00"}]}, "timezone"),
    ],
)
def test_a_mistake_is_told_in_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Recipe.model_validate({"kind": "geofence", **given})


def test_readings_say_nothing_about_vehicles() -> None:
    assert rule().judge(Reading("street-3", "gauge", "water_depth", 30.0, NOON)) == []


# ---- against a reference that keeps everything and asks shapely

COORDINATE = st.integers(-300, 500).map(float)
FIXES = st.lists(
    st.tuples(st.sampled_from(["A1", "B2"]), COORDINATE, COORDINATE, st.integers(1, 90)), min_size=1, max_size=25
)


def reference(fixes: list[Position], *, positions: int, keep_s: float) -> list[tuple[str, float]]:
    """When each vehicle's alert begins, in seconds: the whole list gone through anew for each vehicle."""
    area = Polygon(SQUARE)
    begins: list[tuple[str, float]] = []
    for plate in sorted({fix.vehicle for fix in fixes}):
        own = [fix for fix in fixes if fix.vehicle == plate]
        believed: list[tuple[Position, bool]] = []  # and whether the way to it is known
        stray = 0
        for fix in own:
            if not believed:
                believed.append((fix, False))
                continue
            last = believed[-1][0]
            passed = (fix.at - last.at).total_seconds()
            far = math.dist(metres(last), metres(fix)) > 55.0 * passed + 30.0
            if far and stray < 2:
                stray += 1
                continue
            believed.append((fix, not far and passed <= 60))
            stray = 0
        row, until = 0, -1.0
        for number, (fix, joined) in enumerate(believed):
            now = (fix.at - NOON).total_seconds()
            here = Point(metres(fix))
            way = LineString([metres(believed[number - 1][0]), metres(fix)]) if joined else here
            row = row + 1 if area.intersects(here) or area.intersects(way) else 0
            if row >= positions:
                if now >= until:
                    begins.append((plate, now))
                until = now + keep_s
    return sorted(begins)


def metres(fix: Position) -> tuple[float, float]:
    return (fix.lon - LON) * EAST_M, (fix.lat - LAT) * NORTH_M


@given(FIXES, st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_every_alert_is_the_references(drawn: list[tuple[str, float, float, int]], positions: int) -> None:
    second, fixes = 0, []
    for plate, east, north, wait in drawn:
        second += wait
        # half a metre off the whole ones: none lies on the outline, where rounding decides
        fixes.append(at(east + 0.5, north + 0.5, second, plate))
    live = rule(positions=positions, keep_firing_for="50s")
    begins: list[tuple[str, float]] = []
    for fix in fixes:
        now = (fix.at - NOON).total_seconds()
        live.judge(Tick("street-3", fix.at - timedelta(microseconds=1)))
        begins += [(one, now) for one in raised(list(live.judge(fix)))]
    expected = reference(fixes, positions=positions, keep_s=50.0)
    assert sorted(begins) == expected
