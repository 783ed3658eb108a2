"""Checks that the sites, rules and rain gauges to be fused exist; each problem has its place in the file."""

from __future__ import annotations

from collections.abc import Callable

from data.config.catalogue import did_you_mean
from data.config.fusion import FusedPlace
from data.config.settings import Settings

Keys = tuple[str | int, ...]
Complain = Callable[[Keys, str], None]


def check_fusion(settings: Settings, complain: Complain) -> None:
    """Report each name that does not exist to `complain`."""
    sites = {site.id: site for site in settings.sites}
    for index, place in enumerate(settings.fusion.places):
        keys: Keys = ("fusion", "places", index)
        _sites(place, list(sites), keys, complain)
        rules = [rule.name for name in place.all_sites if name in sites for rule in sites[name].rules]
        for number, rule in enumerate(place.rules):
            if rules and rule not in rules:
                complain(
                    (*keys, "rules", number),
                    f"no rule {rule!r} at {', '.join(place.all_sites)}{did_you_mean(rule, rules)}",
                )


def _sites(place: FusedPlace, known: list[str], keys: Keys, complain: Complain) -> None:
    if not place.sites and place.id not in known:
        complain((*keys, "id"), f"no site {place.id!r}{did_you_mean(place.id, known)}; or name its `sites`")
    for field, names in (("sites", place.sites), ("rain", place.rain)):
        for number, name in enumerate(names):
            if name not in known:
                complain((*keys, field, number), f"no site {name!r}{did_you_mean(name, known)}")
