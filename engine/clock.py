"""The one process that minds the time: timers that are due, and the screens' requests.

Timers are rows; APScheduler only looks at them twice a second, so that no killed process forgets one. A lock keeps
a second clock from running on the same folder: two would do things twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from alerts.clocks import alerts_due
from alerts.lifecycle import CLOCK as ALERTS
from data.config.settings import Settings
from data.errors import YipingError
from data.local.checkpoint import CheckpointFile, CheckpointKey
from data.local.lock import held
from data.local.vault import FolderVault
from data.model.record import Timer
from data.ports.store import Store, Writer
from data.sql.lease import held_in_store
from data.sql.store import open_store
from dispatch.case_clocks import TIMER as EVENT_CLOCK
from dispatch.case_clocks import clocks_due
from dispatch.clocks import calendar_of
from dispatch.offers import DELIVERY, TIMER, UNACCEPTED, expire_due
from dispatch.plan_runs import OVER, ends_due
from dispatch.plan_works import ROUND, Maker, rounds_due
from dispatch.roster import changes_of_shift, keep_shifts
from dispatch.routing import Roads, load_roads
from dispatch.unaccepted import escalate_due
from dispatch.upkeep import TIMER as UPKEEP
from dispatch.upkeep import upkeeps_due
from engine.catalogue import load_catalogue
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.process.store_failure import must_go_on
from engine.process.wall_clock import WallClock
from engine.reactions.account_watch import AccountWatch, EndedSessions
from engine.reactions.aftermath import Aftermath
from engine.reactions.answers import Answers
from engine.reactions.audit_seal import AuditSeal
from engine.reactions.automatic import Automatic
from engine.reactions.clock_watch import ClockWatch
from engine.reactions.fusing import Fusion
from engine.reactions.heartbeat import Heartbeat
from engine.reactions.planner import Planner
from engine.reactions.reject_watch import RejectWatch
from engine.reactions.soundness import DatabaseCheck
from engine.reactions.timers import Due, Timers
from engine.reactions.watchdog import Watchdog
from engine.recording.retention import POLL_S as CLIPS_S
from engine.recording.retention import ClipRetention
from engine.replay.keeping import ObservationKeeping

log = logging.getLogger(__name__)

POLL_S = 0.5
SHIFTS_S = 5.0
REJECTS_S = 1.0
PURGE_S = 1.0  # `EndedSessions` itself waits where there is nothing to do
FRESH_S = 5.0  # a poll that succeeded so recently counts as a heartbeat
ANSWERING_AT_ONCE = 4


class Requests:
    """Hands each unanswered request to a thread, once."""

    def __init__(self, store: Store, answers: Answers) -> None:
        self._store = store
        self._answers = answers
        self._pool = ThreadPoolExecutor(ANSWERING_AT_ONCE, thread_name_prefix="answer")
        self._begun: set[int] = set()
        self._lock = threading.Lock()

    def poll(self) -> None:
        for request in self._store.read(lambda reader: reader.unanswered_requests()):
            with self._lock:
                if request.id in self._begun:
                    continue
                self._begun.add(request.id)
            self._pool.submit(self._answers.answer, request).add_done_callback(
                lambda done, number=request.id: self._ended(number, done.exception())  # type: ignore[misc]
            )

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, number: int, error: BaseException | None) -> None:
        if error is not None:  # it stays in `_begun`: what failed once so would fail at every poll
            log.error("request %d could not be answered", number, exc_info=error)


class Shifts:
    """Puts responders on and off shift as the roster says."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def poll(self) -> None:
        now = datetime.now(UTC)
        if self._store.read(lambda reader: changes_of_shift(reader, self._settings, now)):
            changed = self._store.write(lambda writer: keep_shifts(writer, self._settings, now))
            log.info("the shifts of %d responders have begun or ended", changed)


