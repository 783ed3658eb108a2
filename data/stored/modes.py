"""Modes of the city, such as the duty of a flood crest: which are on now. Rules are told with every Tick.

Whoever begins or ends a mode puts the new set; the processes that judge read it once a second.
"""

from __future__ import annotations

from collections.abc import Iterable

from data.ports.store import Reader, Writer

FLOOD_CREST = "flood-crest"
_VALUE = "modes"


def active_modes(reader: Reader) -> frozenset[str]:
    """Names of the modes that are on; none where nobody ever put any."""
    kept = reader.value(_VALUE) or {}
    return frozenset(str(mode) for mode in kept.get("active", ()))


def put_modes(writer: Writer, active: Iterable[str]) -> None:
    """From now on exactly these are on."""
    writer.put_value(_VALUE, {"active": sorted(set(active))})
