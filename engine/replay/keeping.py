"""Blocks of observations: closed ones get their hash into the audit trail, old ones are deleted."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.errors import InputRejected
from data.local.observations import (
    CLOSED,
    EXPIRE,
    KEEP,
    KEPT,
    OPEN,
    block_name,
    block_subject,
    blocks,
    digest,
    mend,
    process_of,
)
from data.model.observing import ObservationSettings
from data.model.people import SYSTEM
from data.model.record import AuditEntry
from data.ports.store import Store

log = logging.getLogger(__name__)

MB = 1_000_000
STILL_AFTER = timedelta(minutes=2)  # one that lives writes every second


class ObservationKeeping:
    """`poll` now and then, in the one process that minds the time."""

    def __init__(self, store: Store, folder: Path, settings: ObservationSettings) -> None:
        self._store = store
        self._folder = folder
        self._settings = settings
        self._unreadable: set[Path] = set()

    def poll(self, now: datetime | None = None) -> None:
        """Raises what the store raises, and OSError."""
        now = now or datetime.now(UTC)
        for path in blocks(self._folder, states=(OPEN,)):
            self._mend(path, now)
        for path in blocks(self._folder, states=(CLOSED,)):
            self._keep(path, now)
        self._expire(now)

    def _mend(self, path: Path, now: datetime) -> None:
        """One whose process has ended is closed with what there is of it."""
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if now - written < STILL_AFTER or path in self._unreadable:
            return
        try:
            mend(path)
        except InputRejected as error:
            log.error("observations are left as they are: %s", error)
            self._unreadable.add(path)

    def _keep(self, path: Path, now: datetime) -> None:
        """The trail first: a killed process leaves a block that is told of twice, never one that is not."""
        detail = {"sha256": digest(path), "size": path.stat().st_size, "process": process_of(path)}
        self._record(KEEP, path, now, detail)
        path.rename(path.with_suffix(f".{KEPT}"))

    def _expire(self, now: datetime) -> None:
        kept = list(blocks(self._folder))
        sizes = {path: path.stat().st_size for path in kept}
        excess = sum(sizes.values()) - self._settings.total_mb * MB
        oldest = f"{now - self._settings.kept:%Y-%m-%d/%H%M%S}"
        for path in kept:
            too_old = block_name(self._folder, path) < oldest
            if not too_old and excess <= 0:
                break
            if path.suffix == f".{OPEN}" and path not in self._unreadable:
                continue
            self._record(EXPIRE, path, now, {"size": sizes[path]})
            path.unlink(missing_ok=True)
            self._unreadable.discard(path)
            excess -= sizes[path]
        _remove_empty(self._folder, f"{now:%Y-%m-%d}")

    def _record(self, action: str, path: Path, now: datetime, detail: dict[str, object]) -> None:
        subject = block_subject(block_name(self._folder, path))
        self._store.write(lambda writer: writer.record(AuditEntry(now, SYSTEM.name, "", action, subject, detail)))


def _remove_empty(folder: Path, today: str) -> None:
    """The folders of days of which nothing is left."""
    days: Sequence[Path] = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    for day in days:
        if day.name < today and not os.listdir(day):  # noqa: PTH208 - only whether there is anything
            day.rmdir()
