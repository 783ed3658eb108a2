"""Live recall of each camera as its worker counts it: a named value of each site, of the last seven days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from data.ports.store import Reader, Writer

_NAME = "live recall:"


def put_recall(writer: Writer, site: str, state: Any, at: datetime) -> None:
    """From now on this is known of the site. `state`: as the site's worker keeps it. `at`: of the last trial."""
    writer.put_value(f"{_NAME}{site}", {"at": at.isoformat(), **state})


def recall_state(reader: Reader, site: str) -> Mapping[str, Any] | None:
    """What was put last; None where no camera of the site was ever tried."""
    state: Mapping[str, Any] | None = reader.value(f"{_NAME}{site}")
    return state


def recall_states(reader: Reader, sites: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """The same of several sites; those that were never tried are left out."""
    found = {site: recall_state(reader, site) for site in sites}
    return {site: state for site, state in found.items() if state is not None}
