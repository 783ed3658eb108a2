"""Deletes maps of motion and previews that are older than they are kept, or more than there is room for.

By the rules of clips: what lies in the time of a clip whose alert or event is open, or that a report is being written
about, stays. Near the end of the disk previews go first, the oldest of them before the others.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from data.config.settings import Settings
from data.local import motion_maps, previews
from data.ports.store import Store

log = logging.getLogger(__name__)

POLL_S = 120.0
MB = 1_000_000


class _File(NamedTuple):
    """A file of one camera that covers `since_s` to `until_s`, in the time of its pictures."""

    path: Path
    site: str
    since_s: int
    until_s: int
    size: int
    written_s: float


class LookbackRetention:
    """`poll` now and then, in the one process that minds the time."""

    def __init__(
        self,
        store: Store,
        var_dir: Path,
        settings: Settings,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._store = store
        self._var_dir = var_dir
        self._settings = settings.recording
        self._free_bytes = free_bytes
        self._told = False

    def poll(self, now: datetime | None = None) -> int:
        """How many files were deleted. Raises what the store raises."""
        now_s = (now or datetime.now(UTC)).timestamp()
        needed: dict[str, list[tuple[float, float]]] = {}
        for clip in self._store.read(lambda reader: reader.protected_clips()):
            needed.setdefault(clip.site, []).append((clip.since.timestamp(), clip.until.timestamp()))
        kept = self._settings
        maps = list(_files(self._var_dir / motion_maps.FOLDER, _map_span))
        deleted = len(_delete(_old(maps, now_s - kept.motion_kept.total_seconds(), needed)))
        shown = list(_files(self._var_dir / previews.FOLDER, _preview_span))
        gone = _delete(_old(shown, now_s - kept.previews_kept.total_seconds(), needed))
        rest = [one for one in shown if one.path not in gone]
        more = _delete(self._excess(rest, needed))
        self._remove_empty_days()
        return deleted + len(gone) + len(more)

    def _excess(self, shown: Sequence[_File], needed: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[_File]:
        """The oldest that nobody needs, until the others have room."""
        over = sum(one.size for one in shown) - self._settings.previews_total_mb * MB
        if shown:
            over = max(over, self._settings.disk_reserve_mb * MB - self._free_bytes(self._var_dir))
        for one in sorted(shown, key=lambda one: (one.written_s, one.since_s)):
            if over <= 0:
                break
            if not _is_needed(one, needed):
                over -= one.size
                yield one
        if over > 0 and shown and not self._told:
            log.warning("previews have no room: %d MB too many, all of open alerts, events or reports", over // MB)
        self._told = over > 0

    def _remove_empty_days(self) -> None:
        for day in (self._var_dir / previews.FOLDER).glob("*/*"):
            with contextlib.suppress(OSError):
                day.rmdir()  # only when nothing lies in it


def _map_span(path: Path) -> tuple[int, int]:
    """A file's hour; a record that begins in it may reach a little into the next."""
    hour_s = motion_maps.hour_of(path.name)
    return hour_s, hour_s + motion_maps.HOUR_S


def _preview_span(path: Path) -> tuple[int, int]:
    minute_s = previews.minute_of(path)
    return minute_s, minute_s + previews.MINUTE_S


def _files(folder: Path, span: Callable[[Path], tuple[int, int]]) -> Iterator[_File]:
    """Of all cameras, those that are no longer in the settings too; other files are left alone."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where) / name
            try:
                since_s, until_s = span(path)
                state = path.stat()
            except (ValueError, FileNotFoundError):
                continue
            site = path.relative_to(folder).parts[0]
            yield _File(path, site, since_s, until_s, state.st_size, state.st_mtime)


def _is_needed(file: _File, needed: Mapping[str, Sequence[tuple[float, float]]]) -> bool:
    return any(since_s < file.until_s and until_s >= file.since_s for since_s, until_s in needed.get(file.site, ()))


def _old(
    files: Sequence[_File], before_s: float, needed: Mapping[str, Sequence[tuple[float, float]]]
) -> Iterator[_File]:
    """Written before that: the pictures of a played recording may be of any year."""
    return (one for one in files if one.written_s < before_s and not _is_needed(one, needed))


def _delete(files: Iterator[_File]) -> frozenset[Path]:
    gone = set()
    for one in files:
        try:
            one.path.unlink(missing_ok=True)
            gone.add(one.path)
        except OSError as error:
            log.error("%s cannot be deleted: %s", one.path.name, error.strerror)
    return frozenset(gone)
