"""The limits that threshold rules set, each band its own, for the curves to be seen against."""

from __future__ import annotations

from typing import NamedTuple

from alerts.threshold import Recipe as ThresholdRecipe
from data.config.settings import SiteSettings
from data.model.alert import Priority


class Limit(NamedTuple):
    """`value` in the quantity's own unit (`data.model.units.UNIT_OF`)."""

    quantity: str
    value: float
    priority: Priority


def limits_of(site: SiteSettings) -> tuple[Limit, ...]:
    """Every limit at a site, by quantity and value."""
    rules = [rule for rule in site.rules if isinstance(rule, ThresholdRecipe)]
    return tuple(sorted({Limit(rule.quantity, rung.limit, rung.priority) for rule in rules for rung in rule.rungs}))
