"""From a camera worker to the store: signals in order, exactly once, none lost while the store is away.

A thread of its own keeps the deciding picture in the vault, submits one unit of work per stream at a time, and
moves to the spool on disk whatever the store has not taken within a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from datetime import UTC, datetime
from functools import partial
from typing import Any

from alerts.damage import tell_damage
from data.config.settings import Settings
from data.errors import StoreClosed
from data.local.meters import Meters
from data.model.alert import Alert, Raised
from data.model.loss import cause_of, losses_after, without_address
from data.model.record import Change
from data.model.views import iso
from data.ports.store import EvidenceVault, Store, Writer
from engine.judging.judgement import UnitOfWork, commit_unit, keep_state, last_number, unit_bound_to_log
from engine.judging.spool import Spool
from engine.process.store_failure import AWAY

log = logging.getLogger(__name__)

PATIENCE_S = 1.0  # what takes longer goes to the spool
REPORTED_AFTER = 3  # failures in a row; a busy disk is no news
FULL_POLL_S = 0.02  # while nothing but a picture in full resolution is waited for
RETRY_S = (0.2, 0.5, 1.0, 2.0)


def publish_health(writer: Writer, site: str, health: str, reason: str, at: datetime, *, degraded: str = "") -> None:
    """The site is live, lost or unknown since `at`: a named value `health:<site>` and a change of topic "site".

    The last losses are kept with it, newest first. `degraded`: in what way it is looked at otherwise than configured;
    empty while it is not.
    """
    losses = losses_after(writer.value(f"health:{site}"), site, health, reason, at)
    state = {
        "site": site,
        "health": health,
        "reason": without_address(reason, site),
        "cause": cause_of(reason) if health == "lost" else "",
        "losses": losses,
        "degraded": degraded,
        "at": iso(at),
    }
    writer.put_value(f"health:{site}", state)
    writer.publish(Change("site", site, at, state))


class Outlet:
    """Thread-safe. `open` each stream first, then `send`; `close` at the end."""

    def __init__(
        self, store: Store, vault: EvidenceVault, spool: Spool, meters: Meters, settings: Settings | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._vault = vault
        self._spool = spool
        self._meters = meters
        self._waiting: dict[str, deque[UnitOfWork]] = {}
        self._numbers: dict[str, int] = {}
        self._values: dict[str, Callable[[Writer], None]] = {}  # health and states, the newest of each
        self._states: dict[str, Any] = {}
        self._stateless: set[str] = set()  # streams of which the store keeps no state
        self._submitted: dict[str, tuple[Future[tuple[Alert, ...]], list[float]]] = {}
        self._leaving: set[str] = set()  # streams of which nothing more comes
        self._changed = threading.Condition()
        self._closing = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def open(self, stream: str) -> None:
        """Take up the stream where it ended, with what the last process had to leave in the spool."""
        with self._changed:
            if stream in self._leaving:  # it is back before its last units were stored
                self._leaving.discard(stream)
                return
        number = self._store.read(lambda reader: last_number(reader, stream))
        units, damaged = self._spool.read(stream)
        if damaged:
            what = f"spool {stream}: {damaged}"
            self._store.submit(lambda writer: tell_damage(writer, what, datetime.now(UTC), self._settings))
        left = [unit for unit in units if unit.number > number]
        if not left:
            self._spool.clear(stream)
        else:
            log.info("%s: %d units of signals from the spool", stream, len(left))
        with self._changed:
            self._waiting[stream] = deque(left)
            self._numbers[stream] = max([number, *(unit.number for unit in left)])
            self._changed.notify_all()

    def send(self, unit: UnitOfWork) -> None:
        """Never waits for the store. The unit gets its number here."""
        with self._changed:
            self._numbers[unit.stream] += 1
            unit.number = self._numbers[unit.stream]
            self._waiting[unit.stream].append(unit)
            self._changed.notify_all()

    def tell_health(self, site: str, health: str, reason: str, degraded: str = "") -> None:
        """Since now. Only the newest state of each site is written."""
        at = datetime.now(UTC)
        with self._changed:
            self._values[f"health of {site}"] = lambda writer: publish_health(
                writer, site, health, reason, at, degraded=degraded
            )
            self._changed.notify_all()

    def keep(self, stream: str, state: Any) -> None:
        """What the stream's rules know now, for the next process. Only the newest is written, after what was sent."""
        with self._changed:
            if state is None and stream in self._stateless:
                return
            self._stateless.discard(stream) if state is not None else self._stateless.add(stream)
            self._states[stream] = state
            self._changed.notify_all()

    def release(self, stream: str) -> None:
        """Nothing more is sent to the stream: it is forgotten once what was sent is in the store, its state too."""
        with self._changed:
            self._leaving.add(stream)
            self._changed.notify_all()

    def follow_settings(self, settings: Settings) -> None:
        """From now on alerts are raised and ended by these."""
        self._settings = settings

    def settled(self, stream: str) -> bool:
        """Is everything of this stream in the store?"""
        with self._changed:
            return not self._waiting[stream]

    def close(self, timeout_s: float = 3.0) -> None:
        """Commit what is there, else leave it in the spool. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._spool_waiting()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._closing or self._values or self._states or any(self._waiting.values())):
                    self._forget_released()
                    self._changed.wait()
                heads = [
                    units[0] for units in self._waiting.values() if units and (self._closing or _is_whole(units[0]))
                ]
                for stream in [stream for stream in self._states if not self._waiting[stream]]:
                    state = self._states.pop(stream)
                    self._values[f"state of {stream}"] = partial(keep_state, stream=stream, state=state)
                values, self._values = self._values, {}
                closing = self._closing
                if not (heads or values or closing):
                    self._changed.wait(FULL_POLL_S)
                    continue
            if closing and not heads and not values:
                return
            self._meters.gauge("yiping_units_waiting", sum(map(len, tuple(self._waiting.values()))))
            written = self._submit_values(values)  # with the units in one commit: an alert waits for one sync, not two
            for unit in heads:
                self._submit(unit)
            away = False
            for unit in heads:
                away = self._settle(unit) or away
            away = self._settle_values(written, values) or away
            if away and self._pause(closing):
                return

    def _forget_released(self) -> None:
        """Call it when nothing waits."""
        for stream in self._leaving:
            self._waiting.pop(stream, None)
            self._numbers.pop(stream, None)
            self._stateless.discard(stream)
        self._leaving.clear()

    def _pause(self, closing: bool) -> bool:
        """The store is away: everything to the spool, then wait a little. True when it is time to give up."""
        self._spool_waiting()
        self._failures += 1
        if self._failures == REPORTED_AFTER:
            log.warning("the store does not take signals; they wait in the spool")
        if not closing:
            time.sleep(RETRY_S[min(self._failures, len(RETRY_S)) - 1])
        return closing

    def _submit(self, unit: UnitOfWork) -> None:
        if unit.stream in self._submitted:
            return
        with unit_bound_to_log(unit):
            self._submit_unit(unit)

    def _submit_unit(self, unit: UnitOfWork) -> None:
        if unit.full is not None:
            self._take_full(unit)
        if unit.picture is not None and unit.evidence is None:
            try:
                site = unit.stream.rpartition(".")[0]
                begun_s = time.monotonic()
                unit.evidence = self._vault.keep(unit.picture, "image/jpeg", unit.at, site)
                self._meters.observe("yiping_evidence_seconds", time.monotonic() - begun_s)
            except OSError as error:
                log.error("%s: the picture cannot be kept (%s); the alert goes on without it", unit.stream, error)
            unit.picture = None
        done_s: list[float] = []
        try:
            future = self._store.submit(lambda writer: commit_unit(writer, unit, datetime.now(UTC), self._settings))
        except StoreClosed as error:
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda _: done_s.append(time.monotonic()))
        self._submitted[unit.stream] = (future, done_s)

    def _take_full(self, unit: UnitOfWork) -> None:
        """The picture in full resolution where there is one by now, else the small one."""
        full, unit.full = unit.full, None
        failure = full.exception() if full is not None and full.done() and not full.cancelled() else None
        found = full.result() if full is not None and full.done() and not full.cancelled() and not failure else None
        if failure is not None:
            log.error("%s: the picture in full resolution cannot be had", unit.stream, exc_info=failure)
        unit.picture = found or unit.picture
        self._meters.count("yiping_evidence_pictures_total", of="substream" if found is None else "main")

    def _settle(self, unit: UnitOfWork) -> bool:
        """Wait for the unit's commit; True when the store does not take it now."""
        future, done_s = self._submitted[unit.stream]
        try:
            error = future.exception(PATIENCE_S)
        except NotYet:
            return True
        del self._submitted[unit.stream]
        if isinstance(error, AWAY):
            log.debug("%s: %s", unit.stream, error)
            return True
        if error is not None:  # it would fail for ever and hold up all that comes after it
            with unit_bound_to_log(unit):
                log.error("%s: signals refused by the store: %s", unit.stream, unit.signals, exc_info=error)
            self._meters.count("yiping_units_refused_total")
        self._done(unit, () if error is not None else future.result(), done_s)
        return False

    def _done(self, unit: UnitOfWork, moved: tuple[Alert, ...], done_s: list[float]) -> None:
        if self._failures >= REPORTED_AFTER:
            log.info("the store takes signals again")
        self._failures = 0
        if unit.received_s is not None and done_s and any(isinstance(signal, Raised) for signal in unit.signals):
            self._meters.observe("yiping_alert_commit_seconds", done_s[0] - unit.received_s)
        for alert in moved:
            name = "yiping_alerts_raised_total" if alert.is_open else "yiping_alerts_ended_total"
            self._meters.count(name, kind=alert.kind)
        with self._changed:
            units = self._waiting[unit.stream]
            units.popleft()
            if unit.spooled and not any(other.spooled for other in units):
                self._spool.clear(unit.stream)

    def _submit_values(self, values: dict[str, Callable[[Writer], None]]) -> Future[object] | None:
        """None when there is nothing to write, or nowhere to write to."""
        if not values:
            return None
        try:
            return self._store.submit(lambda writer: [put(writer) for put in values.values()])
        except StoreClosed as error:
            closed: Future[object] = Future()
            closed.set_exception(error)
            return closed

    def _settle_values(self, written: Future[object] | None, values: dict[str, Callable[[Writer], None]]) -> bool:
        """True when the store is away; what was not written is tried again unless something newer came."""
        if written is None:
            return False
        try:
            error = written.exception(PATIENCE_S)
        except NotYet as away:
            error = away
        if isinstance(error, (NotYet, *AWAY)):
            with self._changed:
                self._values = {**values, **self._values}
            return True
        if error is not None:
            log.error("the %s could not be written", ", the ".join(values), exc_info=error)
        return False

    def _spool_waiting(self) -> None:
        with self._changed:
            waiting = [unit for units in self._waiting.values() for unit in units if not unit.spooled]
        for unit in waiting:
            try:
                self._spool.append(unit)
            except OSError as error:
                log.error("the spool cannot be written (%s); signals wait in memory only", error)
                return


def _is_whole(unit: UnitOfWork) -> bool:
    """Is its picture there, or waited for in vain?"""
    return unit.full is None or unit.full.done() or time.monotonic() >= unit.full_until_s
