"""A worker process: a share of the cameras, one model, one loop that looks at the newest pictures in turn."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta

from data.config.settings import SiteSettings
from data.errors import InputRejected, StoreClosed, UnverifiedWeights, YipingError
from data.local.feed_socket import SocketFramePublisher
from data.local.meters import Meters
from data.local.stages import StageClock
from data.local.vault import FolderVault
from data.model.alert import Raised
from data.model.frame import Detailed, Frame
from data.model.observation import Rejected, Tick
from data.model.secrets import redact
from data.ports.recipe import Resources
from data.ports.store import Store
from data.sql.store import open_store
from data.stored.camera_view import views_asked
from data.stored.modes import active_modes
from engine.camera.admission import Admission, Load, overdue_s
from engine.camera.camera import Camera
from engine.camera.load import LoadBook, Tally
from engine.camera.watch import Received
from engine.canary_round import CanaryRound
from engine.judging.changes import Extent, SiteChange, camera_change
from engine.judging.judgement import UnitOfWork
from engine.judging.observation_log import observation_log
from engine.judging.outlet import Outlet
from engine.judging.pipeline import Seen
from engine.judging.polled import Polled, TravelNews
from engine.judging.readings import ReadingNews
from engine.judging.reject_log import RejectLog
from engine.judging.second_looks import LookBudget
from engine.judging.spool import Spool
from engine.process.current_settings import SettingsFollower, with_settings
from engine.process.heart import Heart
from engine.process.memory import Housekeeping, be_frugal, release_library_pages, settle_memory
from engine.process.options import RunOptions
from engine.process.store_failure import AWAY, must_go_on
from engine.process.wall_clock import ClockJump, WallClock
from engine.recording.lookback import Lookback
from engine.recording.video import CameraVideo
from engine.watched_site import TICK_LAG, TICK_S, PipelineMaker, WatchedSite

log = logging.getLogger(__name__)

RETRY_PIPELINE_S = 60.0
RETRY_STORE_S = 1.0
MAKE_FOR_S = 0.1  # in one turn of the loop, while others look
METERS_EVERY_S = 1.0
STATE_EVERY_S = 2.0  # what a killed process may not have seen: it counts as a gap
EVIDENCE_WIDTH = 1280
FULL_WITHIN_S = 1.0  # an alert waits for the main stream's picture of it, where the substream is looked at
HELD_LEVEL = timedelta(seconds=10)  # when our clock is put back by no more, times stand until it has come up again
FOLLOWS_WITHIN_S = 30.0  # after our clock was set, pictures have other times

Follow = Callable[[], tuple[RunOptions, Sequence[str]] | None]
"""The newest settings and the sites whose cameras are this worker's; None when nothing has changed since the last."""


