"""What the analyst searches and scrubs through: maps of what moved, and a small picture a second, of each camera.

Both are by-products of what a camera does anyway: the cells of its motion gate, and a decoded picture that is in hand.
A thread of its own writes them, so a slow disk delays no picture; what it cannot take in time is left out. Alerts and
video come first: below the disk's reserve no pictures are kept, below half of it no maps.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.local import motion_maps, previews
from data.local.motion_maps import GLOBAL, SEEN, WARMING
from data.local.previews import Preview
from data.model.recording import RecordingSettings

log = logging.getLogger(__name__)

MB = 1_000_000
PREVIEW_WIDTH = 320
PREVIEW_QUALITY = 60
FLUSH_S = 15.0  # what a killed process may lose of maps, which are packed the better for it ...
PREVIEW_TURNS = 3  # ... and so many times sooner its pictures are written, which would take memory
RECORD_S = 600  # of the longest record of a map
_RECENT = 64  # seconds of which a picture is known to be there: those kept back come again
_WAITING_S = 3600  # of maps in memory while the disk hangs: 13 MB of a camera
_WAITING = 240  # pictures of one camera in memory while the disk is slow: about 2 MB

Mask = npt.NDArray[np.bool_]
_Grid = tuple[int, int]


class CameraLookback:
    """One camera's. `moved`, `wants_preview` and `preview` are called on its reading thread.

    Times are those of the pictures.
    """

    def __init__(self, site: str, settings: RecordingSettings) -> None:
        self.site = site
        self.keeps_maps = settings.enabled and settings.motion_maps
        self.keeps_previews = settings.enabled and settings.previews
        self._lock = threading.Lock()
        self._maps: dict[_Grid, dict[int, tuple[int, Mask | None]]] = {}
        self._previews: deque[Preview] = deque(maxlen=_WAITING)
        self._recent: deque[int] = deque(maxlen=_RECENT)

    def moved(self, at: datetime, blocks: Mask, *, warming: bool, global_change: bool) -> None:
        """What the motion gate said of a picture: bool (rows, columns), not kept."""
        if not self.keeps_maps:
            return
        second = int(at.timestamp())
        state = SEEN | (WARMING if warming else 0) | (GLOBAL if global_change else 0)
        now = blocks if state == SEEN and blocks.any() else None
        with self._lock:
            known = self._maps.setdefault(blocks.shape, {})
            if len(known) >= _WAITING_S and second not in known:
                return
            before_state, before = known.get(second, (0, None))
            union = before if now is None else now.copy() if before is None else before | now
            known[second] = before_state | state, union

    def wants_preview(self, at: datetime) -> bool:
        """Is there no picture of this second yet?"""
        return self.keeps_previews and int(at.timestamp()) not in self._recent

    def preview(self, at: datetime, jpeg: bytes) -> None:
        self._recent.append(int(at.timestamp()))
        with self._lock:
            self._previews.append(Preview(round(at.timestamp() * 1000), jpeg))

    def take(self, *, maps: bool = True) -> tuple[dict[_Grid, dict[int, tuple[int, Mask | None]]], list[Preview]]:
        """What is to be written; from now on it is the caller's. `maps`: these, too."""
        taken: dict[_Grid, dict[int, tuple[int, Mask | None]]] = {}
        with self._lock:
            if maps:
                taken, self._maps = self._maps, {}
            shown = list(self._previews)
            self._previews.clear()
        return taken, shown


class Lookback:
    """Of one process. `camera(site)` for each camera, `close` at the end."""

    def __init__(
        self,
        var_dir: Path,
        settings: RecordingSettings,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        flush_s: float = FLUSH_S,
    ) -> None:
        self._var_dir = var_dir
        self._settings = settings
        self._free_bytes = free_bytes
        self._flush_s = flush_s
        self._cameras: dict[str, CameraLookback] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._failed: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="lookback", daemon=True)
        self._thread.start()

    def camera(self, site: str) -> CameraLookback:
        """Who takes this camera's maps and pictures; the same one for the camera that stands in its place."""
        with self._lock:
            return self._cameras.setdefault(site, CameraLookback(site, self._settings))

    def flush(self, *, maps: bool = True) -> None:
        """Write what has come since the last time. `maps`: these, too."""
        with self._lock:
            cameras = list(self._cameras.values())
        reserve = self._settings.disk_reserve_mb * MB
        try:
            free = self._free_bytes(self._var_dir)
        except OSError:
            free = 0
        for one in cameras:
            moved, shown = one.take(maps=maps)
            if reserve and free < reserve / 2:
                moved = {}
            if reserve and free < reserve:
                shown = []
            try:
                self._write(one.site, moved, shown)
                self._failed.discard(one.site)
            except OSError as error:
                if one.site not in self._failed:
                    log.error("%s: maps of motion and previews cannot be written: %s", one.site, error.strerror)
                self._failed.add(one.site)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits. Idempotent."""
        self._end.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        turn = 0
        while not self._end.wait(self._flush_s / PREVIEW_TURNS):
            turn += 1
            self.flush(maps=turn % PREVIEW_TURNS == 0)
        self.flush()

    def _write(self, site: str, maps: dict[_Grid, dict[int, tuple[int, Mask | None]]], shown: list[Preview]) -> None:
        for (rows, columns), seconds in maps.items():
            stretches: dict[int, dict[int, tuple[int, Mask | None]]] = {}
            for second in sorted(seconds):  # each within one hour, so within one file
                stretches.setdefault(second // RECORD_S, {})[second] = seconds[second]
            for part in stretches.values():
                first_s = min(part)
                record = motion_maps.packed(first_s, part, rows, columns)
                motion_maps.append(self._var_dir / motion_maps.FOLDER / site, first_s, record)
        if shown:
            previews.append(self._var_dir / previews.FOLDER / site, shown)
