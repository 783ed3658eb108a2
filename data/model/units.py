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
        "temperature": "°C",
        "count": "1",
    }
)


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
    try:
        if unit != "1" and (len(unit) > _LONGEST_UNIT or _UNIT.fullmatch(unit) is None):
            raise ValueError("that is no unit")
        return _converter()(value, unit, own)
    except (ValueError, ArithmeticError) as error:
        raise InputRejected(f"{quantity} is kept in {own}; {unit!r:.60} cannot be converted to it") from error
