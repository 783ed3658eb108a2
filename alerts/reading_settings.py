"""What the settings of all rules about readings have in common."""

from __future__ import annotations

from data.config.catalogue import did_you_mean
from data.model.datum import LEVEL
from data.model.units import UNIT_OF


def check_reading_settings(zone: str | None, quantity: str | None, vertical_datum: str | None = None) -> None:
    """`quantity`: None where the rule may judge any. Raises ValueError, naming the setting."""
    if zone is not None:
        raise ValueError("zone: this rule judges readings, not places in a picture; remove it")
    if quantity is not None and quantity not in UNIT_OF:
        raise ValueError(f"quantity: no quantity {quantity!r}{did_you_mean(quantity, UNIT_OF)}")
    if vertical_datum is not None and quantity != LEVEL:
        raise ValueError(f"vertical_datum: belongs to quantity {LEVEL}")
