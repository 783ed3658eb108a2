"""Texts with `{placeholders}`, checked when the configuration is read."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

_OF_THE_MESSAGE = ("delivery_id", "title", "text", "priority", "to", "subject", "time")
_OF_THE_ALERT = ("site", "site_id", "grid", "kind", "rule", "label", "value", "unit", "alert", "centre")
PLACEHOLDERS = frozenset((*_OF_THE_MESSAGE, *_OF_THE_ALERT))


def check(template: Any) -> Any:
    """The template itself. Raises ValueError for an unknown placeholder or a single brace."""
    for text in _texts(template):
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}; write {{{{ for a brace") from error
        unknown = sorted(set(names) - PLACEHOLDERS)
        if unknown:
            raise ValueError(f"no placeholder {unknown[0]!r}; known: {', '.join(sorted(PLACEHOLDERS))}")
    return template


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """The same tree with every text filled in."""
    if isinstance(template, str):
        return string.Formatter().vformat(template, (), _Blank(values))
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


class _Blank(dict[str, str]):
    """Unknown placeholders are left empty."""

    def __missing__(self, name: str) -> str:
        return ""


def _texts(template: Any) -> list[str]:
    if isinstance(template, str):
        return [template]
    inner = (
        template.values() if isinstance(template, Mapping) else template if isinstance(template, list | tuple) else ()
    )
    return [text for value in inner for text in _texts(value)]
