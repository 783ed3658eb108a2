"""Ways of writing a time that pandas does not know: Excel's day numbers, and the hour 24 in a format of one's own."""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType

import pandas as pd

EXCEL = "excel"
"""`time_format` of day numbers: 45485.75 is 2024-07-12 18:00."""

_ORIGIN = "1899-12-30"  # Excel's day 0, as it is counted since 1 March 1900
_FIRST_DAY, _LAST_DAY = 61, 2_958_465  # that March; the end of the year 9999
_LIKELY = (20_000.0, 80_000.0)  # 1954 to 2119: a number of this size in a column of times is a day's
_NUMBER = r"\d{1,7}(?:[.,]\d+)?"
_DIGITS = MappingProxyType(
    {"Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{1,2}", "d": r"\d{1,2}", "j": r"\d{1,3}", "M": "00?", "S": "00?", "f": "0+"}
)


def is_day_number(text: str) -> bool:
    """Does this look like a day number of Excel?"""
    return re.fullmatch(_NUMBER, text) is not None and _LIKELY[0] <= float(text.replace(",", ".")) <= _LIKELY[1]


def excel_times(texts: pd.Series) -> pd.Series:
    """Local times to the second, NaT where the text is no day number."""
    written = texts.where(texts.str.fullmatch(_NUMBER, na=False)).str.replace(",", ".", regex=False)
    days = pd.to_numeric(written, errors="coerce")
    days = days.where((days >= _FIRST_DAY) & (days <= _LAST_DAY))
    return pd.to_datetime(days, unit="D", origin=_ORIGIN, errors="coerce").dt.round("s")


@cache
def hour_24(time_format: str) -> re.Pattern[str] | None:
    """Texts of this format whose hour is 24 and whose minutes are 0: what stands before and behind the hour.

    None where the format has no hour of the day.
    """
    if time_format.count("%H") != 1:
        return None
    before, _, behind = time_format.partition("%H")
    return re.compile(f"({_as_regex(before)})24({_as_regex(behind)})")


def _as_regex(time_format: str) -> str:
    parts = re.split(r"%(.)", time_format)
    return "".join(_DIGITS.get(part, ".+?") if place % 2 else re.escape(part) for place, part in enumerate(parts))
