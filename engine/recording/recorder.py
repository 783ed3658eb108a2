"""Writes the video of a worker's cameras to the disk, in a thread of its own: a slow disk delays no picture.

Whatever keeps a camera from being recorded is a trouble, told when it begins and when it is over: a gap is never
silent. Near the end of the disk the newest video is kept for less long, then none is written: alerts come first.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from data.local.stages import StageClock
from data.model.recording import RecordingSettings
from engine.recording.ring import Ring

log = logging.getLogger(__name__)

MB = 1_000_000
WAITING_BYTES = 16_000_000  # in memory, of all cameras, while the disk is slow: about three seconds of eight
GAP_S = 1.0  # a longer one between two fragments is told
STALLED_S = 15.0  # a camera gives pictures, and no video of it was written for so long
STEADY_S = 5.0  # what was written for less than that was no recovery
LOOK_AT_DISK_S = 2.0
TELL_EVERY_S = 1.0

DISK_FULL, DISK_ERROR, DISK_SLOW, CODEC, STALLED = "disk_full", "disk_error", "disk_slow", "codec", "stalled"


@dataclass(frozen=True, slots=True)
class _Piece:
    """What waits for the disk: a header (with its codec) or a fragment."""

    site: str
    content: bytes | memoryview
    codec: str = ""
    since_s: float = 0.0
    until_s: float = 0.0
    key: bool = False


class CameraRecording:
    """One camera's `data.ports.recipe.RecordingSink`. Its methods may be called from any thread.

    `retired`: another camera stands in its place, or none; what still comes from this one is not recorded.
    """

    def __init__(self, site: str, recorder: Recorder) -> None:
        self.site = site
        self.retired = False
        self._recorder = recorder

    def begin(self, codec: str, header: bytes) -> None:
        self._put(_Piece(self.site, header, codec))

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        self._put(_Piece(self.site, content, "", since_s, until_s, key))

    def refuse(self, reason: str) -> None:
        if not self.retired:
            log.error("%s: its video cannot be recorded: %s", self.site, reason)
            self._recorder.trouble(self.site, CODEC)

    def _put(self, piece: _Piece) -> None:
        if not self.retired:
            self._recorder.put(piece)


class _Recorded:
    """What the recorder knows of one camera."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.sink: CameraRecording | None = None
        self.header: _Piece | None = None
        self.trouble: str | None = None  # None: nothing is known yet
        self.told: str | None = None
        self.trouble_s = float("-inf")  # when it was so last
        self.whole = False  # since a key picture nothing was dropped
        self.written_s = time.monotonic()
        self.until_s = _believed(ring.until_s())  # the end of what lies on the disk, in the time of the pictures
        self.gaps: list[tuple[float, float]] = []  # not told yet; seconds since the epoch


def _believed(until_s: float | None) -> float | None:
    """The end of what an earlier process has recorded, unless that was by a clock that has been put back since."""
    return None if until_s is None or until_s > time.time() + STEADY_S else until_s


