"""Closer looks at what rules are not sure of, within what a worker process can afford."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data.model.frame import Frame
from data.ports.recipe import AsksSecondLook, CloserSight, Detector, LooksCloser

_BURST_S = 3.0  # so many seconds' looks may be made at once


class LookBudget:
    """Closer looks that all cameras of a process share: `per_second`, those of some quiet seconds saved up."""

    def __init__(self, per_second: float, now_s: float) -> None:
        self._per_second = per_second
        self._most = max(per_second * _BURST_S, 1.0) if per_second else 0.0
        self._left, self._at_s = self._most, now_s

    def left(self, now_s: float) -> int:
        """How many may be made now. `now_s`: any clock that never goes back."""
        self._left = min(self._most, self._left + self._per_second * (now_s - self._at_s))
        self._at_s = now_s
        return int(self._left)

    def spend(self, looks: int) -> None:
        """So many were made."""
        self._left -= looks


class CloserFound(NamedTuple):
    """What a look has shown to one rule, of one of its stays."""

    rule: str
    subject: str
    sight: CloserSight


class SecondLooks:
    """Of one site: asks its detectors what its rules want to know."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._lookers = [detector for detector in detectors if isinstance(detector, LooksCloser)]

    @property
    def able(self) -> bool:
        """Is there a detector that can?"""
        return bool(self._lookers)

    def look(
        self, frame: Frame, rules: Mapping[str, AsksSecondLook], at_most: int | None
    ) -> tuple[list[CloserFound], int]:
        """What at most so many looks (any number for None) show, and how many were made.

        Call after the rules, here by their names, have judged this picture. What two of them want is looked at once.
        """
        wanted = [(one, name) for name, rule in rules.items() for one in rule.looks_wanted()] if self.able else []
        found, seen = list[CloserFound](), dict[tuple[object, ...], CloserSight | None]()
        for one, name in sorted(wanted, key=lambda pair: pair[0].due_in_s):
            place = (one.label, *one.xyxy)
            if place not in seen:
                if at_most is not None and len(seen) >= at_most:
                    continue
                sights = (looker.look_closer(frame, one) for looker in self._lookers)
                seen[place] = next((sight for sight in sights if sight is not None), None)
            sight = seen[place]
            found += [] if sight is None else [CloserFound(name, one.subject, sight)]
        return found, len(seen)
