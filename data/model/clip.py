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


@dataclass(frozen=True, slots=True)
class Clip:
    """`since`, `until`: the span that was asked for, in the time of the camera's pictures.

    `asked_at`: our clock when its last alert asked for it. `sha256` of its bytes, and `path` in the evidence folder,
    once it is ready. `from_at`, `to_at`: what the file covers; it begins with the key picture before `since`.
    `gap_s`: how much of the span is not in it, seconds.
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
    id: int = 0
