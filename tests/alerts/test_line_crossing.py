"""Crossing a line, before a camera and by positions: counts and directions equal an exact, slow reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.crossings import Crossings, Direction, Line
from alerts.line_crossing import Recipe
from data.model.alert import Ended, Raised, Signal
from data.model.geo import Location
from data.model.observation import Detection, Detections, Position, Tick
from data.model.place import Place
from data.model.vehicle import PermitState
from data.ports.recipe import Context, Rule

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LON, LAT = 106.57, 29.56
LEFT, RIGHT = 0.3, 0.7  # of a vertical line at x = 0.5, drawn from the top down


def rule(**given: Any) -> Rule:
    place = Place(id="street-3", location=Location(lon=LON, lat=LAT))
    recipe = Recipe.model_validate({"kind": "line_crossing", "id": "crossing", **given})
    return recipe.make(Context(place, timezone="Asia/Shanghai"))


def camera(**more: Any) -> Rule:
    return rule(line=[[0.5, 0.1], [0.5, 0.9]], **more)


def seen(second: float, *objects: tuple[int, float, float], label: str = "truck", sure: float = 0.8) -> Detections:
    """Objects by track, with their foot's x and y."""
    found = [Detection((x - 0.05, y - 0.1, x + 0.05, y), sure, label, track) for track, x, y in objects]
    return Detections.of("street-3", NOON + timedelta(seconds=second), found)


def told(second: float, east_m: float, plate: str = "渝A12345", north_m: float = 0.0) -> Position:
    lon, lat = LON + east_m / 96_730.0, LAT + north_m / 111_195.0
    return Position("street-3", "gateway", plate, lon, lat, NOON + timedelta(seconds=second), 30.0)


def ground(**more: Any) -> Rule:
    """A line of 100 m from north to south through the site."""
    return rule(ground=[[LON, LAT + 50 / 111_195], [LON, LAT - 50 / 111_195]], **more)


def raised(live: Rule, *items: Detections | Position | Tick) -> list[Raised]:
    signals: list[Signal] = [signal for item in items for signal in live.judge(item)]
    return [one for one in signals if isinstance(one, Raised)]


def test_a_truck_that_crosses_raises_one_alert_with_its_box_and_ends_two_minutes_later() -> None:
    live = camera(priority="P2")
    (alert,) = raised(live, seen(0, (7, LEFT, 0.5)), seen(1, (7, 0.45, 0.5)), seen(2, (7, RIGHT, 0.5)))
    assert (alert.kind, alert.label, alert.key.subject) == ("line_crossing", "truck", "20240712T040002-7")
    assert alert.at == NOON + timedelta(seconds=2)
    assert alert.xyxy == pytest.approx((0.65, 0.4, 0.75, 0.5))
    assert list(live.judge(Tick("street-3", NOON + timedelta(seconds=121)))) == []
    (end,) = live.judge(Tick("street-3", NOON + timedelta(seconds=122)))
    assert isinstance(end, Ended)
    assert (end.key, end.ended_at) == (alert.key, NOON + timedelta(seconds=2))


@pytest.mark.parametrize(("direction", "counts"), [("any", 2), ("to_left", 1), ("to_right", 1)])
def test_only_the_wanted_direction_counts(direction: str, counts: int) -> None:
    live = camera(direction=direction)
    there = raised(live, seen(0, (1, LEFT, 0.5)), seen(1, (1, RIGHT, 0.5)))
    back = raised(live, seen(2, (2, RIGHT, 0.5)), seen(3, (2, LEFT, 0.5)))
    assert len(there) + len(back) == counts
    # From its first end at the top to the second below, the picture's right side is on the left hand.
    assert len(there) == (direction in {"any", "to_left"})


def test_trembling_on_the_line_is_no_crossing() -> None:
    places = [0.5 + 0.004 * (-1) ** n for n in range(20)]
    assert raised(camera(), seen(0, (1, LEFT, 0.5)), *(seen(n + 1, (1, x, 0.5)) for n, x in enumerate(places))) == []


def test_who_passes_beyond_the_lines_end_has_not_crossed_it() -> None:
    assert raised(camera(), seen(0, (1, LEFT, 0.96)), seen(1, (1, RIGHT, 0.96))) == []


def test_another_label_a_doubtful_one_and_one_without_a_track_do_not_count() -> None:
    live = camera(labels=["truck"], confidence=0.5)
    assert raised(live, seen(0, (1, LEFT, 0.5), label="car"), seen(1, (1, RIGHT, 0.5), label="car")) == []
    assert raised(live, seen(2, (2, LEFT, 0.5), sure=0.4), seen(3, (2, RIGHT, 0.5), sure=0.4)) == []
    assert raised(live, seen(4, (-1, LEFT, 0.5)), seen(5, (-1, RIGHT, 0.5))) == []


