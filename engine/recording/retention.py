"""Deletes clips that are older than they are kept, or more than there is room for; none that somebody still needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.config.settings import Settings
from data.local.recordings import segment_paths
from data.model.clip import Clip, ClipState
from data.model.people import SYSTEM
from data.model.record import AuditEntry
from data.ports.store import EvidenceVault, Store, Writer
from engine.recording.ask import records

log = logging.getLogger(__name__)

POLL_S = 30.0
MB = 1_000_000
_NEVER_CUT = timedelta(hours=1)  # after so long nobody will cut it: its camera is not configured any more


class ClipRetention:
    """`poll` now and then, in the one process that minds the time."""

    def __init__(self, store: Store, vault: EvidenceVault, folder: Path, settings: Settings) -> None:
        """`folder`: of the recordings of all cameras."""
        self._store = store
        self._vault = vault
        self._folder = folder
        self._settings = settings
        self._told_full = False

    def poll(self, now: datetime | None = None) -> int:
        """How many clips were deleted. Raises what the store raises."""
        now = now or datetime.now(UTC)
        self._settle_orphans(now)
        deleted = sum(self._delete(clip, now) for clip in self._too_old(now))
        excess = self._store.read(lambda reader: reader.clip_bytes()) - self._settings.recording.clips_total_mb * MB
        while excess > 0:
            oldest = self._store.read(lambda reader: reader.deletable_clips(limit=20))
            gone = [clip for clip in self._until(oldest, excess) if self._delete(clip, now)]
            if not gone:
                break
            deleted += len(gone)
            excess -= sum(clip.size for clip in gone)
        if excess > 0 and not self._told_full:
            log.warning("clips take %d MB more than they may, and all are of open alerts or events", excess // MB)
        self._told_full = excess > 0
        return deleted

    @staticmethod
    def _until(clips: Sequence[Clip], excess: int) -> Iterator[Clip]:
        for clip in clips:
            if excess <= 0:
                return
            excess -= clip.size
            yield clip

    def _too_old(self, now: datetime) -> Iterator[Clip]:
        before = now - self._settings.recording.clips_kept
        yield from self._store.read(lambda reader: reader.deletable_clips(before, limit=1000))

    def _delete(self, clip: Clip, now: datetime) -> bool:
        """The row first: a killed process leaves a file without a row, never a row without its file."""
        if not self._store.write(lambda writer: expire_clip(writer, clip, now)):
            return False
        assert clip.sha256 is not None
        try:
            self._vault.delete_clip(clip.sha256, clip.path)
        except OSError as error:
            log.error("the clip %s cannot be deleted: %s", clip.path, error.strerror)
        return True

    def _settle_orphans(self, now: datetime) -> None:
        """Clips of cameras that are not recorded any more, and what is left of their video."""
        for clip in self._store.read(lambda reader: reader.pending_clips()):
            if now - clip.asked_at > _NEVER_CUT and not records(self._settings, clip.site):
                missing = replace(clip, state=ClipState.MISSING)
                self._store.write(lambda writer, missing=missing: writer.settle_clip(missing, was=ClipState.PENDING))  # type: ignore[misc]
        if not self._folder.is_dir():
            return
        oldest_s = now.timestamp() - max(_NEVER_CUT, self._settings.recording.keep).total_seconds()
        for folder in self._folder.iterdir():
            if records(self._settings, folder.name):
                continue
            for path in segment_paths(folder):
                if path.stat().st_mtime < oldest_s:
                    path.unlink(missing_ok=True)


def expire_clip(writer: Writer, clip: Clip, now: datetime) -> bool:
    """Its row says from now on that it was deleted, and the audit trail which one. False when it is needed again."""
    if writer.is_protected_clip(clip.id):
        return False
    if not writer.settle_clip(replace(clip, state=ClipState.EXPIRED), was=ClipState.READY):
        return False
    detail = {"clip": clip.id, "sha256": clip.sha256, "until": clip.until.isoformat()}
    writer.record(AuditEntry(now, SYSTEM.name, "", "expire_clip", f"site:{clip.site}", detail))
    return True
