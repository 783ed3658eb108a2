"""Numbers as sources write them: JSON numbers and text with a decimal point, or a decimal comma where that is set."""

from __future__ import annotations

import re
from typing import Any, Literal

from data.errors import InputRejected

Decimal = Literal[".", ","]

# Digits of other scripts, 1_000, 0x10, inf and thousands separators are Python's or a spreadsheet's, no measured value.
WRITTEN = {
    ".": re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"),
    ",": re.compile(r"[+-]?(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"),
}
LONGEST = 60


def number(given: Any, decimal: Decimal = ".") -> float:
    """A number from JSON or text; `decimal` is the decimal sign of text. Raises InputRejected."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise InputRejected(f"{given!r:.60} is not a number")
    if isinstance(given, str):
        text = given.strip()
        if len(text) > LONGEST or WRITTEN[decimal].fullmatch(text) is None:
            raise InputRejected(f"{given!r:.60} is not a number{_other_sign(text, decimal)}")
        return float(text.replace(",", "."))
    try:
        return float(given)
    except OverflowError:
        raise InputRejected(f"{given!r:.60} is not a number") from None


def _other_sign(text: str, decimal: Decimal) -> str:
    other: Decimal = "," if decimal == "." else "."
    if len(text) <= LONGEST and WRITTEN[other].fullmatch(text):
        return f' with decimal "{decimal}"; set `decimal: "{other}"` if "{other}" is its decimal sign'
    return ""
