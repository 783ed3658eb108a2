"""What the two streams of one camera must know of each other while the substream is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class MainPictures:
    """The main stream's. `size`: its pictures' width and height; zeros before it is open. `given_at`: time of the
    newest one that was given."""

    size: tuple[int, int] = (0, 0)
    given_at: datetime = field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))
