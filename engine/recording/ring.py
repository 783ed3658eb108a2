"""The newest video of one camera on the disk, bounded by age and bytes. Written by one thread."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from data.local.recordings import mark, read_segment, segment_name, segment_paths, start_of

SEGMENT_S = 4.0  # a file is as long, or as long as from key picture to key picture; whole files are deleted
_LONGEST_SEGMENT_S = 30.0  # of a camera without key pictures


class Ring:
    """`write` raises OSError when the disk does not take it; what was written before stays.

    `needed_since`: from when on video is kept whatever the limits say, seconds since the epoch; None: not at all.
    """

    def __init__(self, folder: Path, keep_s: float, most_bytes: int, needed_since: Callable[[], float | None]) -> None:
        self.folder = folder
        self._keep_s = keep_s
        self._most_bytes = most_bytes
        self._needed_since = needed_since
        self._header = b""
        self._codec = ""
        self._file: BinaryIO | None = None
        self._begun_s = 0.0
        self._movie_s: float | None = None
        self._sizes: dict[Path, int] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in segment_paths(folder):
            self._sizes[path] = path.stat().st_size

    def until_s(self) -> float | None:
        """The end of the newest whole fragment on the disk, seconds since the epoch; None without any."""
        for path in sorted(self._sizes, reverse=True):
            segment = read_segment(path)
            if segment is not None and segment.fragments:
                return segment.fragments[-1].until_s
        return None

    @property
    def size(self) -> int:
        """How much lies on the disk."""
        return sum(self._sizes.values())

    def limit(self, most_bytes: int) -> None:
        """From now on it may have so much of the disk."""
        self._most_bytes = most_bytes

    def begin(self, codec: str, header: bytes) -> None:
        """The fragments that follow are of another movie."""
        self.close()
        self._codec, self._header, self._movie_s = codec, header, None

    def write(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        """A fragment, flushed to the operating system when this returns: it survives the end of this process."""
        lasts_s = since_s - self._begun_s
        if self._file is not None and (not 0 <= lasts_s < _LONGEST_SEGMENT_S or (key and lasts_s >= SEGMENT_S - 0.1)):
            self.close()
        if self._file is None:
            self._open(since_s)
        assert self._file is not None
        try:
            self._put(mark(since_s, until_s, key=key), content)
        except OSError:
            self.close()  # the next fragment begins another file: nothing is ever written after half a fragment
            raise
        self.prune(until_s, self._keep_s, self._most_bytes)

    def prune(self, now_s: float, keep_s: float, most_bytes: int) -> None:
        """Delete whole segments: those that ended longer ago, and the oldest while there are more bytes.

        The newest segment always stays, and so does what a clip still needs.
        """
        needed_s = self._needed_since()
        paths = sorted(self._sizes)
        total = self.size
        for path, following in itertools.pairwise(paths):  # each ends where the next one begins
            ended_s = start_of(following)
            is_old = ended_s < now_s - keep_s or start_of(path) > now_s + keep_s  # our clock was put back
            if not is_old and total <= most_bytes:
                break
            if needed_s is not None and ended_s > needed_s and not start_of(path) > now_s + keep_s:
                break
            path.unlink(missing_ok=True)
            total -= self._sizes.pop(path)

    def close(self) -> None:
        """End the present segment. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self, since_s: float) -> None:
        movie_s = since_s if self._movie_s is None else self._movie_s
        path = self.folder / segment_name(since_s, movie_s, self._codec)
        while path.exists():  # our clock was put back to the very millisecond, or the camera connected twice in one
            since_s += 0.001
            path = self.folder / segment_name(since_s, movie_s, self._codec)
        self._movie_s = movie_s
        self._file = path.open("xb", buffering=0)
        path.chmod(0o600)
        self._begun_s = since_s
        self._sizes[path] = 0
        self._path = path
        self._put(self._header)

    def _put(self, *parts: bytes | memoryview) -> None:
        """In one call to the system, as a rule."""
        assert self._file is not None
        left = [memoryview(part) for part in parts if len(part)]
        while left:
            written = os.writev(self._file.fileno(), left)
            self._sizes[self._path] += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left:
                left[0] = left[0][written:]
