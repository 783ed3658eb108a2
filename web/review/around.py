"""What happened around the subject: the same again at the same place, and what nobody could see meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.model.alert import CENTRE
from data.model.geo import box_around, distance_m
from data.model.views import iso
from data.ports.store import AlertQuery, Reader
from data.stored.recording_gaps import gaps_of
from web.review.subject import MOST, Found, Names, alert_told, event_told

NEAR_M = 1000.0  # what was blind so near is told with an event
NEAR_SITES, OF_A_SITE = 30, 20
BLINDING = ("camera_health", "live_recall", "silence", "stuck", "out_of_range", "recording", "sensor_fault")
"""Kinds of alerts that say that a camera or gauge could not be relied on."""


def recurrences(reader: Reader, found: Found, settings: Settings, names: Names) -> list[dict[str, Any]]:
    """Events of the same kind at the same place within the time of `cases.recurrence_within` before and after."""
    cases = settings.cases
    of = [found.event] if found.event is not None else list(found.events)
    told: dict[int, dict[str, Any]] = {}
    for event in of:
        span = (event.opened_at - cases.recurrence_within, event.opened_at + cases.recurrence_within)
        box = box_around(event.location, cases.recurrence_radius_m)
        for one in reader.events_nearby(event.kind, box, *span, limit=MOST["recurrences"] + 1):
            distance = distance_m(one.location, event.location)
            if one.id != event.id and one.id not in told and distance <= cases.recurrence_radius_m:
                more = {"distance_m": round(distance), "repeats": event.id, "before": one.opened_at < event.opened_at}
                told[one.id] = event_told(one, names) | more
    if found.event is None and len(found.alerts) == 1:
        alert = found.alerts[0]
        since = alert.raised_at - cases.recurrence_within
        again = AlertQuery(
            site=alert.key.site, of=(alert.key.rule,), since=since, until=found.until, limit=MOST["recurrences"] + 2
        )
        for same in reader.alerts(again):
            if same.id != alert.id:
                told[-same.id] = alert_told(same, names) | {
                    "title": "",
                    "opened_at": iso(same.raised_at),
                    "before": same.raised_at < alert.raised_at,
                }
    return list(found.cut("recurrences", sorted(told.values(), key=lambda one: str(one["opened_at"]))))


def blind(reader: Reader, found: Found, settings: Settings, names: Names, now: datetime) -> list[dict[str, Any]]:
    """Cameras and gauges that were lost, covered, stuck or silent in the time; of an event those near its place."""
    places = _near(found, settings)
    told = [*_alerts(reader, found, places)]
    known = {(one["site"], str(one["since"])[:16]) for one in told}  # of the same loss, to the minute
    sites = places if places is not None else [site.id for site in settings.sites]
    told += [one for one in _losses(reader, found, sites) if (one["site"], str(one["since"])[:16]) not in known]
    told += _gaps(reader, found, now)
    in_order = sorted(told, key=lambda one: (str(one["since"]), str(one["site"])))
    return [one | {"site_name": names.site(one["site"])} for one in found.cut("blind", in_order)]


def _alerts(reader: Reader, found: Found, places: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    span = (BLINDING, found.since, found.until)
    if places is None:
        alerts = list(reader.alerts_standing(*span, limit=MOST["blind"] + 1))
    else:
        alerts = [one for site in places for one in reader.alerts_standing(*span, site=site, limit=OF_A_SITE)]
    for one in alerts:
        yield _one(one.key.site, one.kind, iso(one.started_at), iso(one.ended_at), label=one.label, alert=one.id)


def _losses(reader: Reader, found: Found, sites: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Losses of the source, of which the newest ten are kept with each site."""
    first, last = str(iso(found.since)), str(iso(found.until))
    for site, kept in _health(reader, sites).items():
        for loss in kept:
            begun, ends = str(loss.get("at") or ""), loss.get("until")
            if begun and begun < last and (ends is None or str(ends) >= first):
                yield _one(site, "lost", begun, ends, cause=str(loss.get("cause") or ""))


def _gaps(reader: Reader, found: Found, now: datetime) -> Iterator[dict[str, Any]]:
    for site in found.sites[:NEAR_SITES]:
        for since, until in gaps_of(reader, site, now):
            if since < found.until and until >= found.since:
                yield _one(site, "recording", iso(since), iso(until), label="gap")


def _one(
    site: str,
    kind: str,
    since: str | None,
    until: str | None,
    *,
    label: str = "",
    cause: str = "",
    alert: int | None = None,
) -> dict[str, Any]:
    told = {"site": site, "kind": kind, "label": label, "cause": cause, "since": since, "until": until}
    return told if alert is None else told | {"alert": alert}


def _near(found: Found, settings: Settings) -> list[str] | None:
    """The sites near an event, the nearest first, and the centre; None: every site."""
    if found.counts is not None:
        return None
    if found.location is None:
        return [*found.sites, CENTRE]
    place = found.location
    near = sorted((distance_m(site.location, place), site.id) for site in settings.sites)
    close = [site for metres, site in near if metres <= NEAR_M][:NEAR_SITES]
    return list(dict.fromkeys([*found.sites, *close, CENTRE]))


def _health(reader: Reader, sites: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for first in range(0, len(sites), 500):
        part = [f"health:{site}" for site in sites[first : first + 500]]
        for name, kept in reader.values(part).items():
            losses = kept.get("losses") if isinstance(kept, Mapping) else None
            if isinstance(losses, list):
                found[name.partition(":")[2]] = [one for one in losses if isinstance(one, Mapping)]
    return found
