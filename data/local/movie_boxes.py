"""What a player must be told of fragmented MP4 to play it: the codec by its full name, and decoding times."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_BOX = struct.Struct(">I4s")
_FULL = 8  # bytes of a box's head
_HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_SAMPLE_ENTRY = 8 + 78  # a visual sample entry, up to the boxes in it


@dataclass(frozen=True, slots=True)
class MovieHeader:
    """`media_type` as `MediaSource.addSourceBuffer` takes it; empty for codecs other than H.264.

    `timescale`: units of decoding times in a second.
    """

    media_type: str
    timescale: int


def movie_header(header: bytes) -> MovieHeader:
    """Of `ftyp` and `moov`. Raises ValueError."""
    found = dict(_walk(memoryview(header)))
    if b"mdhd" not in found:
        raise ValueError("a movie without a track")
    mdhd = found[b"mdhd"]
    (timescale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)
    media_type = ""
    avc = found.get(b"avcC")
    if avc is not None:
        media_type = f'video/mp4; codecs="avc1.{bytes(avc[1:4]).hex()}"'  # profile, constraints, level
    return MovieHeader(media_type, timescale)


def decode_time(fragment: bytes | memoryview) -> int:
    """The decoding time of a fragment's first picture, in units of its movie's timescale. Raises ValueError."""
    for kind, content in _walk(memoryview(fragment)):
        if kind == b"tfdt":
            return int(struct.unpack_from(">Q" if content[0] == 1 else ">I", content, 4)[0])
    raise ValueError("a fragment without its decoding time")


def _walk(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that hold no others, with what is in them; pictures are passed over."""
    at = 0
    while at + _FULL <= len(content):
        length, kind = _BOX.unpack_from(content, at)
        if length < _FULL or at + length > len(content):
            return
        inside = content[at + _FULL : at + length]
        if kind in _HOLDERS:
            yield from _walk(inside)
        elif kind == b"stsd":
            yield from _walk(inside[8 + _SAMPLE_ENTRY :])
        elif kind != b"mdat":
            yield kind, inside
        at += length
