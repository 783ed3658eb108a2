"""Deletes clips that are older than they are kept, or more than there is room for; none that somebody still needs."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.local.recordings import segment_paths
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.clip import Clip, ClipState, NoClip
from data.model.people import SYSTEM
from data.model.record import AuditEntry
from data.ports.store import EvidenceVault, Store, Writer
from engine.recording.ask import KIND, records
from engine.recording.maker import PARTS, missing, record_clip
from engine.recording.orphans import delete_content, sweep_clips

log = logging.getLogger(__name__)

POLL_S = 30.0
MB = 1_000_000
SETTLED_WITHIN = timedelta(minutes=10)  # of when a clip was due: then nobody will cut it, and that is told
SWEEP_EVERY = timedelta(days=1)
_FORMER = timedelta(hours=1)  # so long the video of a camera that is not recorded any more stays
PROTECTED = AlertKey(CENTRE, KIND, "", "clips_protected")


class ClipRetention:
    """`poll` now and then, in the one process that minds the time."""

    def __init__(
        self,
        store: Store,
        vault: EvidenceVault,
        folder: Path,
        settings: Settings,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """`folder`: of the recordings of all cameras."""
        self._free_bytes = free_bytes
        self._store = store
        self._vault = vault
        self._folder = folder
        self._settings = settings
        self._begun: datetime | None = None
        self._sweep_at: datetime | None = None

    def poll(self, now: datetime | None = None) -> int:
        """How many clips were deleted. Raises what the store raises."""
        now = now or datetime.now(UTC)
        self._begun = min(self._begun or now, now)
        self._settle_forgotten(now)
        self._delete_former(now)
        if self._sweep_at is None or now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY
            sweep_clips(self._store, self._vault, self._settings, now)
        deleted = sum(self._delete(clip, now) for clip in self._too_old(now))
        excess = self._store.read(lambda reader: reader.clip_bytes()) - self._settings.recording.clips_total_mb * MB
        while excess > 0:
            oldest = self._store.read(lambda reader: reader.deletable_clips(limit=20))
            gone = [clip for clip in self._until(oldest, excess) if self._delete(clip, now)]
            if not gone:
                break
            deleted += len(gone)
            excess -= sum(clip.size for clip in gone)
        self._tell_protected(excess, now)
        return deleted

    def _tell_protected(self, excess: int, now: datetime) -> None:
        """An alarm while clips take more than they may and all belong to work that is not done: graver near the end of

        the disk. Whoever gets it closes what is over, or gives clips more room.
        """
        is_open = self._store.read(lambda reader: reader.open_alert(PROTECTED)) is not None
        if excess > 0:
            free = self._free_bytes(self._folder if self._folder.is_dir() else self._folder.parent)
            scarce = free < self._settings.recording.disk_reserve_mb * MB
            priority = Priority.P2 if scarce else Priority.P3
            over_mb = float(-(-excess // MB))
            raised = Raised(PROTECTED, KIND, priority, now, now, label=PROTECTED.subject, value=over_mb)
            if not is_open:
                log.warning("clips take %d MB more than they may, and all are of open alerts or events", excess // MB)
            self._store.write(lambda writer: raise_alert(writer, raised, None, now, self._settings))
        elif is_open:
            self._store.write(lambda writer: end_alert(writer, Ended(PROTECTED, now, now), now, self._settings))

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
            delete_content(self._store, self._vault, clip.sha256, clip.path)
        except OSError as error:
            log.error("the clip %s cannot be deleted: %s", clip.path, error.strerror)
        return True

    def _settle_forgotten(self, now: datetime) -> None:
        """A clip that nobody has cut is told as missing: no screen says for ever that it follows.

        Counted from the start of this process at the earliest: after a power cut the workers get their time.
        """
        assert self._begun is not None
        for clip in self._store.read(lambda reader: reader.pending_clips()):
            due = max(clip.asked_at + self._settings.recording.clip_after, self._begun)
            if now - due > SETTLED_WITHIN:
                recorded = records(self._settings, clip.site)
                told = missing(clip, NoClip.NOT_CUT if recorded else NoClip.NOT_RECORDED)
                log.error("%s: the clip %d was not cut within its time", clip.site, clip.id)
                self._store.write(lambda writer, told=told: record_clip(writer, told, now))  # type: ignore[misc]

    def _delete_former(self, now: datetime) -> None:
        """What is left of the video of cameras that are not recorded any more."""
        if not self._folder.is_dir():
            return
        oldest_s = now.timestamp() - max(_FORMER, self._settings.recording.keep).total_seconds()
        for folder in self._folder.iterdir():
            if records(self._settings, folder.name):
                continue
            for path in (*segment_paths(folder), *folder.glob(PARTS)):
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < oldest_s:
                        path.unlink()


def expire_clip(writer: Writer, clip: Clip, now: datetime) -> bool:
    """Its row says from now on that it was deleted, and the audit trail which one. False when it is needed again."""
    if writer.is_protected_clip(clip.id):
        return False
    if not writer.settle_clip(replace(clip, state=ClipState.EXPIRED), was=ClipState.READY):
        return False
    detail = {"clip": clip.id, "sha256": clip.sha256, "until": clip.until.isoformat()}
    writer.record(AuditEntry(now, SYSTEM.name, "", "expire_clip", f"site:{clip.site}", detail))
    return True