def timer_kinds(settings: Settings, roads: Roads) -> Mapping[str, Due]:
    """What ends the timers of each kind."""
    calendar, maker = calendar_of(settings), Maker(settings, roads)

    def offers(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return expire_due(writer, now, roads=roads, settings=settings, timers=timers)

    def unaccepted(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return escalate_due(writer, now, settings=settings, timers=timers)

    def event_clocks(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return clocks_due(writer, now, calendar=calendar, timers=timers)

    def plan_ends(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return ends_due(writer, now, settings, timers)

    def plan_rounds(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return rounds_due(writer, now, maker, timers)

    def alert_clocks(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return alerts_due(writer, now, settings=settings, timers=timers)

    def upkeeps(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return upkeeps_due(writer, now, roads=roads, settings=settings, timers=timers)

    return {
        TIMER: offers,
        DELIVERY: offers,
        UNACCEPTED: unaccepted,
        EVENT_CLOCK: event_clocks,
        OVER: plan_ends,
        ROUND: plan_rounds,
        ALERTS: alert_clocks,
        UPKEEP: upkeeps,
    }


def run_clock(heart: Heart, options: RunOptions) -> None:
    """Target of the clock's process. Raises AlreadyRunning, InputRejected for an unusable road network."""
    settings = options.settings
    with (
        held(options.run_dir / "clock.lock", "the clock"),
        held_in_store(options.store, "clock", "the clock of this store", lost=lambda _: heart.stopping.set()),
    ):
        store = open_store(options.store, migrate=False, mask=options.mask)
        roads_file = settings.dispatch.roads
        roads = load_roads(None if roads_file is None else options.base_dir / roads_file)
        timers = Timers(store, timer_kinds(settings, roads), settings)
        requests = Requests(store, Answers(store, FolderVault(options.evidence_dir), options, load_catalogue()))
        seal = AuditSeal(store, settings, CheckpointKey(options.var_dir), CheckpointFile(options.var_dir))
        for name in ("apscheduler.executors", "apscheduler.scheduler"):
            logging.getLogger(name).setLevel(logging.ERROR)  # it would tell of every poll
        scheduler = BackgroundScheduler(timezone=UTC, daemon=True)
        polls = {"timers": (timers.poll, POLL_S), "requests": (requests.poll, POLL_S)} | _polls(store, options, roads)
        polls["audit"] = (seal.poll, settings.audit.checkpoint_every.total_seconds())
        for name, (poll, seconds) in polls.items():
            # coalesce and no grace: a late poll is still a poll, and one is enough however many were missed
            scheduler.add_job(
                poll, "interval", id=name, seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )  # fmt: skip
        check = DatabaseCheck(store, options.store, settings)
        scheduler.start()
        wall_clock = WallClock()
        try:
            while not heart.stopping.wait(POLL_S):
                must_go_on(store)
                if wall_clock.jump():
                    for job in scheduler.get_jobs():  # it counts by the wall clock, and would wait until that is back
                        job.modify(next_run_time=datetime.now(UTC))
                if time.monotonic() - timers.polled_s < FRESH_S:
                    heart.beat()
        finally:
            scheduler.shutdown(wait=False)
            requests.close()
            check.close()
            _seal_at_the_end(seal)
            store.close()


def _polls(store: Store, options: RunOptions, roads: Roads) -> dict[str, tuple[Callable[[], object], float]]:
    """What is looked at again and again, and how often, in seconds."""
    settings = options.settings
    polls: dict[str, tuple[Callable[[], object], float]] = {
        "fusion": (Fusion(store, settings, roads).poll, POLL_S),
        "aftermath": (Aftermath(store, settings, roads).poll, POLL_S),
        "automatic": (Automatic(store, settings, roads).poll, POLL_S),
        "planner": (Planner(store, settings, roads).poll, POLL_S),
        "clock watch": (ClockWatch(store, settings).poll, POLL_S),
        "watchdog": (Watchdog(store, settings, datetime.now(UTC)).poll, POLL_S),
        "rejects": (RejectWatch(store, settings).poll, REJECTS_S),
        "shifts": (Shifts(store, settings).poll, SHIFTS_S),
        "accounts": (AccountWatch(store, settings, roads).poll, POLL_S),
        "ended sessions": (EndedSessions(store).poll, PURGE_S),
        "clips": (
            ClipRetention(store, FolderVault(options.evidence_dir), options.recordings_dir, settings).poll,
            CLIPS_S,
        ),
    }
    keeping = ObservationKeeping(store, options.observations_dir, settings.observations)
    polls["observations"] = (keeping.poll, CLIPS_S)
    if settings.heartbeat is not None:
        heartbeat = Heartbeat(store, settings.heartbeat, _heartbeat_url(options))
        polls["heartbeat"] = (heartbeat.poll, settings.heartbeat.every.total_seconds())
    return polls


def _seal_at_the_end(seal: AuditSeal) -> None:
    """Sign what came since the last checkpoint; a store that takes no writes any more must not hold up the end."""
    try:
        seal.poll()
    except (YipingError, OSError) as error:
        log.warning("the end of the audit trail could not be signed: %s", error)


def _heartbeat_url(options: RunOptions) -> str:
    settings = options.settings.heartbeat
    assert settings is not None
    known = options.secrets.get(settings.credentials) if settings.credentials else None
    return settings.url if known is None else f"{settings.url.rstrip('/')}/{known.token.get_secret_value()}"
