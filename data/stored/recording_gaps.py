"""When a camera that is recorded has no video: kept for a day with each camera, for whoever asks about that time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from data.ports.store import Reader, Writer

KEPT = timedelta(days=1)
_NAME = "recording gaps:"  # of one camera, a named value in the store
_MOST = 100


def note_gap(writer: Writer, site: str, since: datetime, until: datetime, now: datetime) -> None:
    """There is no video of this camera between the two."""
    known = _listed(writer.value(f"{_NAME}{site}"), now)
    gap = {"since": since.isoformat(), "until": until.isoformat()}
    writer.put_value(f"{_NAME}{site}", {"gaps": [*known, gap][-_MOST:]})


def gaps_of(reader: Reader, site: str, now: datetime) -> Sequence[tuple[datetime, datetime]]:
    """From when to when there is no video of this camera: the newest of a day, oldest first."""
    found = _listed(reader.value(f"{_NAME}{site}"), now)
    return [(datetime.fromisoformat(one["since"]), datetime.fromisoformat(one["until"])) for one in found]


def _listed(value: Any, now: datetime) -> list[dict[str, str]]:
    oldest = (now - KEPT).isoformat()
    return [one for one in (value or {}).get("gaps", []) if one["until"] >= oldest]
