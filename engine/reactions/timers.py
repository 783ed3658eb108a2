"""Processes due timers, each kind by itself, so that no kind and no single timer can hold up the others.

A timer that fails is postponed and tried again. A kind without a handler, or with failing timers, raises an alarm of
its own at the site `centre` (docs/RELIABILITY.md).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.errors import StoreClosed
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.record import Timer
from data.model.secrets import redact
from data.ports.store import AlertQuery, Store, Writer

log = logging.getLogger(__name__)

KIND = "timers"
AT_ONCE = 20  # timers of one kind per unit of work, since other writers wait meanwhile
TURN_S = 0.5  # time for one kind per poll; the rest stays due
AGAIN_AFTER = timedelta(seconds=60)
MOST_ALARMS = 20  # kinds that raise an alarm, so that a corrupt store does not fill the screens


class Due(Protocol):
    """Handler of one kind: processes these due timers, or those that the writer finds; returns how many it handled."""

    def __call__(self, writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int: ...


def alarm_of(kind: str) -> AlertKey:
    """The key of the alarm about timers of this kind."""
    return AlertKey(CENTRE, KIND, "", kind)


class Timers:
    """Call `poll` twice a second, on one thread. `kinds`: the handler of each kind."""

    def __init__(self, store: Store, kinds: Mapping[str, Due], settings: Settings | None = None) -> None:
        self._store = store
        self._kinds = kinds
        self._settings = settings
        self._failing: dict[str, dict[int, datetime]] = {}  # by kind: failing timers, and when each is tried again
        # Until then timers that failed before a restart are not tried yet.
        self._settled_at = datetime.now(UTC) + AGAIN_AFTER
        self._wrong: dict[str, str] = {}
        self.polled_s = time.monotonic()

    def take(self, kinds: Mapping[str, Due], settings: Settings) -> None:
        """Use new settings."""
        self._kinds, self._settings = kinds, settings

    def poll(self, now: datetime | None = None) -> None:
        """Process timers due now. Raises the store's errors when it takes no writes; the next poll tries again."""
        now = now or datetime.now(UTC)
        self._settled_at = min(self._settled_at, now + AGAIN_AFTER)  # the clock may be put back
        waiting = self._store.read(lambda reader: reader.waiting_timer_kinds())
        for kind in waiting:
            if kind in self._kinds:
                self._end_due(kind, now)
                self.polled_s = time.monotonic()
        self._tell([kind for kind in waiting if kind not in self._kinds], now)
        self.polled_s = time.monotonic()

    def _due(self, kind: str, now: datetime) -> Sequence[Timer]:
        return self._store.read(lambda reader: reader.timers_due(now, AT_ONCE, kinds=(kind,)))

    def _end_due(self, kind: str, now: datetime) -> None:
        ends_s, ended = time.monotonic() + TURN_S, 0
        while timers := self._due(kind, now):
            ended += self._end(kind, timers, now)
            if len(timers) < AT_ONCE or time.monotonic() > ends_s:
                break
        if ended:
            log.info("%d timers of kind %s were processed", ended, kind)

    def _end(self, kind: str, timers: Sequence[Timer], now: datetime) -> int:
        """Process all in one unit of work; if that fails, each by itself, and postpone those that fail."""
        work = self._kinds[kind]
        done = self._store.submit(lambda writer: work(writer, now, timers))
        error = done.exception()
        if isinstance(error, StoreClosed):
            raise error
        if error is not None:
            if len(timers) == 1:
                self._put_off(timers[0], error, now)
                return 0
            return sum(self._end(kind, (timer,), now) for timer in timers)
        failing = self._failing.get(kind, {})
        for timer in timers:
            failing.pop(timer.id, None)
        return done.result()

    def _put_off(self, timer: Timer, error: BaseException, now: datetime) -> None:
        reason = redact(f"{type(error).__name__}: {error}")
        failing = self._failing.setdefault(timer.kind, {})
        if timer.id not in failing:
            log.error("timer %d of kind %s (subject %d): %s", timer.id, timer.kind, timer.subject, reason)
        failing[timer.id] = now + AGAIN_AFTER
        self._wrong[timer.kind] = reason
        self._store.write(lambda writer: writer.postpone_timer(timer.id, now + AGAIN_AFTER))

    def _tell(self, unknown: Sequence[str], now: datetime) -> None:
        """Raise an alarm for each kind with a problem, and end those of the others."""
        for kind, failing in self._failing.items():  # a timer finished elsewhere no longer counts
            self._failing[kind] = {timer: at for timer, at in failing.items() if at + AGAIN_AFTER > now}
        overdue = [kind for kind in unknown if self._due(kind, now)]
        wrong = dict.fromkeys(overdue, "no such kind") | {
            kind: self._wrong[kind] for kind, failing in self._failing.items() if failing
        }
        query = AlertQuery(site=CENTRE, of=(KIND,), open_only=True, limit=MOST_ALARMS)
        told = {alert.key.subject for alert in self._store.read(lambda reader: reader.alerts(query))}
        for kind in [kind for kind in wrong if kind not in told][: MOST_ALARMS - len(told)]:
            log.error("timers of kind %r are not processed: %s", kind, wrong[kind])
            raised = Raised(alarm_of(kind), KIND, Priority.P2, now, now, label=kind)
            self._store.write(lambda writer, raised=raised: raise_alert(writer, raised, None, now, self._settings))  # type: ignore[misc]
        for kind in told - wrong.keys():
            if kind in unknown or now >= self._settled_at or kind not in self._kinds:
                ended = Ended(alarm_of(kind), now, now)
                self._store.write(lambda writer, ended=ended: end_alert(writer, ended, now, self._settings))  # type: ignore[misc]
