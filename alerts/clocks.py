"""Time-outs: acknowledgement, shelving, latch. Timers are rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.decisions import unshelve_alert
from alerts.lifecycle import CLOCK, close
from alerts.moves import check
from data.config.settings import Settings
from data.model.alert import Alert, renewed_call
from data.model.alert_life import AlertStep
from data.model.people import SYSTEM
from data.model.record import Timer
from data.ports.store import Writer
from data.stored.trail import take_alert_step

_AT_ONCE = 1000


def alerts_due(writer: Writer, now: datetime, *, settings: Settings, timers: Sequence[Timer] | None = None) -> int:
    """Take the steps of the alerts whose timers are due (or of these `timers`). How many timers ended."""
    ended = 0
    for timer in writer.timers_due(now, _AT_ONCE, kinds=(CLOCK,)) if timers is None else timers:
        if timer.kind == CLOCK and writer.finish_timer(timer.id, now):
            _look_at(writer, writer.alert(timer.subject), now, settings)
            ended += 1
    return ended


def _look_at(writer: Writer, alert: Alert, now: datetime, settings: Settings) -> None:
    if alert.shelved_until is not None and alert.shelved_until <= now:
        alert = unshelve_alert(writer, alert.id, SYSTEM, now, "its time is over")
    if alert.is_open and alert.acknowledged_until is not None and alert.acknowledged_until <= now:
        alert = _lapse(writer, alert, now)
    if alert.is_open and alert.latched_since is not None and alert.clearing_since is not None:
        quiet_from = alert.clearing_since
        due = quiet_from + settings.alarms.flapping.quiet_for
        if due <= now:
            close(writer, alert, quiet_from, now, settings, detail={"latched_since": alert.latched_since.isoformat()})
        else:
            writer.add_timer(Timer(CLOCK, alert.id, due))


def _lapse(writer: Writer, alert: Alert, now: datetime) -> Alert:
    """End an acknowledgement that has expired while the condition holds: the alert calls people again."""
    check(alert, AlertStep.LAPSE, SYSTEM, now)
    detail = {"acknowledged_by": alert.acknowledged_by}
    unseen = replace(alert, acknowledged_at=None, acknowledged_by=None, acknowledged_until=None)
    unseen = renewed_call(alert, unseen)
    return take_alert_step(writer, unseen, AlertStep.LAPSE, SYSTEM, now, detail=detail)
