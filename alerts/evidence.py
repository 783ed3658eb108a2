"""Evidence for and against an alert, from everything that the store knows of its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from alerts.threshold import Recipe as Threshold
from data.config.fusion import FusedPlace, FusionSettings, ProofKind
from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert
from data.model.alert_life import Proof
from data.model.case import Origin
from data.model.geo import distance_m
from data.model.observation import Quality, Reading
from data.model.task import Event
from data.model.units import UNIT_OF
from data.model.warning import HazardWarning, WarningInfo, WarningStatus
from data.model.warning_reach import District, Reach, reach_at
from data.model.warning_reach import Place as Ground
from data.ports.recipe import RuleRecipe

_RAIN = frozenset({"rainfall", "rain_intensity"})
_WORDS_ZH = MappingProxyType(
    {
        "water_level": "水位",
        "water_depth": "积水深度",
        "rainfall": "雨量",
        "rain_intensity": "雨强",
        "flow": "流量",
        "flood_index": "淹没指数",
        "methane": "甲烷",
        "hydrogen_sulfide": "硫化氢",
        "carbon_monoxide": "一氧化碳",
        "oxygen": "氧含量",
        "person": "人员",
        "car": "小汽车",
        "truck": "卡车",
        "bus": "公交车",
        "vehicle": "车辆",
        "unknown": "未知物体",
    }
)
_HUMAN = frozenset({Origin.OPERATOR, Origin.GRID})


@dataclass(frozen=True, slots=True)
class Sight:
    """What the store knows of a place.

    `alerts`: open and recently ended alerts at its sites and rain gauges. `readings`: the newest of each series.
    `reports`: events near it. `warnings`: official warnings in force.
    """

    alerts: Sequence[Alert] = ()
    readings: Sequence[Reading] = ()
    reports: Sequence[Event] = ()
    warnings: Sequence[HazardWarning] = field(default=())


def kind_of(alert: Alert, site: SiteSettings | None) -> ProofKind | None:
    """The kind of evidence that an alert is; None for an alert about the sensors themselves."""
    recipe = None if site is None else next((rule for rule in site.rules if rule.name == alert.key.rule), None)
    if alert.xyxy is not None:
        return ProofKind.CAMERA_OBJECTS
    if recipe is None or site is None or recipe.about == "gauge":
        return None
    if recipe.judges_positions:
        return ProofKind.POSITION
    quantity = getattr(recipe, "quantity", None)
    if quantity is None:
        return ProofKind.CAMERA_OBJECTS
    if quantity in _RAIN:
        return ProofKind.FORECAST
    return _kind_of_source(site, str(quantity), getattr(recipe, "monitor", None))


def proofs_of(place: FusedPlace, settings: Settings, sight: Sight, now: datetime) -> tuple[Proof, ...]:
    """All evidence about the place that is fresh, by kind and source; `for_it` False where it contradicts."""
    own = {site.id: site for site in settings.sites if site.id in place.all_sites}
    rain = {site.id: site for site in settings.sites if site.id in place.rain}
    found = [
        *_measured(place, own, sight, settings, now),
        *_signalled(place, own, sight, settings, now),
        *_rained(place, own, rain, sight, settings, now),
        *_reported(place, own, sight, settings.fusion, now),
    ]
    unique = {(proof.kind, proof.source): proof for proof in sorted(found, key=lambda one: one.for_it)}
    order = [kind.value for kind in ProofKind]
    return tuple(sorted(unique.values(), key=lambda one: (order.index(one.kind), one.source)))


def own_proof(alert: Alert, kind: ProofKind, language: str) -> Proof:
    """The alert itself as evidence, in the city's language."""
    return Proof(
        kind=kind.value,
        source=f"alert:{alert.id}",
        at=alert.raised_at,
        text=_named(alert.label, language) if alert.vehicle is None else alert.vehicle.plate,
        value=alert.value,
        unit=alert.unit,
        picture=alert.evidence or "",
    )


def _measured(
    place: FusedPlace, own: dict[str, SiteSettings], sight: Sight, settings: Settings, now: datetime
) -> Iterator[Proof]:
    """Evidence from the newest reading of each gauge and each measuring camera: water now, or none."""
    standing = {(alert.key.site, alert.key.rule): alert for alert in sight.alerts if alert.is_open}
    for site in own.values():
        for rule in _rules(place, site):
            if not isinstance(rule, Threshold) or rule.quantity in _RAIN:
                continue
            alert = standing.get((site.id, rule.name))
            if alert is not None and alert.work_order:
                continue  # the gauge is under maintenance: its readings are no evidence
            for reading in sight.readings:
                if not _is_of(reading, site, rule):
                    continue
                kind = _kind_of_monitor(site, reading.monitor)
                if now - reading.at > settings.fusion.fresh[kind]:
                    continue
                for_it = _says(rule, reading.value, raised=alert is not None)
                if for_it is not None:
                    yield _read(reading, kind, rule, settings.language, for_it=for_it)


