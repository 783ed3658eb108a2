"""What the scripts need to know before anything happens: words, sites, zones, people. No secret, no device address."""

from __future__ import annotations

from typing import Any

from data.settings import SiteSettings
from data.units import UNIT_OF
from layouts.context import ScreenContext
from layouts.limits import limits_of
from layouts.words import LANGUAGE_COOKIE, tables


def page_data(screens: ScreenContext) -> dict[str, Any]:
    """JSON for the page; the same for every visitor."""
    settings = screens.settings
    return {
        "words": tables(),
        "language": settings.language,
        "language_cookie": LANGUAGE_COOKIE,
        "timezone": settings.timezone,
        "sites": [site_data(site) for site in settings.sites],
        "responders": [{"id": r.id, "name": r.name, "team": r.team} for r in settings.responders],
        "units": dict(UNIT_OF),
        "shelve_at_most": {role.value: span.total_seconds() for role, span in settings.alarms.shelve_at_most.items()},
    }


def site_data(site: SiteSettings) -> dict[str, Any]:
    """A site as the screens draw it. Only what is named here leaves: monitors hold addresses of devices."""
    return {
        "id": site.id,
        "name": site.name,
        "lon": site.location.lon,
        "lat": site.location.lat,
        "grid": site.grid,
        "camera": site.camera is not None,
        "gauges": bool(site.sensors),
        "zones": [{"id": zone.id, "polygon": [list(corner) for corner in zone.polygon]} for zone in site.zones],
        "limits": [{"quantity": one.quantity, "value": one.value, "priority": one.priority} for one in limits_of(site)],
        "rules": [{"id": rule.name, "kind": rule.kind} for rule in site.rules],
    }
