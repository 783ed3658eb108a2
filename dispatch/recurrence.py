"""Recurrence (防止回潮): an event of the same kind at the same place, soon after the last one ended."""

from __future__ import annotations

from datetime import datetime

from data.config.settings import Settings
from data.model.geo import Location, box_around, distance_m
from data.model.task import Event, EventState
from data.ports.store import Reader

_ENDED_WELL = frozenset({EventState.CLOSED, EventState.REVIEWED})


def same_as(reader: Reader, kind: str, place: Location, now: datetime, settings: Settings) -> Event | None:
    """The event that this one repeats: open, or ended at most `recurrence_within` ago, within the radius."""
    cases = settings.cases
    box = box_around(place, cases.recurrence_radius_m)
    near = [
        event
        for event in reader.events_of_kind(kind, since=now - cases.recurrence_within, box=box)
        if distance_m(event.location, place) <= cases.recurrence_radius_m
        and (event.is_open or event.state in _ENDED_WELL)
    ]
    # The nearest; of two at the same place the newer one.
    return min(near, key=lambda event: (distance_m(event.location, place), -event.id), default=None)


def repeated(reader: Reader, kind: str, place: Location, now: datetime, settings: Settings) -> int | None:
    """Its id."""
    event = same_as(reader, kind, place, now, settings)
    return None if event is None else event.id
