"""Looks at a part of the picture: which part, and what stands of what was found elsewhere. Canvas 640 × 384, windows
320 × 384 and 320 × 192; the picture is 16:9 and lies between two bars of 12 pixels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from detectors._letterbox import Letterbox
from detectors._scene import TRUSTED, Scene, Window

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
BOX = Letterbox.fit(1920, 1080, 640, 384)
STILL = np.zeros((45, 80), np.bool_)
Rows = npt.NDArray[np.float32]
PERSON, CAR, TRUCK = range(3)
VAN = (500.0, 100.0, 600.0, 180.0)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def rows(*found: tuple[tuple[float, float, float, float], float, int]) -> Rows:
    return np.array([[*xyxy, confidence, kind] for xyxy, confidence, kind in found], np.float32).reshape(-1, 6)


def moved(left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.bool_]:
    """Cells of 8 × 8 canvas pixels."""
    cells = STILL.copy()
    cells[int(top - 12) // 8 : int(bottom - 12) // 8, int(left) // 8 : int(right) // 8] = True
    return cells


def scene(*windows: tuple[int, int]) -> Scene:
    sizes = windows or ((320, 384), (320, 192))
    return Scene((640, 384), sizes, ["person", "vehicle", "vehicle"], sure=0.3, whole_every=timedelta(seconds=2))


def after(known: Scene, looks: int, *found: tuple[tuple[float, float, float, float], float, int]) -> float:
    """So many whole looks, five a second; the second of the next one."""
    for number in range(looks):
        known.whole(at(number / 5), rows(*found))
        known.window(at(number / 5), None, BOX)
    return looks / 5


def test_the_smallest_window_that_holds_what_moved_is_looked_at_on_the_networks_grid() -> None:
    known = scene()
    now = after(known, TRUSTED)
    assert known.window(at(now), moved(80, 92, 160, 172), BOX) == Window(0, 32, 320, 192)
    assert known.window(at(now), moved(80, 60, 160, 300), BOX) == Window(0, 0, 320, 384)
    assert known.window(at(now), moved(80, 60, 500, 300), BOX) is None, "in none of them"
    assert known.window(at(now), moved(552, 308, 640, 372), BOX) == Window(320, 192, 320, 192), "at the picture's edge"


def test_the_whole_picture_is_looked_at_first_where_motion_is_unknown_and_after_two_seconds() -> None:
    known, here = scene(), moved(80, 92, 160, 172)
    assert known.window(at(0), here, BOX) is None
    known.whole(at(0), rows())
    assert known.window(at(0.2), None, BOX) is None
    assert known.window(at(1.8), here, BOX) is not None
    assert known.window(at(2.0), here, BOX) is None
    assert known.window(at(-1.0), here, BOX) is None, "pictures that were kept back come again"
    assert known.window(at(0.4), here, Letterbox.fit(640, 640, 640, 384)) is None, "another stream of the camera"


def test_an_object_that_the_motion_touches_is_in_the_window_whole() -> None:
    walker = (100.0, 60.0, 160.0, 300.0)
    known = scene()
    now = after(known, TRUSTED, (walker, 0.8, PERSON))
    arm = moved(152, 116, 176, 140)
    assert known.window(at(now), arm, BOX) == Window(0, 0, 320, 384)


def test_what_was_found_elsewhere_stands_and_what_is_in_the_window_is_told_anew() -> None:
    walker, further = (100.0, 80.0, 130.0, 160.0), (108.0, 80.0, 138.0, 160.0)
    known = scene()
    now = after(known, TRUSTED, (VAN, 0.7, CAR), (walker, 0.8, PERSON))
    window = known.window(at(now), moved(96, 76, 144, 164), BOX)
    assert window == Window(0, 0, 320, 192)
    seen = known.part(at(now), window, rows((further, 0.75, PERSON)))
    assert seen is not None
    assert {tuple(row[:4]) for row in seen.tolist()} == {VAN, further}
    gone = known.part(at(now + 0.2), window, rows())
    assert gone is not None
    assert [tuple(row[:4]) for row in gone.tolist()] == [VAN], "who has left the window is no longer there"


def test_what_was_found_by_chance_is_looked_at_again_instead_of_being_repeated() -> None:
    known = scene()
    after(known, TRUSTED)
    known.whole(at(2.0), rows((VAN, 0.35, CAR)))
    window = known.window(at(2.2), moved(560, 196, 584, 212), BOX)
    assert window == Window(320, 64, 320, 192), "the finding as well as what moved"
    seen = known.part(at(2.2), window, rows())
    assert seen is not None
    assert len(seen) == 0
    known.whole(at(2.4), rows((VAN, 0.35, CAR)))
    assert known.window(at(2.6), moved(20, 100, 44, 124), BOX) is None, "too far from what moved for one window"


def test_something_new_that_the_window_cuts_calls_for_the_whole_picture() -> None:
    known = scene()
    now = after(known, TRUSTED)
    window = Window(0, 32, 320, 192)
    assert known.part(at(now), window, rows(((250.0, 80.0, 318.0, 120.0), 0.6, CAR))) is None
    assert known.part(at(now), window, rows(((0.0, 80.0, 60.0, 120.0), 0.6, CAR))) is not None, "at the picture's edge"
    unsure = known.part(at(now + 0.2), window, rows(((250.0, 80.0, 318.0, 120.0), 0.2, CAR)))
    assert unsure is not None
    assert len(unsure) == 0


@pytest.mark.parametrize("kind", [CAR, TRUCK])
def test_what_stands_across_the_edge_is_not_told_by_halves_whatever_it_is_called(kind: int) -> None:
    bus = (280.0, 80.0, 400.0, 160.0)
    known = scene()
    now = after(known, TRUSTED, (bus, 0.9, CAR))
    half, waiting = (280.0, 80.0, 319.0, 160.0), (290.0, 90.0, 306.0, 158.0)
    seen = known.part(at(now), Window(0, 32, 320, 192), rows((half, 0.6, kind), (waiting, 0.6, PERSON)))
    assert seen is not None
    assert {tuple(row[:4]) for row in seen.tolist()} == {bus, waiting}, "and who stands before it is seen"


def test_while_nothing_moves_the_parts_of_the_picture_are_looked_at_in_turn() -> None:
    known = scene((320, 192))
    now = after(known, TRUSTED)
    seen = {known.window(at(now + i / 100), STILL, BOX) for i in range(4)}
    assert seen == {Window(x, y, 320, 192) for x in (0, 320) for y in (0, 192)}
    known.whole(at(now), rows((VAN, 0.9, CAR)))
    window = known.window(at(now + 0.2), STILL, BOX)
    assert window is not None
    assert window.left <= VAN[0], "what is there is looked at first"
