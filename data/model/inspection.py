"""Inspection 巡查: one visit to a place that is due by its calendar, ahead of rain, or to check a hazard again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from data.model.geo import Location
from data.model.views import iso


class InspectionState(StrEnum):
    """State of an inspection. Derived from recorded times."""

    WAITING = "waiting"  # not on the list yet
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"
    DROPPED = "dropped"  # the place is not inspected any more, or the hazard's event has ended otherwise


class InspectionReason(StrEnum):
    """Why a place is inspected."""

    CALENDAR = "calendar"
    RAIN = "rain"  # brought forward ahead of bad weather
    RECHECK = "recheck"  # somebody else looks whether a hazard is set right


class Found(StrEnum):
    """What was found of one item."""

    OK = "ok"
    HAZARD = "hazard"
    NONE = "none"  # does not apply at this place


@dataclass(frozen=True, slots=True)
class Finding:
    """One item of a filled-in checklist. `event`: the event of the hazard; `again`: it was found here before."""

    item: str
    found: Found
    note: str = ""
    event: int | None = None
    again: int | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One inspection of one place; at most one that is no re-check is open at a place.

    `opens`: from when it is on the list; `due`: by when it is to be done; both may move until it is done. `done_at`:
    when the form was filled in at the place, which may be before it reached the server. `event_id`: of a re-check, the
    hazard's event. `position`, `accuracy_m`, `distance_m`: where the form was filled in, and how far from the place.
    """

    place: str
    type: str
    name: str
    location: Location
    made_at: datetime
    opens: datetime
    due: datetime
    reason: InspectionReason = InspectionReason.CALENDAR
    grid: str = ""
    opened_at: datetime | None = None
    overdue_at: datetime | None = None
    done_at: datetime | None = None
    dropped_at: datetime | None = None
    done_by: str = ""
    findings: tuple[Finding, ...] = ()
    note: str = ""
    photo: str | None = None
    position: Location | None = None
    accuracy_m: float | None = None
    distance_m: float | None = None
    event_id: int | None = None
    id: int = 0
    version: int = 0

    @property
    def state(self) -> InspectionState:
        ends = (
            (self.dropped_at, InspectionState.DROPPED),
            (self.done_at, InspectionState.DONE),
            (self.overdue_at, InspectionState.OVERDUE),
            (self.opened_at, InspectionState.DUE),
        )
        return next((state for at, state in ends if at is not None), InspectionState.WAITING)

    @property
    def is_open(self) -> bool:
        return self.done_at is None and self.dropped_at is None

    @property
    def is_recheck(self) -> bool:
        return self.reason is InspectionReason.RECHECK

    @property
    def was_late(self) -> bool:
        """True if it was done after it was due."""
        return self.done_at is not None and self.done_at > self.due

    @property
    def hazards(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.found is Found.HAZARD)


def inspection_view(inspection: Inspection, names: Mapping[str, str]) -> dict[str, Any]:
    """An inspection as JSON. `names`: of people, by their ids."""
    return {
        "id": inspection.id,
        "inspected_place": inspection.place,
        "name": inspection.name,
        "type": inspection.type,
        "reason": inspection.reason.value,
        "state": inspection.state.value,
        "grid": inspection.grid,
        "location": {"lon": inspection.location.lon, "lat": inspection.location.lat},
        "opens": iso(inspection.opens),
        "due": iso(inspection.due),
        "overdue_at": iso(inspection.overdue_at),
        "done_at": iso(inspection.done_at),
        "late": inspection.was_late,
        "done_by": inspection.done_by,
        "done_by_name": names.get(inspection.done_by, inspection.done_by),
        "findings": [
            {"item": one.item, "found": one.found.value, "note": one.note, "event": one.event, "again": one.again}
            for one in inspection.findings
        ],
        "note": inspection.note,
        "photo": inspection.photo,
        "accuracy_m": inspection.accuracy_m,
        "distance_m": inspection.distance_m,
        "event": inspection.event_id,
        "version": inspection.version,
    }
