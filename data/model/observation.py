"""Observations: Detections, a Reading or a Position, and the Tick that marks the passing of time.

Terms follow OGC SensorThings and SOSA (Observation, phenomenon time, quantity) and computer vision usage (`xyxy`,
`track_id`). Every time is timezone-aware UTC and is the time of the phenomenon, never of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.model.forecast import Travel

HISTORY_AFTER = timedelta(hours=12)
"""A reading that is older than this when it arrives is stored and not judged: it is history.

As long as the longest window of the usual rain bands, so that readings that a gauge sends after a night without
connection still count there.
"""

Boxes = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]


def require_utc(at: datetime, what: str) -> None:
    """Raise ValueError unless `at` is timezone-aware with offset zero."""
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"{what} must be timezone-aware UTC, got {at.isoformat()}")


class EarlierSight(NamedTuple):
    """An uncertain detection of an object, before its first certain one."""

    at: datetime
    xyxy: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One object in one picture. `xyxy`: left, top, right, bottom as fractions of width and height.

    appearance: float32 (k,), where the detector gives it; not part of equality.
    earlier: only with the first certain detection of an object: the uncertain ones before it, oldest first.
    """

    xyxy: tuple[float, float, float, float]
    confidence: float
    label: str
    track_id: int | None
    appearance: Vectors | None = field(default=None, compare=False, repr=False)
    earlier: tuple[EarlierSight, ...] = field(default=(), compare=False, repr=False)

    @property
    def foot(self) -> tuple[float, float]:
        """Bottom centre of the box, the point on the ground (fractions of the picture)."""
        return ((self.xyxy[0] + self.xyxy[2]) / 2, self.xyxy[3])


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Every object found in one picture of one site; empty when nothing was found.

    xyxy: float32 (n, 4), left, top, right, bottom as fractions of the picture (0..1).
    confidence: float32 (n,), 0..1. labels: n class names. track_id: int64 (n,), -1 where not tracked.
    aspect: width / height of the picture in pixels, so that rules can measure in box heights.
    appearance: float32 (n, k), a small appearance vector of each object; None where the detector gives none.
    earlier: by `track_id`, the uncertain detections before the first certain one.
    Raises ValueError, naming expected and actual shape, when the parts do not fit each other.
    """

    site: str
    at: datetime
    xyxy: Boxes
    confidence: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    track_id: npt.NDArray[np.int64]
    aspect: float = 16 / 9
    appearance: Vectors | None = None
    earlier: Mapping[int, tuple[EarlierSight, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_utc(self.at, "Detections.at")
        n = len(self.labels)
        shapes: dict[str, tuple[int, ...]] = {"xyxy": (n, 4), "confidence": (n,), "track_id": (n,)}
        if self.appearance is not None:
            shapes["appearance"] = (n, *self.appearance.shape[1:2])
        for name, expected in shapes.items():
            actual = getattr(self, name).shape
            if actual != expected:
                raise ValueError(f"Detections.{name}: expected shape {expected}, got {actual}")

    @classmethod
    def of(cls, site: str, at: datetime, found: list[Detection], aspect: float = 16 / 9) -> Detections:
        """The container from single detections (any number, also none); appearance only if all have one."""
        looks = [d.appearance for d in found if d.appearance is not None]
        return cls(
            site=site,
            at=at,
            xyxy=np.array([d.xyxy for d in found], dtype=np.float32).reshape(len(found), 4),
            confidence=np.array([d.confidence for d in found], dtype=np.float32),
            labels=tuple(d.label for d in found),
            track_id=np.array([-1 if d.track_id is None else d.track_id for d in found], dtype=np.int64),
            aspect=aspect,
            appearance=np.stack(looks).astype(np.float32) if looks and len(looks) == len(found) else None,
            earlier={d.track_id: d.earlier for d in found if d.earlier and d.track_id is not None},
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Detection]:
        for i, label in enumerate(self.labels):
            left, top, right, bottom = (float(v) for v in self.xyxy[i])
            track = int(self.track_id[i])
            box, looks = (left, top, right, bottom), None if self.appearance is None else self.appearance[i]
            known = None if track < 0 else track
            yield Detection(box, float(self.confidence[i]), label, known, looks, self.earlier.get(track, ()))

    @property
    def feet(self) -> Boxes:
        """Bottom centres, float32 (n, 2), as fractions of the picture."""
        centre = (self.xyxy[:, 0] + self.xyxy[:, 2]) / 2
        return np.stack([centre, self.xyxy[:, 3]], axis=1)


class Quality(StrEnum):
    """The quality of a reading."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    SUSPECT = "suspect"
    """An impossible jump: judged only when the next reading confirms it."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value of one quantity at one site.

    `value` is in the quantity's own unit (`data.model.units.UNIT_OF`), converted by the adapter that read it.
    `uncertainty` is one standard deviation in the same unit where known. `vertical_datum` names the zero of
    a water level. Readings of quality BAD are stored and not judged; SUSPECT marks an impossible jump.

    `first_value`: the value first given for this time, if it was corrected since (`corrections` times).
    """

    site: str
    monitor: str
    quantity: str
    value: float
    at: datetime
    quality: Quality = Quality.GOOD
    uncertainty: float | None = None
    vertical_datum: str | None = None
    first_value: float | None = field(default=None, compare=False)
    corrections: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        require_utc(self.at, "Reading.at")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a vehicle was, WGS-84 degrees, as its terminal told.

    `vehicle`: its plate, or the id of its terminal. `heading_deg`: clockwise from north.
    """

    site: str
    monitor: str
    vehicle: str
    lon: float
    lat: float
    at: datetime
    speed_kmh: float | None = None
    heading_deg: float | None = None

    def __post_init__(self) -> None:
        require_utc(self.at, "Position.at")


Sensed = Reading | Position
"""What a sensor gives, one at a time."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input that a monitor received and could not use; stored and counted, never judged. Contains no secret."""

    site: str
    monitor: str
    received_at: datetime
    reason: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class DamagedInput(Rejected):
    """Input that was stored and is no longer what was written: the disk has changed it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One second at one site. `observable`: whether the site's monitor could be read then.

    modes: the city's modes that are on, by name (`data.stored.modes`).
    travel: by rule, how long whoever it needs travels to the site (`data.stored.travel`); what was told before where
    nothing is said.
    """

    site: str
    at: datetime
    observable: bool = field(default=True)
    modes: frozenset[str] = frozenset()
    travel: Mapping[str, Travel] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        require_utc(self.at, "Tick.at")


Observation = Detections | Reading | Position
