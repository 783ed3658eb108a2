"""Scorer for stays (parked vehicles, people who linger): events found against events that were.

A found event is right when it is of the same family (all vehicles are one), its place overlaps the true place (boxes:
intersection over union at least 0.3; a true event without a box is anywhere), and its time overlaps the true time
(intersection over union at least 0.5). Each true event takes one found event at most, so that their time overlaps are
greatest in sum; what is left over on either side is false or missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

import numpy as np
from scipy.optimize import linear_sum_assignment

from data.model.labels import family

LEAST_PLACE = 0.3
LEAST_TIME = 0.5

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Event:
    """Seconds of the recording; `box`: left, top, right, bottom as fractions of the picture, None for anywhere."""

    label: str
    from_s: float
    to_s: float
    box: Box | None = None

    @property
    def length_s(self) -> float:
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True)
class EventScore:
    """How well events were found; scores of several recordings are added."""

    right: int = 0
    false: int = 0
    missed: int = 0
    dwell_errors_s: tuple[float, ...] = ()
    footage_s: float = 0.0
    edge_errors_s: tuple[float, ...] = ()  # of right events: how far the beginning and the end are off, the worse one

    def __add__(self, other: EventScore) -> EventScore:
        return EventScore(
            self.right + other.right,
            self.false + other.false,
            self.missed + other.missed,
            self.dwell_errors_s + other.dwell_errors_s,
            self.footage_s + other.footage_s,
            self.edge_errors_s + other.edge_errors_s,
        )

    @property
    def precision(self) -> float | None:
        """None when nothing was found."""
        found = self.right + self.false
        return self.right / found if found else None

    @property
    def recall(self) -> float | None:
        """None when nothing was to be found."""
        true = self.right + self.missed
        return self.right / true if true else None

    @property
    def false_per_hour(self) -> float | None:
        return 3600 * self.false / self.footage_s if self.footage_s else None

    @property
    def dwell_error_s(self) -> tuple[float, float] | None:
        """Median and largest, absolute."""
        return (median(self.dwell_errors_s), max(self.dwell_errors_s)) if self.dwell_errors_s else None


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float] | None:
    """Where the true share lies with 95 % confidence (Wilson, 1927), when `right` of so many were; None of none.

    Unlike right / of ± something it stays within 0..1 and is honest about few: 9 of 9 may be a share of 0.70.
    """
    if not of:
        return None
    share, spread = right / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def time_overlap(a: Event, b: Event) -> float:
    """Intersection over union of two spans of time."""
    both = min(a.to_s, b.to_s) - max(a.from_s, b.from_s)
    return max(0.0, both) / max(1e-9, max(a.to_s, b.to_s) - min(a.from_s, b.from_s))


def place_overlap(found: Box | None, true: Box | None) -> float:
    """Intersection over union of two boxes; 1 where the true place is anywhere, 0 where the found one is unknown."""
    if true is None:
        return 1.0
    if found is None:
        return 0.0
    wide = max(0.0, min(found[2], true[2]) - max(found[0], true[0]))
    high = max(0.0, min(found[3], true[3]) - max(found[1], true[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (found, true)]
    return wide * high / max(1e-9, sum(areas) - wide * high)


def score_events(found: Sequence[Event], true: Sequence[Event], footage_s: float) -> EventScore:
    """Of one recording."""
    gain = np.zeros((len(found), len(true)))
    for i, one in enumerate(found):
        for j, other in enumerate(true):
            overlap = time_overlap(one, other)
            same = family(one.label) == family(other.label) and place_overlap(one.box, other.box) >= LEAST_PLACE
            gain[i, j] = overlap if same and overlap >= LEAST_TIME else 0.0
    rows, columns = linear_sum_assignment(gain, maximize=True)
    pairs = [(found[int(i)], true[int(j)]) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]
    errors = tuple(round(abs(one.length_s - other.length_s), 3) for one, other in pairs)
    edges = tuple(round(max(abs(a.from_s - b.from_s), abs(a.to_s - b.to_s)), 3) for a, b in pairs)
    return EventScore(len(pairs), len(found) - len(pairs), len(true) - len(pairs), errors, footage_s, edges)
