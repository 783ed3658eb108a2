"""Where something moved between two pictures, as the detectors are told it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from data.model.picture import ArrayFrame
from engine.camera.movement import Movement

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def frame(second: float, left: int | None = None, size: tuple[int, int] = (320, 180)) -> ArrayFrame:
    """Grey; a white block 24 × 24 where asked for."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    if left is not None:
        image[80:104, left : left + 24] = 230
    return ArrayFrame("gate-1", at(second), image)


def warm(movement: Movement) -> None:
    for i in range(40):
        movement.see(frame(i / 10))


def columns(movement: Movement, since_s: float, until_s: float) -> set[int]:
    """Of the picture's 320, by the cells that moved."""
    cells = movement.between(at(since_s), at(until_s))
    assert cells is not None
    return {int(c) * 320 // cells.shape[1] for c in np.flatnonzero(cells.any(axis=0))}


def test_where_it_was_and_where_it_is_count() -> None:
    movement = Movement()
    warm(movement)
    for i in range(11):
        movement.see(frame(4 + i / 10, 40 + 8 * i))
    assert columns(movement, 3.2, 3.8) == set()
    moved = columns(movement, 4.2, 4.4)
    assert min(moved) in range(48, 57)
    assert max(moved) in range(84, 97)
    assert columns(movement, 4.21, 4.45) == moved, "of pictures between two that the gate saw, the last one counts"


def test_it_is_not_known_while_the_gate_warms_up_or_after_a_gap_or_of_another_stream() -> None:
    movement = Movement()
    for i in range(10):
        movement.see(frame(i / 10))
    assert movement.between(at(0.5), at(0.9)) is None, "warming up"
    warm(movement)
    assert movement.between(at(3.5), at(3.9)) is not None
    assert movement.between(at(3.5), at(4.4)) is None, "that picture was not seen yet"
    assert movement.between(at(3.9), at(3.5)) is None
    movement.see(frame(4.8))
    assert movement.between(at(3.9), at(4.8)) is None, "something may have come and gone"
    for i in range(40):
        movement.see(frame(4.9 + i / 10, size=(160, 90)))
    assert movement.between(at(4.8), at(8.8)) is None
    assert movement.between(at(8.4), at(8.8)) is not None


def test_a_change_of_all_the_light_is_no_motion_that_can_be_placed() -> None:
    movement = Movement()
    warm(movement)
    bright = ArrayFrame("gate-1", at(4.0), np.full((180, 320, 3), 200, np.uint8))
    movement.see(bright)
    assert movement.between(at(3.8), at(4.0)) is None


def test_pictures_that_come_again_begin_a_new_count() -> None:
    movement = Movement()
    warm(movement)
    movement.see(frame(3.0))
    assert movement.between(at(2.8), at(3.0)) is None
    movement.see(frame(3.1))
    assert movement.between(at(3.0), at(3.1)) is not None


def test_the_gate_is_due_ten_times_a_second_and_again_after_a_jump_of_the_clock() -> None:
    movement = Movement()
    assert [movement.due(at(s)) for s in (0.0, 0.04, 0.08, 0.12, 0.2, 0.24)] == [True, False, False, True, False, True]
    assert movement.due(at(-3600))
    assert movement.due(at(60))
