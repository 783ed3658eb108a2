"""How long the slowest of the units that a rule needs would travel to its site, by the ranking that offers tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from data.config.settings import Settings, SiteSettings
from data.model.forecast import Travel
from data.model.task import Candidate
from data.ports.recipe import RuleRecipe, SendsAhead
from data.ports.store import Reader
from data.stored.travel import Known
from dispatch.responders import rank
from dispatch.routing import ROAD, Roads

_WHOLE_S = 30  # rounded up, so that who walks down the street is no news


def travel_times(reader: Reader, settings: Settings, roads: Roads, now: datetime) -> Known:
    """Of all rules that judge by it. Who is off shift, busy or not known to be anywhere is not reckoned with."""
    known: dict[str, dict[str, Travel]] = {}
    skills: dict[str, frozenset[str]] = {}
    for site in settings.sites:
        rules = [rule for rule in site.rules if isinstance(rule, SendsAhead)]
        if not rules:
            continue
        skills = skills or {one.id: one.skills for one in reader.responders()}
        able = _able(reader, settings, roads, site, now)
        known[site.id] = {
            rule.name: slowest(rule, [(one, skills.get(one.responder, frozenset())) for one in able], settings)
            for rule in rules
            if isinstance(rule, RuleRecipe)
        }
    return known


def slowest(rule: SendsAhead, able: Sequence[tuple[Candidate, frozenset[str]]], settings: Settings) -> Travel:
    """Of each skill the nearest, of these the slowest; the rule's own usual time where nobody has one of them."""
    usual = settings.dispatch.skills
    named = {skill for key in (rule.name, rule.kind) for skill in usual.get(key, ())}
    wanted = [frozenset({skill}) for skill in rule.needs] or [frozenset(named)]
    return max((_nearest(rule, skills, able) for skills in wanted), key=lambda one: (one.travel_s, one.skill))


def _nearest(rule: SendsAhead, skills: frozenset[str], able: Sequence[tuple[Candidate, frozenset[str]]]) -> Travel:
    """By road before as the crow flies, since a straight line may cross a river."""
    told = "+".join(sorted(skills))
    fit = [one for one, has in able if skills <= has]
    if not fit:
        return Travel(rule.travel.total_seconds(), told)
    best = min(fit, key=lambda one: (one.method != ROAD, one.travel_s, one.responder))
    return Travel(float(ceil(best.travel_s / _WHOLE_S) * _WHOLE_S), told, best.responder, best.method == ROAD)


def _able(reader: Reader, settings: Settings, roads: Roads, site: SiteSettings, now: datetime) -> tuple[Candidate, ...]:
    return rank(reader, site.location, now, roads=roads, settings=settings, grid=site.grid).eligible
