"""Files of clips that no row names, and rows whose file is gone: what a killed process, or somebody's hand, has left.

Nothing that a row needs is ever deleted. A file whose clip expired is deleted at once: the trail tells that it was to
be. A file that no row knows may be the only copy of what an older database does not know any more, so it is named in
the log and stays as long as clips are kept. A row whose file is gone is an alarm and stays as it is.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from alerts.damage import damage_key, tell_damage
from data.config.settings import Settings
from data.model.clip import Clip, ClipState
from data.ports.store import EvidenceVault, Store, Writer

log = logging.getLogger(__name__)

_EVER = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
_PAGE = 1000
_BEING_KEPT = timedelta(hours=1)  # a file lies there before its row is written
_MOST_TOLD = 10  # alarms; the log names all


class Swept(NamedTuple):
    """How many files were deleted, how many stay although no row knows them, how many rows have lost their file."""

    deleted: int
    unknown: int
    lost: int


def sweep_clips(store: Store, vault: EvidenceVault, settings: Settings, now: datetime) -> Swept:
    """Hold the files against the rows. Raises what the store raises, OSError."""
    files = {path: (digest, written_s) for digest, path, written_s in vault.clip_files()}
    ready, expired = _known(store)
    deleted = vault.delete_unfinished((now - _BEING_KEPT).timestamp())
    unknown = 0
    for path, (digest, written_s) in files.items():
        if path in ready:
            continue
        age = now - datetime.fromtimestamp(written_s, UTC)
        if path in expired or age > settings.recording.clips_kept:
            if _delete(store, vault, digest, path):
                deleted += 1
        elif age > _BEING_KEPT:
            unknown += 1
            log.warning("evidence/%s: no row knows this clip; it stays as long as clips are kept", path)
    lost = [clip for path, clip in ready.items() if path not in files and _is_lost(store, vault, clip)]
    for clip in lost:
        log.error("evidence/%s: the clip %d of %s is gone", clip.path, clip.id, clip.site)
    for clip in lost[:_MOST_TOLD]:
        store.write(lambda writer, path=clip.path: _tell_once(writer, path, now, settings))  # type: ignore[misc]
    return Swept(deleted, unknown, len(lost))


def _tell_once(writer: Writer, path: str, now: datetime, settings: Settings) -> None:
    if writer.last_alert(damage_key(path)) is None:  # it is not more lost the day after
        tell_damage(writer, path, now, settings)


def _known(store: Store) -> tuple[dict[str, Clip], set[str]]:
    """Ready clips, and paths of expired ones. Two clips may be the same file."""
    ready: dict[str, Clip] = {}
    expired: set[str] = set()
    after = 0
    while page := store.read(
        lambda reader, after=after: reader.clips_between(None, *_EVER, after_id=after, limit=_PAGE)  # type: ignore[misc]
    ):
        for clip in page:
            if clip.state is ClipState.READY:
                ready[clip.path] = clip
            elif clip.state is ClipState.EXPIRED:
                expired.add(clip.path)
        after = page[-1].id
    return ready, expired


def delete_content(store: Store, vault: EvidenceVault, digest: str, path: str) -> bool:
    """Delete the file of a clip that is not ready, or no longer; not while another clip has the same content.

    A film that is played over and over gives such. True when it was deleted. Raises OSError when the disk refuses.
    """
    found = store.read(lambda reader: reader.clip(digest))
    if found is not None and found.state is ClipState.READY:
        return False
    vault.delete_clip(digest, path)
    return True


def _delete(store: Store, vault: EvidenceVault, digest: str, path: str) -> bool:
    """Not when its row has been written since."""
    try:
        if not delete_content(store, vault, digest, path):
            return False
    except OSError as error:
        log.error("evidence/%s cannot be deleted: %s", path, error.strerror)
        return False
    log.info("evidence/%s: deleted, no clip needs it any more", path)
    return True


def _is_lost(store: Store, vault: EvidenceVault, clip: Clip) -> bool:
    """Still, and not since expired or put there after the files were listed?"""
    found = store.read(lambda reader: reader.clip(clip.sha256 or ""))
    return (
        found is not None
        and found.state is ClipState.READY
        and not vault.clip_path(clip.sha256 or "", clip.path).exists()
    )
