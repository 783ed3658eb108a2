"""What the scripts need to know before anything happens: sites, zones, people. No secret, no device address."""

from __future__ import annotations

from typing import Any

from data.config.settings import SiteSettings
from data.model.people import Action, Role, User, may
from data.model.units import UNIT_OF
from layouts.context import ScreenContext
from layouts.limits import limits_of
from layouts.words import LANGUAGE_COOKIE

LENT_ACTIONS = (Action.ACKNOWLEDGE.value, Action.DISPATCH.value)
"""What an officer may do at a wall's screen, with name and password (`web/wall_screens.py`)."""


def page_data(screens: ScreenContext, user: User) -> dict[str, Any]:
    """JSON for the page of this user: nothing of sites and people for a role that may not read them."""
    settings = screens.settings.seen_by(user.role)
    reads = may(user.role, Action.READ)
    cameras = settings.cameras_of(user)
    return {
        "base": screens.base,
        "language": settings.language,
        "language_cookie": LANGUAGE_COOKIE,
        "timezone": settings.timezone,
        "sites": [site_data(site, watched=site.id in cameras) for site in settings.sites if reads],
        "responders": [{"id": r.id, "name": r.name, "team": r.team} for r in settings.responders if reads],
        "kiosk": {"lends": list(LENT_ACTIONS)} if user.role is Role.WALL else None,
        "units": dict(UNIT_OF),
        "vehicles": reads and any(one.gives == "positions" for site in settings.sites for one in site.sensors),
        "undo_within_s": settings.alarms.undo_within.total_seconds(),
        "shelve_at_most": {role.value: span.total_seconds() for role, span in settings.alarms.shelve_at_most.items()},
    }


def site_data(site: SiteSettings, *, watched: bool = True) -> dict[str, Any]:
    """A site as the screens draw it; `watched`: may the visitor see its camera?

    Only what is named here leaves: monitors hold addresses of devices.
    """
    every = site.camera.picture_every if site.camera is not None else None
    return {
        "id": site.id,
        "name": site.name,
        "lon": site.location.lon,
        "lat": site.location.lat,
        "grid": site.grid,
        "camera": site.camera is not None and watched,
        "picture_every_s": every.total_seconds() if every is not None else None,
        "gauges": any(one.gives != "positions" for one in site.sensors),
        "zones": [{"id": zone.id, "polygon": [list(corner) for corner in zone.polygon]} for zone in site.zones],
        "limits": [{"quantity": one.quantity, "value": one.value, "priority": one.priority} for one in limits_of(site)],
        "rules": [{"id": rule.name, "kind": rule.kind} for rule in site.rules],
    }
