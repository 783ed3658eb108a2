"""Is a video file cut off? Containers tell how long their parts are; a copy that was broken off has less.

Known of MP4 and MOV (boxes), Matroska and WebM (segment), AVI (RIFF) and MPEG transport streams (packets).
"""

from __future__ import annotations

from pathlib import Path

_BOX_HEADER, _LARGE_BOX = 8, 1  # bytes; a size of 1 says that a 64 bit size follows
_TS_PACKET = 188
_TS_SYNC = 0x47
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_BOXES_AT_MOST = 100_000


def missing_bytes(path: Path) -> int:
    """How many bytes of the file's last part are not there; 0 when it is whole, or of a kind that does not tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"styp"}:
            return _missing_of_boxes(path, size)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            told = int.from_bytes(head[4:8], "little")
            return max(0, _BOX_HEADER + told - size) if told else 0
        if head[:4] == _EBML:
            return _missing_of_segment(file.read(4096), head, size)
        if head[:1] == bytes([_TS_SYNC]) and size >= 2 * _TS_PACKET:
            file.seek(_TS_PACKET)
            if file.read(1) == bytes([_TS_SYNC]):
                return -size % _TS_PACKET
    return 0


def _missing_of_boxes(path: Path, size: int) -> int:
    place = 0
    with path.open("rb") as file:
        for _ in range(_BOXES_AT_MOST):
            file.seek(place)
            head = file.read(2 * _BOX_HEADER)
            if len(head) < _BOX_HEADER:
                return 0 if place >= size else _BOX_HEADER - len(head)
            length = int.from_bytes(head[:4], "big")
            if length == _LARGE_BOX:
                length = int.from_bytes(head[8:16], "big")
            if length < _BOX_HEADER:  # 0: up to the end, whatever that is
                return 0
            place += length
            if place >= size:
                return place - size
    return 0


def _missing_of_segment(more: bytes, head: bytes, size: int) -> int:
    content = head + more
    place = content.find(_SEGMENT)
    if place < 0 or place + 5 > len(content):
        return 0
    place += len(_SEGMENT)
    width = 9 - content[place].bit_length()  # of the size's number, bytes
    if not 1 <= width <= 8 or place + width > len(content):
        return 0
    told = int.from_bytes(content[place : place + width], "big") & ((1 << 7 * width) - 1)
    if told == (1 << 7 * width) - 1:  # unknown, as of a live recording
        return 0
    return max(0, place + width + told - size)
