"""Undo: whoever acknowledged or dismissed an alert by mistake takes it back within seconds, as a step of its own.

The alert calls people again as if nobody had seen it: its escalations begin anew, since the waiting ones were stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.lifecycle import defaults
from alerts.moves import check
from data.config.settings import Settings
from data.errors import IllegalMove
from data.model.alert import Alert, renewed_call
from data.model.alert_life import VERIFYING, AlertStep, Proof, TakenStep, Verification
from data.model.people import Actor
from data.ports.store import Writer
from data.stored.trail import take_alert_step

_UNDONE_BY = {AlertStep.ACKNOWLEDGE: AlertStep.UNACKNOWLEDGE, AlertStep.DISMISS: AlertStep.WITHDRAW}
_FIRED = frozenset({AlertStep.RAISE, AlertStep.REOPEN})
_KNOWN = {
    AlertStep.SUSPECT: Verification.PROBABLE,
    AlertStep.CONFIRM: Verification.CONFIRMED,
    AlertStep.DISMISS: Verification.DISMISSED,
}


def undo(writer: Writer, alert_id: int, actor: Actor, now: datetime, *, settings: Settings | None = None) -> Alert:
    """Take back an acknowledgement or dismissal that is the last decision about this alert.

    Raises NotFound, Forbidden, and IllegalMove when the last decision was somebody else's or of another kind, when it
    is too late, and when it is void already (the alert has become worse meanwhile).
    """
    alert, steps = writer.alert(alert_id), writer.alert_steps(alert_id)
    decided = [taken for taken in steps if taken.role]
    last = decided[-1] if decided else None
    if last is None or last.step not in _UNDONE_BY:
        raise IllegalMove(f"alert {alert_id}: there is nothing to take back", key="undo.nothing")
    step = _UNDONE_BY[last.step]
    check(alert, step, actor, now)
    if last.by != actor.name:
        raise IllegalMove(f"alert {alert_id}: that was {last.by}'s decision", key="undo.others", who=last.by)
    within = (settings or defaults()).alarms.undo_within
    if now - last.at > within:
        n = int(within.total_seconds())
        raise IllegalMove(f"alert {alert_id}: a step can be taken back for {n} s", key="undo.late", n=n)
    if step is AlertStep.UNACKNOWLEDGE:
        unseen = replace(alert, acknowledged_at=None, acknowledged_by=None, acknowledged_until=None)
        return take_alert_step(writer, renewed_call(alert, unseen), step, actor, now)
    before, proofs = _judged_before(steps, last)
    true = renewed_call(alert, replace(alert, verification=before))
    detail = {"to": before.value, "reason_was": last.reason}
    return take_alert_step(writer, true, step, actor, now, proofs=proofs, detail=detail)


def _judged_before(steps: Sequence[TakenStep], dismissal: TakenStep) -> tuple[Verification, tuple[Proof, ...]]:
    """The verification before the dismissal, and its evidence."""
    worse = False  # a rise in severity voids a dismissal
    for taken in reversed(steps[: steps.index(dismissal)]):
        if taken.step in _FIRED:
            break
        worse = worse or taken.step is AlertStep.WORSEN
        if taken.step in VERIFYING:
            known = _KNOWN.get(taken.step) or Verification(taken.detail["to"])
            return (Verification.UNVERIFIED, ()) if worse and known is Verification.DISMISSED else (known, taken.proofs)
    return Verification.UNVERIFIED, ()
