"""JSON views of stored objects, shared by REST, the events socket and the screens. Times are ISO 8601 UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from data.model.alert import Alert, Standing
from data.model.alert_life import Proof, TakenStep
from data.model.case import CaseClock, Recorded
from data.model.clip import Clip
from data.model.forecast import forecast_values
from data.model.observation import Reading
from data.model.people import Responder
from data.model.record import AuditEntry, Evidence
from data.model.sightings import dwell_values, look_values
from data.model.task import Candidate, Event, Offer, Task
from data.model.units import UNIT_OF
from data.model.vehicle import vehicle_values
from data.model.warning import HazardWarning, WarningInfo

MOST_SHOWN = 100  # names or codes of areas in a list
MOST_HEADLINE = 500


def iso(at: datetime | None) -> str | None:
    """`2026-07-12T03:04:05.123000+00:00`, or None."""
    return None if at is None else at.isoformat(timespec="milliseconds")


def alert_view(alert: Alert) -> dict[str, Any]:
    """An alert; `state` is firing, acknowledged, returned or closed.

    It is suppressed while `shelved_until` lies ahead, `inhibited_by` names an alert, or there is a `work_order`.
    """
    return {
        "id": alert.id,
        "site": alert.key.site,
        "rule": alert.key.rule,
        "zone": alert.key.zone,
        "subject": alert.key.subject,
        "kind": alert.kind,
        "label": alert.label,
        "priority": alert.priority.value,
        "state": alert.state.value,
        "started_at": iso(alert.started_at),
        "raised_at": iso(alert.raised_at),
        "committed_at": iso(alert.committed_at),
        "ended_at": iso(alert.ended_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_until": iso(alert.acknowledged_until),
        "condition": alert.condition.value,
        "occurrence": alert.occurrence,
        "active_since": iso(alert.active_since or alert.started_at),
        "follows": alert.follows,
        "verification": alert.verification.value,
        "latched_since": iso(alert.latched_since),
        "stale_since": iso(alert.stale_since),
        "shelved_until": iso(alert.shelved_until),
        "shelved_by": alert.shelved_by,
        "inhibited_by": alert.inhibited_by,
        "work_order": alert.work_order,
        "confidence": alert.confidence,
        "xyxy": list(alert.xyxy) if alert.xyxy else None,
        "value": alert.value,
        "unit": alert.unit,
        "evidence": alert.evidence,
        "event": alert.event_id,
        "dwell": dwell_values(alert.dwell),
        "second_look": look_values(alert.second_look),
        "forecast": forecast_values(alert.forecast),
        "vehicle": vehicle_values(alert.vehicle),
        "version": alert.version,
    }


def alert_step_view(taken: TakenStep) -> dict[str, Any]:
    """A step of an alert with its evidence."""
    return {
        "id": taken.id,
        "step": taken.step.value,
        "at": iso(taken.at),
        "by": taken.by,
        "role": taken.role,
        "occurrence": taken.occurrence,
        "reason": taken.reason,
        "until": iso(taken.until),
        "evidence": [proof_view(proof) for proof in taken.proofs],
        "detail": dict(taken.detail),
    }


def proof_view(proof: Proof) -> dict[str, Any]:
    """One piece of evidence."""
    return {
        "kind": proof.kind,
        "source": proof.source,
        "at": iso(proof.at),
        "text": proof.text,
        "for_it": proof.for_it,
        "value": proof.value,
        "unit": proof.unit,
        "picture": proof.picture,
    }


def reading_view(reading: Reading) -> dict[str, Any]:
    """A reading, in lists and as the change of topic "reading"."""
    return {
        "site": reading.site,
        "monitor": reading.monitor,
        "quantity": reading.quantity,
        "value": reading.value,
        "unit": UNIT_OF.get(reading.quantity, ""),
        "at": iso(reading.at),
        "quality": reading.quality.value,
        "vertical_datum": reading.vertical_datum,
        "first_value": reading.first_value,
        "corrections": reading.corrections,
    }


def standing_view(standing: Standing) -> dict[str, Any]:
    """A condition that is pending, clearing, stale, active again or normal."""
    return {
        **standing.key._asdict(),
        "condition": standing.condition.value,
        "since": iso(standing.since),
        "kind": standing.kind,
        "priority": standing.priority.value,
    }


def clock_view(clock: CaseClock) -> dict[str, Any]:
    """A clock; `due` is null while it is paused and when it has stopped."""
    return {
        "name": clock.name.value,
        "time": clock.time.value,
        "limit_s": clock.whole_s,
        "extended_s": clock.extended_s,
        "started": iso(clock.started),
        "due": iso(clock.due),
        "paused": clock.is_paused,
        "pauses": [[iso(since), iso(until)] for since, until in clock.pauses],
        "stopped": iso(clock.stopped),
        "told": clock.told,
    }


def step_view(step: Recorded) -> dict[str, Any]:
    """A recorded step of an event or a task."""
    return {
        "step": step.step,
        "to": step.to,
        "at": iso(step.at),
        "by": step.by,
        "role": step.role,
        "reason": step.reason,
        "detail": dict(step.detail),
    }


def event_view(event: Event) -> dict[str, Any]:
    """An event without its steps and without who reported it."""
    return {
        "id": event.id,
        "title": event.title,
        "kind": event.kind,
        "site": event.site,
        "grid": event.grid,
        "location": event.location.model_dump(),
        "priority": event.priority.value,
        "state": event.state.value,
        "opened_at": iso(event.opened_at),
        "closed_at": iso(event.closed_at),
        "closed_by": event.closed_by,
        "origin": event.origin.value,
        "description": event.description,
        "photo": event.photo,
        "section": event.section,
        "lead": event.lead,
        "co_handlers": list(event.co_handlers),
        "cooperating": list(event.cooperating),
        "holders": list(event.holders),
        "recurs": event.recurs,
        "clocks": [clock_view(clock) for clock in event.clocks],
        "version": event.version,
    }


def candidate_view(candidate: Candidate) -> dict[str, Any]:
    """A candidate for a task; ranked by `cost_s`, whose parts are in `why`."""
    return {
        "responder": candidate.responder,
        "travel_s": round(candidate.travel_s, 1),
        "distance_m": round(candidate.distance_m, 1),
        "method": candidate.method,
        "reason": candidate.reason,
        "cost_s": round(candidate.cost_s, 1),
        "why": candidate.why,
        "warning": candidate.warning,
    }


def task_view(task: Task) -> dict[str, Any]:
    """A task; `offered_to` is the responder who holds the open or accepted offer.

    `unaccepted_since`: since when nobody is left to ask, while nobody has accepted.
    """
    times = ("created", "accepted", "en_route", "on_scene", "reported", "verified", "closed", "cancelled")
    return {
        "id": task.id,
        "event": task.event_id,
        "alert": task.alert_id,
        "title": task.title,
        "role": task.role,
        "site": task.site,
        "grid": task.grid,
        "location": task.location.model_dump(),
        "priority": task.priority.value,
        "state": task.state.value,
        "offered_to": task.offered_to,
        "also_offered": list(task.also_offered),
        "responder": task.responder,
        "created_by": task.created_by,
        "verified_by": task.verified_by,
        "report_text": task.report_text,
        "report_photo": task.report_photo,
        "checklist": list(task.checklist),
        "checked": list(task.checked),
        "needs_photo": task.needs_photo,
        "candidates": [candidate_view(candidate) for candidate in task.candidates],
        **{f"{name}_at": iso(getattr(task, f"{name}_at")) for name in times},
        "unit": task.unit,
        "promised": None if task.promised is None else task.promised.isoformat(),
        "unaccepted_since": iso(task.unaccepted_since),
        "steps": [step_view(step) for step in task.steps],
        "version": task.version,
    }


def offer_view(offer: Offer) -> dict[str, Any]:
    ends = ("offered", "delivered", "expires", "accepted", "declined", "expired", "withdrawn")
    return {
        "id": offer.id,
        "task": offer.task_id,
        "responder": offer.responder,
        "travel_s": round(offer.travel_s, 1),
        "distance_m": round(offer.distance_m, 1),
        "method": offer.method,
        "reason": offer.reason,
        **{f"{name}_at": iso(getattr(offer, f"{name}_at")) for name in ends},
    }


def responder_view(responder: Responder, *, busy: bool | None = None) -> dict[str, Any]:
    """A responder without the telephone number; `busy` where it was looked up."""
    return {
        "id": responder.id,
        "name": responder.name,
        "team": responder.team,
        "grid": responder.grid,
        "skills": sorted(responder.skills),
        "travel": responder.travel,
        "on_shift": responder.on_shift,
        "busy": busy,
        "position": responder.position.model_dump() if responder.position else None,
        "position_at": iso(responder.position_at),
    }


def audit_view(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": iso(entry.at),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def evidence_view(evidence: Evidence) -> dict[str, Any]:
    return {
        "id": evidence.id,
        "media_type": evidence.media_type,
        "at": iso(evidence.at),
        "size": evidence.size,
        "origin": evidence.origin,
    }


def clip_view(clip: Clip) -> dict[str, Any]:
    """`since`, `until`: what was asked for; `from_at`, `to_at`: what it covers; `gap_s`: how much is missing."""
    return {
        "id": clip.id,
        "site": clip.site,
        "state": clip.state.value,
        "sha256": clip.sha256,
        "codec": clip.codec,
        "size": clip.size,
        "since": iso(clip.since),
        "until": iso(clip.until),
        "from_at": iso(clip.from_at),
        "to_at": iso(clip.to_at),
        "gap_s": clip.gap_s,
        "reason": clip.reason,
    }


def warning_view(warning: HazardWarning) -> dict[str, Any]:
    """A warning without its polygons, which can be long: they come with `warning_areas`.

    `infos`: its info blocks, each with its own event, level, area and time. `notes`: irregularities of the message.
    """
    return {
        "id": warning.id,
        "sender": warning.key.sender,
        "identifier": warning.key.identifier,
        "sent": iso(warning.key.sent),
        "status": warning.status.value,
        "message_type": warning.message_type.value,
        "event": warning.event,
        "level": warning.level.value,
        "severity": warning.severity,
        "urgency": warning.urgency,
        "certainty": warning.certainty,
        "headline": warning.headline,
        "description": warning.description,
        "instruction": warning.instruction,
        "areas": [area.description for area in warning.areas][:MOST_SHOWN],
        "geocodes": [list(code) for area in warning.areas for code in area.geocodes][:MOST_SHOWN],
        "infos": [_info_view(info) for info in warning.infos],
        "notes": [note.value for note in warning.notes],
        "references": [str(key) for key in warning.references],
        "effective": iso(warning.effective),
        "onset": iso(warning.onset),
        "expires": iso(warning.expires),
        "received_at": iso(warning.received_at),
        "superseded_at": iso(warning.superseded_at),
        "cancelled_at": iso(warning.cancelled_at),
        "quarantined_at": iso(warning.quarantined_at),
        "origin": warning.origin,
    }


def _info_view(info: WarningInfo) -> dict[str, Any]:
    """One block. `over`: all clear, past or green."""
    return {
        "event": info.event,
        "level": info.level.value,
        "severity": info.severity,
        "language": info.language,
        "headline": info.headline[:MOST_HEADLINE],
        "effective": iso(info.effective),
        "onset": iso(info.onset),
        "expires": iso(info.expires),
        "areas": [area.description for area in info.areas][:MOST_SHOWN],
        "over": info.over,
    }


def warning_areas(warning: HazardWarning) -> list[dict[str, Any]]:
    """Where it holds: rings of [lon, lat], circles [lon, lat, km], codes [name, code]."""
    return [
        {
            "description": area.description,
            "polygons": [[list(point) for point in ring] for ring in area.polygons],
            "circles": [list(circle) for circle in area.circles],
            "geocodes": [list(code) for code in area.geocodes],
            "unknown": area.unknown,
            "outlines": [[list(point) for point in ring] for ring in area.outlines],
        }
        for area in warning.areas
    ]
