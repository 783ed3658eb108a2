"""The process of all gauges: readings are judged, committed together with their signals, and only then let go."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Sequence
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from data.alert import Signal
from data.camera_health import HealthSettings
from data.errors import StoreClosed, YipingError
from data.meters import Meters
from data.modes import active_modes
from data.observation import Reading, Rejected, Tick
from data.recipe import Resources
from data.secrets import redact
from data.settings import Settings, SiteSettings
from data.sql.store import open_store
from data.store import Store, Writer
from data.warning import HazardWarning
from data.warnings_in import receive_warning
from engine.device import Device, Item
from engine.heart import Heart
from engine.judgement import (
    GAUGES,
    Unit,
    alerts_to_resume,
    commit_unit,
    keep_state,
    kept_state,
    last_number,
    pending_keys,
    stream_of,
)
from engine.options import RunOptions
from engine.outlet import AWAY, publish_health
from engine.pipeline import SitePipeline
from engine.polled import Polled
from engine.readings import ReadingNews

log = logging.getLogger(__name__)

TICK_S = 1.0
TICK_LAG = timedelta(seconds=0.5)
GATHER_S = 0.05  # readings that come within it share a commit
MOST_ITEMS = 500
RETRY_S = 1.0
METERS_EVERY_S = 5.0
RECORDED_AFTER = timedelta(days=1)  # readings older than this come from a recording and keep its time


@dataclass
class _Side:
    """The gauges' side of one site."""

    site: SiteSettings
    stream: str
    pipeline: SitePipeline
    number: int
    state: Any = None  # of its rules, as the store has it
    devices: list[Device] = field(default_factory=list)
    offset: timedelta = timedelta(0)
    ticked_at: datetime | None = None
    health: str = "unknown"
    troubled: str = ""


@dataclass
class _Batch:
    """What is committed together. `acknowledge`: who waits for the word that a reading is stored."""

    units: list[Unit] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    acknowledge: list[tuple[Device, Reading]] = field(default_factory=list)
    health: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[tuple[Device, HazardWarning]] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)  # of the rules, by stream

    def __bool__(self) -> bool:
        return bool(self.units or self.rejects or self.health or self.warnings or self.states)


