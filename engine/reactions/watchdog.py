"""A watchdog over the notifier: late escalations and notices raise an alarm of their own.

It runs in the clock's process, apart from the notifier that it watches; the supervisor watches both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.notice import Notice
from data.ports.store import Store
from notices.escalation import overdue

KIND = "watchdog"
KEY = AlertKey(CENTRE, KIND, "", "escalation")
AFTER_START = timedelta(seconds=5)  # steps overdue at a restart fire within this time


class Watchdog:
    """Call `poll` about once a second."""

    def __init__(self, store: Store, settings: Settings, started: datetime) -> None:
        self._store = store
        self._settings = settings
        self._started = started

    def take(self, settings: Settings) -> None:
        """Use new settings."""
        self._settings = settings

    def poll(self, now: datetime | None = None) -> None:
        """Raise the alarm while steps are late, and end it when none is. Raises the store's errors."""
        now = now or datetime.now(UTC)
        self._started = min(self._started, now)  # the clock may be put back
        if now - self._started < AFTER_START:
            return
        late = self._store.read(lambda reader: overdue(reader, self._settings.notices, now))
        is_open = self._store.read(lambda reader: reader.open_alert(KEY)) is not None
        if late and not is_open:
            first = late[0]
            since = first.next_try if isinstance(first, Notice) else first.due_at
            raised = Raised(KEY, KIND, Priority.P1, since, now, label=first.subject, value=float(len(late)))
            self._store.write(lambda writer: raise_alert(writer, raised, None, now, self._settings))
        elif is_open and not late:
            self._store.write(lambda writer: end_alert(writer, Ended(KEY, now, now), now, self._settings))
