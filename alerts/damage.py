"""Something of ours on the disk is damaged: an alarm at `centre`, kept on the screens until acknowledged."""

from __future__ import annotations

from datetime import datetime

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, Alert, AlertKey, Ended, Priority, Raised
from data.ports.store import Writer

KIND = "damage"
_LONGEST = 120


def damage_key(what: str) -> AlertKey:
    """Of the alarm about this."""
    return AlertKey(CENTRE, KIND, "", what[:_LONGEST])


def tell_damage(writer: Writer, what: str, now: datetime, settings: Settings | None = None) -> Alert | None:
    """Raised and ended at once: it was found, and does not go on, but somebody has to see it.

    `what`: the file or the part of it, as the log names it.
    """
    key = damage_key(what)
    raise_alert(writer, Raised(key, KIND, Priority.P2, now, now, label=key.subject), None, now, settings)
    return end_alert(writer, Ended(key, now, now), now, settings)