class Sensors:
    """One thread per sensor reads; the main thread judges and commits. Full queues make the sensors wait."""

    def __init__(self, heart: Heart, options: RunOptions, name: str, sites: Sequence[str]) -> None:
        self._heart = heart
        self._options = options
        self._meters = Meters()
        self._meters_file = options.run_dir / f"metrics-{name}.json"
        self._meters_due_s = 0.0
        self._news = ReadingNews()
        self._came: queue.Queue[tuple[Device, Item]] = queue.Queue(maxsize=10_000)
        self._store: Store = open_store(options.store, migrate=False)
        self._modes = Polled(self._store, active_modes, frozenset[str]())
        resources = Resources()
        self._sides = [self._side(options.settings.site(site), resources) for site in sites]
        latest = self._store.read(lambda reader: reader.latest_readings())
        self._judged_until = {(r.site, r.monitor, r.quantity): r.at for r in latest}

    def run(self) -> None:
        """Until it is time to stop; what is not committed then is given again by its source."""
        for device in self._devices():
            device.start()
        tick_due_s = time.monotonic() + TICK_S
        try:
            while not self._heart.stopping.is_set():
                self._heart.beat()
                batch = self._judge(self._gather())
                if time.monotonic() >= tick_due_s:
                    tick_due_s = max(tick_due_s + TICK_S, time.monotonic())
                    self._tick(batch)
                self._note_states(batch)
                if batch and not self._commit(batch):
                    return
                if time.monotonic() >= self._meters_due_s:
                    self._save_meters()
        finally:
            for device in self._devices():
                device.stop()
            self._store.close()

    def _devices(self) -> list[Device]:
        return [device for side in self._sides for device in side.devices]

    def _side(self, site: SiteSettings, resources: Resources) -> _Side:
        stream = stream_of(site.id, GAUGES)
        other_side = site.camera is not None
        open_alerts, number, state = self._store.read(
            lambda reader: (
                alerts_to_resume(reader, site.id, GAUGES, other_side=other_side),
                last_number(reader, stream),
                kept_state(reader, stream),
            )
        )
        pending = self._store.read(lambda reader: pending_keys(reader, stream))
        context = self._options.context(site, resources)
        judged = site.model_copy(update={"detectors": (), "health": HealthSettings(enabled=False)})
        try:
            pipeline = SitePipeline(judged, context, open_alerts, state, pending=pending)
        except YipingError as error:
            log.error("%s: its readings are kept but cannot be judged: %s", site.id, error)
            pipeline = SitePipeline(judged.model_copy(update={"rules": ()}), context)
        side = _Side(site, stream, pipeline, number, state)
        for recipe in site.sensors:
            side.devices.append(Device(recipe, context, self._take, idle_is_alive=True))
        return side

    def _take(self, device: Device, item: Item) -> None:
        """From a sensor's thread; waits while too much is waiting already."""
        self._came.put((device, item))

    def _gather(self) -> list[tuple[Device, Item]]:
        """What came: waits a little for the first, then for what comes together with it."""
        items: list[tuple[Device, Item]] = []
        deadline_s = time.monotonic() + 0.25
        while len(items) < MOST_ITEMS:
            try:
                items.append(self._came.get(timeout=max(0.0, deadline_s - time.monotonic())))
            except queue.Empty:
                break
            deadline_s = min(deadline_s, time.monotonic() + GATHER_S) if len(items) == 1 else deadline_s
        return items

    def _judge(self, items: Sequence[tuple[Device, Item]]) -> _Batch:
        batch = _Batch()
        by_site: dict[str, list[Reading]] = {}
        for device, item in items:
            if isinstance(item, Rejected):
                self._reject(batch, item)
            elif isinstance(item, HazardWarning):
                batch.warnings.append((device, item))
                self._meters.count("yiping_warnings_total", site=device.site)
            elif isinstance(item, Reading):
                by_site.setdefault(item.site, []).append(item)
                batch.acknowledge.append((device, item))
                self._meters.count("yiping_readings_total", site=item.site)
        for side in self._sides:
            readings = by_site.get(side.site.id, [])
            news = self._news.due(readings)
            if not readings:
                self._add(batch, side, Unit(side.stream, (), datetime.now(UTC), news=news))
                continue
            now = datetime.now(UTC)
            side.offset = now - readings[-1].at if now - readings[-1].at > RECORDED_AFTER else timedelta(0)
            signals = [
                signal for reading in readings if self._is_new(reading) for signal in self._judged(side, reading)
            ]
            for refused in side.pipeline.refused():
                self._reject(batch, refused)
            self._add(batch, side, Unit(side.stream, tuple(signals), readings[-1].at, tuple(readings), news))
        return batch

    def _reject(self, batch: _Batch, rejected: Rejected) -> None:
        batch.rejects.append(rejected)
        self._meters.count("yiping_rejects_total", site=rejected.site)
        log.warning("%s/%s: %s", rejected.site, rejected.monitor, rejected.reason)

    def _judged(self, side: _Side, seen: Reading | Tick) -> Sequence[Signal]:
        try:
            return side.pipeline.read(seen) if isinstance(seen, Reading) else side.pipeline.tick(seen)
        except Exception as error:  # a rule's defect; the loop goes on with the next reading and the other sites
            self._meters.count("yiping_pipeline_failures_total", site=side.site.id)
            if repr(error) != side.troubled:
                log.exception("%s: a rule failed on %s", side.site.id, seen)
            side.troubled = repr(error)
            return ()

    def _is_new(self, reading: Reading) -> bool:
        """Was it not judged before the last restart already?"""
        until = self._judged_until.get((reading.site, reading.monitor, reading.quantity))
        return until is None or reading.at > until

    def _tick(self, batch: _Batch) -> None:
        for side in self._sides:
            for device in side.devices:
                device.check()
            troubles = [device.trouble for device in side.devices]
            self._see_health(batch, side, troubles)
            at = datetime.now(UTC) - side.offset - TICK_LAG
            if side.ticked_at is not None and at <= side.ticked_at:
                continue
            side.ticked_at = at
            signals = self._judged(
                side, Tick(side.site.id, at, all(trouble == "" for trouble in troubles), self._modes.now())
            )
            self._add(batch, side, Unit(side.stream, tuple(signals), at, standings=side.pipeline.standings()))

    def _see_health(self, batch: _Batch, side: _Side, troubles: Sequence[str | None]) -> None:
        """A site with a camera is as live as its camera, which a worker tells."""
        if any(trouble is None for trouble in troubles) and not any(troubles):
            return
        reason = next((trouble for trouble in troubles if trouble), "")
        health = "lost" if reason else "live"
        if health != side.health and side.site.camera is None:
            batch.health.append((side.site.id, health, reason))
            self._meters.gauge("yiping_site_live", float(not reason), site=side.site.id)
        side.health = health

    def _note_states(self, batch: _Batch) -> None:
        """What the rules wait for goes into the same commit as the readings they know it from."""
        for side in self._sides:
            state = side.pipeline.snapshot()
            if state != side.state:
                side.state = batch.states[side.stream] = state

    @staticmethod
    def _add(batch: _Batch, side: _Side, unit: Unit) -> None:
        if unit.signals or unit.readings or unit.news or unit.standings:
            side.number += 1
            unit.number = side.number
            batch.units.append(unit)

    def _commit(self, batch: _Batch) -> bool:
        """Once it is in the store, whoever waits is told. False when it is time to stop and it is not stored."""
        said = False
        while True:
            error = self._write(batch)
            if error is None:
                break
            if not isinstance(error, AWAY):
                self._commit_apart(batch, error)
                break
            if not said:
                log.warning("the store does not take readings; they wait: %s", redact(str(error)))
                said = True
            if self._heart.rest(RETRY_S):
                return False
        if said:
            log.info("the store takes readings again")
        for device, reading in batch.acknowledge:
            device.committed(reading)
        for device, warning in batch.warnings:
            device.committed(warning)
        return True

    def _write(self, batch: _Batch) -> BaseException | None:
        """Waits for the commit, beating; what went wrong, if something did."""
        try:
            future = self._store.submit(lambda writer: _write_batch(writer, batch, self._options.settings))
        except StoreClosed as closed:
            return closed
        while True:
            try:
                return future.exception(0.5)
            except NotYet:
                self._heart.beat()
                if self._heart.stopping.is_set():
                    return StoreClosed("stopping while the store is busy")

    def _commit_apart(self, batch: _Batch, error: BaseException) -> None:
        """Something in the batch is refused: each part by itself, so that only that one is lost, and said."""
        parts = [_Batch(units=[unit]) for unit in batch.units]
        parts += [_Batch(rejects=[reject]) for reject in batch.rejects]
        parts += [_Batch(health=[health]) for health in batch.health]
        parts += [_Batch(warnings=[warning]) for warning in batch.warnings]
        for part in parts:
            refused = self._write(part)
            if refused is not None:
                log.error("refused by the store and dropped: %s", part, exc_info=refused)
                self._meters.count("yiping_units_refused_total")
        log.debug("the whole batch failed first: %s", error)

    def _save_meters(self) -> None:
        self._meters_due_s = time.monotonic() + METERS_EVERY_S
        try:
            self._meters.save(self._meters_file)
        except OSError as error:
            log.error("metrics cannot be written: %s", error)


def _write_batch(writer: Writer, batch: _Batch, settings: Settings) -> None:
    now = datetime.now(UTC)
    for unit in batch.units:
        commit_unit(writer, unit, now, settings)
    for stream, state in batch.states.items():
        keep_state(writer, stream, state)
    for _, warning in batch.warnings:
        receive_warning(writer, warning, now)
    for reject in batch.rejects:
        writer.add_reject(reject)
    for site, health, reason in batch.health:
        publish_health(writer, site, health, reason, now)


def run_sensors(heart: Heart, options: RunOptions, name: str, sites: tuple[str, ...]) -> None:
    """Target of the process that owns the gauges of these sites."""
    if not sites:
        raise YipingError("no site has a gauge")
    Sensors(heart, options, name, sites).run()
