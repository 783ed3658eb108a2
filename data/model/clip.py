"""A clip: the video of an alert, from some seconds before it to some seconds after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ClipState(StrEnum):
    """State of a clip."""

    PENDING = "pending"  # it is being recorded, or about to be cut
    READY = "ready"
    MISSING = "missing"  # there is no video of that time
    EXPIRED = "expired"  # deleted: older than clips are kept, or for want of room


class NoClip(StrEnum):
    """Why a clip is MISSING."""

    NO_VIDEO = "no_video"  # the camera gave none then, or it was not recorded
    CODEC = "codec"  # its video cannot be put into MP4
    DISK = "disk"  # it could not be written to the disk
    NOT_CUT = "not_cut"  # not cut in time: the camera's worker does not run
    NOT_RECORDED = "not_recorded"  # the camera is not recorded any more


@dataclass(frozen=True, slots=True)
class Clip:
    """`since`, `until`: the span that was asked for, in the time of the camera's pictures.

    `asked_at`: our clock when its last alert asked for it. `sha256` of its bytes, and `path` in the evidence folder,
    once it is ready. `from_at`, `to_at`: what the file covers; it begins with the key picture before `since`.
    `gap_s`: how much of the span is not in it, seconds. `reason`: why it is missing, a `NoClip`; empty otherwise.
    """

    site: str
    since: datetime
    until: datetime
    asked_at: datetime
    state: ClipState = ClipState.PENDING
    sha256: str | None = None
    path: str = ""
    codec: str = ""
    size: int = 0
    from_at: datetime | None = None
    to_at: datetime | None = None
    gap_s: float = 0.0
    reason: str = ""
    id: int = 0
