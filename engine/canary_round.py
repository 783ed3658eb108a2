"""Canary targets of a worker's cameras: whose turn it is, within a share of the process's time."""

from __future__ import annotations

import logging
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from data.errors import InputRejected, StoreClosed
from data.local.cutouts import FOLDER, load_cutouts
from data.local.meters import Meters
from data.model.frame import Frame
from data.model.live_recall import Cutout
from data.ports.recipe import FindsCanaries
from data.ports.store import Store, Writer
from data.stored.live_recall import put_recall, recall_state
from engine.judging.canaries import CanaryBudget, SiteCanaries
from engine.judging.judgement import UnitOfWork
from engine.judging.outlet import Outlet
from engine.judging.pipeline import Seen
from engine.process.options import RunOptions
from engine.watched_site import WatchedSite

log = logging.getLogger(__name__)

_SECOND_WITHIN_S = 15.0  # after the first picture of a turn; a resting camera is looked at every ten seconds
_LOOKED_WITHIN_S = 30.0  # a camera that gives nothing has no turn
_STORED_EVERY_S = 60.0


@dataclass(slots=True)
class _Turn:
    """The camera whose first picture was kept, and when."""

    site: str
    at_s: float


class CanaryRound:
    """On the worker's main thread only."""

    def __init__(self, store: Store, outlet: Outlet, meters: Meters, options: RunOptions) -> None:
        inference = options.settings.inference
        self._store = store
        self._outlet = outlet
        self._meters = meters
        self._threads = inference.threads
        self._budget = CanaryBudget(inference.canaries, time.monotonic())
        self._cutouts = _cutouts(options) if inference.canaries else ()
        self._sites: dict[str, SiteCanaries] = {}
        self._looked_s: dict[str, float] = {}
        self._stored_s: dict[str, float] = {}
        self._turn: _Turn | None = None

    def follow(self, watch: WatchedSite) -> None:
        """The site has a new pipeline, perhaps of other settings."""
        site, pipeline = watch.site, watch.pipeline
        if pipeline is None or not self._cutouts:
            return
        able = [one for one in pipeline.detectors if isinstance(one, FindsCanaries)]
        canaries = self._sites.get(site.id)
        if canaries is None:
            state = self._store.read(partial(recall_state, site=site.id))
            canaries = SiteCanaries(site, self._cutouts, random.Random(), state)  # noqa: S311 - where targets are put
        canaries.follow(site, pipeline.open_keys)
        if site.live_recall.enabled and able and canaries.subjects(able[0].kinds):
            self._sites[site.id] = canaries
        else:
            self.remove(site.id)

    def remove(self, site: str) -> None:
        """It is tried no longer."""
        self._sites.pop(site, None)
        self._looked_s.pop(site, None)

    def looked(self, watch: WatchedSite, frame: Frame, seen: Seen) -> None:
        """A picture was judged. If it is the camera's turn, a copy of it gets targets."""
        canaries, pipeline, now_s = self._sites.get(watch.site.id), watch.pipeline, time.monotonic()
        if canaries is None or pipeline is None:
            return
        self._looked_s[watch.site.id] = now_s
        if not seen.repeated:
            canaries.learn(seen.detections)
        if not self._has_turn(watch.site.id, now_s):
            return
        began_s, began_cpu_s, whole = time.monotonic(), time.thread_time(), canaries.is_armed
        with watch.camera.pixels:
            if whole:
                self._turn = None
                before = canaries.counted
                signals = canaries.attempt(frame, pipeline.detectors, seen.detections, now_s)
                self._count(watch.site.id, before, canaries.counted)
            else:
                self._turn, signals = _Turn(watch.site.id, now_s), []
                canaries.arm(frame, pipeline.detectors)
        if signals:
            pipeline.note(signals)
            self._outlet.send(UnitOfWork(watch.stream, tuple(signals), frame.at))
        self._keep(watch.site.id, canaries, frame.at, now_s, urgent=bool(signals))
        spent_s = time.thread_time() - began_cpu_s
        if self._threads > 1:  # the network's own threads are not counted in ours
            spent_s = (time.monotonic() - began_s) * self._threads
        self._budget.spend(spent_s, whole=whole)
        self._meters.count("yiping_canary_seconds_total", spent_s)

    def _has_turn(self, site: str, now_s: float) -> bool:
        if self._turn is not None and now_s - self._turn.at_s <= _SECOND_WITHIN_S:
            return self._turn.site == site
        if self._turn is not None:
            if (waiting := self._sites.get(self._turn.site)) is not None:
                waiting.disarm()
            self._turn = None
        if not self._budget.allows(now_s):
            return False
        others = (
            one.overdue_s(now_s)
            for name, one in self._sites.items()
            if name != site and now_s - self._looked_s.get(name, float("-inf")) <= _LOOKED_WITHIN_S
        )
        return self._sites[site].overdue_s(now_s) >= max(others, default=float("-inf"))

    def _count(self, site: str, before: tuple[int, int], after: tuple[int, int]) -> None:
        self._meters.count("yiping_canaries_total", after[0] - before[0], site=site)
        self._meters.count("yiping_canaries_found_total", after[1] - before[1], site=site)

    def _keep(self, site: str, canaries: SiteCanaries, at: datetime, now_s: float, *, urgent: bool) -> None:
        if not urgent and now_s - self._stored_s.get(site, float("-inf")) < _STORED_EVERY_S:
            return
        state = canaries.changed()
        if state is None:
            return
        self._stored_s[site] = now_s
        with suppress(StoreClosed):  # it comes again with the next
            self._store.submit(partial(_put, site=site, state=state, at=at))


def _put(writer: Writer, site: str, state: Any, at: datetime) -> None:
    put_recall(writer, site, state, at)


def _cutouts(options: RunOptions) -> tuple[Cutout, ...]:
    """Those of this machine; none, and a line in the log, where they cannot be used."""
    folder = options.base_dir / options.settings.inference.cache_dir / FOLDER
    try:
        found = load_cutouts(folder)
    except InputRejected as error:
        log.error("live recall is not measured: %s", error)
        return ()
    if not found:
        log.info("live recall is not measured: no cut-outs in %s; `app.py canary-targets` makes some", folder)
    return found
