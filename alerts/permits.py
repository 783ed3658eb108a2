"""Permits of vehicles: who may drive where others may not, from when to when, and at which hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from alerts.schedule import Hours, in_force
from data.model.vehicle import LONGEST_PLATE, PermitState, plate_of

MOST_PERMITS = 5000
Plate = Annotated[str, Field(min_length=1, max_length=LONGEST_PLATE, description="Number plate, or terminal's id.")]


class Permit(BaseModel):
    """What one vehicle is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    plate: Plate
    since: Annotated[
        AwareDatetime | None, Field(alias="from", description="Valid from then, with offset; always when left out.")
    ] = None
    until: Annotated[AwareDatetime | None, Field(description="Valid until then; without end when left out.")] = None
    during: Annotated[tuple[Hours, ...], Field(description="At these hours only; always when empty.")] = ()

    @field_validator("plate")
    @classmethod
    def _as_compared(cls, plate: str) -> str:
        known = plate_of(plate)
        if not known:
            raise ValueError(f"{plate!r} is no plate")
        return known

    @field_validator("since", "until")
    @classmethod
    def _in_utc(cls, at: datetime | None) -> datetime | None:
        """The state of a rule is kept for replay with Python's own time zones only."""
        return None if at is None else at.astimezone(UTC)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Permit:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError(f"until: the permit of {self.plate} ends before it begins")
        return self


class Permits:
    """The permits of one rule, by plate."""

    def __init__(self, permits: Iterable[Permit], zone: ZoneInfo) -> None:
        self._zone = zone
        self._of: dict[str, list[Permit]] = {}
        for permit in permits:
            self._of.setdefault(permit.plate, []).append(permit)

    def allows(self, plate: str, at: datetime) -> bool:
        """Does a permit of this vehicle hold at this moment?"""
        return any(self._holds(permit, at) and self._in_hours(permit, at) for permit in self._of.get(plate, ()))

    def state(self, plate: str, at: datetime) -> tuple[PermitState, datetime | None]:
        """Why no permit holds, and until when the one that comes nearest is valid."""
        permits: Sequence[Permit] = self._of.get(plate, ())
        if not permits:
            return PermitState.NONE, None
        holding = [permit for permit in permits if self._holds(permit, at)]
        if holding:
            return PermitState.OUT_OF_HOURS, _latest(holding)
        over = [permit for permit in permits if permit.until is not None and permit.until <= at]
        return (PermitState.EXPIRED, _latest(over)) if over else (PermitState.NOT_YET, _latest(permits))

    @staticmethod
    def _holds(permit: Permit, at: datetime) -> bool:
        return (permit.since is None or permit.since <= at) and (permit.until is None or at < permit.until)

    def _in_hours(self, permit: Permit, at: datetime) -> bool:
        return in_force(permit.during, at, self._zone)


def _latest(permits: Iterable[Permit]) -> datetime | None:
    """The last end; None where one has no end."""
    ends = [permit.until for permit in permits]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
