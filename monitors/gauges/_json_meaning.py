"""What a JSON message says about its value besides the number: its unit, its zero and datum, its own fill value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from data.errors import InputRejected
from data.model.datum import LEVEL
from data.model.units import UNIT_OF, convert
from monitors.gauges._json_path import Located
from monitors.gauges._number import number

_UNITS = (
    "unit",
    "units",
    "uom",
    "unit_of_measurement",
    "unitOfMeasurement",
    "unitCode",
    "unit_code",
    "einheit",
    "单位",
)
_SYMBOLS = ("symbol", "unitCode", "code", "name")
_FILLS = (
    "noDataValue",
    "nodata",
    "no_data_value",
    "missingValue",
    "missing_value",
    "_FillValue",
    "fillValue",
    "fill_value",
)
_DATUMS = ("datum", "vertical_datum", "verticalDatum", "vdatum", "heightDatum")
_ZEROS = ("zero_m", "gauge_zero", "gaugeZero", "gauge_zero_m", "zero_level", "zeroLevel", "gauge_datum_m")
_DESCRIPTIONS = ("variable", "parameter", "quantity", "meta", "metadata", "observedProperty")
_LONGEST = 40
_SURELY_ABOVE_SEA_M = 50.0  # a zero this high is that of a gauge on land …
_SURELY_BELOW_ZERO_M = 30.0  # … and a value so far below it cannot be counted from the sea

_WRITTEN = MappingProxyType(
    {
        "m": ("meter", "meters", "metre", "metres", "mtr", "米"),
        "cm": ("centimeter", "centimeters", "centimetre", "centimetres", "厘米", "公分"),
        "mm": ("millimeter", "millimeters", "millimetre", "millimetres", "毫米"),
        "ft": ("feet", "foot"),
        "in": ("inch", "inches"),
        "°C": ("degc", "deg c", "deg_c", "celsius", "℃", "摄氏度"),
        "ft^3/s": ("ft3/s", "cfs", "ft³/s"),
        "m³/s": ("m3/s", "cumec", "cumecs", "cms", "m^3/s", "立方米/秒"),
        "mm/h": ("mm/hr", "mm/hour", "毫米/小时"),
    }
)
"""Other ways in which messages write a unit, in small letters."""
_KNOWN = MappingProxyType({written: unit for unit, ways in _WRITTEN.items() for written in (unit.casefold(), *ways)})


def _members(located: Located, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Members of these names in the objects around the value, the nearest first, and in what describes it there."""
    for around in located.around:
        described = [part for key in _DESCRIPTIONS if isinstance(part := around.get(key), dict)]
        for part in (around, *described):
            yield from ((name, part[name]) for name in names if part.get(name) is not None)


def unit_in(located: Located, quantity: str, configured: str | None, usual: str) -> str:
    """The unit of the value. `configured`: the recipe's own; `usual`: what holds where the message names none.

    Raises InputRejected where the message names another dimension, or a unit that nobody knows and none is configured.
    """
    own = tuple(f"{located.name}{ending}" for ending in ("_unit", "Unit", "_uom", "_units"))
    for name, member in _members(located, own + _UNITS):
        given = member
        if isinstance(member, Mapping):
            given = next((member[key] for key in _SYMBOLS if isinstance(member.get(key), str)), None)
        if not isinstance(given, str) or not 0 < len(given.strip()) <= _LONGEST:
            continue
        unit = known_unit(given, quantity)
        if _converts(unit, quantity):
            return unit
        if any(_converts(unit, other) for other in UNIT_OF):
            raise InputRejected(f"the message gives its value in {given!r}: that is no unit of {quantity} ({name})")
        if configured is not None:
            return configured
        raise InputRejected(
            f"the message gives its value in {given!r} ({name}), which is not known: set the gauge's `unit`, which "
            'then holds, or `unit_field: ""` where that is no unit'
        )
    return usual


def known_unit(given: str, quantity: str) -> str:
    """A unit as it can be converted, out of the ways in which messages write it."""
    text = given.strip()
    if quantity == "temperature" and text in {"C", "c"}:
        return "°C"
    return _KNOWN.get(text.casefold(), text)


def refuse_own_fill(located: Located, value: float) -> None:
    """Raise InputRejected where the message itself says that this number is no value."""
    for name, given in _members(located, _FILLS):
        try:
            fill = number(given)
        except InputRejected:
            continue
        if fill == value:
            raise InputRejected(f"there is no value: {value:.12g} is the message's own word for that ({name})")


def datum_in(located: Located, configured: str | None) -> str | None:
    """The vertical datum that the message names; None where it names none."""
    for _, given in _members(located, _DATUMS):
        if isinstance(given, str) and 0 < len(given.strip()) <= _LONGEST:
            text = given.strip()
            return configured if configured is not None and text.casefold() == configured.casefold() else text
    return None


def zero_in(located: Located) -> tuple[str, float] | None:
    """How high the gauge's zero lies, m, and the name of the member that says so; None where the message has none."""
    for name, given in _members(located, _ZEROS):
        value = given.get("value") if isinstance(given, Mapping) else given
        unit = given.get("unit") if isinstance(given, Mapping) else "m"
        try:
            height = number(value)
            known = known_unit(unit, LEVEL) if isinstance(unit, str) else "m"
            return name, convert(height, known if _converts(known, LEVEL) else "m", LEVEL)
        except InputRejected:
            continue
    return None


def above_datum(level_m: float, zero: tuple[str, float]) -> float:
    """A level that was counted from its gauge's zero, above the datum. Raises InputRejected where that is not sure."""
    name, height = zero
    if height >= _SURELY_ABOVE_SEA_M and level_m <= height - _SURELY_BELOW_ZERO_M:
        return height + level_m
    raise InputRejected(
        f"the message says that its zero lies at {height:g} m ({name}): set `zero_field` to its place where values are "
        'counted from it, or `zero_field: ""` where they are counted from the datum'
    )


def _converts(unit: str, quantity: str) -> bool:
    try:
        convert(1.0, unit, quantity)
    except InputRejected:
        return False
    return True
