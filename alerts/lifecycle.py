"""The life cycle of an alert: raised, worse, better, clearing, ended, raised again, acknowledged.

Every step is one unit of work: the row, its step, its audit entry and the change that the screens follow are
committed together or not at all. People's other decisions are in `alerts.decisions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from alerts.evidence import own_proof
from alerts.inhibition import settle_inhibition
from alerts.moves import check
from data.config.alarms import AlarmSettings
from data.config.fusion import ProofKind
from data.config.settings import Settings
from data.model.alert import UNKNOWN_OBJECT, Alert, Ended, Gap, Priority, Raised, Standing
from data.model.alert_life import AlertStep, Condition, TakenStep, Verification
from data.model.forecast import Foreseen, forecast_values
from data.model.people import SYSTEM, Actor
from data.model.record import Change, Evidence, Timer
from data.model.sightings import LookVerdict, answers, at_the_end, sighting_values
from data.model.vehicle import drives, vehicle_values
from data.model.views import iso, standing_view
from data.ports.store import Reader, Writer
from data.stored.trail import take_alert_step

_FIRED = frozenset({AlertStep.RAISE, AlertStep.REOPEN})
CLOCK = "alert_clock"
"""Kind of the timers of `alerts.clocks`, which end acknowledgements, shelving and latches."""


@lru_cache(1)
def defaults() -> Settings:
    """The default settings."""
    return Settings()


def raise_alert(
    writer: Writer, raised: Raised, evidence: Evidence | None, now: datetime, settings: Settings | None = None
) -> Alert | None:
    """Raise an alert: a new one, one that ended a short while ago, or the open one with another severity.

    Signals with the same start are about the same occurrence. One that was decided before that occurrence ended, and
    is delivered late or twice, opens nothing and calls nobody. Returns None then, and when the alert is already open
    and nothing has changed (nothing is written).
    """
    settings = settings or defaults()
    alert = writer.last_alert(raised.key)
    if raised.again:
        if alert is None or not alert.is_open:
            return None
        if raised.forecast is not None:
            return _foreseen_anew(writer, alert, raised, now)
        return _looked_again(writer, alert, raised, now)
    if alert is not None and _is_late(alert, raised, now):
        return None
    if alert is not None and alert.is_open:
        alert = _still(writer, alert, raised, evidence, now, settings.alarms)
        if alert is None:
            return None
    else:
        if evidence is not None:
            writer.add_evidence(evidence)
        writer.remove_pending(raised.key)
        if alert is not None and _reappears(alert, raised, now, settings.alarms):
            alert = _reopen(writer, alert, _repeated(writer, raised, settings), evidence, now, settings.alarms)
        else:
            alert = _new(writer, alert, _repeated(writer, raised, settings), evidence, now)
        alert = _suspected(writer, alert, now, settings)
    return settle_inhibition(writer, alert, now, settings)


def _repeated(writer: Writer, raised: Raised, settings: Settings) -> Raised:
    """The signal with what the store knows of earlier alerts about the same vehicle."""
    vehicle = raised.vehicle
    if vehicle is None:
        return raised
    since = raised.started_at - settings.vehicles.repeat_within
    times = writer.vehicle_alert_times(raised.key.subject, since, raised.started_at)
    return replace(raised, vehicle=vehicle.repeated(*drives(times, raised.started_at)))


def _looked_again(writer: Writer, alert: Alert, raised: Raised, now: datetime) -> Alert | None:
    """Apply the answer of a second look; None when none was awaited."""
    if not answers(alert.second_look, raised.second_look):
        return None
    check(alert, AlertStep.LOOK, SYSTEM, now)
    looked = replace(alert, second_look=raised.second_look)
    return take_alert_step(writer, looked, AlertStep.LOOK, SYSTEM, now, detail=sighting_values(raised))


def _foreseen_anew(writer: Writer, alert: Alert, raised: Raised, now: datetime) -> Alert | None:
    """The gauge is expected to do something else than it was; None when that is known already."""
    if raised.forecast == alert.forecast:
        return None
    check(alert, AlertStep.FORESEE, SYSTEM, now)
    told = replace(alert, forecast=raised.forecast, value=raised.value)
    detail = {"forecast": forecast_values(raised.forecast)}
    return take_alert_step(writer, told, AlertStep.FORESEE, SYSTEM, now, detail=detail)


def _suspected(writer: Writer, alert: Alert, now: datetime, settings: Settings) -> Alert:
    """Make an alert probable from its start when nobody has named its object, or a second look is not finished."""
    awaited = alert.second_look is not None and alert.second_look.verdict is LookVerdict.ASKED
    if not awaited and alert.kind != UNKNOWN_OBJECT:
        return alert
    proof = own_proof(alert, ProofKind.CAMERA_OBJECTS, settings.language)
    suspected = replace(alert, verification=Verification.PROBABLE)
    return take_alert_step(writer, suspected, AlertStep.SUSPECT, SYSTEM, now, proofs=(proof,))


def _is_late(alert: Alert, raised: Raised, now: datetime) -> bool:
    """True if the rule decided before the end of the occurrence that the signal is about.

    A decision after the end is not late, even with the same start: a car may still stand where it stood when the rule's
    hours ended. A start or an end later than `now` was written before the clock was put back, and makes no signal late:
    otherwise every alert of this key would be dropped until the clock has caught up.
    """
    if alert.ended_at is None or alert.ended_at > now or raised.started_at > _began(alert):
        return False
    return (raised.decided_at or raised.at) <= alert.ended_at


def _reappears(alert: Alert, raised: Raised, now: datetime, alarms: AlarmSettings) -> bool:
    """True if the alert that ended a short while ago fires again.

    An occurrence that began after this one and ended later than `now` was recorded before the clock was put back. How
    long ago it ended is unknown, so the signal opens a new alert with times of its own.
    """
    assert alert.ended_at is not None
    if raised.started_at < _began(alert) and alert.ended_at > now:
        return False
    return raised.started_at - alert.ended_at <= alarms.reappears_within


def _began(alert: Alert) -> datetime:
    """The time at which the alert's latest occurrence began."""
    return alert.active_since or alert.started_at


