"""Texts in files that are opened with a spreadsheet."""

from __future__ import annotations

from typing import Any

_BEGINS_FORMULA = frozenset("=+-@\t\r\n|＝＋－＠")


def harmless_cell(value: Any) -> Any:
    """Prefix a text that a spreadsheet would run as a formula with an apostrophe; other values stay as they are."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value[:1] in _BEGINS_FORMULA or value.lstrip()[:1] in _BEGINS_FORMULA else value
