"""Quantities and the unit in which each is stored; conversion by pint."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import MappingProxyType

from data.errors import InputRejected

UNIT_OF = MappingProxyType(
    {
        "water_level": "m",
        "water_depth": "cm",
        "rainfall": "mm",
        "rain_intensity": "mm/h",
        "flow": "m³/s",
        "flood_index": "1",
        "gas_concentration": "ppm",
        "methane": "%LEL",
        "hydrogen_sulfide": "ppm",
        "carbon_monoxide": "ppm",
        "oxygen": "%",
        "temperature": "°C",
        "count": "1",
    }
)

GAS_SHARES = MappingProxyType(
    {"methane": 0.05 / 100, "hydrogen_sulfide": 1e-6, "carbon_monoxide": 1e-6, "oxygen": 0.01}
)
"""Each gas's own unit as a share of the air's volume. 100 %LEL of methane are 5.0 % of it (GB/T 50493-2019); where
IEC 60079-20-1 counts (4.4 %), have the probe tell %LEL itself."""

_SHARES = MappingProxyType(
    {"1": 1.0, "%": 0.01, "%vol": 0.01, "ppm": 1e-6, "ppb": 1e-9, "µmol/mol": 1e-6, "μmol/mol": 1e-6, "umol/mol": 1e-6}
)
_MASS_UNITS = frozenset({"mg/m³", "mg/m3", "mg/m^3"})
_MG_PER_M3 = MappingProxyType({"hydrogen_sulfide": 34.08 / 24.055, "carbon_monoxide": 28.01 / 24.055})
"""Milligrams in a cubic metre of air that are 1 ppm at 20 °C and 101.3 kPa: g/mol of the gas by L/mol of air."""


# Names with small powers, joined by / * · or a space. Nothing else is passed to pint, which would compute 9**9**9.
_LONGEST_UNIT = 40
_FACTOR = r"[°%]?(?:[^\W\d]+|(?<=%))(?:(?:\*\*|\^)-?[1-9])?"
_UNIT = re.compile(rf"(?:1 ?/ ?)?{_FACTOR}(?: ?[/*· ] ?{_FACTOR})*")


@cache
def _converter() -> Callable[[float, str, str], float]:
    """`value` of one unit in another, ValueError where that cannot be.

    pint is loaded at first use: reading its definitions takes a quarter of a second, and where every reading comes
    in its own unit (a camera worker) its 12 MiB are never needed.
    """
    import pint  # noqa: PLC0415 - see above

    registry: pint.UnitRegistry[float] = pint.UnitRegistry()

    def converted(value: float, unit: str, own: str) -> float:
        try:
            return float(registry.Quantity(value, "" if unit == "1" else unit).to("" if own == "1" else own).magnitude)
        except (pint.PintError, AttributeError, TypeError) as error:
            raise ValueError(str(error)) from error

    return converted


def convert(value: float, unit: str, quantity: str) -> float:
    """`value`, given in `unit`, converted to the quantity's own unit.

    Raises InputRejected for an unknown quantity, an unknown unit, or a unit of another dimension.
    """
    own = UNIT_OF.get(quantity)
    if own is None:
        raise InputRejected(f"no quantity {quantity!r}; known: {', '.join(UNIT_OF)}")
    if unit == own:
        return value
    if quantity in GAS_SHARES:
        return _gas(value, unit, quantity)
    try:
        if unit != "1" and (len(unit) > _LONGEST_UNIT or _UNIT.fullmatch(unit) is None):
            raise ValueError("that is no unit")
        return _converter()(value, unit, own)
    except (ValueError, ArithmeticError) as error:
        raise InputRejected(f"{quantity} is kept in {own}; {unit!r:.60} cannot be converted to it") from error


def _gas(value: float, unit: str, quantity: str) -> float:
    """A part of the air's volume, or a mass in it, in the gas's own unit. Raises InputRejected."""
    if unit.lower() == UNIT_OF[quantity].lower():
        return value
    if unit in _MASS_UNITS and quantity in _MG_PER_M3:
        return value / _MG_PER_M3[quantity]
    if unit.lower() not in _SHARES:
        known = ", ".join([*_SHARES, *(["mg/m³"] if quantity in _MG_PER_M3 else [])])
        raise InputRejected(
            f"{quantity} is kept in {UNIT_OF[quantity]}; {unit!r:.60} cannot be converted to it, but {known} can"
        )
    return value * _SHARES[unit.lower()] / GAS_SHARES[quantity]