def end_alert(writer: Writer, ended: Ended, now: datetime, settings: Settings | None = None) -> Alert | None:
    """End the alert of this key. None, and nothing is written, when none is open, or when the open one began after the
    occurrence that ended. A beginning later than `now` was written before the clock was put back and does not count.

    A latched alert does not end at once: it begins to clear, and ends when it has been quiet for a while. When its
    settings have changed it does end at once, since no rule watches it any more.
    """
    settings = settings or defaults()
    alert = writer.open_alert(ended.key)
    if alert is None:
        writer.remove_pending(ended.key)
        return None
    if ended.started_at is not None and ended.started_at < _began(alert) <= now:
        return None
    ended_at = max(ended.ended_at, _began(alert))
    if alert.latched_since is not None and ended.because is None:
        return _clear_latched(writer, alert, ended_at, now, settings.alarms)
    detail = {"decided_at": iso(ended.at), **_gaps(ended.gaps), **sighting_values(ended), **_foreseen(ended)}
    if ended.because is not None:
        detail["because"] = ended.because.value
    look = at_the_end(alert.second_look, ended.second_look)
    forecast = ended.forecast or alert.forecast
    alert = replace(alert, dwell=ended.dwell or alert.dwell, second_look=look, forecast=forecast)
    return close(writer, alert, ended_at, now, settings, detail=detail)


def close(
    writer: Writer, alert: Alert, ended_at: datetime, now: datetime, settings: Settings, *, detail: dict[str, Any]
) -> Alert:
    """End the open alert. Its acknowledgement is kept for good, and the alerts that it inhibited are released."""
    check(alert, AlertStep.END, SYSTEM, now)
    over = replace(
        alert, ended_at=ended_at, clearing_since=None, stale_since=None, latched_since=None, acknowledged_until=None
    )
    over = take_alert_step(writer, over, AlertStep.END, SYSTEM, now, detail={"ended_at": iso(ended_at), **detail})
    return settle_inhibition(writer, over, now, settings)


