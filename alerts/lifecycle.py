"""The life of an alert: raised, acknowledged, ended.

Every move is one unit of work: the row, its audit entry and the change that the screens follow are committed
together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.alert import Alert, Ended, Gap, Raised
from data.errors import IllegalMove
from data.people import SYSTEM, Action, Actor
from data.record import Evidence
from data.store import Writer
from data.trail import alert_step
from data.views import iso


def raise_alert(writer: Writer, raised: Raised, evidence: Evidence | None, now: datetime) -> Alert | None:
    """Store a new alert with its picture; None when one of this key is open already (nothing is written)."""
    if writer.open_alert(raised.key) is not None:
        return None
    if evidence is not None:
        writer.add_evidence(evidence)
    alert = writer.add_alert(
        Alert(
            key=raised.key,
            kind=raised.kind,
            priority=raised.priority,
            started_at=raised.started_at,
            raised_at=raised.at,
            label=raised.label,
            confidence=raised.confidence,
            xyxy=raised.xyxy,
            value=raised.value,
            unit=raised.unit,
            evidence=None if evidence is None else evidence.id,
            committed_at=now,
        )
    )
    alert_step(writer, alert, SYSTEM, "raise", now, detail=_cause(raised, evidence))
    return alert


def end_alert(writer: Writer, ended: Ended, now: datetime) -> Alert | None:
    """The condition no longer holds. None when no alert of this key is open (nothing is written)."""
    alert = writer.open_alert(ended.key)
    if alert is None:
        return None
    alert = writer.save_alert(replace(alert, ended_at=max(ended.ended_at, alert.started_at)))
    detail = {"ended_at": iso(alert.ended_at), "decided_at": iso(ended.at), **_gaps(ended.gaps)}
    alert_step(writer, alert, SYSTEM, "end", now, detail=detail)
    return alert


def acknowledge(writer: Writer, alert_id: int, actor: Actor, now: datetime) -> Alert:
    """Somebody has seen the alert; also possible after the condition has gone.

    Raises NotFound, Forbidden, and IllegalMove when it is acknowledged already (by whom and when).
    """
    actor.require(Action.ACKNOWLEDGE)
    alert = writer.alert(alert_id)
    if alert.acknowledged_at is not None:
        raise IllegalMove(
            f"alert {alert_id} was acknowledged by {alert.acknowledged_by} at {iso(alert.acknowledged_at)}"
        )
    alert = writer.save_alert(replace(alert, acknowledged_at=now, acknowledged_by=actor.name))
    alert_step(writer, alert, actor, "acknowledge", now)
    return alert


def _cause(raised: Raised, evidence: Evidence | None) -> dict[str, Any]:
    """What the audit trail keeps of the rule's decision."""
    cause: dict[str, Any] = {"key": list(raised.key), "kind": raised.kind, "priority": raised.priority.value}
    if raised.value is not None:
        cause |= {"value": raised.value, "unit": raised.unit}
    if evidence is not None:
        cause["evidence"] = evidence.id
    return cause | _gaps(raised.gaps)


def _gaps(gaps: Sequence[Gap]) -> dict[str, Any]:
    """When the site could not be seen meanwhile, and for how long together; nothing where there was no gap."""
    if not gaps:
        return {}
    blind_s = sum((end - start).total_seconds() for start, end in gaps)
    return {"blind_s": round(blind_s, 3), "gaps": [[iso(start), iso(end)] for start, end in gaps]}
