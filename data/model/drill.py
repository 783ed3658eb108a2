"""A drill 演练: a recorded span of time that is run once more as an exercise, in a store of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.errors import InputRejected

SLOWEST, FASTEST = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Drill:
    """`since`, `until`: the recorded span; `speed`: how many times as fast it runs; `began`: when the drill began.

    Raises InputRejected for a span that ends before it begins and for a speed outside of 1 to 10.
    """

    since: datetime
    until: datetime
    speed: float
    began: datetime

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise InputRejected("a drill's span ends after it begins")
        if not SLOWEST <= self.speed <= FASTEST:
            raise InputRejected(f"a drill runs {SLOWEST:g} to {FASTEST:g} times as fast, not {self.speed:g} times")

    def at(self, then: datetime) -> datetime:
        """When something of the recorded span happens in the drill."""
        return self.began + (then - self.since) / self.speed

    @property
    def ends(self) -> datetime:
        """When the recorded span is over in the drill."""
        return self.at(self.until)

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "speed": self.speed,
            "began": self.began.isoformat(),
            "ends": self.ends.isoformat(),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Drill:
        """What `described` gave. Raises InputRejected."""
        try:
            since, until, began = (datetime.fromisoformat(str(told[name])) for name in ("since", "until", "began"))
            return cls(since, until, float(told["speed"]), began)
        except (KeyError, TypeError, ValueError) as error:
            raise InputRejected(f"this is no description of a drill: {error!r}") from error