def note_condition(writer: Writer, standing: Standing, now: datetime) -> Alert | None:
    """Record that a condition is pending, clearing, stale or active again, as a rule or the pipeline reports it.

    Returns the alert, if it is open. Nothing is written when this is known already.
    """
    alert = writer.open_alert(standing.key)
    if standing.condition in {Condition.PENDING, Condition.NORMAL}:
        if alert is None:
            _note_pending(writer, standing, now)
        return None
    if alert is None:
        return None
    if standing.condition is Condition.STALE:
        return _fall_silent(writer, alert, standing.since, now)
    alert = _be_heard(writer, alert, now)
    if alert.latched_since is not None:
        return alert  # only the end of its occurrence clears a latched alert
    if standing.condition is Condition.CLEARING and alert.clearing_since is None:
        return _clear(writer, alert, standing.since, now)
    if standing.condition is Condition.ACTIVE and alert.clearing_since is not None:
        return _recur(writer, alert, now)
    return alert


def acknowledge(
    writer: Writer, alert_id: int, actor: Actor, now: datetime, *, settings: Settings | None = None, reason: str = ""
) -> Alert:
    """Acknowledge the alert; also possible after the condition has cleared.

    The acknowledgement expires as configured, unless the alert has an event that people work on. Raises NotFound,
    Forbidden, and IllegalMove when it is acknowledged already (by whom and when).
    """
    alert = writer.alert(alert_id)
    reason = check(alert, AlertStep.ACKNOWLEDGE, actor, now, reason)
    counts_for = (settings or defaults()).alarms.acknowledged_for.get(alert.priority)
    until = None if counts_for is None or not alert.is_open or alert.event_id is not None else now + counts_for
    seen = replace(alert, acknowledged_at=now, acknowledged_by=actor.name, acknowledged_until=until)
    seen = take_alert_step(writer, seen, AlertStep.ACKNOWLEDGE, actor, now, reason=reason, until=until)
    if until is not None:
        writer.add_timer(Timer(CLOCK, alert.id, until))
    return seen


def _new(writer: Writer, before: Alert | None, raised: Raised, evidence: Evidence | None, now: datetime) -> Alert:
    """Open a new alert. Shelving that still lasts and a work order belong to the key: the new alert takes them over."""
    alert = Alert(
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
        follows=None if before is None else before.id,
        dwell=raised.dwell,
        second_look=raised.second_look,
        forecast=raised.forecast,
        vehicle=raised.vehicle,
    )
    detail = _cause(raised, evidence) | ({} if before is None else {"follows": before.id})
    alert = take_alert_step(writer, alert, AlertStep.RAISE, SYSTEM, now, detail=detail)
    if before is None:
        return alert
    if before.shelved_until is not None and now < before.shelved_until:
        shelved = replace(alert, shelved_until=before.shelved_until, shelved_by=before.shelved_by)
        why = {"by": before.shelved_by, "as": before.id}
        alert = take_alert_step(writer, shelved, AlertStep.SHELVE, SYSTEM, now, until=before.shelved_until, detail=why)
        writer.add_timer(Timer(CLOCK, alert.id, before.shelved_until))
    if before.work_order:
        out = replace(alert, work_order=before.work_order)
        why = {"work_order": before.work_order, "as": before.id}
        alert = take_alert_step(writer, out, AlertStep.OUT_OF_SERVICE, SYSTEM, now, detail=why)
    return alert


def _reopen(  # noqa: PLR0917 - what fires again, and when
    writer: Writer, alert: Alert, raised: Raised, evidence: Evidence | None, now: datetime, alarms: AlarmSettings
) -> Alert:
    """Open the alert for another occurrence, not yet acknowledged or verified. If it fires too often it is latched."""
    check(alert, AlertStep.REOPEN, SYSTEM, now)
    event_id = alert.event_id if _is_worked_on(writer, alert) else None
    detail = _cause(raised, evidence) | _taken_away(alert) | {"started_at": iso(raised.started_at)}
    if event_id != alert.event_id:
        detail["event"] = alert.event_id
    again = replace(
        _renewed(alert, raised, evidence),
        occurrence=alert.occurrence + 1,
        calls=alert.calls + 1,
        active_since=raised.started_at,
        ended_at=None,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_until=None,
        verification=Verification.UNVERIFIED,
        event_id=event_id,
    )
    again = take_alert_step(writer, again, AlertStep.REOPEN, SYSTEM, now, detail=detail)
    return _latched(writer, again, now, alarms)


