"""A camera's recorded video on the disk: segments of fragmented MP4 in VAR/recordings/<site>/.

A segment is one file: `ftyp` and `moov`, then for each fragment (a second at most) a mark of ours, `moof` and `mdat`.
It begins with a key picture and is named by the time of that, by when its movie began, and by the codec. All segments
of one connection of the camera are one movie: their fragments can be put behind each other. Whatever ends a process,
every fragment that was written whole can be played and is found here. The mark is a `uuid` box, which players pass
over; it tells the fragment's times.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FOLDER = "recordings"
SUFFIX = ".mp4"
_MARK = bytes.fromhex("9e2f1c6a5b7d4e0f8a3b59c0d1e2f304")
_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
_TIMES = struct.Struct(">qqB")  # since, until: microseconds since the epoch; 1 for a fragment with a key picture first
_MARK_SIZE = _HEADER.size + len(_MARK) + _TIMES.size


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of a segment, without its mark: `size` bytes at `offset`. Times in seconds since the epoch.

    `key`: it begins with a key picture.
    """

    path: Path
    offset: int
    size: int
    since_s: float
    until_s: float
    key: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the ring. `header`: `ftyp` and `moov`, which every fragment needs before it."""

    path: Path
    header: bytes
    fragments: tuple[Fragment, ...]

    @property
    def codec(self) -> str:
        """FFmpeg's name of the video's codec: `h264`, `hevc`."""
        return codec_of(self.path)


def segment_name(since_s: float, movie_s: float, codec: str) -> str:
    """Names sort by time. `movie_s`: when the movie's first segment began."""
    return f"{round(since_s * 1000):015d}-{round(movie_s * 1000)}-{codec}{SUFFIX}"


def start_of(path: Path) -> float:
    """The time of the segment's first picture, seconds since the epoch."""
    return int(path.name.partition("-")[0]) / 1000


def codec_of(path: Path) -> str:
    """As `Segment.codec`, from the file's name."""
    return path.stem.rpartition("-")[2]


def movie_of(path: Path) -> str:
    """Segments with the same answer are of one movie."""
    return path.stem.split("-")[1]


def mark(since_s: float, until_s: float, *, key: bool) -> bytes:
    """The box before a fragment that tells its times."""
    times = _TIMES.pack(round(since_s * 1e6), round(until_s * 1e6), key)
    return _HEADER.pack(_MARK_SIZE, b"uuid") + _MARK + times


def segment_paths(folder: Path) -> Sequence[Path]:
    """The segments of one camera, oldest first; none when there is no folder."""
    try:
        names = [
            entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX) and entry.name[:15].isdigit()
        ]
    except FileNotFoundError:
        return ()
    return [folder / name for name in sorted(names)]


def read_segment(path: Path) -> Segment | None:
    """What of it was written whole; None when the file is gone or holds no header. Reads no pictures."""
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except FileNotFoundError:
        return None


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of the boxes at the top of an MP4 file, as far as they are whole."""
    size = file.seek(0, os.SEEK_END)
    offset = 0
    while offset + _HEADER.size <= size:
        file.seek(offset)
        length, kind = _HEADER.unpack(file.read(_HEADER.size))
        if length == 1:
            length = _LONG.unpack(file.read(_LONG.size).ljust(_LONG.size, b"\0"))[0]
        if length < _HEADER.size or offset + length > size:
            return
        yield kind, offset, length
        offset += length


def _read(path: Path, file: BinaryIO) -> Segment | None:
    header = b""
    fragments: list[Fragment] = []
    times: tuple[float, float, bool] | None = None
    begin = 0
    for kind, offset, size in boxes(file):
        if kind in {b"ftyp", b"moov"} and not fragments:
            file.seek(0)
            header = file.read(offset + size)
        elif kind == b"uuid" and size == _MARK_SIZE:
            file.seek(offset + _HEADER.size)
            if file.read(len(_MARK)) == _MARK:
                since, until, key = _TIMES.unpack(file.read(_TIMES.size))
                times = since / 1e6, until / 1e6, bool(key)
        elif kind == b"moof":
            begin = offset
        elif kind == b"mdat" and times is not None:
            fragments.append(Fragment(path, begin, offset + size - begin, *times))
            times = None
    return Segment(path, header, tuple(fragments)) if header else None
