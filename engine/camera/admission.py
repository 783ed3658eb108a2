"""How many cameras of one worker may be awake at the same time, so that the machine holds when everything moves.

Rain, dusk or the switch to infrared can wake all cameras at once. As long as the worker keeps up, each may wake; once
it does not, no more are let in and those that woke last go back to key frames, where the detectors look at the pictures
that are given: less often, but nobody is left out. When there is room again they come in, the longest waiting first.
Cameras whose rules raise P1 are urgent: they come in first, go back last, and are looked at twice as often as others.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable

FULL_LOAD = 0.95  # share of one processor: above it no more are let in
ROOM_LOAD = 0.75  # below it one more may come in
LATE_S = 1.0  # pictures that waited so long for the detector: it is too much, whatever the processor says
OVER_S = 6  # seconds over which the load is taken
URGENT_WEIGHT = 2.0  # however many are urgent, each of the others has more than half of its even share of the looks
SETTLE_S = 3.0  # between two steps of the limit: the effect of one must be seen before the next


def overdue_s(due_s: float, now_s: float, *, urgent: bool) -> float:
    """How pressing a look is that was due at `due_s`: the camera with the greatest value has the next turn."""
    return (now_s - due_s) * (URGENT_WEIGHT if urgent else 1.0)


class Admission:
    """Thread-safe. `awake` counts cameras that decode everything because something goes on."""

    def __init__(self, most: int | None = None) -> None:
        """`most`: a limit that is never exceeded, whatever the load."""
        self._lock = threading.Lock()
        self._most = most
        self._limit: int | None = most
        self._awake: dict[str, None] = {}  # in the order in which they woke
        self._waiting: dict[str, None] = {}
        self._urgent: set[str] = set()
        self._changed_s = float("-inf")

    def prefer(self, site: str, *, urgent: bool) -> None:
        """Is this camera let in before others, and sent back after them?"""
        with self._lock:
            if urgent:
                self._urgent.add(site)
            else:
                self._urgent.discard(site)

    def enter(self, site: str) -> bool:
        """May this camera wake? If not, it is put on the list and should ask again."""
        with self._lock:
            if site in self._awake:
                return True
            room = self._limit is None or len(self._awake) < self._limit
            first = next(iter(self._urgent_first(self._waiting)), site)
            if site in self._urgent and first not in self._urgent:
                first = site
            if room and (first == site or self._limit is None or len(self._awake) + len(self._waiting) < self._limit):
                self._waiting.pop(site, None)
                self._awake[site] = None
                return True
            self._waiting[site] = None
            return False

    def leave(self, site: str) -> None:
        """Nothing goes on there any more."""
        with self._lock:
            self._awake.pop(site, None)
            self._waiting.pop(site, None)

    def weigh(self, load: float, waited_s: float, now_s: float) -> tuple[str, ...]:
        """Set the limit by the share of a processor that the worker uses and by how long pictures waited.

        The cameras that must go back to key frames now. Call it about once a second; `now_s` never goes back.
        """
        with self._lock:
            if now_s - self._changed_s < SETTLE_S:
                return ()
            if load > FULL_LOAD or waited_s > LATE_S:
                return self._shrink(max(load, FULL_LOAD), now_s)
            if load < ROOM_LOAD and waited_s < LATE_S / 2 and self._limit is not None:
                self._grow(now_s)
            return ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Those that would be awake if there were room."""
        with self._lock:
            return tuple(self._waiting)

    def _urgent_first(self, sites: Iterable[str]) -> list[str]:
        """Otherwise in their order."""
        return sorted(sites, key=lambda site: site not in self._urgent)

    def _shrink(self, load: float, now_s: float) -> tuple[str, ...]:
        awake = self._urgent_first(self._awake)
        if len(awake) < 2:
            return ()
        self._changed_s = now_s
        self._limit = max(1, min(len(awake) - 1, math.floor(len(awake) * (FULL_LOAD + ROOM_LOAD) / 2 / load)))
        back = awake[self._limit :]
        for site in back:
            del self._awake[site]
            self._waiting[site] = None
        return tuple(back)

    def _grow(self, now_s: float) -> None:
        assert self._limit is not None
        if len(self._awake) < self._limit and self._limit != self._most:
            if not self._waiting:
                self._limit = self._most
            return
        if self._most is None or self._limit < self._most:
            self._limit += 1
            self._changed_s = now_s


class Load:
    """What a worker uses of one processor, and how long pictures wait in it. One thread only."""

    def __init__(self) -> None:
        self._marks = deque([(time.monotonic(), time.process_time())], maxlen=OVER_S + 1)
        self._longest_s = 0.0

    def waited(self, seconds: float) -> None:
        """A picture waited so long for the detector."""
        self._longest_s = max(self._longest_s, seconds)

    def restart(self) -> None:
        """Some cameras were sent to rest: what was used before tells nothing of what is used now."""
        last = self._marks[-1]
        self._marks.clear()
        self._marks.append(last)

    def since(self, now_s: float) -> tuple[float, float] | None:
        """Share of a processor over the last seconds, and longest wait, seconds, since asked last.

        None within a second of that. Over several: a camera that wakes spends half a second at once on what it kept
        back, which is no reason to send another one to rest.
        """
        if now_s - self._marks[-1][0] < 1.0:
            return None
        self._marks.append((now_s, time.process_time()))
        passed_s, spent_s = (self._marks[-1][i] - self._marks[0][i] for i in (0, 1))
        longest_s, self._longest_s = self._longest_s, 0.0
        return spent_s / passed_s, longest_s
