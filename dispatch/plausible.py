"""Plausibility of a location that a device or a person sent.

Satellite receivers without a fix report 0/0, phones jump by hundreds of kilometres, browsers know only the provider's
town. An implausible location is kept with the reason and is not used.
"""

from __future__ import annotations

from datetime import datetime

from data.config.settings import Settings
from data.model.geo import Location, distance_m, is_null_island
from data.model.people import TrackPoint
from data.ports.store import Reader

JUMP_ALLOWANCE_M = 500.0
"""A shorter jump is the receiver's noise, whatever speed it would mean."""


def place_doubt(place: Location, settings: Settings) -> str:
    """Why this location cannot be in the district; empty when it can."""
    if is_null_island(place):
        return "0/0 is what a receiver says that knows no place"
    nearest_m = min((distance_m(place, site.location) for site in settings.sites), default=0.0)
    limit_km = settings.dispatch.area_km
    if nearest_m > limit_km * 1000:
        return f"{nearest_m / 1000:.0f} km from the nearest site, limit {limit_km:g} km"
    return ""


def position_doubt(reader: Reader, responder_id: str, at: datetime, place: Location, settings: Settings) -> str:
    """Why the responder cannot be there at that time; empty if plausible. Raises NotFound.

    A jump faster than anybody travels waits for the next position: if that one agrees, the responder is there, and the
    earlier position was wrong.
    """
    doubt = place_doubt(place, settings)
    if doubt:
        return doubt
    responder = reader.responder(responder_id)
    configured = next((one.location for one in settings.responders if one.id == responder_id), None)
    known, known_at = responder.position, responder.position_at
    # A configured location, or one set by the demo city, is not a position that somebody travelled from.
    if settings.demo or known is None or known_at is None or known == configured or at <= known_at:
        return ""
    limit_kmh = settings.dispatch.position_max_kmh
    jump = _jump(known, known_at, place, at, limit_kmh)
    if not jump:
        return ""
    before = next(iter(reader.track(responder_id, limit=1)), None)
    return "" if before is not None and _agrees(before, place, at, settings) else jump


def _agrees(before: TrackPoint, place: Location, at: datetime, settings: Settings) -> bool:
    """True if the last position, doubted only for its jump, lies near the new one."""
    if not before.doubt or before.at >= at or place_doubt(before.location, settings):
        return False
    return not _jump(before.location, before.at, place, at, settings.dispatch.position_max_kmh)


def _jump(start: Location, since: datetime, end: Location, until: datetime, limit_kmh: float) -> str:
    """Why nobody can have travelled between two positions in this time; empty if plausible."""
    way_m, took_s = distance_m(start, end), (until - since).total_seconds()
    if way_m <= JUMP_ALLOWANCE_M + limit_kmh / 3.6 * took_s:
        return ""
    return f"a jump of {way_m / 1000:.1f} km in {took_s:.0f} s, limit {limit_kmh:g} km/h"
