"""Places of a recording's pictures: their time stamps as far as they can be believed, else counted on.

Whatever the stamps say, there are as many places as pictures, each later than the one before, and one wrong stamp moves
nothing but its own picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from statistics import median
from typing import Generic, TypeVar

from av.video.stream import VideoStream

T = TypeVar("T")

LONGEST_GAP_S = 60.0  # between two pictures; a longer one is no pause of the recorder but another clock
USUAL_RATE = 25.0
_SLOWEST, _FASTEST = 1 / 3600, 480.0  # pictures a second that a header may tell
_BACK_S = 0.5  # a stamp may lie so far behind and still be of the same clock: pictures out of order
_LEAST_S = 0.001
_SAME_STEP_S = 1e-6
_SUSPECT_S = 2.0  # a step of less, or of less than eight usual ones, is nothing to wonder at
_SUSPECT_STEPS = 8
_RHYTHM = 0.1  # two long steps that differ by less are the recording's pace
_REPEATS = 2  # so many times the same stamp: the stamps say nothing


def told_rate(stream: VideoStream) -> float | None:
    """Pictures a second as the coded stream itself or its container tells, None when nothing does."""
    raw = stream.container.format.name in {"h264", "hevc", "mpegvideo"}
    told = [stream.codec_context.framerate] if raw else [stream.guessed_rate, stream.average_rate]
    return next((rate for rate in map(_plausible, told) if rate is not None), None)


def _plausible(rate: Fraction | None) -> float | None:
    return float(rate) if rate is not None and _SLOWEST <= rate <= _FASTEST else None


class PlaceClock(Generic[T]):
    """`places` turns pictures with their stamps (seconds, None where there is none) into places from 0 s on.

    `oddity` says what was wrong with the stamps, empty while nothing was.
    """

    def __init__(self, frame_s: float) -> None:
        """`frame_s`: from one picture to the next as far as it is known before, seconds."""
        self.frame_s = frame_s  # from one picture to the next, seconds, as usual of late
        self._usual: deque[float] = deque([frame_s], maxlen=15)
        self._shift_s = 0.0  # from stamp to place
        self._old_shift_s: float | None = None  # before the last jump
        self._last_s = 0.0
        self._stamp_s: float | None = None
        self._repeated = 0
        self._held: tuple[T, float] | None = None  # a picture after a long step, until the next one tells
        self._count = 0
        self.oddity = ""
        self.guessed = 0  # pictures without a stamp of their own

    @property
    def shift_s(self) -> float:
        """From the last picture's stamp to its place, seconds."""
        return self._shift_s

    def places(self, pictures: Iterator[tuple[float | None, T]]) -> Iterator[tuple[float, T]]:
        """Strictly rising, as many as there are pictures, in their order."""
        for stamp_s, picture in pictures:
            yield from self.place(stamp_s, picture)
        yield from self.rest()

    def place(self, stamp_s: float | None, picture: T) -> Iterator[tuple[float, T]]:
        """None, one or two pictures with their places: after a long step one waits until the next shows what it is."""
        if self._held is not None:
            held, held_s = self._held
            self._held = None
            yield self._after_a_long_step(held_s, stamp_s), held
        if self._count and stamp_s is not None and self._is_long(stamp_s):
            self._held = (picture, stamp_s)
            return
        yield self._next(stamp_s), picture

    def rest(self) -> Iterator[tuple[float, T]]:
        """The picture that waits, when none comes after it."""
        if self._held is not None:
            (held, held_s), self._held = self._held, None
            yield self._after_a_long_step(held_s, None), held

    def _is_long(self, stamp_s: float) -> bool:
        step_s = stamp_s + self._shift_s - self._last_s
        return step_s > max(_SUSPECT_S, _SUSPECT_STEPS * self.frame_s) and not self._fits_old(stamp_s)

    def _after_a_long_step(self, stamp_s: float, next_s: float | None) -> float:
        """A pause of the recorder is kept; another clock is counted on from; a stray stamp is left aside."""
        step_s = stamp_s + self._shift_s - self._last_s
        after_s = float("inf") if next_s is None else next_s - stamp_s
        rhythm = abs(after_s - step_s) <= _RHYTHM * step_s
        goes_on = -_BACK_S < after_s <= max(_SUSPECT_S, _SUSPECT_STEPS * self.frame_s)
        if rhythm or (step_s <= LONGEST_GAP_S and goes_on):
            if rhythm:
                self._learn(step_s)
            return self._moved_to(stamp_s + self._shift_s, stamp_s)
        return self._jumped(stamp_s, step_s)

    def _next(self, stamp_s: float | None) -> float:
        if self._count == 0:
            self._shift_s = -stamp_s if stamp_s is not None else 0.0
            self.guessed += stamp_s is None
            return self._moved_to(0.0, stamp_s)
        if stamp_s is None:
            self.guessed += 1
            if self._stamp_s is not None:
                self._note("no time stamp")
            return self._moved_to(self._last_s + self.frame_s, None)
        self._repeated = self._repeated + 1 if stamp_s == self._stamp_s else 0
        first = self._stamp_s is None  # after pictures that had none
        if first or self._repeated:
            if self._repeated >= _REPEATS:
                self._note("the same time stamp again and again")
            place_s = self._last_s + self.frame_s
            if first or self._repeated >= _REPEATS:
                self._shift_s = place_s - stamp_s
            return self._moved_to(place_s, stamp_s)
        return self._by_its_stamp(stamp_s)

    def _by_its_stamp(self, stamp_s: float) -> float:
        step_s = stamp_s + self._shift_s - self._last_s
        if self._fits_old(stamp_s):
            assert self._old_shift_s is not None
            self._shift_s, self._old_shift_s = self._old_shift_s, None
            return self._moved_to(max(stamp_s + self._shift_s, self._last_s + _LEAST_S), stamp_s)
        if step_s <= -_BACK_S or step_s > LONGEST_GAP_S:
            return self._jumped(stamp_s, step_s)
        if step_s <= 0:
            self._note("a time stamp that is not later than the one before")
            return self._moved_to(self._last_s + _LEAST_S, stamp_s)
        if step_s < max(_SUSPECT_S, _SUSPECT_STEPS * self.frame_s):
            self._learn(max(step_s, _LEAST_S))
            self._old_shift_s = None  # the clock goes on as it is
        return self._moved_to(self._last_s + max(step_s, _LEAST_S / 10), stamp_s)

    def _learn(self, step_s: float) -> None:
        self._usual.append(step_s)
        if abs(step_s - self.frame_s) > _SAME_STEP_S:  # else the middle one is what it was
            self.frame_s = median(self._usual)

    def _fits_old(self, stamp_s: float) -> bool:
        """Is it of the clock before the last jump? Then that was a stray stamp."""
        if self._old_shift_s is None:
            return False
        step_s = stamp_s + self._old_shift_s - self._last_s
        return -_BACK_S < step_s <= max(_SUSPECT_S, _SUSPECT_STEPS * self.frame_s) and not (
            0 < stamp_s + self._shift_s - self._last_s <= 2 * self.frame_s
        )

    def _jumped(self, stamp_s: float, by_s: float) -> float:
        self._note(f"a time stamp that jumps by {by_s:.0f} s")
        place_s = self._last_s + self.frame_s
        if self._old_shift_s is None:
            self._old_shift_s = self._shift_s
        self._shift_s = place_s - stamp_s
        return self._moved_to(place_s, stamp_s)

    def _moved_to(self, place_s: float, stamp_s: float | None) -> float:
        self._last_s, self._count = place_s, self._count + 1
        if stamp_s is not None:
            self._stamp_s = stamp_s
        return place_s

    def _note(self, what: str) -> None:
        if not self.oddity:
            self.oddity = f"picture {self._count + 1} has {what}"
