"""One site in a worker: its camera, its pipeline, and how both are made and follow the settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Because, Ended, Priority
from data.model.loss import cause_of
from data.ports.recipe import Detector, Resources
from data.ports.store import Reader, Store
from engine.camera.camera import Camera
from engine.judging.changes import Extent, SiteChange, camera_change, why_gone
from engine.judging.judgement import (
    CAMERA,
    SCENE,
    UnitOfWork,
    alerts_to_resume,
    held_keys,
    kept_state,
    pending_keys,
    stream_of,
)
from engine.judging.observation_log import NoLog, ObservationLog
from engine.judging.outlet import Outlet
from engine.judging.pipeline import SitePipeline, made_detectors
from engine.process.options import RunOptions
from engine.process.wall_clock import ClockJump, moved_back

log = logging.getLogger(__name__)

TICK_S = 1.0
_LOST_STREAM = MappingProxyType({5: "substream_lost", 6: "main_lost"})  # by decode state
TICK_LAG = timedelta(seconds=0.5)  # so that a picture still on its way is not older than the tick before it


@dataclass(frozen=True, slots=True)
class HealthNews:
    """How a site is now. `began`: it is lost since now. `degraded`: as of `engine.judging.outlet.publish_health`."""

    health: str
    reason: str
    degraded: str
    began: bool


class WatchedSite:
    """Camera, pipeline, and when each is due. On the main thread only."""

    def __init__(self, site: SiteSettings, camera: Camera) -> None:
        self.site = site
        self.camera = camera
        self.stream = stream_of(site.id, CAMERA)
        self.scene = stream_of(site.id, SCENE)
        self.is_open = False  # its streams are
        self.pipeline: SitePipeline | None = None
        self.pipeline_due_s = 0.0
        self.in_force: Settings | None = None  # of the pipeline, and of what is kept of it; None before the first one
        self.change: SiteChange | None = None  # from those to the newest
        self.making: Future[list[Detector]] | None = None
        self.trouble = ""
        self.due_s = 0.0
        self.state_due_s = 0.0
        self.tick_due_s = time.monotonic() + TICK_S
        self.ticked_at: datetime | None = None
        self.ticked_s = 0.0
        self.judged_until: datetime | None = None  # the newest picture or tick that was judged
        self.jump: ClockJump | None = None  # our clock was set; the camera's times may follow
        self.carried: tuple[Any] | None = None  # what the rules knew before it was set or the camera was opened anew
        self._health: tuple[str, str, str] = ("unknown", "", "")

    @property
    def is_urgent(self) -> bool:
        """Does one of its rules raise P1? Then it is looked at before others when there is not time for all."""
        return any(rule.priority is Priority.P1 for rule in self.site.rules)

    def wants_pipeline(self, now_s: float) -> bool:
        """Is there none, or one of settings that hold no longer, and is it time to make one?"""
        return (self.pipeline is None or self.change is not None) and now_s >= self.pipeline_due_s

    def follow(self, settings: Settings, latest: SiteChange) -> None:
        """The newest settings of the site are these; its pipeline follows soon. `latest`: from those just before."""
        self.site, self.pipeline_due_s = settings.site(self.site.id), 0.0
        if latest.extent is not Extent.UNCHANGED:
            self.making = None
        if self.in_force is None:
            return
        change = camera_change(self.in_force, settings, self.site.id)
        if change.extent is not Extent.UNCHANGED:
            self.change = change
            return
        self.change, self.in_force = None, settings
        if self.pipeline is not None:
            self.trouble = ""  # settings that could not be used have been taken back

    def replace_camera(self, camera: Camera) -> None:
        """Another one from now on; its rules go on as after a restart."""
        if self.pipeline is not None:
            self.carried = (self.pipeline.snapshot(),)
        self.camera.close()
        camera.device.start(after=self.camera.device)
        self.camera, self.pipeline, self.ticked_at, self.due_s, self.jump = camera, None, None, 0.0, None

    def take(self, pipeline: SitePipeline, settings: Settings) -> None:
        """From now on this one judges."""
        self.pipeline, self.in_force, self.change, self.making, self.carried = pipeline, settings, None, None, None
        self.trouble = ""

    def health_news(self, *, sheds: bool) -> HealthNews | None:
        """None while nothing has changed. `sheds`: it is looked at less often than it should be."""
        camera = self.camera
        if not camera.seen_yet() and not camera.device.trouble:
            return None
        alive = camera.observable() and not camera.device.trouble and not self.trouble
        reason = "" if alive else self.trouble or camera.reason()
        degraded = "keyframes" if camera.sparing else "looks" if sheds else _LOST_STREAM.get(camera.decode_state, "")
        health = ("live" if alive else "lost", cause_of(reason), degraded)
        if health == self._health:
            return None
        began = health[0] == "lost" != self._health[0]
        self._health = health
        return HealthNews(health[0], reason, degraded, began)

    def judged(self, at: datetime) -> None:
        """A picture or tick of then was judged."""
        if self.judged_until is None or at > self.judged_until:
            self.judged_until = at

    def follows_clock(self, at: datetime, came_s: float) -> bool:
        """Is this the first picture by a clock that was set? Then rules go on as after a restart, from the next on."""
        jump, pipeline = self.jump, self.pipeline
        if jump is None or pipeline is None or self.ticked_at is None:
            return False
        if came_s > jump.until_s:
            self.jump = None  # a recording has a time of its own
            return False
        expected = self.ticked_at + TICK_LAG + timedelta(seconds=came_s - self.ticked_s)
        if not jump.explains(at - expected):
            return False
        state = pipeline.snapshot()
        self.carried = (moved_back(state, jump.by, at) if jump.by < timedelta(0) else state,)
        self.pipeline, self.pipeline_due_s, self.ticked_at, self.jump, self.judged_until = None, 0.0, None, None, None
        self.camera.forget_times()
        log.warning("%s goes on in the time of the clock that was set", self.site.id)
        return True


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store has of a site's stream."""

    open_alerts: Sequence[Alert]
    held: set[AlertKey]
    state: Any
    scene: Any
    pending: set[AlertKey]


