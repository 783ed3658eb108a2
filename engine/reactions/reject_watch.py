"""Reports rejects: a rejected warning to the duty officer at once, many rejects of one source as an alarm."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.observation import Rejected
from data.ports.store import AlertQuery, Store

MANY, REJECTED_WARNING = "rejects", "rejected_warning"
MANY_COUNT = 20
MANY_WITHIN = timedelta(minutes=10)
WARNING_STAYS = timedelta(minutes=30)  # after the last rejected warning of a source
KEPT_FOR = timedelta(days=30)
KEPT_OF_A_SOURCE = 10_000  # a gauge whose every reading is rejected must not fill the disk
PRUNE_EVERY = timedelta(hours=1)
SENT_WARNINGS = "cap"  # the source of warnings that are sent to the server, as `web.api.warnings` names it
MOST_AT_ONCE = 5000
_MOST_OPEN = 500


Source = tuple[str, str]
"""Site and monitor; the site is empty where none is known."""


class RejectWatch:
    """Call `poll` about once a second. Each reject is counted once; open alarms are found again after a restart."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self.take(settings)
        self._seen = 0
        self._times: dict[Source, deque[datetime]] = {}
        self._newest: dict[Source, Rejected] = {}
        self._pruned_at: datetime | None = None

    def take(self, settings: Settings) -> None:
        """Use new settings."""
        self._settings = settings
        self._sites = frozenset(site.id for site in settings.sites)
        self._of_warnings = {("", SENT_WARNINGS)} | {
            (site.id, monitor.name)
            for site in settings.sites
            for monitor in site.all_monitors
            if monitor.gives == "warnings"
        }

    def poll(self, now: datetime | None = None) -> None:
        """Raise and end the alarms. Raises the store's errors."""
        now = now or datetime.now(UTC)
        while found := self._store.read(lambda reader: reader.rejects_after(self._seen, MOST_AT_ONCE)):
            for _, rejected in found:
                self._note(rejected)
            self._seen = found[-1][0]
        self._follow_clock(now)
        for source in [one for one, newest in self._newest.items() if now - newest.received_at > WARNING_STAYS]:
            del self._newest[source], self._times[source]
        wanted = {raised.key: raised for source in self._newest for raised in self._alarms(source, now)}
        query = AlertQuery(of=(MANY, REJECTED_WARNING), open_only=True, limit=_MOST_OPEN)
        known = {alert.key for alert in self._store.read(lambda reader: reader.alerts(query))}
        for key in wanted.keys() - known:
            self._store.write(lambda writer, r=wanted[key]: raise_alert(writer, r, None, now, self._settings))  # type: ignore[misc]
        for key in known - wanted.keys():
            self._store.write(lambda writer, k=key: end_alert(writer, Ended(k, now, now), now, self._settings))  # type: ignore[misc]
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = now
            self._store.write(lambda writer: writer.prune_rejects(now - KEPT_FOR, KEPT_OF_A_SOURCE))

    def _follow_clock(self, now: datetime) -> None:
        """Date rejects later than `now` to `now`: they came before the clock was put back and would never expire."""
        for source, newest in self._newest.items():
            if newest.received_at > now:
                self._newest[source] = replace(newest, received_at=now)
                times = self._times[source]
                self._times[source] = deque((min(at, now) for at in times), maxlen=times.maxlen)
        if self._pruned_at is not None:
            self._pruned_at = min(self._pruned_at, now)

    def _note(self, rejected: Rejected) -> None:
        source = (rejected.site, rejected.monitor)
        self._newest[source] = rejected
        self._times.setdefault(source, deque(maxlen=MANY_COUNT)).append(rejected.received_at)

    def _alarms(self, source: Source, now: datetime) -> Iterator[Raised]:
        newest, times = self._newest[source], self._times[source]
        site = source[0] if source[0] in self._sites else CENTRE
        if source in self._of_warnings:
            yield Raised(
                AlertKey(site, REJECTED_WARNING, "", source[1]),
                REJECTED_WARNING,
                Priority.P2,
                started_at=min(newest.received_at, now),
                at=now,
                label=newest.reason[:200],
            )
        if len(times) == MANY_COUNT and now - times[0] <= MANY_WITHIN:
            yield Raised(
                AlertKey(site, MANY, "", source[1]),
                MANY,
                Priority.P3,
                started_at=min(times[0], now),
                at=now,
                label=f"{source[1]}: {newest.reason}"[:200],
                value=float(MANY_COUNT),
            )
