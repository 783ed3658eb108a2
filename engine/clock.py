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
from functools import partial

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
from dispatch import call_out, inspections, personal_data, roll_calls
from dispatch.case_clocks import TIMER as EVENT_CLOCK
from dispatch.case_clocks import clocks_due
from dispatch.clocks import calendar_of
from dispatch.offers import DELIVERY, TIMER, UNACCEPTED, expire_due
from dispatch.plan_runs import OVER, ends_due
from dispatch.plan_works import ROUND, Maker, rounds_due
from dispatch.responders import sync_responders
from dispatch.roster import changes_of_shift, keep_shifts
from dispatch.routing import Roads, load_roads
from dispatch.unaccepted import escalate_due
from dispatch.upkeep import TIMER as UPKEEP
from dispatch.upkeep import upkeeps_due
from engine.catalogue import load_catalogue
from engine.process.current_settings import SettingsFollower, with_settings
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
from engine.reactions.gone_sites import GoneSites
from engine.reactions.heartbeat import Heartbeat
from engine.reactions.inspection_rows import InspectionRows
from engine.reactions.planner import Planner
from engine.reactions.reject_watch import RejectWatch
from engine.reactions.review_drafts import ReviewDrafts
from engine.reactions.soundness import DatabaseCheck
from engine.reactions.timers import Due, Timers
from engine.reactions.travel_watch import TravelWatch
from engine.reactions.vehicle_retention import POLL_S as VEHICLES_S
from engine.reactions.vehicle_retention import VehicleRetention
from engine.reactions.watchdog import Watchdog
from engine.recording.lookback_retention import POLL_S as LOOKBACK_S
from engine.recording.lookback_retention import LookbackRetention
from engine.recording.retention import POLL_S as CLIPS_S
from engine.recording.retention import ClipRetention
from engine.replay.keeping import ObservationKeeping

log = logging.getLogger(__name__)

