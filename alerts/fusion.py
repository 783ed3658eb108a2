"""Evidence fusion: one kind of evidence makes an alert probable, two independent kinds or a human confirm it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.evidence import Sight, kind_of, own_proof, proofs_of
from data.config.fusion import FusedPlace, ProofKind
from data.config.settings import Settings
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised, Signal
from data.model.alert_life import Proof, Verification
from data.model.units import GAS_SHARES

RULE, KIND = "fusion", "sensor_fault"
"""Rule id and kind of the alert that says that two sensors contradict each other. Its subject is the place."""

_MEASURES = frozenset({ProofKind.GAUGE.value, ProofKind.CAMERA_WATER.value})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verification of one alert, with all evidence for and against it."""

    alert: Alert
    verification: Verification
    proofs: tuple[Proof, ...]


def verification_of(proofs: Sequence[Proof]) -> Verification:
    """The verification by the kinds of evidence for the alert. Evidence against it lowers nothing."""
    kinds = {proof.kind for proof in proofs if proof.for_it}
    if len(kinds) >= 2 or ProofKind.HUMAN.value in kinds:
        return Verification.CONFIRMED
    return Verification.PROBABLE if kinds else Verification.UNVERIFIED


def judge_alone(alert: Alert, settings: Settings) -> Verdict | None:
    """An alert without a place to fuse at is probable by itself; None for an alert about the sensors themselves."""
    kind = kind_of(alert, next((site for site in settings.sites if site.id == alert.key.site), None))
    return None if kind is None else Verdict(alert, Verification.PROBABLE, (own_proof(alert, kind, settings.language),))


def judge_place(place: FusedPlace, settings: Settings, sight: Sight, now: datetime) -> tuple[Verdict, ...]:
    """The verdict on every open alert of the place, except those without fresh evidence for them.

    A confirmed alert stays confirmed when its evidence grows old or turns against it: only a human takes that back.
    """
    proofs = proofs_of(place, settings, sight, now)
    verification = verification_of(proofs)
    if verification is Verification.UNVERIFIED:
        return ()
    return tuple(Verdict(alert, _surer(alert, verification), proofs) for alert in subjects(place, sight))


def _surer(alert: Alert, found: Verification) -> Verification:
    return Verification.CONFIRMED if alert.verification is Verification.CONFIRMED else found


def subjects(place: FusedPlace, sight: Sight) -> tuple[Alert, ...]:
    """The open alerts about the place itself."""
    return tuple(a for a in sight.alerts if a.is_open and a.key.site in place.all_sites and a.key.rule in place.rules)


def contradiction(
    place: FusedPlace, settings: Settings, sight: Sight, now: datetime
) -> tuple[Signal, tuple[Proof, ...]] | None:
    """Raise an alert when one sensor measures water and another none for long enough: one of them is faulty.

    The alert ends when they agree again; None while nothing changes. Gases contradict nothing: one may be there without
    the other, and they lie in layers.
    """
    key = AlertKey(place.all_sites[0], RULE, "", place.id)
    known = any(alert.is_open and alert.key == key for alert in sight.alerts)
    proofs = proofs_of(place, settings, sight, now)
    measured = [p for p in proofs if p.kind in _MEASURES and p.source.rpartition("/")[2] not in GAS_SHARES]
    disagree = len({proof.for_it for proof in measured}) > 1
    if not disagree:
        silent = not measured  # without fresh readings there is no agreement
        return (Ended(key, ended_at=now, at=now), ()) if known and not silent else None
    about = subjects(place, sight)
    since = min((alert.active_since or alert.raised_at for alert in about), default=now)
    if known or now - since < settings.fusion.contradicted_for:
        return None
    return Raised(key, KIND, Priority.P3, started_at=since, at=now, label="gauge_and_camera"), tuple(measured)


def is_news(verdict: Verdict, known: Sequence[Proof]) -> bool:
    """True for a higher verification or new evidence; evidence that has only grown old is no news."""
    order = (Verification.UNVERIFIED, Verification.PROBABLE, Verification.CONFIRMED)
    before = verdict.alert.verification
    if before is Verification.DISMISSED:
        return False
    if order.index(verdict.verification) > order.index(before):
        return True
    marks = {(proof.kind, proof.source, proof.for_it) for proof in known}
    new = {(proof.kind, proof.source, proof.for_it) for proof in verdict.proofs} - marks
    return bool(new)
