"""Vehicles that tell their positions, and what an alert says of the vehicle that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

LONGEST_PLATE = 20


class PermitState(StrEnum):
    """What the list of permits says of a vehicle at the moment of its alert."""

    UNKNOWN = "unknown"  # the vehicle is not identified: a camera saw it
    NONE = "none"  # it stands in no permit
    EXPIRED = "expired"  # its newest permit has run out
    NOT_YET = "not_yet"  # its permit begins later
    OUT_OF_HOURS = "out_of_hours"  # its permit holds at other hours


@dataclass(frozen=True, slots=True)
class VehicleSight:
    """The vehicle of an alert, as its position source names it, where it was when the rule decided.

    `plate`: number plate, or the id of its terminal. `permit_until`: when the permit that comes nearest ends.
    `earlier`: alerts about the same vehicle before this one, as far back as `vehicles.repeat_within` goes, the newest
    at `last_at`.
    """

    plate: str
    lon: float
    lat: float
    speed_kmh: float | None = None
    permit: PermitState = PermitState.UNKNOWN
    permit_until: datetime | None = None
    earlier: int = 0
    last_at: datetime | None = None

    def repeated(self, earlier: int, last_at: datetime | None) -> VehicleSight:
        """The same with what is known of earlier alerts."""
        return replace(self, earlier=earlier, last_at=last_at)


def plate_of(written: str) -> str:
    """A plate as it is compared: capitals, without blanks and the dot that stands after the province's letter."""
    return "".join(sign for sign in written.upper() if not sign.isspace() and sign not in "·•.-")


def vehicle_values(vehicle: VehicleSight | None) -> dict[str, Any] | None:
    """As JSON, in the store, REST and the screens."""
    if vehicle is None:
        return None
    told = asdict(vehicle) | {"lon": round(vehicle.lon, 6), "lat": round(vehicle.lat, 6)}
    for name in ("permit_until", "last_at"):
        at: datetime | None = told[name]
        told[name] = None if at is None else at.isoformat(timespec="milliseconds")
    return told | {"permit": vehicle.permit.value}


def vehicle_of(values: Mapping[str, Any] | None) -> VehicleSight | None:
    """Back from `vehicle_values`."""
    if values is None:
        return None
    times = {
        name: None if values[name] is None else datetime.fromisoformat(values[name])
        for name in ("permit_until", "last_at")
    }
    return VehicleSight(**{**values, **times, "permit": PermitState(values["permit"])})


ONE_DRIVE = timedelta(minutes=30)
"""Alerts about one vehicle so close to each other are about one drive: two rules, or two streets."""


def drives(times: Iterable[datetime], before: datetime) -> tuple[int, datetime | None]:
    """How many drives these alerts of one vehicle were, and when the newest alert was; those of the drive that goes on
    at `before` left out."""
    count, newest, at_last = 0, None, None
    end = before
    for at in sorted(times, reverse=True):
        if count == 0 and end - at <= ONE_DRIVE:
            end = at  # the drive that goes on
            continue
        if at_last is None or at_last - at > ONE_DRIVE:
            count += 1
        newest = newest or at
        at_last = at
    return count, newest
