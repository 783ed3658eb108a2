"""Cases that came from other systems, and the personal values that came with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from data.model.people import Role


@dataclass(frozen=True, slots=True)
class ReceivedCase:
    """A message of another system that became an event.

    `key`: SHA-256 of the other system's id, by which a second message is known. `reference`: that id as it may be
    shown. `deleted_at`: when the personal values were deleted.
    """

    source: str
    key: str
    reference: str
    event_id: int
    received_at: datetime
    delete_at: datetime
    deleted_at: datetime | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class PersonalValue:
    """A personal value of an event. `roles`: to whom it may be shown, as the mapping said when it came.

    Its `repr` leaves the value out, so that no log and no error shows it.
    """

    event_id: int
    field: str
    zh: str
    en: str
    roles: frozenset[Role]
    value: str
    id: int = 0

    def __repr__(self) -> str:
        return f"PersonalValue(event_id={self.event_id}, field={self.field!r})"


@dataclass(frozen=True, slots=True)
class ReceivedCount:
    """How many cases came from one source, and when the newest did."""

    source: str
    count: int
    last_at: datetime


def key_of(external_id: str) -> str:
    return hashlib.sha256(external_id.encode("utf-8", "surrogatepass")).hexdigest()
