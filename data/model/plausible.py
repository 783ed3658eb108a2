"""Physically possible values: the range of each quantity, and how far it can change between two readings.

The limits are those of nature, not of one place. They only separate wrong values from readings; the limits of a place
belong to its rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

RANGES = MappingProxyType(
    {
        "water_level": (-450.0, 6500.0),  # the shore of the Dead Sea, the highest lakes
        "water_depth": (-100.0, 30_000.0),  # a dry probe's zero may lie below; the deepest reservoirs
        "rainfall": (0.0, 30_000.0),  # a counter may hold a year of the wettest place on earth
        "rain_intensity": (0.0, 2_500.0),  # the record is 38 mm in one minute
        "flow": (-100_000.0, 400_000.0),  # a tide at a wide mouth; the Amazon in flood
        "flood_index": (0.0, 1.0),
        "gas_concentration": (0.0, 1_000_000.0),
        "methane": (-5.0, 2_000.0),  # a probe's zero drifts; 2,000 %LEL are pure gas
        "hydrogen_sulfide": (-10.0, 1_000_000.0),
        "carbon_monoxide": (-10.0, 1_000_000.0),
        "oxygen": (-1.0, 100.0),
        "temperature": (-90.0, 100.0),
        "count": (0.0, 1e9),
    }
)
"""Lowest and highest of each quantity, in its own unit."""


@dataclass(frozen=True, slots=True)
class JumpLimit:
    """How far a value can change between two readings, in the quantity's unit.

    A change of `step` is always possible, and `per_second` more with time, up to `most`. A larger change has to be
    confirmed by the next reading.
    """

    step: float
    per_second: float
    most: float

    def allows(self, change: float, passed: timedelta) -> bool:
        """True if the value can have changed so much in this time."""
        return abs(change) <= min(self.step + self.per_second * abs(passed.total_seconds()), self.most)


def most_rain_mm(passed: timedelta) -> float:
    """The world record of rain in this time, mm.

    The envelope of the world's records over one minute to two years, P = 422 mm (D / 1 h) ** 0.475 (Jennings 1950,
    World Meteorological Organization No. 1045).
    """
    hours = max(passed.total_seconds(), 1.0) / 3600
    envelope: float = 422.0 * hours**0.475
    return envelope


@dataclass(frozen=True, slots=True)
class RainJump:
    """How far rain can change between two readings, amounts or a counter. A counter may always be reset."""

    step: float = 20.0

    def allows(self, change: float, passed: timedelta) -> bool:
        """True if so much rain, mm, can have fallen in this time."""
        return change <= max(self.step, most_rain_mm(max(abs(passed), timedelta(minutes=5))))


JUMPS: Mapping[str, JumpLimit | RainJump] = MappingProxyType(
    {
        "water_level": JumpLimit(1.0, 0.02, 15.0),  # a breaking dam: some metres in minutes
        "water_depth": JumpLimit(100.0, 1.0, 600.0),
        "rainfall": RainJump(),
        "rain_intensity": JumpLimit(500.0, 5.0, 1_000.0),
        "flow": JumpLimit(3_000.0, 50.0, 30_000.0),
        "temperature": JumpLimit(15.0, 0.5, 50.0),
    }
)
"""Quantities with a limit on jumps. Gases have none: a concentration may truly rise at once."""
