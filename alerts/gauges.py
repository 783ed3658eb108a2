"""Shared by the rules about gauges themselves, which raise one alert per gauge and quantity."""

from __future__ import annotations

from dataclasses import dataclass

from data.model.alert import AlertKey
from data.model.observation import Quality, Reading
from data.model.units import UNIT_OF


@dataclass(frozen=True, slots=True)
class Watched:
    """The readings that a rule judges. `quantity` or `monitor` None: all of them."""

    site: str
    rule: str
    quantity: str | None
    monitor: str | None

    def judges(self, reading: Reading) -> bool:
        """True for a reading that the rule judges; bad readings are left out."""
        if reading.quality is Quality.BAD or self.quantity not in {None, reading.quantity}:
            return False
        return self.monitor in {None, reading.monitor}

    def key(self, gauge: str) -> AlertKey:
        """The key of this gauge's alert."""
        return AlertKey(self.site, self.rule, "", gauge)


def gauge_of(reading: Reading) -> str:
    """`monitor/quantity`: the subject of its alert."""
    return f"{reading.monitor}/{reading.quantity}"


def quantity_of(gauge: str) -> str:
    """The quantity of a gauge; its label."""
    return gauge.rpartition("/")[2]


def unit_of(gauge: str) -> str:
    return UNIT_OF.get(quantity_of(gauge), "")
