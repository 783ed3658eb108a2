"""Keeps the rows of inspections in line with the configured places, the calendar and the warnings in force."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from data.config.settings import Settings
from data.model.warning import WarningInfo
from data.ports.store import Reader, Store
from dispatch.inspection_calendar import is_warned, warned_blocks
from dispatch.inspections import bring_in_line, out_of_line
from dispatch.plan_runs import district_of

log = logging.getLogger(__name__)

EVERY_S = 60.0  # a look at all rows; at once when a warning begins or ends to ask for inspections
_MOST_WARNINGS = 100


class InspectionRows:
    """Call `poll` every few seconds, in one process. Made anew when the settings change."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._rain = [kind for kind in settings.inspections.types.values() if kind.before_rain is not None]
        self._looked_s = float("-inf")
        self._asking: frozenset[str] = frozenset()
        self._rows_left = True

    def poll(self, now: datetime | None = None) -> int:
        """Make, move and drop rows; returns how many. Raises the store's errors; the next poll tries again."""
        if not self._settings.inspections.by_id and not self._rows_left:
            return 0
        now = now or datetime.now(UTC)
        blocks = self._store.read(lambda reader: self._blocks(reader, now))
        asking = frozenset(str(block) for block in blocks)
        if asking == self._asking and time.monotonic() - self._looked_s < EVERY_S:
            return 0
        work = self._store.read(lambda reader: out_of_line(reader, self._settings, now, blocks))
        changed = sum(
            self._store.write(lambda writer, part=part: bring_in_line(writer, part, self._settings, now))  # type: ignore[misc]
            for part in work.parts()
        )
        self._looked_s, self._asking = time.monotonic(), asking
        self._rows_left = bool(work)
        if changed:
            log.info("inspections: %d made, moved or dropped", changed)
        return changed

    def _blocks(self, reader: Reader, now: datetime) -> list[WarningInfo]:
        """The blocks of warnings for the district that ask for inspections."""
        if not self._rain:
            return []
        warnings = reader.warnings(in_force_at=now, limit=_MOST_WARNINGS)
        fitting = [one for one in warnings if any(is_warned(kind, one.blocks) for kind in self._rain)]
        if not fitting:
            return []
        blocks = warned_blocks(fitting, now, district_of(reader, self._settings))
        return [block for block in blocks if any(is_warned(kind, [block]) for kind in self._rain)]
