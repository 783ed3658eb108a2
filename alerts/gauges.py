"""What the rules about the gauges themselves share: one alert per gauge and quantity."""

from __future__ import annotations

from dataclasses import dataclass

from data.model.alert import AlertKey
from data.model.observation import Quality, Reading
from data.model.units import UNIT_OF


@dataclass(frozen=True, slots=True)
class Watched:
    """Which readings a rule is about. `quantity` and `monitor` are None for all of them."""

    site: str
    rule: str
    quantity: str | None
    monitor: str | None

    def judges(self, reading: Reading) -> bool:
        """Is this reading one of them? Bad ones are not believed."""
        if reading.quality is Quality.BAD or self.quantity not in {None, reading.quantity}:
            return False
        return self.monitor in {None, reading.monitor}

    def key(self, gauge: str) -> AlertKey:
        """The alert of this gauge."""
        return AlertKey(self.site, self.rule, "", gauge)


def gauge_of(reading: Reading) -> str:
    """`monitor/quantity`: the subject of its alert."""
    return f"{reading.monitor}/{reading.quantity}"


def quantity_of(gauge: str) -> str:
    """The quantity of a gauge; its label."""
    return gauge.rpartition("/")[2]


def unit_of(gauge: str) -> str:
    return UNIT_OF.get(quantity_of(gauge), "")
