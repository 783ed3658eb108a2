"""Official warnings in the terms of CAP 1.2 (OASIS, Common Alerting Protocol), however they arrived.

A message is identified by (sender, identifier, sent). It contains one or more info blocks, each judged by its own
event, level, area and time. The end of a message (superseded by an Update, cancelled by a Cancel) is a time set once;
whether it is in force now is derived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

HOLDS_WITHOUT_END = timedelta(days=3)
"""A block without an end is in force for so long after its onset; CAP leaves that to the recipient."""

UNKNOWN_SENT = datetime(1970, 1, 1, tzinfo=UTC)
"""The `sent` of a reference without one, which means any message of that sender and identifier."""


class WarningStatus(StrEnum):
    """CAP `status`. Only ACTUAL is meant for the public; EXERCISE and TEST must not start real work."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class WarningNote(StrEnum):
    """An irregularity of a message and how it was handled; the screens have words for each."""

    AREA_UNKNOWN = "area_unknown"  # no block names an area that can be read
    AREA_PARTLY_UNKNOWN = "area_partly_unknown"
    AREA_MENDED = "area_mended"  # blanks, commas, an open ring, a ring that crosses itself
    AREA_SWAPPED = "area_swapped"  # longitude stood before latitude
    AREA_SIMPLIFIED = "area_simplified"
    AREA_TAKEN_OVER = "area_taken_over"  # a block without an area takes that of its sibling
    XML_MENDED = "xml_mended"
    ENCODING_MENDED = "encoding_mended"
    FIELD_MISSING = "field_missing"
    STATUS_UNKNOWN = "status_unknown"
    TYPE_UNKNOWN = "type_unknown"
    TIME_MENDED = "time_mended"
    TIME_WITHOUT_ZONE = "time_without_zone"
    TIME_UNREADABLE = "time_unreadable"
    REFERENCE_PARTIAL = "reference_partial"
    REFERENCE_MISSING = "reference_missing"
    LEVEL_CONTRADICTED = "level_contradicted"  # green but severe: the severity counts
    SHORTENED = "shortened"  # more blocks, areas, codes, references or text than are kept


class MessageType(StrEnum):
    """CAP `msgType`. Ack and Error are talk between systems and are not kept."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class WarningLevel(StrEnum):
    """Colour of the Chinese warning scale, which CAP's severity is mapped to where no colour is named."""

    GREEN = "green"  # the absence of a warning
    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 unknown or green, 1 blue ... 4 red."""
        order = (WarningLevel.UNKNOWN, WarningLevel.BLUE, WarningLevel.YELLOW, WarningLevel.ORANGE, WarningLevel.RED)
        return 0 if self is WarningLevel.GREEN else order.index(self)


class WarningId(NamedTuple):
    """The permanent identity of a message. `sent` is UTC."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent.isoformat()}"


@dataclass(frozen=True, slots=True)
class WarningArea:
    """The area of a warning.

    `polygons`: rings of (lon, lat), WGS-84, closed. `circles`: (lon, lat, radius in km). `geocodes`: (name, code).
    `unknown`: part of it could not be read, so the warning may apply in more places. `outlines`: rings around shapes
    too complex to store: the warning applies nowhere outside of them, and perhaps not everywhere within.
    """

    description: str
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()
    unknown: bool = False
    outlines: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class WarningInfo:
    """One info block. `over`: it announces that there is no danger (any more): all clear, past, green."""

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
    language: str = ""
    event_codes: tuple[tuple[str, str], ...] = ()
    over: bool = False

    @property
    def ends(self) -> datetime:
        """`expires`, or where none is given `HOLDS_WITHOUT_END` after the onset."""
        return self.expires if self.expires is not None else self.onset + HOLDS_WITHOUT_END

    def holds(self, now: datetime) -> bool:
        """True if it warns of a danger and has not expired."""
        return not self.over and now < self.ends


@dataclass(frozen=True, slots=True)
class HazardWarning:
    """One message. `id` is the store's number, 0 before it is stored; `origin` names the adapter or user it came by.

    `infos`: its blocks. `event`, `level`, times and texts are those of the leading block: the most severe one in force
    when the message was read; `areas` are those of all blocks. `quarantined_at`: the stored message cannot be used, so
    it triggers nothing.
    """

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
    infos: tuple[WarningInfo, ...] = ()
    notes: tuple[WarningNote, ...] = ()
    quarantined_at: datetime | None = None
    id: int = 0

    @property
    def blocks(self) -> Sequence[WarningInfo]:
        """Its info blocks; for a message stored without them, one block made from its own fields."""
        return self.infos or (
            WarningInfo(
                self.event,
                self.level,
                self.severity,
                self.urgency,
                self.certainty,
                self.effective,
                self.onset,
                self.expires,
                self.areas,
                self.headline,
                self.language,
                self.event_codes,
                over=self.level is WarningLevel.GREEN,
            ),
        )

    @property
    def is_doubtful(self) -> bool:
        """True if it is uncertain whether the message is meant, so that a human must decide."""
        return not {WarningNote.STATUS_UNKNOWN, WarningNote.TYPE_UNKNOWN}.isdisjoint(self.notes)

    def holding(self, now: datetime) -> Sequence[WarningInfo]:
        """The blocks in force now; none when the message is superseded, cancelled, quarantined or a Cancel."""
        ended = (self.superseded_at, self.cancelled_at, self.quarantined_at)
        if any(at is not None for at in ended) or self.message_type is MessageType.CANCEL:
            return ()
        return [block for block in self.blocks if block.holds(now)]

    def is_in_force(self, now: datetime) -> bool:
        """True if any of its blocks is in force now."""
        return bool(self.holding(now))
