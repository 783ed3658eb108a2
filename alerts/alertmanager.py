"""Alerts of another system, as Prometheus Alertmanager's webhook (version 4) words them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from data.alert import AlertKey, Ended, Priority, Raised, Signal
from data.errors import InputRejected
from data.observation import Rejected

RULE = "alertmanager"
MOST_AT_ONCE = 1000
LONGEST = 200
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
    rejects: list[Rejected] = []
    for number, alert in enumerate(alerts, 1):
        try:
            signals.append(_signal(alert, sites, now))
        except InputRejected as error:
            rejects.append(Rejected("", RULE, now, f"alert {number}: {error}", str(alert)[:LONGEST]))
    return signals, rejects


def _signal(alert: Any, sites: Collection[str], now: datetime) -> Signal:
    labels = _mapping(alert, "labels")
    site = labels.get("site")
    if not isinstance(site, str) or site not in sites:
        raise InputRejected(f"the label `site` names no site of ours: {site!r:.80}")
    fingerprint, status = alert.get("fingerprint"), alert.get("status")
    if not isinstance(fingerprint, str) or not 0 < len(fingerprint) <= LONGEST:
        raise InputRejected("there is no fingerprint")
    key = AlertKey(site, RULE, "", fingerprint)
    started_at = min(_moment(alert, "startsAt"), now)
    if status == "resolved":
        return Ended(key, ended_at=min(max(_moment(alert, "endsAt"), started_at), now), at=now)
    if status != "firing":
        raise InputRejected(f"status {status!r:.40} is neither firing nor resolved")
    name = str(labels.get("alertname", ""))[:LONGEST]
    return Raised(key, RULE, _priority(labels), started_at=started_at, at=now, label=name)


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
