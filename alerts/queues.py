"""Queues: standing vehicles of one lane, each close to the next. They wait and are not parked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alerts.stays import Stay

NEIGHBOURS_WITHIN = 3.0  # box heights between the boxes: about 4.5 m for cars


def queued(stays: Sequence[Stay], least: int, aspect: float, *, within: float = NEIGHBOURS_WITHIN) -> list[Stay]:
    """The stays that stand in a queue of at least `least` vehicles; one that is briefly hidden still counts."""
    standing = [stay for stay in stays if stay.on_spot]
    groups: list[list[Stay]] = []
    for stay in standing:
        near = [g for g in groups if any(_gap(stay, other, aspect) <= within for other in g)]
        merged = [stay, *(other for group in near for other in group)]
        groups = [group for group in groups if group not in near] + [merged]
    return [stay for group in groups if len(group) >= least for stay in group]


def _gap(this: Stay, that: Stay, aspect: float) -> float:
    """Between the edges of the two boxes, in heights of the taller one; 0 when they overlap."""
    a, b = this.spot.xyxy, that.spot.xyxy
    across = max(0.0, a[0] - b[2], b[0] - a[2]) * aspect
    along = max(0.0, a[1] - b[3], b[1] - a[3])
    return math.hypot(across, along) / max(a[3] - a[1], b[3] - b[1], 1e-6)