class Recorder:
    """`tell(site, trouble, before)` is called on the recorder's thread when a camera's trouble changes ("" for none);

    it returns whether it could be told, and is called again until it could.
    `tell_gap(site, since_s, until_s)`, likewise, for a time without video that has ended, seconds since the epoch;
    also for that before this process.
    `needed_since(site)`: from when on a clip still needs that camera's video, seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        settings: RecordingSettings,
        cameras: int,
        *,
        tell: Callable[[str, str, str], bool],
        tell_gap: Callable[[str, float, float], bool] = lambda *_: True,
        needed_since: Callable[[str], float | None] = lambda _: None,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        stages: StageClock | None = None,
    ) -> None:
        """`cameras`: how many share `settings.total_mb`, those of other workers too."""
        self._stages = StageClock() if stages is None else stages
        self._folder = folder
        self._settings = settings
        self._share = settings.total_mb * MB // max(1, cameras)
        self._tell = tell
        self._tell_gap = tell_gap
        self._needed_since = needed_since
        self._free_bytes = free_bytes
        self._cameras: dict[str, _Recorded] = {}
        self._waiting: deque[_Piece] = deque()
        self._waiting_bytes = 0
        self._dropping: set[str] = set()
        self._changed = threading.Condition()
        self._closing = False
        self._disk_due_s = self._tell_due_s = 0.0
        self._space = 1.0  # what is free, as a share of what is to be left free
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def sink(self, site: str) -> CameraRecording:
        """Who takes this camera's video, in the place of who did. Raises OSError when its folder cannot be made."""

        def needed_since() -> float | None:
            return self._needed_since(site)

        keep_s = self._settings.keep.total_seconds()
        with self._changed:
            one = self._cameras.get(site)
        if one is None:
            one = _Recorded(Ring(self._folder / site, keep_s, self._share, needed_since))
        with self._changed:
            self._cameras[site] = one
            if one.sink is not None:
                one.sink.retired = True
            one.sink = CameraRecording(site, self)
            return one.sink

    def remove(self, site: str) -> None:
        """The camera has gone: its last video is written, its troubles are over. What it left lies on the disk."""
        with self._changed:
            one = self._cameras.get(site)
            if one is not None and one.sink is not None:
                one.sink.retired, one.sink, one.trouble = True, None, ""
                self._changed.notify_all()

    def share_among(self, cameras: int) -> None:
        """So many cameras, those of other workers too, share the bytes from now on."""
        with self._changed:
            self._share = self._settings.total_mb * MB // max(1, cameras)
            for one in self._cameras.values():
                one.ring.limit(self._share)

    def put(self, piece: _Piece) -> None:
        """Never waits: what the disk cannot take in time is dropped, up to the next key picture, and told."""
        with self._changed:
            if piece.site not in self._cameras:
                return
            if piece.site in self._dropping and not piece.codec:
                if not piece.key or self._waiting_bytes > WAITING_BYTES // 2:
                    return
                self._dropping.discard(piece.site)
            if self._waiting_bytes + len(piece.content) > WAITING_BYTES and not piece.codec:
                self._dropping.add(piece.site)
                self._note(self._cameras[piece.site], DISK_SLOW)
                return
            self._waiting.append(piece)
            self._waiting_bytes += len(piece.content)
            self._changed.notify_all()

    def trouble(self, site: str, trouble: str) -> None:
        """From now on this keeps the camera from being recorded."""
        with self._changed:
            if site in self._cameras:
                self._note(self._cameras[site], trouble)
            self._changed.notify_all()

    def watch(self, seen: Iterable[str]) -> None:
        """Call it once a second with the sites whose pictures come: their video must come, too."""
        now_s = time.monotonic()
        with self._changed:
            for site, one in self._cameras.items():
                if site not in seen or one.sink is None:
                    one.written_s = now_s  # that a camera is lost is told by itself
                elif now_s - one.written_s > STALLED_S and not one.trouble:
                    self._note(one, STALLED)

    @staticmethod
    def _note(one: _Recorded, trouble: str) -> None:
        one.trouble, one.trouble_s = trouble, time.monotonic()

    def recorded_until(self, site: str) -> float | None:
        """The end of the video on the disk, in the time of the camera's pictures; None before the first."""
        with self._changed:
            one = self._cameras.get(site)
            return None if one is None else one.until_s

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._closing:
                    self._changed.wait(TELL_EVERY_S)
                piece = self._waiting.popleft() if self._waiting else None
                if piece is None and self._closing:
                    break
            if piece is not None:
                with self._stages.measure(piece.site, "record"):
                    self._write(piece)
                with self._changed:
                    self._waiting_bytes -= len(piece.content)
            self._tell_troubles()
        self._tell_due_s = 0.0  # what was found within the last second is known to this process alone
        self._tell_troubles()
        for one in self._cameras.values():
            one.ring.close()

    def _write(self, piece: _Piece) -> None:
        with self._changed:
            one = self._cameras.get(piece.site)
        if one is None:
            return
        try:
            is_written = self._put_into_ring(one, piece)
        except OSError as error:
            if not one.trouble:
                log.error("%s: its video cannot be written: %s", piece.site, error.strerror)
            self._disk_due_s = 0.0
            self.trouble(piece.site, DISK_ERROR)
            return
        if is_written:
            self._note_written(one, piece)

    def _put_into_ring(self, one: _Recorded, piece: _Piece) -> bool:
        """True for a fragment that lies on the disk now. Raises OSError."""
        if piece.codec:
            one.header, one.whole = piece, False
            one.ring.begin(piece.codec, bytes(piece.content))
            return False
        if one.header is None or not (one.whole or piece.key):
            return False
        one.whole = False
        if not self._has_room(one, piece):
            self.trouble(piece.site, DISK_FULL)
            return False
        one.ring.write(piece.content, piece.since_s, piece.until_s, key=piece.key)
        return True

    def _note_written(self, one: _Recorded, piece: _Piece) -> None:
        with self._changed:
            before_s = piece.since_s if one.until_s is None else one.until_s
            gap_s = piece.since_s - before_s
            if gap_s > GAP_S:
                one.gaps.append((before_s, piece.since_s))
            one.whole, one.written_s, one.until_s = True, time.monotonic(), piece.until_s
            if not one.trouble or time.monotonic() - one.trouble_s > STEADY_S:
                one.trouble = ""
        if gap_s > GAP_S:
            log.warning("%s: %.1f s of its video are missing", piece.site, gap_s)

    def _has_room(self, one: _Recorded, piece: _Piece) -> bool:
        """Is there room on the disk? When it becomes scarce, this camera's older video goes first."""
        reserve = self._settings.disk_reserve_mb * MB
        now_s = time.monotonic()
        if now_s >= self._disk_due_s:
            self._disk_due_s = now_s + LOOK_AT_DISK_S
            self._space = self._free_bytes(self._folder) / reserve if reserve else 1.0
        if self._space >= 1:
            return True
        keep_s = (
            self._settings.clip_before.total_seconds() if self._space < 0.5 else self._settings.keep.total_seconds() / 2
        )
        one.ring.prune(piece.since_s, keep_s, self._share)
        return self._space >= 0.5

    def _tell_troubles(self) -> None:
        now_s = time.monotonic()
        if now_s < self._tell_due_s:
            return
        self._tell_due_s = now_s + TELL_EVERY_S
        with self._changed:
            changed = [(site, one, one.trouble) for site, one in self._cameras.items() if one.trouble != one.told]
            gaps = [(site, one) for site, one in self._cameras.items() if one.gaps]
        for site, one, trouble in changed:
            if trouble is not None and self._tell(site, trouble, one.told or ""):
                one.told = trouble
        for site, one in gaps:
            while one.gaps and self._tell_gap(site, *one.gaps[0]):
                one.gaps.pop(0)
        self._forget_removed()

    def _forget_removed(self) -> None:
        """Once their video is written, its gaps are told, and also that nothing is wrong with them any more."""
        with self._changed:
            waiting = {piece.site for piece in self._waiting}
            gone = [site for site, one in self._cameras.items() if one.sink is None and site not in waiting]
            for site in gone:
                one = self._cameras[site]
                one.trouble = ""
                if one.told == "" and not one.gaps:
                    one.ring.close()
                    del self._cameras[site]
                    self._dropping.discard(site)
