"""A closer look at a zone: where the tiles lie, and what they find that the whole picture does not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.swimmers import IN_WATER, NOON, SWIMMERS, Lifeguard, drawn_waters, empty_waters, real_waters, standing_in
from data.errors import InputRejected
from data.model.geo import Location
from data.model.observation import Detection, Detections
from data.model.picture import ArrayFrame
from data.model.place import Place
from data.model.zone import Zone
from data.ports.recipe import Context
from detectors._tiles import Grid, Tile
from detectors.yolo import Recipe, without_repeats

CANVAS = (640, 384)
RIVER = Zone(id="water", polygon=((0.0, 0.5), (1.0, 0.5), (1.0, 0.8), (0.0, 0.8)))


def grid(zone: Zone = RIVER, *, magnify: float = 1.5, at_most: int = 8) -> Grid:
    return Grid.over([zone], (1280, 720), CANVAS, magnify=magnify, at_most=at_most)


def test_tiles_cover_the_zone_and_what_stands_up_from_it_and_overlap() -> None:
    tiles = grid().tiles
    covered = np.zeros((720, 1280), np.uint8)
    for tile in tiles:
        assert (tile.width, tile.height) == (427, 256)
        covered[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert covered[360 - 64 : 576].all()
    assert not covered[:200].any()
    assert len(tiles) == 8


def test_with_fewer_tiles_they_are_less_magnified() -> None:
    few = grid(at_most=2)
    assert len(few.tiles) <= 2
    assert few.magnify < 1.0
    assert grid().magnify == 1.5


def test_a_tile_beside_a_slanting_zone_is_left_out() -> None:
    corner = Zone(id="water", polygon=((0.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    tiles = grid(corner, magnify=2.0, at_most=64).tiles
    assert not any(tile.left > 900 and tile.top + tile.height < 300 for tile in tiles)
    assert any(tile.left < 10 and tile.top < 10 for tile in tiles)


def test_what_a_tiles_inner_border_cuts_does_not_count_and_places_are_of_the_picture() -> None:
    one = grid()
    boxes = np.array([[0, 100, 40, 200], [100, 100, 150, 200], [600, 100, 640, 200]], np.float32)
    at_left = Tile(0, 300, 320, 192)
    fractions, whole = one.whole(at_left, boxes)
    assert whole.tolist() == [True, True, False]  # the picture ends at its left, not at its right
    assert fractions[1] == pytest.approx([50 / 1280, 350 / 720, 75 / 1280, 400 / 720])


def person(left: float, top: float, right: float, bottom: float, confidence: float) -> Detection:
    return Detection((left, top, right, bottom), confidence, "person", None)


def test_an_object_that_two_looks_found_is_one_and_two_of_one_look_are_two() -> None:
    whole = [person(0.1, 0.1, 0.2, 0.4, 0.6), person(0.13, 0.1, 0.23, 0.4, 0.5)]
    part = [person(0.11, 0.11, 0.19, 0.25, 0.4)]
    assert without_repeats([whole, part]) == whole
    assert without_repeats([[], []]) == []


def test_a_zone_the_site_does_not_have_is_refused() -> None:
    place = Place(id="quay-1", location=Location(lon=106.5, lat=29.6), zones=(RIVER,))
    with pytest.raises(InputRejected, match=r"no zone 'watr'.*water"):
        Recipe(closer=("watr",)).make(Context(site=place))


@pytest.fixture(scope="module")
def lifeguard(root: Path) -> Lifeguard:
    return Lifeguard.on_duty(root)


@pytest.mark.model
def test_a_small_swimmer_is_found_by_the_tiles_only_and_alerts_within_two_seconds(lifeguard: Lifeguard) -> None:
    (quay, _) = drawn_waters()
    shown = [standing_in(quay.pictures[i], lifeguard.people[1], (620, 470), 30)[0] for i in range(8)]
    frames = [ArrayFrame("quay-1", NOON + i * (NOON.resolution * 200_000), picture) for i, picture in enumerate(shown)]
    context = lifeguard.context(quay)
    far = SWIMMERS.model_copy(update={"closer": ()}).make(context)
    assert sum(len(seen) for frame in frames[:3] for seen in far.find(frame) if isinstance(seen, Detections)) == 0
    pipeline = lifeguard.pipeline(quay, context)
    signals = [(signal.at - NOON).total_seconds() for frame in frames for signal in pipeline.see(frame).signals]
    assert len(signals) == 1
    assert signals[0] <= 1.4
    assert (IN_WATER.pictures, IN_WATER.of) == (5, 8)


@pytest.mark.model
@pytest.mark.shared
def test_eight_in_ten_persons_of_32_px_are_found_in_drawn_and_in_real_water(lifeguard: Lifeguard, shared: Path) -> None:
    """One person a water and height; `make accuracy` has ten times as many."""
    counts = lifeguard.recall([*drawn_waters(), *real_waters(shared)[:5]], each=1)
    for height in (32, 48):
        hits, total = counts[height]
        assert hits >= 0.8 * total


@pytest.mark.model
@pytest.mark.shared
def test_all_nine_labelled_persons_in_the_water_scenes_are_found(lifeguard: Lifeguard, shared: Path) -> None:
    assert lifeguard.labelled(shared) == (9, 9)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
def test_nobody_is_seen_in_empty_moving_water(lifeguard: Lifeguard, shared: Path) -> None:
    """A burst of two seconds over a drawn and each of the real ones; `make accuracy` has ten minutes of each."""
    drawn, _, *real = empty_waters(shared)
    assert len(real) == 4
    assert {one.name: lifeguard.alerts_over_empty(one, minutes=1 / 6, every_s=10.0) for one in (drawn, *real)} == {
        one.name: 0 for one in (drawn, *real)
    }
