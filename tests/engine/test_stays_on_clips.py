"""Real footage at any frame rate: the network looks at each picture once, everything after it runs again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.dwell import Recipe as Dwell
from bench.films import LABELS, Film, Line, Shown, half_of, interval_at
from data.model.zone import Zone

# The top right corner, where the van and the car stand.
CORNER = Zone(id="corner", polygon=((0.55, 0.0), (1.0, 0.0), (1.0, 0.35), (0.55, 0.35)))
PARKING = Dwell(zone="corner", labels=LABELS, at_least="5s")
PRESENCE = Dwell(labels=("person",), at_least="10s", motion="any")
STANDING = Dwell(id="standing", labels=("person",), at_least="10s")
RATES = (25.0, 10.0, 5.0, 2.0)
SEEDS = range(5)


@pytest.fixture(scope="module")
def car_park(root: Path, shared: Path) -> Film:
    return Film.of_clip(root, shared / "clips" / "vtest_12s.mp4")


@pytest.fixture(scope="module")
def visitor(root: Path, shared: Path) -> Film:
    """The fifth of six people who come, stand and go: 92.3 to 119.5 s, ± 0.7 s."""
    return Film.of_clip(root, shared / "clips" / "intel_one-by-one-person.mp4", since_s=88.0, until_s=123.0)


def parked_twice(lines: list[Line], shown: Shown) -> None:
    assert len(lines) == 2
    for line in lines:
        assert line["label"] in {"car", "truck", "bus"}
        assert line["ended_s"] is None
        assert line["started_s"] == pytest.approx(shown[0][1], abs=interval_at(shown, 0.0) + 0.001)
        assert line["alerted_s"] == pytest.approx(5.0, abs=interval_at(shown, 5.0) + 0.001)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("rate", RATES)
def test_the_parked_van_and_car_are_one_alert_each_at_any_frame_rate_and_no_walker_is(
    car_park: Film, rate: float
) -> None:
    shown = car_park.at_rate(rate)
    parked_twice(car_park.judged(shown, PARKING, zone=CORNER), shown)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("seed", SEEDS)
def test_they_are_one_alert_each_with_half_of_the_pictures_dropped(car_park: Film, seed: int) -> None:
    shown = half_of(car_park.whole, seed)
    parked_twice(car_park.judged(shown, PARKING, zone=CORNER), shown)


def one_stay_of_the_same_length(film: Film, shown: Shown, interval_s: float | None = None) -> None:
    """As of all pictures; `interval_s` between two, the longer of those around its ends when left out."""
    for rule in (PRESENCE, STANDING):
        (whole,) = film.judged(film.whole, rule)
        (line,) = film.judged(shown, rule)
        around = max(interval_at(shown, line["started_s"]), interval_at(shown, line["ended_s"]))
        assert line["started_s"] == pytest.approx(92.3, abs=0.7 + 2 * (rule is STANDING))
        assert line["ended_s"] == pytest.approx(119.5, abs=0.7)
        assert line["ended_s"] - line["started_s"] == pytest.approx(
            whole["ended_s"] - whole["started_s"], abs=(interval_s or around) + 0.001
        )


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("rate", RATES)
def test_a_visit_lasts_as_long_at_any_frame_rate(visitor: Film, rate: float) -> None:
    one_stay_of_the_same_length(visitor, visitor.at_rate(rate), 1 / rate)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("seed", SEEDS)
def test_a_visit_lasts_as_long_with_half_of_the_pictures_dropped(visitor: Film, seed: int) -> None:
    one_stay_of_the_same_length(visitor, half_of(visitor.whole, seed))
