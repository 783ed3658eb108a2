"""Quarantines stored warnings that cannot be used, and simplifies areas stored before they were limited.

A row that cannot be read, or whose area is excessively complex, must stop neither a start nor other warnings.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from alerts.damage import tell_damage
from data.cap.area import AreaReader, bounded
from data.config.settings import Settings
from data.errors import NotFound, UnusableRow
from data.model.observation import Rejected
from data.model.secrets import redact
from data.model.warning import HazardWarning
from data.ports.store import Store, Writer

log = logging.getLogger(__name__)

BOUNDED_AT_ONCE = 20  # each may take a tenth of a second


def put_aside(writer: Writer, warning_id: int, reason: str, now: datetime, settings: Settings) -> None:
    """Quarantine a warning, so that it triggers nothing. A reject gives the reason, and an alarm reports it."""
    text = redact(f"warning {warning_id} is put aside: {reason}")[:500]
    if not writer.quarantine_warning(warning_id, now):
        return
    writer.add_reject(Rejected("", "cap", now, text))
    tell_damage(writer, text[:200], now, settings)


def bound_old_warnings(store: Store, settings: Settings) -> None:
    """Simplify some warnings stored by older versions, computing outside of the units of work."""
    for number in store.read(lambda reader: reader.warnings_of_old(BOUNDED_AT_ONCE)):
        try:
            warning = bounded_warning(store.read(lambda reader, number=number: reader.warning(number)))  # type: ignore[misc]
        except NotFound:
            continue
        except UnusableRow as error:
            log.error("%s", error)
            now, reason = datetime.now(UTC), str(error)
            store.write(lambda writer, n=number, at=now, why=reason: put_aside(writer, n, why, at, settings))  # type: ignore[misc]
            continue
        store.write(lambda writer, warning=warning: writer.bound_warning(warning))  # type: ignore[misc]


def bounded_warning(warning: HazardWarning) -> HazardWarning:
    """The warning with areas limited as at intake today, and its one info block."""
    reader = AreaReader(set(warning.notes))
    areas = tuple(bounded(area, reader) for area in warning.areas)
    blocks = tuple(replace(block, areas=areas) for block in warning.blocks)
    return replace(warning, areas=areas, infos=blocks, notes=tuple(sorted(reader.notes)))