class Worker:
    """Everything on the main thread but the reading of cameras and the writing of signals."""

    def __init__(  # noqa: PLR0917 - what it runs with
        self,
        heart: Heart,
        options: RunOptions,
        store: Store,
        name: str,
        sites: Sequence[str],
        follow: Follow = lambda: None,
    ) -> None:
        self._heart = heart
        self._follow = follow
        self._options = options
        self._meters = Meters()
        self._reject_log = RejectLog()
        self._meters_file = options.run_dir / f"metrics-{name}.json"
        self._meters_due_s = 0.0
        self._version = -1  # of the settings by which all is judged
        self._resources = Resources()
        self._stages = StageClock.among(self._resources)
        self._news = ReadingNews()
        self._turn = 0
        self._arrived = threading.Event()
        self._admission = Admission(options.settings.inference.awake_at_most)
        self._load = Load()
        self._memory = Housekeeping()
        self._store = store
        self._wall_clock = WallClock()
        self._modes = Polled(self._store, active_modes, frozenset[str]())
        self._travel = TravelNews(self._store)
        self._views: Polled[Mapping[str, str]] = Polled(self._store, views_asked, {})
        vault, spool = FolderVault(options.evidence_dir), Spool(options.spool_dir)
        self._outlet = Outlet(self._store, vault, spool, self._meters, options.settings)
        self._observations = observation_log(options, name, self._meters)
        self._publisher = SocketFramePublisher(options.frames_socket)
        self._video = CameraVideo(options, self._store, vault, sites, self._stages)
        self._lookback = Lookback(options.var_dir, options.settings.recording)
        self._maker = PipelineMaker(self._store, self._outlet, self._resources, self._observations, self._arrived.set)
        self._looks = LookBudget(options.settings.inference.second_looks, time.monotonic())
        self._canaries = CanaryRound(self._store, self._outlet, self._meters, options)
        self._period_s = 1.0 / options.settings.inference.per_second
        self._book = LoadBook(self._meters, self._stages, {})
        self._details: ThreadPoolExecutor | None = None
        self._watches: list[WatchedSite] = []
        for site in sites:
            self._add(options.settings.site(site))

    def run(self) -> None:
        """Until it is time to stop. Raises DeviceHung when only a new process helps."""
        for watch in self._watches:
            self._outlet.open(watch.stream)
            self._outlet.open(watch.scene)
            watch.is_open = True
        self._video.start()
        release_library_pages()  # of imports; now, since cameras load libraries in their threads
        for watch in self._watches:
            watch.camera.device.start()
        try:
            while not self._heart.stopping.is_set():
                must_go_on(self._store)
                if (news := self._follow()) is not None:
                    self.apply(*news)
                self._make_pipelines()
                if self._maker.beside or any(watch.pipeline or watch.trouble for watch in self._watches):
                    self._heart.beat()  # not before: loading the first model may take long
                self._arrived.clear()
                looked = self._look_at_next()
                self._tick_all()
                self._weigh()
                if time.monotonic() >= self._meters_due_s:
                    self._save_meters()
                if not looked:
                    self._arrived.wait(self._pause_s())
        finally:
            self._close()

    def apply(self, options: RunOptions, sites: Sequence[str]) -> None:
        """Go on with these settings, as the process of the cameras of these sites. On the main thread.

        Only what differs is touched (`engine.judging.changes`); a pipeline follows within some turns of the loop.
        """
        before, settings, self._options = self._options.settings, options.settings, options
        self._outlet.follow_settings(settings)
        self._video.follow_settings(settings, sites)
        for watch in tuple(self._watches):
            change = camera_change(before, settings, watch.site.id)
            if change.extent is Extent.REMOVED or watch.site.id not in sites:
                self._remove(watch, change)
                continue
            watch.follow(settings, change)
            if change.extent is Extent.CAMERA:
                watch.replace_camera(self._camera(watch.site, watch.camera.tally))
            watch.camera.look_near(self._looks_near(watch.site))
            self._admission.prefer(watch.site.id, urgent=watch.is_urgent)
        known = {watch.site.id for watch in self._watches}
        for site in sites:
            if site not in known:
                self._add(settings.site(site)).camera.device.start()

    def _add(self, site: SiteSettings) -> WatchedSite:
        watch = WatchedSite(site, self._camera(site))
        self._watches.append(watch)
        self._book.add(site.id, watch.camera.tally)
        self._admission.prefer(site.id, urgent=watch.is_urgent)
        return watch

    def _remove(self, watch: WatchedSite, change: SiteChange) -> None:
        """It has gone from the settings, or to another worker: then its alerts and what its rules know wait there."""
        self._watches.remove(watch)
        watch.camera.close()
        self._admission.prefer(watch.site.id, urgent=False)
        self._book.remove(watch.site.id)
        self._canaries.remove(watch.site.id)
        if not watch.is_open:
            return
        if watch.pipeline is not None and change.extent is not Extent.REMOVED:
            self._outlet.keep(watch.stream, watch.pipeline.snapshot())
        elif change.extent is Extent.REMOVED:
            at = watch.judged_until or watch.camera.now()
            if watch.pipeline is not None and (ends := watch.pipeline.ends(change.dropped, at)):
                self._outlet.send(UnitOfWork(watch.stream, ends, at))
            self._outlet.keep(watch.stream, None)
            self._outlet.keep(watch.scene, None)
            self._outlet.tell_health(watch.site.id, "unknown", "")
        self._outlet.release(watch.stream)
        self._outlet.release(watch.scene)

    def _camera(self, site: SiteSettings, tally: Tally | None = None) -> Camera:
        recipe = site.camera
        if recipe is None:
            raise YipingError(f"{site.id} has no camera")
        context = self._options.context(site, self._resources, self._video.sink(site))
        return Camera(
            recipe,
            context,
            publisher=self._publisher,
            meters=self._meters,
            arrived=self._arrived.set,
            reject=self._keep_reject,
            admission=self._admission,
            near=self._looks_near(site),
            tally=tally,
            lookback=self._lookback.camera(site.id),
        )

    def _looks_near(self, site: SiteSettings) -> bool:
        windows = self._options.settings.inference.windows
        return bool(windows) and any(one.regions_of_interest for one in site.detectors)

    def _make_pipelines(self) -> None:
        """Of sites that have none yet, or one of settings that hold no longer; some at a time while others look."""
        began_s = time.monotonic()
        for watch in self._watches:
            now_s = time.monotonic()
            if self._maker.beside and now_s - began_s > MAKE_FOR_S:
                return
            if not watch.wants_pipeline(now_s):
                continue
            is_new = watch.pipeline is None
            try:
                if not self._maker.make(watch, self._options, self._views.now().get(watch.site.id, "")):
                    continue
                self._canaries.follow(watch)
            except Exception as error:  # noqa: BLE001 - the restart loop of one pipeline; other sites go on
                self._pipeline_failed(watch, error)
            self._heart.beat()
            if not self._maker.beside:
                settle_memory()
            if is_new:
                self._memory.loaded(time.monotonic())
        self._maker.beside = True
        self._note_version()

    def _note_version(self) -> None:
        """Of which version of the settings is everything here that can be?"""
        version = self._options.version
        if version == self._version or any(
            watch.wants_pipeline(math.inf) and not watch.trouble for watch in self._watches
        ):
            return
        self._version, self._meters_due_s = version, 0.0
        self._meters.gauge("yiping_settings_version", float(version))

    def _pipeline_failed(self, watch: WatchedSite, error: Exception) -> None:
        """It was not made, and one that is there goes on; or it broke while it judged."""
        refused = isinstance(error, InputRejected | UnverifiedWeights)
        reason = redact(f"rejected: {error}" if refused else f"{type(error).__name__}: {error}")
        if reason != watch.trouble:
            known = isinstance(error, YipingError)
            log.error("%s cannot be judged: %s", watch.site.id, reason, exc_info=None if known else error)
        watch.trouble, watch.making = reason, None
        retry_s = RETRY_STORE_S if isinstance(error, AWAY) else RETRY_PIPELINE_S
        watch.pipeline_due_s = time.monotonic() + retry_s
        self._meters.count("yiping_pipeline_failures_total", site=watch.site.id)

    def _look_at_next(self) -> bool:
        """Look at the newest picture of the camera that is overdue the longest; False when none is due."""
        now_s = time.monotonic()
        self._note_clock(now_s)
        ready = [w for w in self._watches if w.due_s <= now_s and w.pipeline is not None and w.camera.fresh()]
        if not ready:
            return False
        # Every second turn is for those that woke: their alert is late already, and the others have half a second.
        self._turn = (self._turn + 1) % 2
        late = [one for one in ready if self._turn == 0 and one.camera.catching_up()]
        watch = max(late or ready, key=lambda one: overdue_s(one.due_s, now_s, urgent=one.is_urgent))
        received = watch.camera.fresh()  # of this camera alone: a frame kept in hand is another 3 MB in its decoder
        if received is None:
            return False
        if not received.late:
            self._load.waited(now_s - received.at_s)
        if watch.camera.watch is None:
            watch.camera.tally.shed += watch.camera.missed(watch.due_s, self._period_s)
            watch.due_s = max(watch.due_s + self._period_s, now_s)
        else:
            watch.due_s = now_s  # it sets the pace itself, and what was kept back is looked at without a pause
        watch.camera.take(received)
        try:
            self._look(watch, received)
        except Exception as error:  # noqa: BLE001 - the restart loop of one pipeline; other sites go on
            watch.pipeline = None
            self._pipeline_failed(watch, error)
        return True

    def _look(self, watch: WatchedSite, received: Received) -> None:
        pipeline = watch.pipeline
        if pipeline is None or not pipeline.looks:
            return
        frame, picture, full, begun_s = received.frame, None, None, time.monotonic()
        if watch.follows_clock(frame.at, received.at_s):
            return
        watch.judged(frame.at)
        if received.glance:
            with watch.camera.pixels, self._stages.measure(watch.site.id, "judge"):
                seen_there = pipeline.glance(frame)
            watch.camera.tally.looks += 1
            if not watch.camera.glanced(received, seen_there):
                return
        with watch.camera.pixels:
            with self._stages.measure(watch.site.id, "judge"):  # what is left of it beside the detectors' own stages
                seen = pipeline.see(
                    frame,
                    watch.camera.movement,
                    still=received.still,
                    calm_until=received.calm_until,
                    looks=self._looks.left(begun_s),
                )
            if any(isinstance(signal, Raised) and not signal.again for signal in seen.signals):
                with self._stages.measure(watch.site.id, "encode"):
                    picture = frame.jpeg(EVIDENCE_WIDTH)
                full = self._in_full(frame)
        self._count_looks(watch.site.id, seen)
        for refused in pipeline.refused():
            self._keep_reject(refused)
        if not seen.repeated:
            watch.camera.looked(received)
            self._meters.observe("yiping_look_seconds", time.monotonic() - begun_s)
        watch.camera.show(seen.detections, seen.signals)
        if seen.signals or seen.readings:
            unit = UnitOfWork(watch.stream, seen.signals, frame.at, seen.readings, news=self._news.due(seen.readings))
            unit.picture, unit.received_s = picture, received.at_s
            unit.full, unit.full_until_s = full, time.monotonic() + FULL_WITHIN_S
            self._outlet.send(unit)
        self._try_canaries(watch, frame, seen)

    def _try_canaries(self, watch: WatchedSite, frame: Frame, seen: Seen) -> None:
        """What fails here must not stop the site from being judged."""
        try:
            self._canaries.looked(watch, frame, seen)
        except Exception as error:
            log.exception("%s: live recall is no longer measured: %s", watch.site.id, redact(str(error)))
            self._canaries.remove(watch.site.id)

    def _in_full(self, frame: Frame) -> Future[bytes | None] | None:
        """The evidence of a camera that is looked at by its substream, decoded beside the looks."""
        if not isinstance(frame, Detailed):
            return None
        full = frame.full()

        def decoded() -> bytes | None:
            large = full(FULL_WITHIN_S, None)
            return None if large is None else large.jpeg(EVIDENCE_WIDTH)

        self._details = self._details or ThreadPoolExecutor(1, thread_name_prefix="details")
        return self._details.submit(decoded)

    def _count_looks(self, site: str, seen: Seen) -> None:
        """Closer looks, and how long alerts have waited for them."""
        if seen.looks:
            self._looks.spend(seen.looks)
            self._meters.count("yiping_second_looks_total", seen.looks, site=site)
        for signal in seen.signals:
            if isinstance(signal, Raised) and signal.second_look is not None and not signal.again:
                self._meters.observe("yiping_second_look_wait_seconds", signal.second_look.waited_s)

    def _tick_all(self) -> None:
        now_s = time.monotonic()
        self._video.watch(now_s, (watch.site.id for watch in self._watches if watch.camera.observable()))
        for watch in self._watches:
            if now_s < watch.tick_due_s:
                continue
            watch.tick_due_s = max(watch.tick_due_s + TICK_S, now_s)
            self._tell_health(watch)
            watch.camera.device.check()
            at = watch.camera.now() - TICK_LAG
            if watch.pipeline is None or (watch.ticked_at is not None and at <= watch.ticked_at):
                continue
            watch.ticked_at, watch.ticked_s = at, now_s
            watch.judged(at)
            try:
                watch.pipeline.turned(self._views.now().get(watch.site.id, ""))
                observable = watch.camera.observable() and not watch.camera.device.trouble
                travel = self._travel.of(watch.site.id)
                signals = watch.pipeline.tick(Tick(watch.site.id, at, observable, self._modes.now(), travel))
            except Exception as error:  # noqa: BLE001 - the restart loop of one pipeline; other sites go on
                watch.pipeline = None
                self._pipeline_failed(watch, error)
                continue
            standings = watch.pipeline.standings()
            if signals or standings:
                self._outlet.send(UnitOfWork(watch.stream, tuple(signals), at, standings=standings))
            if now_s >= watch.state_due_s:
                watch.state_due_s = now_s + STATE_EVERY_S
                self._outlet.keep(watch.stream, watch.pipeline.snapshot())
                if (scene := watch.pipeline.scene()) is not None:
                    self._outlet.keep(watch.scene, scene)

    def _note_clock(self, now_s: float) -> None:
        """Was this computer's clock set? Live pictures then come with other times."""
        jump = self._wall_clock.jump()
        if not jump or -HELD_LEVEL <= jump < timedelta(0):
            return
        for watch in self._watches:
            watch.jump = ClockJump(jump, now_s + FOLLOWS_WITHIN_S)

    def _weigh(self) -> None:
        """Once a second: can what is awake be carried? Else some cameras go back to key frames, and it is said."""
        now_s = time.monotonic()
        weight = self._load.since(now_s)
        if weight is None:
            return
        self._give_back(now_s)
        back = self._admission.weigh(*weight, now_s)
        if back:
            self._load.restart()
        for watch in self._watches:
            if watch.site.id in back:
                watch.camera.send_back()

    def _give_back(self, now_s: float) -> None:
        """Return freed memory to the system, and after the start what only that needed."""
        if not self._maker.is_loading:  # pages of libraries are left alone while another thread loads some
            self._memory.tend(now_s)

    def _tell_health(self, watch: WatchedSite) -> None:
        """Publish a change between live and lost, and another cause of the same loss."""
        news = watch.health_news(sheds=self._book.sheds(watch.site.id))
        if news is None:
            return
        if news.began:
            self._meters.count("yiping_site_lost_total", site=watch.site.id)
        self._meters.gauge("yiping_site_live", float(news.health == "live"), site=watch.site.id)
        self._outlet.tell_health(watch.site.id, news.health, news.reason, news.degraded)

    def _keep_reject(self, rejected: Rejected) -> None:
        """From a reader's thread."""
        self._meters.count("yiping_rejects_total", site=rejected.site)
        self._reject_log.warn(rejected)
        with suppress(StoreClosed):  # it is in the log
            self._store.submit(lambda writer: writer.add_reject(rejected))

    def _pause_s(self) -> float:
        """Until the next tick, or until a camera with a fresh picture is due."""
        now_s = time.monotonic()
        dues = [watch.tick_due_s for watch in self._watches]
        dues += [watch.due_s for watch in self._watches if watch.camera.fresh() is not None and watch.pipeline]
        return max(0.001, min([0.5, *(due - now_s for due in dues)]))

    def _save_meters(self) -> None:
        now_s = time.monotonic()
        self._meters_due_s = now_s + METERS_EVERY_S
        for watch in self._watches:
            self._meters.gauge("yiping_frame_age_seconds", round(watch.camera.frame_age_s(), 3), camera=watch.site.id)
            self._meters.gauge("yiping_decode_state", watch.camera.decode_state, camera=watch.site.id)
        self._book.note(now_s)
        try:
            self._meters.save(self._meters_file)
        except OSError as error:
            log.error("metrics cannot be written: %s", error)

    def _close(self) -> None:
        for watch in self._watches:
            watch.camera.device.stop()
            if watch.pipeline is not None:
                self._outlet.keep(watch.stream, watch.pipeline.snapshot())
        self._maker.close()
        if self._details is not None:
            self._details.shutdown(wait=False, cancel_futures=True)
        self._video.close()
        self._lookback.close()
        self._observations.close()
        self._outlet.close()
        self._publisher.close()


def run_cameras(heart: Heart, options: RunOptions, name: str, sites: tuple[str, ...]) -> None:
    """Target of a worker process that owns the cameras of these sites, or those that the newest settings give it."""
    be_frugal()
    store = open_store(options.store, migrate=False, mask=options.mask)
    with closing(store), closing(SettingsFollower(store, options)) as follower:
        now = follower.settle()
        if follower.follows:
            options, sites = with_settings(options, now), now.cameras_of(name)

        def follow() -> tuple[RunOptions, Sequence[str]] | None:
            if follower.changed() is None:
                return None
            return with_settings(options, follower.now), follower.now.cameras_of(name)

        Worker(heart, options, store, name, sites, follow).run()
