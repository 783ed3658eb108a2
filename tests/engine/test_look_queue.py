"""Looks that are left out for want of time: the next one tells the rules nothing that nobody has seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.camera.watch import LookQueue, Received, Watch
from tests.engine.grainy_street import NOON, frame, seen
from tests.engine.test_glances import rested


def look(
    at_s: float, *, still: bool = False, calm_s: float | None = None, late: bool = False, glance: bool = False
) -> Received:
    at = NOON + timedelta(seconds=at_s)
    calm_until = None if calm_s is None else NOON + timedelta(seconds=calm_s)
    return Received(frame(at_s), at_s, at, late=late, glance=glance, still=still, calm_until=calm_until)


def told(received: Received | None) -> tuple[float, bool, float | None]:
    """Its time, whether it is still, and until when all was calm, seconds."""
    assert received is not None
    calm_s = None if received.calm_until is None else (received.calm_until - NOON).total_seconds()
    return received.at_s, received.still, calm_s


def test_after_a_look_at_something_that_moved_was_left_out_nothing_is_still_or_calm() -> None:
    queue = LookQueue()
    queue.leave_out(look(1.0))
    assert queue.put(look(2.0, still=True, calm_s=1.8)) == 0
    assert told(queue.first()) == (2.0, False, None)


def test_what_was_calm_before_the_look_that_was_left_out_stays_so() -> None:
    queue = LookQueue()
    queue.leave_out(look(1.0, still=True, calm_s=0.9))
    queue.leave_out(look(2.0, calm_s=1.5))
    queue.leave_out(look(3.0, still=True, calm_s=2.9))
    queue.put(look(4.0, calm_s=3.8))
    assert told(queue.first()) == (4.0, False, 1.5)
    queue.put(look(5.0, still=True))
    assert told(queue.first()) == (5.0, False, 1.5), "of the present only the newest waits"


def test_the_oldest_of_those_kept_back_is_told_by_the_one_after_it() -> None:
    queue = LookQueue()
    for received in (look(1.0, late=True), look(2.0, late=True, still=True, calm_s=1.9)):
        assert queue.put(received) == 0
    assert queue.put(look(3.0, late=True, calm_s=2.9), room=3) == 1
    assert told(queue.first()) == (2.0, False, None)
    first = queue.first()
    assert first is not None
    queue.remove(first)
    assert told(queue.first()) == (3.0, False, 2.9)


def test_a_glance_in_between_tells_nothing_and_keeps_what_is_to_be_told() -> None:
    queue = LookQueue()
    queue.put(look(1.0))
    queue.put(look(2.0, glance=True))
    queue.put(look(3.0, still=True))
    glance = queue.first()
    assert told(glance) == (2.0, False, None)
    assert glance is not None
    queue.remove(glance)
    assert told(queue.first()) == (3.0, False, None)


def test_what_comes_again_is_calm_only_as_far_as_its_own_pictures_show() -> None:
    """In the small pictures of its rest nothing moved until 20.4 s; in those that come again something does at 20.2."""
    watch = Watch(2.0)
    at_s = rested(watch, 20.0, 0.1)
    watch.found(seen(19.0))
    while at_s < 20.45:
        attention = watch.see(frame(at_s), resting=True)
        if attention.look:
            watch.found(seen(at_s))
        at_s = round(at_s + 0.1, 1)
    assert watch.see(frame(20.5, (0, 80, 30, 110)), resting=True).glance
    assert watch.glanced(NOON + timedelta(seconds=20.5), seen(20.5, (0, 80, 30, 110))) is not None
    calm: list[datetime] = []
    for tenths in range(201, 210):
        box = [] if tenths < 202 else [(0, 80, 10 + 5 * (tenths - 200), 110)]
        attention = watch.see(frame(tenths / 10, *box))
        if attention.look:
            watch.found(seen(tenths / 10))
            calm += [] if attention.calm_until is None else [attention.calm_until]
    assert all(until <= NOON + timedelta(seconds=20.1) for until in calm), calm