POLL_S = 0.5
SHIFTS_S = 5.0
REJECTS_S = 1.0
GONE_SITES_S = 30.0
DRAFTS_S = 2.0
TRAVEL_S = 15.0
INSPECTIONS_S = 5.0
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

    def take(self, answers: Answers) -> None:
        """What comes from now on is answered by these; what is under way goes on as it began."""
        self._answers = answers

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

    def inspections_due(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return inspections.inspections_due(writer, now, settings=settings, timers=timers)

    return {
        TIMER: offers,
        DELIVERY: offers,
        UNACCEPTED: unaccepted,
        EVENT_CLOCK: event_clocks,
        OVER: plan_ends,
        ROUND: plan_rounds,
        ALERTS: alert_clocks,
        UPKEEP: upkeeps,
        roll_calls.TIMER: roll_calls.limits_due,
        **dict.fromkeys(call_out.KIND_OF.values(), call_out.limits_due),
        personal_data.TIMER: personal_data.limits_due,
        inspections.TIMER: inspections_due,
    }


def run_clock(heart: Heart, options: RunOptions) -> None:
    """Target of the clock's process. Raises AlreadyRunning, InputRejected for an unusable road network."""
    with (
        held(options.run_dir / "clock.lock", "the clock"),
        held_in_store(options.store, "clock", "the clock of this store", lost=lambda _: heart.stopping.set()),
    ):
        store = open_store(options.store, migrate=False, mask=options.mask)
        follower = SettingsFollower(store, options)
        found = follower.settle()
        if found.version != options.version:  # responders may have been saved while no clock ran
            store.write(lambda writer: sync_responders(writer, found.settings, datetime.now(UTC)))
        options = with_settings(options, found)
        settings, roads_file = options.settings, options.settings.dispatch.roads
        roads = load_roads(None if roads_file is None else options.base_dir / roads_file)
        work = _Work(store, options, roads)
        seal = AuditSeal(store, settings, CheckpointKey(options.var_dir), CheckpointFile(options.var_dir))
        for name in ("apscheduler.executors", "apscheduler.scheduler"):
            logging.getLogger(name).setLevel(logging.ERROR)  # it would tell of every poll
        scheduler = BackgroundScheduler(timezone=UTC, daemon=True)
        polls = work.polls | {"audit": (seal.poll, settings.audit.checkpoint_every.total_seconds())}
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
                if follower.changed() is not None:
                    work.take(with_settings(options, follower.now))
                    seal.take(follower.now.settings)
                    check.take(follower.now.settings)
                if wall_clock.jump():
                    for job in scheduler.get_jobs():  # it counts by the wall clock, and would wait until that is back
                        job.modify(next_run_time=datetime.now(UTC))
                if time.monotonic() - work.timers.polled_s < FRESH_S:
                    heart.beat()
        finally:
            follower.close()
            scheduler.shutdown(wait=False)
            work.requests.close()
            check.close()
            _seal_at_the_end(seal)
            store.close()


class _Work:
    """All that the clock's process does again and again, by the settings in force.

    `polls`: what is called, and how often, in seconds. What has all it knows from the store is made anew when the
    settings change, as after a restart; the others take them over.
    """

    def __init__(self, store: Store, options: RunOptions, roads: Roads) -> None:
        settings = options.settings
        self._store = store
        self._roads = roads
        self._options = options
        self.timers = Timers(store, timer_kinds(settings, roads), settings)
        self.requests = Requests(store, self._answers(options))
        self._clock_watch = ClockWatch(store, settings)
        self._watchdog = Watchdog(store, settings, datetime.now(UTC))
        self._rejects = RejectWatch(store, settings)
        self._made = self._make(options)
        self.polls: dict[str, tuple[Callable[[], object], float]] = {
            "timers": (self.timers.poll, POLL_S),
            "requests": (self.requests.poll, POLL_S),
            "clock watch": (self._clock_watch.poll, POLL_S),
            "watchdog": (self._watchdog.poll, POLL_S),
            "rejects": (self._rejects.poll, REJECTS_S),
            "ended sessions": (EndedSessions(store).poll, PURGE_S),
        }
        every = {
            "shifts": SHIFTS_S,
            "clips": CLIPS_S,
            "lookback": LOOKBACK_S,
            "gone sites": GONE_SITES_S,
            "travel": TRAVEL_S,
            "review drafts": DRAFTS_S,
            "vehicles": VEHICLES_S,
            "inspections": INSPECTIONS_S,
        }
        self.polls |= {name: (partial(self._poll, name), every.get(name, POLL_S)) for name in self._made}
        keeping = ObservationKeeping(store, options.observations_dir, settings.observations)
        self.polls["observations"] = (keeping.poll, CLIPS_S)
        if settings.heartbeat is not None:
            heartbeat = Heartbeat(store, settings.heartbeat, _heartbeat_url(options))
            self.polls["heartbeat"] = (heartbeat.poll, settings.heartbeat.every.total_seconds())

    def take(self, options: RunOptions) -> None:
        """Go on with other settings. A poll that is under way ends as it began. Raises what the store raises."""
        before, settings = self._options.settings, options.settings
        if before.responders != settings.responders:
            self._store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
        self._options = options
        self.timers.take(timer_kinds(settings, self._roads), settings)
        self.requests.take(self._answers(options))
        for watch in (self._clock_watch, self._watchdog, self._rejects):
            watch.take(settings)
        self._made = self._make(options)
        log.info("the clock goes on with version %d of the settings", options.version)

    def _poll(self, name: str) -> object:
        return self._made[name]()

    def _answers(self, options: RunOptions) -> Answers:
        return Answers(self._store, FolderVault(options.evidence_dir), options, load_catalogue())

    def _make(self, options: RunOptions) -> dict[str, Callable[[], object]]:
        store, settings, roads = self._store, options.settings, self._roads
        clips = ClipRetention(store, FolderVault(options.evidence_dir), options.recordings_dir, settings)
        return {
            "fusion": Fusion(store, settings, roads).poll,
            "aftermath": Aftermath(store, settings, roads).poll,
            "automatic": Automatic(store, settings, roads).poll,
            "planner": Planner(store, settings, roads).poll,
            "shifts": Shifts(store, settings).poll,
            "accounts": AccountWatch(store, settings, roads).poll,
            "clips": clips.poll,
            "lookback": LookbackRetention(store, options.var_dir, settings).poll,
            "travel": TravelWatch(store, settings, roads).poll,
            "vehicles": VehicleRetention(store, settings).poll,
            "review drafts": ReviewDrafts(store, settings).poll,
            "inspections": InspectionRows(store, settings).poll,
            "gone sites": GoneSites(store, settings, options.version).poll,
        }


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
