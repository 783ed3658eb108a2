"""How inspections stand: coverage with its denominators, who is overdue by name, hazards that come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from data.config.inspections import InspectedPlace
from data.config.settings import Settings
from data.model.inspection import Inspection, InspectionState, inspection_view
from data.model.task import Event
from data.model.views import iso
from data.ports.store import Reader
from dispatch.inspection_people import InCharge, in_charge
from dispatch.inspection_reports import AHEAD

MOST_OVERDUE = 1000


def standing(
    reader: Reader, settings: Settings, since: datetime, now: datetime, names: Mapping[str, str]
) -> dict[str, Any]:
    """The figures as JSON. `since`: places inspected from then on count as inspected. `names`: of people."""
    charge = in_charge(reader, settings)
    places = settings.inspections.by_id
    rows = [row for row in reader.open_inspections() if row.place in places]
    done = reader.inspections_done(since, now + AHEAD)
    last = {place: at for place, at in reader.last_inspected().items() if at >= since}
    grids = {row.place: row.grid for row in rows if not row.is_recheck}
    overdue = [row for row in rows if row.state is InspectionState.OVERDUE]
    return {
        "since": iso(since),
        "whole": _counts(places.values(), rows, last),
        "types": [
            {"type": name, "zh": kind.zh, "en": kind.en, **_counts(own, rows, last)}
            for name, kind in settings.inspections.types.items()
            if (own := [place for place in places.values() if place.type == name])
        ],
        "grids": _grids(places.values(), grids, rows, last, charge, names),
        "overdue": [
            overdue_view(row, names, charge, now) for row in sorted(overdue, key=lambda one: one.due)[:MOST_OVERDUE]
        ],
        "more_overdue": max(0, len(overdue) - MOST_OVERDUE),
        "hazards": _hazards(reader, done),
        "repeats": _repeats(reader, done, settings),
    }


def overdue_view(row: Inspection, names: Mapping[str, str], charge: InCharge, now: datetime) -> dict[str, Any]:
    """An open inspection with who is in charge, and since when it is overdue."""
    people = charge.people(row.grid)
    return inspection_view(row, names) | {
        "people": [{"id": one, "name": names.get(one, one)} for one in people],
        "late_s": max(0.0, (now - row.due).total_seconds()),
    }


def _counts(
    places: Iterable[InspectedPlace], rows: Sequence[Inspection], last: Mapping[str, datetime]
) -> dict[str, int]:
    """Of these places: how many there are, were inspected in the span, are due and overdue; re-checks by themselves."""
    own = {place.id for place in places}
    states = Counter(row.state for row in rows if row.place in own and not row.is_recheck)
    rechecks = [row for row in rows if row.place in own and row.is_recheck]
    return {
        "places": len(own),
        "inspected": len(own & last.keys()),
        "due": states[InspectionState.DUE],
        "overdue": states[InspectionState.OVERDUE],
        "rechecks": len(rechecks),
        "rechecks_overdue": sum(row.state is InspectionState.OVERDUE for row in rechecks),
    }


def _grids(  # noqa: PLR0917 - places and rows, and who is in charge of them
    places: Iterable[InspectedPlace],
    grids: Mapping[str, str],
    rows: Sequence[Inspection],
    last: Mapping[str, datetime],
    charge: InCharge,
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    of_grid: dict[str, list[InspectedPlace]] = {}
    for place in places:
        of_grid.setdefault(place.grid or grids.get(place.id, ""), []).append(place)
    return [
        {
            "grid": grid,
            "name": charge.name(grid),
            "people": [{"id": one, "name": names.get(one, one)} for one in charge.people(grid)],
            **_counts(own, rows, last),
        }
        for grid, own in sorted(of_grid.items())
    ]


def _hazards(reader: Reader, done: Sequence[Inspection]) -> dict[str, int]:
    """Hazards found in the span, and how many of their events are still open."""
    events = {one.event for row in done if not row.is_recheck for one in row.hazards if one.event is not None}
    still = sum(reader.event(number).is_open for number in events)
    return {"found": len(events), "open": still, "closed": len(events) - still}


def _repeats(reader: Reader, done: Sequence[Inspection], settings: Settings) -> list[dict[str, Any]]:
    """Hazards that were found again, the newest first, each with the event that it repeats."""
    found = []
    for row in done:
        kind = settings.inspections.types.get(row.type)
        for one in row.hazards if not row.is_recheck else ():
            if one.again is None or one.event is None:
                continue
            item = None if kind is None else kind.item(one.item)
            event: Event = reader.event(one.event)
            found.append(
                {
                    "inspected_place": row.place,
                    "name": row.name,
                    "item": one.item,
                    "zh": one.item if item is None else item.zh,
                    "en": one.item if item is None else item.en,
                    "at": iso(row.done_at),
                    "event": one.event,
                    "again": one.again,
                    "event_state": event.state.value,
                }
            )
    return found
