"""Times of live frames: the sender's even spacing, anchored to our own clock at arrival, and bounded by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MOST_LAG_S = 0.4  # behind its arrival, unless the network or we ourselves held it up
LONGEST_BACKLOG_S = 30.0
_WINDOW_S = 1.0
_GAIN = 0.3  # of the smallest lag of a window, the anchor follows so much
_AHEAD_S = 0.5  # before the quickest one so far: no picture comes so much sooner, its stamp is wrong
_ODD_IN_A_ROW = 5  # such stamps; the first packets of a stream have none
_STALL_S = 0.25  # more than this between two frames, beyond their spacing, is a stall
_STEP_SHARE = 0.1  # of each step, in the usual one
_STALL_LASTS_S = 1.5  # what the network held up has come by then, in one burst
_ODD_RATE = 0.005  # a clock that differs by more is worth a word
_TOLD_AFTER_S = 10.0
_PUT_BACK_S = 10.0  # our own clock; less is held level until it has come up again
_SETTLES_S = 3.0  # the first frames come in a burst


class ArrivalClock:
    """Times of live frames: the sender's even spacing (pts), anchored to our own clock at arrival.

    The quickest arrival is taken as undelayed. The anchor follows a sender whose clock runs slow or fast, so that no
    time is more than `MOST_LAG_S` behind its arrival, whatever the stamps say: only what a stall of the network or our
    own reading has held up is older. A jump of the sender's clock by more than `jump_s`, or ahead of arrival, sets a
    new anchor if the next stamp confirms it; a stray stamp, a missing one or one that repeats the last is left aside.
    Times never go back and never lie ahead of arrival, unless our own clock is put back by more than ten seconds.
    """

    def __init__(self, drift: float = 0.001, jump_s: float = 3.0) -> None:
        self._drift = drift
        self._jump_s = jump_s
        self._anchor_s: float | None = None
        self._arrived_s = 0.0
        self._pts_s = 0.0
        self._taken_s: float | None = None
        self._suspect_s: float | None = None  # by how much the last stamp was off, if it jumped
        self._without = self._repeated = 0  # stamps that were missing, or the same, in a row
        self._window_ends_s = 0.0
        self._least_lag_s = float("inf")
        self._stall_until_s = float("-inf")
        self._usual_step_s: float | None = None
        self._last: datetime | None = None
        self._arrival_s = float("-inf")
        self._followed_s = 0.0  # how far the anchor was moved because the sender's clock runs slow or fast
        self._since_s = 0.0
        self._odd = ""
        self._odd_told = False
        self.trusted = False  # the last stamp told the time; else its arrival did

    def at(self, pts_s: float | None, arrived_s: float, *, waited: bool = True) -> datetime:
        """`pts_s`: the frame's presentation time, seconds; `arrived_s`: seconds since the epoch. UTC.

        `waited`: the reader had to wait for it, so it lay in no buffer of ours.
        """
        at = datetime.fromtimestamp(self.taken_s(pts_s, arrived_s, waited=waited), UTC)
        if arrived_s < self._arrival_s - _PUT_BACK_S:
            self._last = None  # our own clock was put back, and the times go on from there
        self._arrival_s = arrived_s
        if self._last is not None and at <= self._last:
            at = self._last + timedelta(microseconds=1)
        self._last = at
        return at

    def taken_s(self, pts_s: float | None, arrived_s: float, *, waited: bool = True) -> float:
        """The same in seconds since the epoch, without the promise never to go back."""
        step_s = max(0.0, arrived_s - self._arrived_s)
        told_s = self._told_s(pts_s, arrived_s, step_s, waited=waited)
        self.trusted = told_s is not None
        if told_s is None:  # the time goes on as it did, and is that of the arrival before long
            before_s = arrived_s if self._taken_s is None else self._taken_s + step_s
            told_s = max(before_s, arrived_s - MOST_LAG_S)
        self._arrived_s = arrived_s
        self._taken_s = taken_s = min(arrived_s, told_s)
        return taken_s

    def _told_s(self, pts_s: float | None, arrived_s: float, step_s: float, *, waited: bool) -> float | None:
        """When it was taken as its stamp tells; None where that cannot be believed."""
        self._without = self._without + 1 if pts_s is None else 0
        if pts_s is None:
            if self._without >= _ODD_IN_A_ROW:
                self._note("give no time stamps")
            return None
        if self._anchor_s is None:
            self._begin(pts_s, arrived_s)
            return arrived_s
        advance_s, self._pts_s = pts_s - self._pts_s, pts_s
        self._repeated = self._repeated + 1 if advance_s == 0 else 0
        if self._repeated:
            if self._repeated >= _ODD_IN_A_ROW:
                self._note("repeat their time stamps")
            return None
        offset_s = arrived_s - pts_s
        lag_s = offset_s - self._anchor_s
        if not -_AHEAD_S <= lag_s <= (self._jump_s if waited else LONGEST_BACKLOG_S):
            self._note(f"have time stamps that jump by {advance_s - step_s:.1f} s")
            suspect_s, self._suspect_s = self._suspect_s, offset_s
            if suspect_s is None or abs(suspect_s - offset_s) > _AHEAD_S:
                return None  # the next one tells whether it was a stray stamp
            self._begin(pts_s, arrived_s)
            return arrived_s
        self._suspect_s = None
        self._note_stall(step_s, advance_s, arrived_s)
        self._follow(lag_s, step_s, arrived_s, waited=waited)
        return self._anchor_s + pts_s

    def oddity(self) -> str:
        """What is wrong with the sender's stamps, as a predicate of "its pictures"; told once, empty otherwise."""
        if self._odd_told or not self._odd:
            return ""
        self._odd_told = True
        return self._odd

    def _begin(self, pts_s: float, arrived_s: float) -> None:
        self._anchor_s = arrived_s - pts_s
        self._pts_s, self._suspect_s = pts_s, None
        self._window_ends_s, self._least_lag_s = arrived_s + _WINDOW_S, float("inf")
        self._followed_s, self._since_s = 0.0, arrived_s

    def _note_stall(self, step_s: float, advance_s: float, arrived_s: float) -> None:
        """Did it come much later than its stamp tells, and than its kind usually comes? Then it was held up."""
        usual_s = step_s if self._usual_step_s is None else self._usual_step_s
        if step_s - advance_s > _STALL_S and step_s > 1.5 * usual_s + _STALL_S:
            self._stall_until_s = arrived_s + _STALL_LASTS_S
        self._usual_step_s = usual_s + _STEP_SHARE * (min(step_s, 4 * usual_s) - usual_s)

    def _follow(self, lag_s: float, step_s: float, arrived_s: float, *, waited: bool) -> None:
        """Move the anchor: down to a quicker arrival at once, up by a share of the smallest lag of each window."""
        assert self._anchor_s is not None
        if lag_s <= 0:
            self._move(lag_s, arrived_s)
            self._least_lag_s = 0.0
        elif waited:
            self._anchor_s += min(lag_s, self._drift * step_s)
            self._least_lag_s = min(self._least_lag_s, lag_s)
            if lag_s > MOST_LAG_S and arrived_s >= self._stall_until_s:
                self._move(lag_s - MOST_LAG_S, arrived_s)
        if arrived_s >= self._window_ends_s:
            if 0 < self._least_lag_s < float("inf") and arrived_s >= self._stall_until_s:
                self._move(_GAIN * self._least_lag_s, arrived_s)
            self._window_ends_s, self._least_lag_s = arrived_s + _WINDOW_S, float("inf")

    def _move(self, by_s: float, arrived_s: float) -> None:
        assert self._anchor_s is not None
        self._anchor_s += by_s
        known_s = arrived_s - self._since_s
        if known_s < _SETTLES_S:
            return
        self._followed_s += by_s
        if known_s > _TOLD_AFTER_S and abs(self._followed_s) > max(0.1, _ODD_RATE * known_s):
            word = "slow" if self._followed_s > 0 else "fast"
            self._note(f"are stamped by a clock that runs {abs(self._followed_s) / known_s:.1%} {word}")

    def _note(self, odd: str) -> None:
        self._odd = self._odd or odd