def _latched(writer: Writer, alert: Alert, now: datetime, alarms: AlarmSettings) -> Alert:
    """Latch the alert if it has fired, or risen in severity, too often."""
    flapping = alarms.flapping
    since = now - flapping.within
    fired = [taken for taken in writer.alert_steps(alert.id) if taken.at > since and _counts(taken)]
    if alert.latched_since is not None or len(fired) < flapping.openings:
        return alert
    detail = {"openings": len(fired), "since": iso(fired[0].at)}
    return take_alert_step(writer, replace(alert, latched_since=now), AlertStep.LATCH, SYSTEM, now, detail=detail)


def _counts(taken: TakenStep) -> bool:
    """True for a step that counts as flapping: it fired, or rose to a severity that it had before, not to a new one."""
    return taken.step in _FIRED or (taken.step is AlertStep.WORSEN and bool(taken.detail.get("again")))


def _still(  # noqa: PLR0917 - what is raised again, and when
    writer: Writer, alert: Alert, raised: Raised, evidence: Evidence | None, now: datetime, alarms: AlarmSettings
) -> Alert | None:
    """Update the open alert: no longer stale, recurring, or with another severity. None when nothing has changed."""
    before = alert
    alert = _be_heard(writer, alert, now)
    if alert.clearing_since is not None:
        alert = _recur(writer, alert, now)
    if raised.priority is not alert.priority:
        if evidence is not None:
            writer.add_evidence(evidence)
        graver = _graver(raised.priority, alert.priority)
        alert = (_worsen if graver else _ease)(writer, alert, raised, evidence, now)
        alert = _latched(writer, alert, now, alarms) if graver else alert
    return None if alert is before else alert


def _worsen(writer: Writer, alert: Alert, raised: Raised, evidence: Evidence | None, now: datetime) -> Alert:
    """Raise severity; this voids acknowledgement and shelving.

    A latched alert that has been as severe before only changes its priority: staff have been notified of that.
    """
    detail = _cause(raised, evidence) | {"from": alert.priority.value, "to": raised.priority.value}
    if _was_so_grave(writer, alert, raised.priority):
        detail["again"] = True
        if alert.latched_since is not None:
            again = _renewed(alert, raised, evidence)
            return take_alert_step(writer, again, AlertStep.WORSEN, SYSTEM, now, detail=detail | {"quiet": True})
    detail |= _taken_away(alert)
    event_id = alert.event_id if _is_worked_on(writer, alert) else None
    if event_id != alert.event_id:
        detail["event"] = alert.event_id
    dismissed = alert.verification is Verification.DISMISSED
    worse = replace(
        _renewed(alert, raised, evidence),
        priority=raised.priority,
        calls=alert.calls + 1,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_until=None,
        shelved_until=None,
        shelved_by="",
        verification=Verification.UNVERIFIED if dismissed else alert.verification,
        event_id=event_id,
    )
    return take_alert_step(writer, worse, AlertStep.WORSEN, SYSTEM, now, detail=detail)


def _was_so_grave(reader: Reader, alert: Alert, priority: Priority) -> bool:
    """True if the alert had this severity, or a higher one, before."""
    told = [str(taken.detail["priority"]) for taken in reader.alert_steps(alert.id) if "priority" in taken.detail]
    return any(before <= priority.value for before in told)


def _ease(writer: Writer, alert: Alert, raised: Raised, evidence: Evidence | None, now: datetime) -> Alert:
    detail = _cause(raised, evidence) | {"from": alert.priority.value, "to": raised.priority.value}
    eased = replace(_renewed(alert, raised, evidence), priority=raised.priority)
    return take_alert_step(writer, eased, AlertStep.EASE, SYSTEM, now, detail=detail)


def _graver(one: Priority, other: Priority) -> bool:
    return one.value < other.value


def _renewed(alert: Alert, raised: Raised, evidence: Evidence | None) -> Alert:
    """The alert with the rule's newest findings; the picture stays when there is no newer one."""
    return replace(
        alert,
        priority=raised.priority,
        label=raised.label,
        confidence=raised.confidence,
        xyxy=raised.xyxy,
        value=raised.value,
        unit=raised.unit,
        evidence=alert.evidence if evidence is None else evidence.id,
        dwell=raised.dwell,
        second_look=raised.second_look,
        forecast=raised.forecast,
        vehicle=raised.vehicle or alert.vehicle,
    )


