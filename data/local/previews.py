"""Small pictures of each camera, one a second at most, for scrubbing.

They lie in `VAR/previews/<site>/<day>/<hour and minute>.previews`. A file holds a minute (UTC): each picture is a mark,
its time, its length and checksum, and the JPEG. It only grows, so whatever ends a process, every picture that was
written whole is found.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

FOLDER = "previews"
SUFFIX = ".previews"
MINUTE_S = 60
_MARK = b"YPV1"
_HEADER = struct.Struct(">4sqII")  # mark, milliseconds since the epoch, bytes, CRC-32
_LARGEST = 1_000_000  # bytes of a picture; more stands in no file of ours
_NAME = f"%Y-%m-%d/%H%M{SUFFIX}"


class Preview(NamedTuple):
    """`at_ms`: milliseconds since the epoch."""

    at_ms: int
    jpeg: bytes


def preview_name(at_ms: int) -> str:
    """The file of this moment, below its camera's folder."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime(_NAME)


def minute_of(path: Path) -> int:
    """When the file's minute begins, seconds since the epoch. Raises ValueError for the name of another file."""
    return round(datetime.strptime(f"{path.parent.name}/{path.name}", _NAME).replace(tzinfo=UTC).timestamp())


def append(folder: Path, previews: Sequence[Preview]) -> None:
    """Put these pictures into the files of their minutes; `folder` is the camera's. Raises OSError."""
    of_file: dict[str, bytearray] = {}
    for at_ms, jpeg in previews:
        content = of_file.setdefault(preview_name(at_ms), bytearray())
        content += _HEADER.pack(_MARK, at_ms, len(jpeg), zlib.crc32(jpeg)) + jpeg
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    for name, content in of_file.items():
        path = folder / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            file.write(content)


def read_previews(path: Path) -> Iterator[Preview]:
    """The whole pictures of a minute, in the order in which they were written; none when the file is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    at = content.find(_MARK)
    while 0 <= at <= len(content) - _HEADER.size:
        _, at_ms, size, checksum = _HEADER.unpack_from(content, at)
        begin = at + _HEADER.size
        jpeg = content[begin : begin + size]
        whole = size <= _LARGEST and len(jpeg) == size and zlib.crc32(jpeg) == checksum
        if whole:
            yield Preview(at_ms, jpeg)
        at = content.find(_MARK, begin + size if whole else at + 1)


def preview_at(folder: Path, at_ms: int, *, not_older_ms: int) -> Preview | None:
    """The newest picture up to this moment, not older than so much before it; `folder` is the camera's."""
    newest: Preview | None = None
    first_ms = at_ms - not_older_ms
    for minute in range(first_ms // (MINUTE_S * 1000), at_ms // (MINUTE_S * 1000) + 1):
        for one in read_previews(folder / preview_name(minute * MINUTE_S * 1000)):
            if first_ms <= one.at_ms <= at_ms and (newest is None or one.at_ms >= newest.at_ms):
                newest = one
    return newest
