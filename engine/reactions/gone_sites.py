"""Ends alerts of sites that are no longer in the settings, in case their worker ended before it could do so."""

from __future__ import annotations

from datetime import UTC, datetime

from alerts.lifecycle import end_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, Because, Ended
from data.ports.store import AlertQuery, Reader, Store

MOST = 10_000


class GoneSites:
    """Call `poll` now and then, in the clock's process."""

    def __init__(self, store: Store, settings: Settings, version: int = 0) -> None:
        """`version`: number of the stored settings in use, 0 for those of the file."""
        self._store = store
        self._settings = settings
        self._version = version
        self._known = frozenset({CENTRE, *(site.id for site in settings.sites)})

    def poll(self, now: datetime | None = None) -> int:
        """End such alerts; returns how many. Raises the store's errors.

        Does nothing while a newer version of the settings is stored than the one in force: its sites must not be
        treated as gone, even if that version cannot be read.
        """
        now = now or datetime.now(UTC)
        if self._settings.config == "screen" and self._store.read(_newest) != self._version:
            return 0
        opened = self._store.read(lambda reader: reader.alerts(AlertQuery(open_only=True, limit=MOST)))
        gone = [alert for alert in opened if alert.key.site not in self._known]
        for alert in gone:
            ended = Ended(alert.key, now, now, because=Because.SITE_REMOVED)
            self._store.write(lambda writer, ended=ended: end_alert(writer, ended, now, self._settings))  # type: ignore[misc]
        return len(gone)


def _newest(reader: Reader) -> int:
    return reader.newest_settings()