def _taken_away(alert: Alert) -> dict[str, Any]:
    """What this step takes away from the alert, for the record."""
    lost = {
        "ended_at": iso(alert.ended_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "shelved_until": iso(alert.shelved_until),
        "verification": None if alert.verification is Verification.UNVERIFIED else alert.verification.value,
    }
    kept = {name: value for name, value in lost.items() if value is not None}
    return {"before": kept} if kept else {}


def _is_worked_on(reader: Reader, alert: Alert) -> bool:
    """True if the alert has an open event."""
    return alert.event_id is not None and reader.event(alert.event_id).closed_at is None


def _clear(writer: Writer, alert: Alert, since: datetime, now: datetime) -> Alert:
    check(alert, AlertStep.CLEAR, SYSTEM, now)
    clearing = replace(alert, clearing_since=since)
    return take_alert_step(writer, clearing, AlertStep.CLEAR, SYSTEM, now, detail={"since": iso(since)})


def _recur(writer: Writer, alert: Alert, now: datetime) -> Alert:
    check(alert, AlertStep.RECUR, SYSTEM, now)
    return take_alert_step(writer, replace(alert, clearing_since=None), AlertStep.RECUR, SYSTEM, now)


def _clear_latched(writer: Writer, alert: Alert, since: datetime, now: datetime, alarms: AlarmSettings) -> Alert | None:
    if alert.clearing_since is not None:
        return None
    clearing = _clear(writer, _be_heard(writer, alert, now), since, now)
    writer.add_timer(Timer(CLOCK, alert.id, now + alarms.flapping.quiet_for))
    return clearing


def _fall_silent(writer: Writer, alert: Alert, since: datetime, now: datetime) -> Alert:
    if alert.stale_since is not None:
        return alert
    check(alert, AlertStep.FALL_SILENT, SYSTEM, now)
    silent = replace(alert, stale_since=since)
    return take_alert_step(writer, silent, AlertStep.FALL_SILENT, SYSTEM, now, detail={"since": iso(since)})


def _be_heard(writer: Writer, alert: Alert, now: datetime) -> Alert:
    if alert.stale_since is None:
        return alert
    check(alert, AlertStep.BE_HEARD, SYSTEM, now)
    return take_alert_step(writer, replace(alert, stale_since=None), AlertStep.BE_HEARD, SYSTEM, now)


def _note_pending(writer: Writer, standing: Standing, now: datetime) -> None:
    known = {pending.key for pending in writer.pending_conditions(standing.key.site)}
    if (standing.key in known) == (standing.condition is Condition.PENDING):
        return
    if standing.condition is Condition.PENDING:
        writer.put_pending(standing)
    else:
        writer.remove_pending(standing.key)
    subject = "condition:" + "/".join(standing.key)
    writer.publish(Change("condition", subject, now, {"condition": standing_view(standing)}))


def _cause(raised: Raised, evidence: Evidence | None) -> dict[str, Any]:
    """What the audit trail keeps of the rule's decision."""
    cause: dict[str, Any] = {"key": list(raised.key), "kind": raised.kind, "priority": raised.priority.value}
    if raised.value is not None:
        cause |= {"value": raised.value, "unit": raised.unit}
    if evidence is not None:
        cause["evidence"] = evidence.id
    if raised.vehicle is not None:
        cause["vehicle"] = vehicle_values(raised.vehicle)
    return cause | _gaps(raised.gaps) | sighting_values(raised) | _foreseen(raised)


def _foreseen(signal: Foreseen) -> dict[str, Any]:
    """What is expected of a gauge; nothing of other alerts."""
    return {} if signal.forecast is None else {"forecast": forecast_values(signal.forecast)}


def _gaps(gaps: Sequence[Gap]) -> dict[str, Any]:
    """The times at which the site could not be seen, and their total; empty where there was no gap."""
    if not gaps:
        return {}
    blind_s = sum((end - start).total_seconds() for start, end in gaps)
    return {"blind_s": round(blind_s, 3), "gaps": [[iso(start), iso(end)] for start, end in gaps]}
