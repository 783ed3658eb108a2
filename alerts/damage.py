"""Raises an alarm at `centre` for damaged data on the disk; it stays on the screens until acknowledged."""

from __future__ import annotations

from datetime import datetime

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, Alert, AlertKey, Ended, Priority, Raised
from data.ports.store import Writer

KIND = "damage"
_LONGEST = 120


def damage_key(what: str) -> AlertKey:
    """The key of the alarm about this file or part."""
    return AlertKey(CENTRE, KIND, "", what[:_LONGEST])


def tell_damage(writer: Writer, what: str, now: datetime, settings: Settings | None = None) -> Alert | None:
    """Raise the alarm and end it at once: the damage is an incident, not a lasting condition, but must be seen.

    `what`: the file or the part of it, as the log names it.
    """
    key = damage_key(what)
    raise_alert(writer, Raised(key, KIND, Priority.P2, now, now, label=key.subject), None, now, settings)
    return end_alert(writer, Ended(key, now, now), now, settings)
