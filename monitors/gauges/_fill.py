"""Fill values: numbers and words by which a gauge, or what stands between it and us, says that it has no value."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType

from data.errors import NoValue

_LARGEST = 1 << 64  # larger whole numbers are no fill values
_EXACTLY = 6e-8  # relative: a fill value that was written with 32 bits is still one

WORDS = frozenset(
    {
        "", "nan", "+nan", "-nan", "null", "nil", "none", "na", "n/a", "n.a.", "#n/a", "#na", "-", "--", "---", "----",
        "*", "**", "***", "/", "//", "///", "////", ".", "?", "m", "miss", "missing", "nodata", "no data", "no_data",
        "no value", "void", "blank", "undefined", "unavailable", "unknown", "error", "err", "fail", "fault", "#value!",
        "#div/0!", "#ref!", "#null!", "#num!", "ice", "eqp", "bkw", "ssn", "dis", "rat", "mnt", "fld", "缺测", "缺失",
        "缺报", "无", "无数据", "故障", "—", "――", "——",
    }
)  # fmt: skip
"""Words that stand where a value should; those of the USGS (Ice, Eqp, Bkw …) among them. Compared in small letters."""

_NINES = [float(whole + decimals) for whole in ("9999", "99999", "999999", "9999999", "99999999")
          for decimals in ("", ".9", ".99", ".999")]  # fmt: skip
_SCALES = (1.0, 10.0)
_TOO_SMALL = [-999.0, -999.9, -999.99, -999.999, -6999.0, -7777.0, -7999.0, -8888.0, -77777.0, -88888.0, -32768.0,
              -3276.8, -2147483648.0]  # fmt: skip
TEXT_FILLS = tuple(
    [-nines for nines in _NINES]
    + _NINES
    + _TOO_SMALL
    + [count / scale for count in (32767.0, 65535.0) for scale in _SCALES]
    + [2147483647.0, 4294967295.0]
)
"""Numbers that messages and files hold for "no value", before any unit is converted."""

COUNT_FILLS = tuple(fill for fill in TEXT_FILLS if fill < 0 or fill > 1e9)
"""As TEXT_FILLS, for things counted one by one, which pass through 9999 and 65535."""

REGISTER_FILLS = MappingProxyType(
    {
        "int16": (-32768.0, 32767.0),
        "uint16": (65535.0,),
        "int32": (-2147483648.0, 2147483647.0),
        "uint32": (4294967295.0,),
        "int64": (float(-(2**63)), float(2**63 - 1)),
        "uint64": (float(2**64 - 1),),
        "float32": TEXT_FILLS,
        "float64": TEXT_FILLS,
    }
)
"""Counts by which Modbus devices say that a register has no value: the ends of its range (as SunSpec has them)."""

DOUBTFUL = (999.0, 999.9, 999.99, 999.999, 99.99, 99.999, 7999.0, 655.35, 65.535, 327.67, 32.767)
"""Numbers that are fill values at some gauges and readings at others: believed only near a reading that is sure."""


class FillValues:
    """Numbers by which a gauge says that it has no value. In order: they are asked about with every reading."""

    def __init__(self, numbers: Iterable[float] = ()) -> None:
        self._ordered = sorted(numbers)

    def __contains__(self, value: float) -> bool:
        """Is this number one of them, as far as 32 bits can tell?"""
        above = bisect_left(self._ordered, value)
        return any(math.isclose(value, fill, rel_tol=_EXACTLY) for fill in self._ordered[max(0, above - 1) : above + 1])


@lru_cache(256)
def fill_values(own: tuple[float | str, ...], known: tuple[float, ...]) -> FillValues:
    """A gauge's own fill values (its words aside) and those that are known of its protocol."""
    return FillValues((*(float(fill) for fill in own if not isinstance(fill, str)), *known))


def require_value(given: object, fills: FillValues, words: Iterable[str] = ()) -> None:
    """Raise NoValue where `given` (a number or text) says that there is no value. Other text passes."""
    if given is None:
        raise NoValue("there is no value")
    if isinstance(given, str):
        word = given.strip().casefold()
        if word in WORDS or word in {own.strip().casefold() for own in words}:
            wording = f": it says {given.strip()!r:.40}" if word else ""
            raise NoValue(f"there is no value{wording}")
        return
    if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= _LARGEST:
        given = float(given)
    if isinstance(given, float):
        if math.isnan(given):
            raise NoValue("there is no value: it says NaN")
        if given in fills:
            raise NoValue(f"there is no value: {given:.12g} is the gauge's word for that (`missing`)")