class PipelineMaker:
    """Makes the pipelines of a worker's sites, on the main thread but for detectors that come while others look.

    OpenVINO's first inferences of a process, made in two threads at once, never returned. So before anything looks
    models are loaded on the main thread, and later one at a time on a thread of their own, which may take long.
    """

    def __init__(
        self,
        store: Store,
        outlet: Outlet,
        resources: Resources,
        observations: ObservationLog | NoLog,
        arrived: Callable[[], None],
    ) -> None:
        """`arrived` is called when something can go on."""
        self._store = store
        self._outlet = outlet
        self._observations = observations
        self._resources = resources
        self._arrived = arrived
        self._builder: ThreadPoolExecutor | None = None
        self._making: list[Future[list[Detector]]] = []
        self.beside = False  # is anything looked at meanwhile?

    def make(self, watch: WatchedSite, options: RunOptions, view: str) -> bool:
        """True once it is made and judges; False while it waits for a detector, or for the store.

        Raises what recipes and the store raise; a pipeline that is there goes on.
        """
        context = options.context(watch.site, self._resources)
        change = watch.change or SiteChange(Extent.UNCHANGED)
        if watch.pipeline is not None and change.extent is Extent.RULES:
            pipeline, ends = watch.pipeline.with_rules(watch.site, context, change.dropped, self._now(watch))
        else:
            if not watch.is_open:
                self._outlet.open(watch.stream)
                self._outlet.open(watch.scene)
                watch.is_open = True
            detectors = self._detectors(watch, options)
            if detectors is None or not self._outlet.settled(watch.stream):
                return False  # what the spool holds must be in the store before the open alerts are read
            kept = self._store.read(partial(_kept, site=watch.site, stream=watch.stream, scene=watch.scene))
            gone = {alert.key: why for alert in kept.open_alerts if (why := _why(alert, kept, change, watch.site))}
            state = watch.pipeline.snapshot() if watch.pipeline is not None else kept.state
            pipeline = SitePipeline(
                watch.site,
                context,
                [alert for alert in kept.open_alerts if alert.key not in gone],
                _without(watch.carried[0] if watch.carried is not None else state, change.dropped),
                pending=kept.pending,
                scene=kept.scene,
                view=view,
                detectors=detectors,
                observer=self._observations.observer(watch.stream),
            )
            at = self._now(watch)
            ends = tuple(Ended(key, at, at, because=why) for key, why in gone.items())
            pipeline.note_ends(ends)
        watch.take(pipeline, options.settings)
        if ends:
            self._outlet.send(UnitOfWork(watch.stream, ends, ends[0].at))
        if change.dropped:
            self._outlet.keep(watch.stream, pipeline.snapshot())  # without what was dropped
        return True

    @property
    def is_loading(self) -> bool:
        """Does the other thread load something now?"""
        return any(not one.done() for one in self._making)

    def close(self) -> None:
        """Does not wait for a model that is being loaded."""
        if self._builder is not None:
            self._builder.shutdown(wait=False, cancel_futures=True)

    def _detectors(self, watch: WatchedSite, options: RunOptions) -> Sequence[Detector] | None:
        context = options.context(watch.site, self._resources)
        if not self.beside:
            return made_detectors(watch.site, context)
        if watch.making is None:
            self._builder = self._builder or ThreadPoolExecutor(1, thread_name_prefix="detectors")
            watch.making = self._builder.submit(made_detectors, watch.site, context)
            self._making = [*(one for one in self._making if not one.done()), watch.making]
            watch.making.add_done_callback(lambda _: self._arrived())
        return watch.making.result() if watch.making.done() else None

    @staticmethod
    def _now(watch: WatchedSite) -> datetime:
        """In the camera's time: not after a picture that is still to be judged."""
        return watch.judged_until or watch.camera.now()


def _kept(reader: Reader, site: SiteSettings, stream: str, scene: str) -> _Kept:
    return _Kept(
        alerts_to_resume(reader, site.id, CAMERA, other_side=bool(site.sensors)),
        held_keys(reader, stream),
        kept_state(reader, stream),
        kept_state(reader, scene),
        pending_keys(reader, stream),
    )


def _why(alert: Alert, kept: _Kept, change: SiteChange, site: SiteSettings) -> Because | None:
    """Why nobody watches this alert any more, also since before this process began; None when a rule does."""
    dropped = change.dropped.get(alert.key.rule)
    if dropped is not None or alert.key not in kept.held:
        return dropped
    return why_gone(alert.key, site)


def _without(state: Any, dropped: Mapping[str, Because]) -> Any:
    """The state of the rules without that of these."""
    if not isinstance(state, Mapping) or not dropped:
        return state
    return {name: one for name, one in state.items() if name not in dropped} or None
