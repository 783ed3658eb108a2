"""Vertical datums: the zero of a water level. Levels are compared across datums only by a configured offset.

One Chongqing gauge has its warning stage at 181.0 m above Yellow Sea 1956 and at 182.64 m above Wusong zero: mixing
them up is an error of a whole warning level, so nothing is ever guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from data.errors import InputRejected
from data.model.observation import Reading

LEVEL = "water_level"


def _named(datum: str | None) -> str:
    return "no named datum" if datum is None else f"datum {datum!r}"


@dataclass(frozen=True)
class Datums:
    """`offsets[a][b]`: metres to add to a level above `a` to get the level above `b`. The inverse follows from it.

    No chains: from a to c only where a to c, or c to a, is configured.
    """

    offsets: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: MappingProxyType({}))

    def converted(self, value: float, given: str | None, wanted: str | None) -> float:
        """`value` in metres above `given`, above `wanted`. Raises InputRejected where no offset is configured."""
        if given == wanted:
            return value
        if given is not None and wanted is not None:
            if wanted in self.offsets.get(given, {}):
                return value + self.offsets[given][wanted]
            if given in self.offsets.get(wanted, {}):
                return value - self.offsets[wanted][given]
        raise InputRejected(
            f"a level of {_named(given)} cannot be held against a limit of {_named(wanted)}: "
            "give both their `vertical_datum`, and where they differ the offset under `datums`"
        )

    def placed(self, reading: Reading, wanted: str | None) -> Reading:
        """The reading converted to a rule's datum; only levels change. Raises InputRejected."""
        if reading.quantity != LEVEL or reading.vertical_datum == wanted:
            return reading
        value = self.converted(reading.value, reading.vertical_datum, wanted)
        return replace(reading, value=value, vertical_datum=wanted)