def _signalled(
    place: FusedPlace, own: dict[str, SiteSettings], sight: Sight, settings: Settings, now: datetime
) -> Iterator[Proof]:
    """Evidence from alerts about the same thing that do not come from a threshold: objects, rates of rise."""
    for alert in sight.alerts:
        site = own.get(alert.key.site)
        if site is None or alert.key.rule not in place.rules:
            continue
        if any(isinstance(rule, Threshold) and rule.name == alert.key.rule for rule in site.rules):
            continue
        kind = kind_of(alert, site)
        if kind is not None and not alert.work_order and _held(alert, settings.fusion, kind, now):
            yield own_proof(alert, kind, settings.language)


def _rained(  # noqa: PLR0917 - a place with everything around it
    place: FusedPlace,
    own: dict[str, SiteSettings],
    rain: dict[str, SiteSettings],
    sight: Sight,
    settings: Settings,
    now: datetime,
) -> Iterator[Proof]:
    """Evidence from rain gauges' open alerts, and from official warnings in force for the place."""
    for alert in sight.alerts:
        site = rain.get(alert.key.site)
        if site is not None and alert.is_open and kind_of(alert, site) is ProofKind.FORECAST:
            yield own_proof(alert, ProofKind.FORECAST, settings.language)
    places = [Ground(site.location, site.grid) for site in own.values()]
    district = District(codes=frozenset(settings.district_codes))
    for warning in sight.warnings:
        if warning.status is not WarningStatus.ACTUAL or warning.is_doubtful:
            continue
        blocks = [block for block in warning.holding(now) if _speaks(block, place)]
        # A warning whose area cannot be located is no evidence for any place; a human decides whether it starts a plan.
        here = [block for block in blocks if Reach.YES in reach_at(block.areas, places, district)]
        if here:
            gravest = max(here, key=lambda block: block.level.rank)
            text = gravest.headline or gravest.event
            yield Proof(ProofKind.FORECAST.value, f"warning:{warning.id}", gravest.effective, text=text)


def _speaks(block: WarningInfo, place: FusedPlace) -> bool:
    return any(word in block.event or word in block.headline for word in place.warnings)


def _reported(
    place: FusedPlace, own: dict[str, SiteSettings], sight: Sight, fusion: FusionSettings, now: datetime
) -> Iterator[Proof]:
    for event in sight.reports:
        human = event.origin in _HUMAN
        if event.kind not in place.reports or not (human or event.origin is Origin.CITIZEN):
            continue
        kind = ProofKind.HUMAN if human else ProofKind.CITIZEN
        near = any(distance_m(event.location, site.location) <= place.radius for site in own.values())
        if near and now - event.opened_at <= fusion.fresh[kind]:
            yield Proof(kind.value, f"event:{event.id}", event.opened_at, text=event.title)


def _rules(place: FusedPlace, site: SiteSettings) -> list[RuleRecipe]:
    return [rule for rule in site.rules if rule.name in place.rules]


def _is_of(reading: Reading, site: SiteSettings, rule: Threshold) -> bool:
    unsure = reading.quality in {Quality.BAD, Quality.SUSPECT}
    if unsure or reading.site != site.id or reading.quantity != rule.quantity:
        return False
    return rule.monitor in {None, reading.monitor}


def _says(rule: Threshold, value: float, *, raised: bool) -> bool | None:
    """True beyond the limit with the rule's alert open, False when normal, None in between or before the alert."""
    lowest, upwards = rule.rungs[0], rule.below is None
    if value <= lowest.clear if upwards else value >= lowest.clear:
        return False
    beyond = value >= lowest.limit if upwards else value <= lowest.limit
    return True if beyond and raised else None


def _kind_of_monitor(site: SiteSettings, monitor: str) -> ProofKind:
    cameras = {getattr(one, "id", "") or one.kind for one in site.detectors}
    return ProofKind.CAMERA_WATER if monitor in cameras else ProofKind.GAUGE


def _kind_of_source(site: SiteSettings, quantity: str, monitor: str | None) -> ProofKind:
    """The kind of the source of this quantity; a gauge where both a gauge and a camera measure it."""
    if monitor is not None:
        return _kind_of_monitor(site, monitor)
    gauges = [one for one in site.sensors if getattr(one, "quantity", None) == quantity]
    return ProofKind.GAUGE if gauges else ProofKind.CAMERA_WATER


def _held(alert: Alert, fusion: FusionSettings, kind: ProofKind, now: datetime) -> bool:
    """True while the alert is open and not stale, and for a short while after."""
    until = alert.ended_at or alert.stale_since
    return until is None or now - until <= fusion.fresh[kind]


def _read(reading: Reading, kind: ProofKind, rule: Threshold, language: str, *, for_it: bool) -> Proof:
    unit = UNIT_OF.get(reading.quantity, "")
    source = f"site:{reading.site}/{reading.monitor}/{reading.quantity}"
    limit = rule.rungs[0].limit if for_it else rule.rungs[0].clear
    sign = ("≥", "≤")[(rule.below is None) != for_it]
    text = f"{_named(reading.quantity, language)} {sign} {limit:g}"
    return Proof(kind.value, source, reading.at, text=text, for_it=for_it, value=round(reading.value, 3), unit=unit)


def _named(label: str, language: str) -> str:
    """`积水深度` or `water depth`, without the value."""
    return _WORDS_ZH.get(label, label) if language == "zh" else label.replace("_", " ")
