"""Alerts of another system, received in the format of Prometheus Alertmanager's webhook (version 4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised, Signal
from data.model.moments import plausible
from data.model.observation import Rejected
from data.ports.store import Writer

RULE = "alertmanager"
MOST_AT_ONCE = 1000
LONGEST = 200
CLOCK_AHEAD = timedelta(minutes=5)
"""How far another system's clock may be ahead of ours."""
_BY_SEVERITY = MappingProxyType(
    {
        **dict.fromkeys(("critical", "emergency", "page"), Priority.P1),
        **dict.fromkeys(("error", "high", "major"), Priority.P2),
        **dict.fromkeys(("warning", "medium", "minor"), Priority.P3),
    }
)


def signals_of(sent: Any, sites: Collection[str], now: datetime) -> tuple[list[Signal], list[Rejected]]:
    """What the message raises and ends; those alerts that cannot be placed, with the reason.

    The label `site` names the site, `priority` (P1..P4) or else `severity` the priority; `fingerprint` tells alerts
    apart. Raises InputRejected when the message as a whole is not one of Alertmanager.
    """
    alerts = sent.get("alerts") if isinstance(sent, Mapping) else None
    if not isinstance(alerts, list):
        raise InputRejected("a message of Alertmanager has a list `alerts`")
    if len(alerts) > MOST_AT_ONCE:
        raise InputRejected(f"{len(alerts)} alerts were sent, {MOST_AT_ONCE} are taken at once")
    signals: list[Signal] = []
    rejects = _truncated(sent, now)
    for number, alert in enumerate(alerts, 1):
        try:
            signals.append(_signal(alert, sites, now))
        except InputRejected as error:
            rejects.append(Rejected("", RULE, now, f"alert {number}: {error}", str(alert)[:LONGEST]))
    return signals, rejects


def apply_signals(writer: Writer, signals: Sequence[Signal], now: datetime, settings: Settings) -> dict[str, int]:
    """Raise and end what the message says; how many alerts were raised and ended.

    A later start while an earlier occurrence is still open means that the earlier occurrence's end never arrived: it is
    ended when the later one began. If its end arrives after all, it does not end the later occurrence.
    """
    moved: list[Alert | None] = []
    for signal in signals:
        if isinstance(signal, Ended):
            moved.append(end_alert(writer, signal, now, settings))
            continue
        known = writer.open_alert(signal.key)
        if known is not None and signal.started_at > (known.active_since or known.started_at):
            end_alert(writer, Ended(signal.key, min(signal.started_at, now), now), now, settings)
        moved.append(raise_alert(writer, signal, None, now, settings))
    raised = sum(alert is not None and alert.is_open for alert in moved)
    return {"raised": raised, "ended": sum(alert is not None for alert in moved) - raised}


def _truncated(sent: Mapping[str, Any], now: datetime) -> list[Rejected]:
    """Alertmanager's own word that it left alerts out of the message (`max_alerts` of its receiver)."""
    left_out = sent.get("truncatedAlerts", 0)
    if not isinstance(left_out, int) or isinstance(left_out, bool) or left_out <= 0:
        return []
    reason = f"Alertmanager left {left_out} alerts out of this message; raise max_alerts of its webhook"
    return [Rejected("", RULE, now, reason, f"truncatedAlerts: {left_out}")]


def _signal(alert: Any, sites: Collection[str], now: datetime) -> Signal:
    labels = _mapping(alert, "labels")
    site = labels.get("site")
    if not isinstance(site, str) or site not in sites:
        raise InputRejected(f"the label `site` names no site of ours: {site!r:.80}")
    fingerprint, status = alert.get("fingerprint"), alert.get("status")
    if not isinstance(fingerprint, str) or not 0 < len(fingerprint) <= LONGEST:
        raise InputRejected("there is no fingerprint")
    key = AlertKey(site, RULE, "", fingerprint)
    started_at = plausible(_moment(alert, "startsAt"), now, CLOCK_AHEAD, "startsAt")
    if status == "resolved":
        ended_at = _moment(alert, "endsAt")
        # Go's zero time, or an end before the beginning, tells nothing: it is over as of now.
        ended_at = now if ended_at < started_at else min(ended_at, now)
        return Ended(key, ended_at=max(ended_at, started_at), at=now, started_at=started_at)
    if status != "firing":
        raise InputRejected(f"status {status!r:.40} is neither firing nor resolved")
    name = str(labels.get("alertname", ""))[:LONGEST]
    return Raised(key, RULE, _priority(labels), started_at=started_at, at=now, label=name, decided_at=started_at)


def _mapping(alert: Any, name: str) -> Mapping[str, Any]:
    found = alert.get(name) if isinstance(alert, Mapping) else None
    if not isinstance(found, Mapping):
        raise InputRejected(f"`{name}` is missing")
    return found


def _priority(labels: Mapping[str, Any]) -> Priority:
    named = str(labels.get("priority", "")).upper()
    if named in set(Priority):
        return Priority(named)
    return _BY_SEVERITY.get(str(labels.get("severity", "")).lower(), Priority.P4)


def _moment(alert: Mapping[str, Any], name: str) -> datetime:
    given = alert.get(name)
    try:
        at = datetime.fromisoformat(given if isinstance(given, str) else "")
        if at.tzinfo is None:
            raise InputRejected(f"{name} {given!r:.60} has no offset from UTC")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputRejected(f"{name} {given!r:.60} is not a time") from None
