"""Stored warnings that cannot be used are put aside by name; those stored before areas were bounded are bounded.

A row that cannot be read, or whose area is monstrous, must stop neither a start nor the others.
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
    """From now on it starts nothing: a reject says why, an alarm that it is so."""
    said = redact(f"warning {warning_id} is put aside: {reason}")[:500]
    if not writer.quarantine_warning(warning_id, now):
        return
    writer.add_reject(Rejected("", "cap", now, said))
    tell_damage(writer, said[:200], now, settings)


def bound_old_warnings(store: Store, settings: Settings) -> None:
    """Some of those stored by older versions; the work is done between the units of work, not in them."""
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
    """The warning with areas as they would be kept today, and its one block."""
    reader = AreaReader(set(warning.notes))
    areas = tuple(bounded(area, reader) for area in warning.areas)
    blocks = tuple(replace(block, areas=areas) for block in warning.blocks)
    return replace(warning, areas=areas, infos=blocks, notes=tuple(sorted(reader.notes)))
