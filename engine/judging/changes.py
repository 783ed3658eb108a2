"""What a new version of the settings changes at one site, and how much of what runs there goes on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from alerts.camera_health import RULE as HEALTH
from alerts.live_recall import RULE as RECALL
from data.config.settings import Settings, SiteSettings
from data.model.alert import AlertKey, Because
from data.model.place import Place
from data.model.zone import Zone
from engine.recording.ask import records


class Extent(IntEnum):
    """How far a change goes; each takes in what those before it mean."""

    UNCHANGED = 0
    RULES = 1  # or only words and zones: the detectors go on with whom they follow, and unchanged rules as they are
    DETECTORS = 2  # what follows objects begins anew: unchanged rules go on as after a restart
    CAMERA = 3  # the camera is opened anew
    ADDED = 4
    REMOVED = 5


@dataclass(frozen=True, slots=True)
class SiteChange:
    """`dropped`: rules of the settings before, by name, of which nothing goes on, and why: their open alerts end."""

    extent: Extent
    dropped: Mapping[str, Because] = field(default_factory=lambda: MappingProxyType({}))


def site_change(before: SiteSettings | None, after: SiteSettings | None) -> SiteChange:
    """What is to be done about a camera's site. None: there is none, or none with a camera."""
    if before is None or after is None:
        if before is not None:
            return SiteChange(Extent.REMOVED, dict.fromkeys(_rules(before), Because.SITE_REMOVED))
        return SiteChange(Extent.UNCHANGED if after is None else Extent.ADDED)
    if before == after:
        return SiteChange(Extent.UNCHANGED)
    dropped = dropped_rules(before, after)
    if before.camera != after.camera:
        extent = Extent.CAMERA
    elif _seen_by(before) != _seen_by(after):
        extent = Extent.DETECTORS
    else:
        extent = Extent.RULES
    return SiteChange(extent, dropped)


def dropped_rules(before: SiteSettings, after: SiteSettings) -> dict[str, Because]:
    """Rules of `before` that are gone, have other settings or whose zones lie elsewhere, and why each ends.

    The camera's own alerts count as rules; their settings are the site's `health` and `live_recall`.
    """
    old, new = _rules(before), _rules(after)
    dropped: dict[str, Because] = {}
    for name, recipe in old.items():
        if name not in new:
            dropped[name] = Because.RULE_REMOVED
        elif recipe != new[name]:
            dropped[name] = Because.RULE_CHANGED
        elif _zones_of(recipe, before) != _zones_of(recipe, after):
            dropped[name] = Because.ZONE_CHANGED
    return dropped


def camera_change(before: Settings, after: Settings, site: str) -> SiteChange:
    """As `site_change`, with what is set for all sites, and whether the camera is recorded.

    How pictures are looked at (`inference`) belongs to the machine and is the same in both.
    """
    change = site_change(_camera_site(before, site), _camera_site(after, site))
    if change.extent is Extent.ADDED:
        return change
    if change.extent is Extent.REMOVED:
        stays = any(one.id == site for one in after.sites)
        return SiteChange(change.extent, dict.fromkeys(change.dropped, Because.CAMERA_REMOVED)) if stays else change
    extent = change.extent
    if _known_to_rules(before) != _known_to_rules(after):
        extent = max(extent, Extent.DETECTORS)
    if records(before, site) != records(after, site):
        extent = Extent.CAMERA
    return SiteChange(extent, change.dropped)


def why_gone(key: AlertKey, site: SiteSettings) -> Because | None:
    """Why no rule of the site watches this alert, which one of its rules has raised; None when one does."""
    if key.rule == RECALL and any(key.zone in {"", zone.id} for zone in site.zones):
        return None  # it is about any of the zones
    recipe = _rules(site).get(key.rule)
    if recipe is None:
        return Because.RULE_REMOVED
    return Because.ZONE_CHANGED if key.zone not in {"", getattr(recipe, "zone", None)} else None


@dataclass(frozen=True, slots=True)
class GaugesChange:
    """Of the gauges' side of a site that goes on. `monitors`: names of those that are opened anew, or closed.

    `anew`: its rules go on as after a restart, not as they are.
    """

    monitors: frozenset[str]
    dropped: Mapping[str, Because]
    anew: bool = False


def gauges_change(before: Settings, after: Settings, site: str) -> GaugesChange | None:
    """None when nothing changes. Raises KeyError for a site that is not in both."""
    old, new = before.site(site), after.site(site)
    anew = _known_to_rules(before) != _known_to_rules(after)
    if old == new and not anew:
        return None
    was, now = ({recipe.name: recipe for recipe in one.sensors} for one in (old, new))
    all_anew = before.timezone != after.timezone  # some stations tell local time
    monitors = frozenset(name for name in {*was, *now} if all_anew or was.get(name) != now.get(name))
    dropped = {name: why for name, why in dropped_rules(old, new).items() if name not in {HEALTH, RECALL}}
    return GaugesChange(monitors, dropped, anew)


def _camera_site(settings: Settings, site: str) -> SiteSettings | None:
    found = next((one for one in settings.sites if one.id == site), None)
    return found if found is not None and found.camera is not None else None


def _known_to_rules(settings: Settings) -> Any:
    """What rules are told of beside their site when they come alive."""
    return settings.timezone, settings.datums, settings.alarms.stale_after


def _rules(site: SiteSettings) -> dict[str, BaseModel]:
    rules: dict[str, BaseModel] = {recipe.name: recipe for recipe in site.rules}
    if site.camera is not None and site.health.enabled:
        rules[HEALTH] = site.health
    if site.camera is not None and site.live_recall.enabled:
        rules[RECALL] = site.live_recall
    return rules


def _seen_by(site: SiteSettings) -> Any:
    """What the eyes of a site are made of: its detectors with their zones, and when its camera is alarming."""
    return [(recipe, _zones_of(recipe, site)) for recipe in site.detectors], site.health


def _zones_of(recipe: BaseModel, place: Place) -> dict[str, Zone]:
    """The zones that the recipe names, in whatever setting: one that is named like a class of objects is one too many,
    which costs no more than a state."""
    named = frozenset(_texts(recipe.model_dump(mode="json")))
    return {zone.id: zone for zone in place.zones if zone.id in named}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
