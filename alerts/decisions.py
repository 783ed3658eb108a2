"""People's decisions about an alert besides acknowledging it: verification, shelving, out of service.

Each is one unit of work. All raise NotFound, Forbidden, IllegalMove (the step is not possible now, with the reason)
or InputRejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from alerts.lifecycle import CLOCK, defaults
from alerts.moves import check
from data.config.settings import Settings
from data.errors import Forbidden, InputRejected
from data.model.alert import Alert, renewed_call
from data.model.alert_life import VERIFYING, AlertStep, Proof, Verification
from data.model.durations import format_duration
from data.model.people import Actor
from data.model.record import Timer
from data.ports.store import Writer
from data.stored.trail import take_alert_step

WORK_ORDER_LIMIT = 100  # characters
_STEPS = MappingProxyType(
    {
        Verification.PROBABLE: AlertStep.SUSPECT,
        Verification.CONFIRMED: AlertStep.CONFIRM,
        Verification.DISMISSED: AlertStep.DISMISS,
    }
)


def verify_alert(  # noqa: PLR0917 - what is known of which alert, and who says so
    writer: Writer,
    alert_id: int,
    verification: Verification,
    evidence: Sequence[Proof],
    by: Actor,
    at: datetime,
    reason: str = "",
) -> Alert:
    """Set the alert's verification, with all the evidence that it rests on.

    The system sets PROBABLE again when its evidence has changed, and never overrides a human's decision. A human
    confirms, or dismisses with a reason. A dismissed alert calls nobody until it fires again or gets worse.
    """
    alert = writer.alert(alert_id)
    if verification not in _STEPS:
        raise InputRejected("an alert becomes probable, confirmed or dismissed, never unverified again")
    step = _STEPS[verification]
    if by.role is None and alert.verification is verification and verification is not Verification.DISMISSED:
        if _known_evidence(writer, alert) == frozenset(_marks(evidence)):
            return alert
        return take_alert_step(writer, alert, step, by, at, reason=reason, proofs=evidence)
    reason = check(alert, step, by, at, reason)
    judged = renewed_call(alert, replace(alert, verification=verification))
    return take_alert_step(writer, judged, step, by, at, reason=reason, proofs=evidence)


def shelve_alert(
    writer: Writer,
    alert_id: int,
    actor: Actor,
    now: datetime,
    *,
    until: datetime,
    reason: str,
    settings: Settings | None = None,
) -> Alert:
    """Shelve the alert until then, at most for the time its role allows. When it gets worse it calls at once."""
    alert = writer.alert(alert_id)
    reason = check(alert, AlertStep.SHELVE, actor, now, reason)
    if until <= now:
        raise InputRejected("a shelf ends in the future", key="shelf.past")
    longest = None if actor.role is None else (settings or defaults()).alarms.shelve_at_most.get(actor.role)
    if actor.role is not None and longest is None:
        raise Forbidden(f"role {actor.role} may not shelve", key="role", role=actor.role)
    if longest is not None and until - now > longest:
        text = f"role {actor.role} may shelve for {format_duration(longest)} at most"
        raise Forbidden(text, key="shelf.long", role=actor.role, n=int(longest.total_seconds() // 60))
    shelved = replace(alert, shelved_until=until, shelved_by=actor.name)
    shelved = take_alert_step(writer, shelved, AlertStep.SHELVE, actor, now, reason=reason, until=until)
    writer.add_timer(Timer(CLOCK, alert.id, until))
    return shelved


def unshelve_alert(writer: Writer, alert_id: int, actor: Actor, now: datetime, reason: str = "") -> Alert:
    """Take the alert off the shelf, when the time is over or earlier."""
    alert = writer.alert(alert_id)
    reason = check(alert, AlertStep.UNSHELVE, actor, now, reason)
    detail = {"shelved_by": alert.shelved_by}
    free = renewed_call(alert, replace(alert, shelved_until=None, shelved_by=""))
    return take_alert_step(writer, free, AlertStep.UNSHELVE, actor, now, reason=reason, detail=detail)


def take_out_of_service(
    writer: Writer, alert_id: int, actor: Actor, now: datetime, *, work_order: str, reason: str
) -> Alert:
    """Suppress this alert, and every later alert of its key, until it is returned to service."""
    alert = writer.alert(alert_id)
    reason = check(alert, AlertStep.OUT_OF_SERVICE, actor, now, reason)
    order = work_order.strip()
    if not 1 <= len(order) <= WORK_ORDER_LIMIT:
        raise InputRejected(f"name the work order, in at most {WORK_ORDER_LIMIT} characters")
    out = replace(alert, work_order=order)
    return take_alert_step(
        writer, out, AlertStep.OUT_OF_SERVICE, actor, now, reason=reason, detail={"work_order": order}
    )


def return_to_service(writer: Writer, alert_id: int, actor: Actor, now: datetime, reason: str = "") -> Alert:
    """End the suppression by the work order: the alert calls people again if its condition holds."""
    alert = writer.alert(alert_id)
    reason = check(alert, AlertStep.RETURN_TO_SERVICE, actor, now, reason)
    detail = {"work_order": alert.work_order}
    back = renewed_call(alert, replace(alert, work_order=""))
    return take_alert_step(writer, back, AlertStep.RETURN_TO_SERVICE, actor, now, reason=reason, detail=detail)


def _known_evidence(writer: Writer, alert: Alert) -> frozenset[tuple[str, str, bool]]:
    """The evidence of the alert's present verification."""
    steps = [taken for taken in writer.alert_steps(alert.id) if taken.step in VERIFYING]
    return frozenset(_marks(steps[-1].proofs)) if steps else frozenset()


def _marks(proofs: Sequence[Proof]) -> list[tuple[str, str, bool]]:
    return [(proof.kind, proof.source, proof.for_it) for proof in proofs]
