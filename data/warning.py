"""Official warnings as CAP 1.2 (OASIS, Common Alerting Protocol) words them, however they arrived.

One message is identified by (sender, identifier, sent). What becomes of it (superseded by an Update, cancelled by a
Cancel) is a time set once; whether it holds now is derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class WarningStatus(StrEnum):
    """CAP `status`. Only ACTUAL is meant for the public; EXERCISE and TEST must not start real work."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MessageType(StrEnum):
    """CAP `msgType`. Ack and Error are talk between systems and are not kept."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class WarningLevel(StrEnum):
    """Colour of the Chinese warning scale, which CAP's severity is mapped to where no colour is named."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 unknown, 1 blue ... 4 red."""
        order = (WarningLevel.UNKNOWN, WarningLevel.BLUE, WarningLevel.YELLOW, WarningLevel.ORANGE, WarningLevel.RED)
        return order.index(self)


class WarningId(NamedTuple):
    """What names one message for ever. `sent` is UTC."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent.isoformat()}"


@dataclass(frozen=True, slots=True)
class WarningArea:
    """Where a warning holds.

    `polygons`: rings of (lon, lat), WGS-84, closed. `circles`: (lon, lat, radius in km). `geocodes`: (name, code).
    """

    description: str
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HazardWarning:
    """One message. `id` is the store's number, 0 before it is stored; `origin` names the adapter or user it came by."""

    key: WarningId
    status: WarningStatus
    message_type: MessageType
    references: tuple[WarningId, ...]
    event: str
    level: WarningLevel
    severity: str
    urgency: str
    certainty: str
    effective: datetime
    onset: datetime
    expires: datetime | None
    areas: tuple[WarningArea, ...]
    headline: str = ""
    description: str = ""
    instruction: str = ""
    language: str = ""
    event_codes: tuple[tuple[str, str], ...] = ()
    origin: str = ""
    received_at: datetime | None = None
    superseded_at: datetime | None = None
    cancelled_at: datetime | None = None
    id: int = 0

    def is_in_force(self, now: datetime) -> bool:
        """Does it hold now: neither replaced, cancelled nor expired, and itself not a cancellation?"""
        ended = self.superseded_at is not None or self.cancelled_at is not None
        over = self.expires is not None and self.expires <= now
        return not ended and not over and self.message_type is not MessageType.CANCEL
