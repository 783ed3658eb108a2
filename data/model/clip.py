"""A clip: the moving picture of an alert, from some seconds before it to some seconds after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ClipState(StrEnum):
    """What has become of it."""

    PENDING = "pending"  # it is being recorded, or about to be cut
    READY = "ready"
    MISSING = "missing"  # there is no video of that time
    EXPIRED = "expired"  # deleted: older than clips are kept, or no more room


class NoClip(StrEnum):
    """Why there is none, of a clip that is MISSING."""

    NO_VIDEO = "no_video"  # the camera gave none then, or it was not recorded
    CODEC = "codec"  # its video cannot be put into MP4
    DISK = "disk"  # the disk did not take it
    NOT_CUT = "not_cut"  # nobody cut it within the time for that: the camera's worker does not run
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