def test_a_track_that_was_away_for_longer_is_another_object() -> None:
    assert raised(camera(), seen(0, (1, LEFT, 0.5)), seen(6, (1, RIGHT, 0.5))) == []


def test_outside_its_hours_nothing_is_raised() -> None:
    live = camera(during=[{"start": "22:00", "end": "06:00"}])
    assert raised(live, seen(0, (1, LEFT, 0.5)), seen(1, (1, RIGHT, 0.5))) == []


def test_of_three_within_a_minute_there_is_one_alert_with_their_number() -> None:
    live = camera(count=3, within="1min")
    both = [item for n in range(3) for item in (seen(10 * n, (n, LEFT, 0.5)), seen(10 * n + 1, (n, RIGHT, 0.5)))]
    (alert,) = raised(live, *both)
    assert (alert.value, alert.key.subject) == (3.0, "camera")
    assert (alert.started_at, alert.at) == (NOON + timedelta(seconds=1), NOON + timedelta(seconds=21))
    far = [item for n in range(3) for item in (seen(40 * n, (n, LEFT, 0.5)), seen(40 * n + 1, (n, RIGHT, 0.5)))]
    assert raised(camera(count=3, within="1min"), *far) == []


def test_a_vehicle_that_crosses_by_its_positions_is_named_with_its_permit() -> None:
    (alert,) = raised(ground(label="truck"), told(0, -80), told(10, 80))
    assert alert.xyxy is None
    assert (alert.key.subject, alert.label, alert.value, alert.unit) == ("渝A12345", "truck", 30.0, "km/h")
    assert alert.vehicle is not None
    assert alert.vehicle.permit is PermitState.NONE


def test_a_permitted_vehicle_and_one_past_the_end_raise_nothing() -> None:
    assert raised(ground(permits=[{"plate": "渝A12345"}]), told(0, -80), told(10, 80)) == []
    assert raised(ground(), told(0, -80, north_m=60), told(10, 80, north_m=60)) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give `line` in the camera's picture"),
        ({"line": [[0.5, 0.5], [0.5, 0.5]]}, "lie on each other"),
        ({"ground": [[106.57, 29.56], [106.57, 29.56]]}, "less than 5 m apart"),
        ({"line": [[0.5, 0.1], [0.5, 0.9]], "zone": "lane"}, "write `line`"),
    ],
)
def test_a_mistake_is_told_in_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Recipe.model_validate({"kind": "line_crossing", **given})


# ---- against exact arithmetic that goes through the whole path anew

A, B = (0, -20), (3, 20)
POINTS = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 8)), min_size=1, max_size=30)


def reference(path: list[tuple[int, int, int]]) -> list[tuple[int, Direction]]:
    """By the intersection's own parameters, in fractions: where on the way and where on the line it lies."""
    length_2 = Fraction((B[0] - A[0]) ** 2 + (B[1] - A[1]) ** 2)
    found: list[tuple[int, Direction]] = []
    clear: tuple[int, int] | None = None
    second, before = 0, None
    for x, y, wait in path:
        second += wait
        if before is not None and wait > 5:
            clear = None
        before = second
        area = Fraction((B[0] - A[0]) * (y - A[1]) - (B[1] - A[1]) * (x - A[0]))
        if area * area < 4 * length_2:  # nearer than the margin of 2
            continue
        if clear is not None:
            way = (x - clear[0], y - clear[1])
            line = (B[0] - A[0], B[1] - A[1])
            across = way[0] * line[1] - way[1] * line[0]
            if across != 0:
                off = (A[0] - clear[0], A[1] - clear[1])
                on_way = Fraction(off[0] * line[1] - off[1] * line[0], across)
                on_line = Fraction(off[0] * way[1] - off[1] * way[0], across)
                if 0 <= on_way <= 1 and 0 <= on_line <= 1:
                    found.append((second, Direction.TO_LEFT if area > 0 else Direction.TO_RIGHT))
        clear = (x, y)
    return found


@given(POINTS)
@settings(max_examples=300, deadline=None)
def test_every_crossing_is_the_references(path: list[tuple[int, int, int]]) -> None:
    crossings = Crossings(Line(A, B, 2.0), timedelta(seconds=5))
    second, found = 0, []
    for x, y, wait in path:
        second += wait
        direction = crossings.follow("one", (float(x), float(y)), NOON + timedelta(seconds=second))
        found += [(second, direction)] if direction is not None else []
    assert found == reference(path)
