"""What every step leaves behind, in the same unit of work: an audit entry and a row of the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from data.model.alert import Alert
from data.model.alert_life import NOTICED, AlertStep, Proof, TakenStep
from data.model.people import Actor
from data.model.record import AuditEntry, Change
from data.model.task import Event, Task
from data.model.views import alert_view, event_view, iso, responder_view, task_view
from data.ports.store import Writer


def alert_step(
    writer: Writer, alert: Alert, actor: Actor, action: str, now: datetime, *, detail: Mapping[str, Any] | None = None
) -> None:
    """`actor` did `action` to the alert, which is stored as given."""
    writer.record(_entry(f"alert:{alert.id}", actor, action, now, detail))
    tell_alert(writer, alert, now)


def take_alert_step(
    writer: Writer,
    alert: Alert,
    step: AlertStep,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    until: datetime | None = None,
    proofs: Sequence[Proof] = (),
    detail: Mapping[str, Any] | None = None,
) -> Alert:
    """Store the alert as given (a new one: `id` 0) with the step that made it so, the audit entry and the change.

    What a rule or the system only notices (clearing, silent) is a step, but no entry of the audit trail.
    """
    role = "" if actor.role is None else actor.role.value
    kept = dict(detail or {})
    taken = TakenStep(alert.id, step, now, actor.name, role, alert.occurrence, reason, until, tuple(proofs), kept)
    stored = writer.save_alert(alert, taken) if alert.id else writer.add_alert(alert, taken)
    if step in NOTICED:
        tell_alert(writer, stored, now)
        return stored
    given: dict[str, Any] = {"reason": reason} if reason else {}
    given |= {} if until is None else {"until": iso(until)}
    given |= {"proofs": [f"{proof.kind} {proof.source}" for proof in proofs]} if proofs else {}
    alert_step(writer, stored, actor, step.value, now, detail=kept | given)
    return stored


def tell_alert(writer: Writer, alert: Alert, now: datetime) -> None:
    """The screens learn how the alert is now."""
    writer.publish(Change("alert", f"alert:{alert.id}", now, {"alert": alert_view(alert)}))


def event_step(
    writer: Writer, event: Event, actor: Actor, action: str, now: datetime, *, detail: Mapping[str, Any] | None = None
) -> None:
    """`actor` did `action` to the event, which is stored as given."""
    writer.record(_entry(f"event:{event.id}", actor, action, now, detail))
    writer.publish(Change("event", f"event:{event.id}", now, {"event": event_view(event)}))


def task_step(
    writer: Writer,
    task: Task,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    detail: Mapping[str, Any] | None = None,
    shortfall: tuple[str, ...] = (),
) -> None:
    """`actor` did `action` to the task, which is stored as given. `shortfall`: why nobody could be sent."""
    writer.record(_entry(f"task:{task.id}", actor, action, now, detail))
    payload: dict[str, Any] = {"task": task_view(task)}
    if shortfall:
        payload["shortfall"] = list(shortfall)
    writer.publish(Change("task", f"task:{task.id}", now, payload))


def responder_changed(writer: Writer, responder_id: str, now: datetime) -> None:
    """Tell the screens where a responder is and whether they are busy. No audit entry: it is no step."""
    busy = responder_id in writer.busy_responders()
    view = responder_view(writer.responder(responder_id), busy=busy)
    writer.publish(Change("responder", f"responder:{responder_id}", now, {"responder": view}))


def _entry(subject: str, actor: Actor, action: str, now: datetime, detail: Mapping[str, Any] | None) -> AuditEntry:
    role = "" if actor.role is None else actor.role.value
    return AuditEntry(now, actor.name, role, action, subject, dict(detail or {}))
