"""How a tile and the set of wanted sites look on a wire.

A tile is a 4-byte big-endian header length, a JSON header, then the JPEG; the wall's websocket sends it as it is.
On the local socket each message has its own 4-byte big-endian length in front.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from data.ports.feed import Box, FramePacket

LENGTH = struct.Struct(">I")
LARGEST_MESSAGE = 8 * 1024 * 1024  # a 640-pixel tile has about 60 kB


class BrokenMessage(ValueError):
    """The peer sent something that is not of this protocol; the connection is of no more use."""


def pack_tile(packet: FramePacket) -> bytes:
    """Header length, header `{site, at, sequence, width, height, boxes}`, JPEG."""
    header = {
        "site": packet.site,
        "at": packet.at.isoformat(timespec="milliseconds"),
        "sequence": packet.sequence,
        "width": packet.width,
        "height": packet.height,
        "boxes": [
            {
                "xyxy": [round(float(edge), 4) for edge in box.xyxy],
                "label": box.label,
                "confidence": round(float(box.confidence), 3),
                "track_id": box.track_id,
                "alerting": box.alerting,
            }
            for box in packet.boxes
        ],
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((LENGTH.pack(len(text)), text, packet.jpeg))


def unpack_tile(message: bytes) -> FramePacket:
    """The packet again. Raises BrokenMessage."""
    try:
        (length,) = LENGTH.unpack_from(message)
        header: dict[str, Any] = json.loads(message[LENGTH.size : LENGTH.size + length])
        boxes = tuple(
            Box(
                xyxy=(box["xyxy"][0], box["xyxy"][1], box["xyxy"][2], box["xyxy"][3]),
                label=box["label"],
                confidence=box["confidence"],
                track_id=box["track_id"],
                alerting=box["alerting"],
            )
            for box in header["boxes"]
        )
        return FramePacket(
            site=header["site"],
            at=datetime.fromisoformat(header["at"]),
            sequence=int(header["sequence"]),
            width=int(header["width"]),
            height=int(header["height"]),
            jpeg=bytes(message[LENGTH.size + length :]),
            boxes=boxes,
        )
    except (struct.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise BrokenMessage(f"not a tile: {type(error).__name__}") from error


def pack_wanted(sites: Iterable[str]) -> bytes:
    return json.dumps({"wanted": sorted(sites)}).encode()


def unpack_wanted(message: bytes) -> frozenset[str]:
    """The sites somebody looks at. Raises BrokenMessage."""
    try:
        return frozenset(str(site) for site in json.loads(message)["wanted"])
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenMessage("not a set of wanted sites") from error


def framed(message: bytes) -> bytes:
    """The message with its length in front. Raises ValueError when it is larger than a peer accepts."""
    if len(message) > LARGEST_MESSAGE:
        raise ValueError(f"a message of {len(message)} bytes; at most {LARGEST_MESSAGE} are allowed")
    return LENGTH.pack(len(message)) + message


def message_length(prefix: bytes) -> int:
    """What the 4 bytes announce. Raises BrokenMessage when it is more than any peer of ours sends."""
    length: int = LENGTH.unpack(prefix)[0]
    if length > LARGEST_MESSAGE:
        raise BrokenMessage(f"a message of {length} bytes announced")
    return length
