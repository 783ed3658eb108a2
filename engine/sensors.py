"""The process of all gauges: readings are judged, committed together with their signals, and only then let go."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as NotYet
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from alerts.damage import tell_damage
from data.config.settings import Settings
from data.errors import StoreClosed
from data.local.meters import Meters
from data.model.alert import Because, Signal
from data.model.loss import cause_of
from data.model.observation import HISTORY_AFTER, DamagedInput, Position, Reading, Rejected, Sensed, Tick
from data.model.record import Change
from data.model.secrets import redact
from data.model.units import UNIT_OF
from data.model.warning import HazardWarning
from data.ports.store import Store, Writer
from data.sql.store import open_store
from data.stored.modes import active_modes
from data.stored.warnings_in import receive_warning
from engine.camera.device import Device, Item
from engine.gauge_site import GaugeSite, GaugeSites
from engine.judging.judgement import UnitOfWork, commit_units, keep_states
from engine.judging.known_positions import KnownPositions, spacing_of
from engine.judging.known_readings import KnownReadings
from engine.judging.observation_log import observation_log
from engine.judging.outlet import publish_health
from engine.judging.polled import Polled, TravelNews
from engine.judging.readings import ReadingNews
from engine.judging.reject_log import RejectLog
from engine.process.current_settings import SettingsFollower, with_settings
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.process.store_failure import AWAY, must_go_on
from engine.process.wall_clock import ClockJump, WallClock, describe_jump, moved_back

log = logging.getLogger(__name__)

OF_OLD_CLOCK = "taken before this computer's clock was put back, by the time that was wrong"
STRAGGLERS_FOR_S = 30.0  # after the clock was put back, what was taken before may still come
TICK_S = 1.0
GATHER_S = 0.05  # readings that come within it share a commit
MOST_ITEMS = 500
MOST_WAITING = 10_000  # readings that are not judged yet, of all gauges
FULL_FOR_S = 0.01
RETRY_S = 1.0
METERS_EVERY_S = 5.0
STATE_EVERY_S = 60.0

Follow = Callable[[], tuple[RunOptions, Sequence[str]] | None]
"""The newest settings and the sites that have gauges; None when nothing has changed since the last."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Batch:
    """What is committed together. `acknowledge`: who waits for the word that a reading or position is stored."""

    units: list[UnitOfWork] = field(default_factory=list)
    news: tuple[Change, ...] = ()  # readings for the screens
    rejects: list[Rejected] = field(default_factory=list)
    acknowledge: list[tuple[Device, Sensed]] = field(default_factory=list)
    health: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[tuple[Device, HazardWarning]] = field(default_factory=list)
    forget_after: datetime | None = None  # newest readings after this are of a clock that has been put back
    states: dict[str, Any] = field(default_factory=dict)  # of the rules, by stream
    damages: list[str] = field(default_factory=list)  # what was found damaged on the disk

    def __bool__(self) -> bool:
        kept = self.units or self.news or self.rejects or self.health or self.warnings or self.states or self.damages
        return bool(kept or self.forget_after is not None)

    def parts(self) -> Iterator[_Batch]:
        """Each thing by itself. A state comes after the units of its stream: it knows what they hold."""
        yield from (_Batch(units=[unit]) for unit in self.units)
        yield from (_Batch(states={stream: state}) for stream, state in self.states.items())
        yield from (_Batch(warnings=[warning]) for warning in self.warnings)
        yield from (_Batch(rejects=[reject]) for reject in self.rejects)
        yield from (_Batch(news=(change,)) for change in self.news)
        if self.forget_after is not None:
            yield _Batch(forget_after=self.forget_after)
        yield from (_Batch(damages=[what]) for what in self.damages)
        yield from (_Batch(health=[health]) for health in self.health)


class _Sorted(NamedTuple):
    """What came, by site."""

    readings: Mapping[str, Sequence[tuple[Device, Reading]]]
    positions: Mapping[str, Sequence[tuple[Device, Position]]]


class Sensors:
    """One thread per sensor reads; the main thread judges and commits. Full queues make the sensors wait."""

    def __init__(
        self,
        heart: Heart,
        options: RunOptions,
        store: Store,
        name: str,
        sites: Sequence[str],
        *,
        follow: Follow = lambda: None,
        wall: Callable[[], datetime] = utc_now,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heart = heart
        self._follow = follow
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._tick_due_s = monotonic_s() + TICK_S
        self._options = options
        self._meters = Meters()
        self._reject_log = RejectLog()
        self._meters_file = options.run_dir / f"metrics-{name}.json"
        self._meters_due_s = 0.0
        self._meters.gauge("yiping_settings_version", float(options.version))
        self._came: queue.SimpleQueue[tuple[Device, Item]] = queue.SimpleQueue()  # a Queue costs ten times as much
        self._store = store
        self._modes = Polled(self._store, active_modes, frozenset[str]())
        self._travel = TravelNews(self._store)
        self._observations = observation_log(options, name, self._meters)
        self._sites = GaugeSites(self._store, self._take, self._observations, wall=wall, monotonic_s=monotonic_s)
        latest = self._store.read(lambda reader: reader.latest_readings())
        self._known = KnownReadings(latest, wall())
        self._vehicles = KnownPositions(self._store, wall())
        self._news = ReadingNews(monotonic_s, latest)
        self._side_of = {site: self._sites.open(options, options.settings.site(site), self._known) for site in sites}
        self._wall_clock = WallClock(lambda: wall().timestamp(), monotonic_s)
        self._history_told: set[str] = set()
        self._put_back: ClockJump | None = None
        self._recorded = {name for name, side in self._side_of.items() if side.time.recorded}
        self._made_anew = True  # rules were made, and may have found alerts that nobody watches any more

    def run(self) -> None:
        """Until it is time to stop; what is not committed then is given again by its source."""
        for device in self.devices:
            device.start()
        try:
            while not self._heart.stopping.is_set():
                must_go_on(self._store)
                self._heart.beat()
                if (news := self._follow()) is not None and not self.apply(*news):
                    return
                if not self.step(self._gather()):
                    return
                if time.monotonic() >= self._meters_due_s:
                    self._save_meters()
        finally:
            self.close()

    def close(self) -> None:
        """Stop reading, and commit what was submitted."""
        for device in self.devices:
            device.stop()
        self._observations.close()

    @property
    def devices(self) -> list[Device]:
        return [device for side in self._side_of.values() for device in side.devices]

    def step(self, items: Sequence[tuple[Device, Item]]) -> bool:
        """Judge what came, let time pass, and commit. False when it is time to stop and something is not stored."""
        jump = self._wall_clock.jump()
        if jump:
            self._follow_clock(jump)
        batch = _Batch()
        for side in tuple(self._side_of.values()) if self._made_anew else ():
            self._note_ends(batch, side)  # before what their rules begin
        self._made_anew = False
        self._judge(batch, items)
        if jump:
            self._note_jump(batch, jump)
        now_s = self._monotonic_s()
        ticks = now_s >= self._tick_due_s
        if ticks:
            self._tick_due_s = max(self._tick_due_s + TICK_S, now_s)
            self._tick(batch)
        heard = {device.site for device, _ in items}
        self._note_states(batch, [side for side in self._side_of.values() if ticks or jump or side.site.id in heard])
        return self._commit(batch)

    def apply(self, options: RunOptions, sites: Sequence[str]) -> bool:
        """Go on with these settings and the gauges of these sites. False when it is time to stop and it is not stored.

        Only what differs is touched (`engine.judging.changes`). Call it between two steps.
        """
        before, self._options = self._options.settings, options
        batch, changed = _Batch(), list[GaugeSite]()
        for side in tuple(self._side_of.values()):
            if side.site.id not in sites:
                self._remove(batch, side)
            elif self._sites.follow(self._options, before, side, self._known):
                changed.append(side)
        for site in sites:
            if site not in self._side_of:
                changed.append(self._add(site))
        self._recorded = {name for name, side in self._side_of.items() if side.time.recorded}
        for side in changed:
            self._note_ends(batch, side)
        self._note_states(batch, changed)
        self._meters.gauge("yiping_settings_version", float(options.version))
        self._meters_due_s = 0.0
        return self._commit(batch)

    def _add(self, name: str) -> GaugeSite:
        """A site more, whose gauges begin now."""
        site = self._options.settings.site(name)
        latest = self._store.read(lambda reader: reader.latest_readings([name]))
        self._known.begin_anew(name, {recipe.name for recipe in site.sensors}, latest, self._wall())
        side = self._side_of[name] = self._sites.open(self._options, site, self._known)
        for device in side.devices:
            device.start()
        return side

    def _remove(self, batch: _Batch, side: GaugeSite) -> None:
        """The site has no gauges any more, or is gone. What comes late from them is not stored."""
        name = side.site.id
        del self._side_of[name]
        for device in side.devices:
            device.stop()
        stays = any(one.id == name for one in self._options.settings.sites)
        why = Because.GAUGES_REMOVED if stays else Because.SITE_REMOVED
        ends = side.ends_of({rule.name: why for rule in side.site.rules}, self._wall())
        self._add_unit(batch, side, UnitOfWork(side.stream, ends, self._wall()))
        batch.states[side.stream] = None
        if side.site.camera is None:
            batch.health.append((name, "unknown", ""))
        self._meters.forget_gauges(("site", name))

    def _note_ends(self, batch: _Batch, side: GaugeSite) -> None:
        ends, side.ends = side.ends, ()
        self._add_unit(batch, side, UnitOfWork(side.stream, ends, self._wall()))

    def _take(self, device: Device, item: Item) -> None:
        """From a sensor's thread; waits while too much is waiting already."""
        while self._came.qsize() >= MOST_WAITING and not self._heart.stopping.is_set():
            time.sleep(FULL_FOR_S)
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

    def _judge(self, batch: _Batch, items: Sequence[tuple[Device, Item]]) -> None:
        given: list[Reading] = []
        sorted_items = self._sorted_by_site(batch, items)
        self._follow_vehicles(batch, sorted_items.positions)
        for site, came in sorted_items.readings.items():
            side = self._side_of.get(site)
            if side is None:
                continue  # it has gone meanwhile
            stored = self._known.stored(self._store, [reading for _, reading in came])
            fresh = [(device, reading) for device, reading in came if not self._known.comes_again(reading, stored)]
            now = self._wall()
            signals: list[Signal] = []
            for device, reading in came:
                side.time.heard(reading.at)
                side.awaited.discard(device.recipe.name)
            for device, reading in fresh:
                if not self._is_history(side, device, reading, now) and not self._known.precedes(reading):
                    signals += self._judged(side, reading)
            for refused in side.pipeline.refused():
                self._reject(batch, refused)
            readings = tuple(side.pipeline.marked(reading) for _, reading in fresh)
            given += readings
            self._add_unit(batch, side, UnitOfWork(side.stream, tuple(signals), now, readings))
        batch.news = self._news.due(given)  # also what had to wait its second

    def _follow_vehicles(self, batch: _Batch, by_site: Mapping[str, Sequence[tuple[Device, Position]]]) -> None:
        """Judge and keep positions. Rules get those that are newer than the last of their vehicle, and no history."""
        for site, came in by_site.items():
            side, now = self._side_of.get(site), self._wall()
            if side is None:
                continue  # it has gone meanwhile
            signals: list[Signal] = []
            of_track: list[Position] = []
            for device, position in came:
                side.time.heard(position.at)
                limit = device.recipe.history_limit or HISTORY_AFTER
                news, found = self._vehicles.is_news(position), tuple[Signal, ...]()
                if news and not side.time.is_history(position.at, limit, now):
                    found = tuple(self._judged(side, position))
                    signals += found
                spacing = spacing_of(device.recipe)
                kept = self._vehicles.is_kept(position, spacing) if news else not self._vehicles.knows(position)
                if kept or found:  # one that comes late closes a gap of the track
                    of_track.append(position)
            given = tuple(position for _, position in came)
            unit = UnitOfWork(side.stream, tuple(signals), now, positions=given, of_track=tuple(of_track))
            self._add_unit(batch, side, unit)

    def _sorted_by_site(self, batch: _Batch, items: Sequence[tuple[Device, Item]]) -> _Sorted:
        """The readings and positions by site; warnings and rejects go into the batch."""
        by_site: dict[str, list[tuple[Device, Reading]]] = {}
        positions: dict[str, list[tuple[Device, Position]]] = {}
        for device, item in items:
            if isinstance(item, Rejected):
                self._reject(batch, item)
            elif isinstance(item, HazardWarning):
                batch.warnings.append((device, item))
                self._meters.count("yiping_warnings_total", site=device.site)
            elif isinstance(item, Position):
                batch.acknowledge.append((device, item))
                if self._is_of_old_clock(item):
                    self._reject(batch, Rejected(item.site, item.monitor, self._wall(), OF_OLD_CLOCK, _excerpt(item)))
                    continue
                positions.setdefault(item.site, []).append((device, item))
                self._meters.count("yiping_positions_total", site=item.site)
            elif isinstance(item, Reading):
                batch.acknowledge.append((device, item))
                if self._is_of_old_clock(item):
                    self._reject(batch, Rejected(item.site, item.monitor, self._wall(), OF_OLD_CLOCK, _excerpt(item)))
                    continue
                by_site.setdefault(item.site, []).append((device, item))
                self._meters.count("yiping_readings_total", site=item.site)
        return _Sorted(by_site, positions)

    def _is_of_old_clock(self, reading: Sensed) -> bool:
        """Was it taken before the clock was put back, and comes only now? What follows would be older than it."""
        put_back = self._put_back
        if put_back is None or reading.site in self._recorded:
            return False
        if self._monotonic_s() > put_back.until_s:
            self._put_back = None
            return False
        return put_back.explains(self._wall() - reading.at)

    def _is_history(self, side: GaugeSite, device: Device, reading: Reading, now: datetime) -> bool:
        limit = device.recipe.history_limit or HISTORY_AFTER
        if not side.time.is_history(reading.at, limit, now):
            return False
        self._meters.count("yiping_history_readings_total", site=reading.site)
        if device.name not in self._history_told:
            self._history_told.add(device.name)
            hours = (now - reading.at) / timedelta(hours=1)
            log.warning(
                "%s gives readings of %.1f hours ago: such are stored as history and not judged", device.name, hours
            )
        return True

    def _follow_clock(self, jump: timedelta) -> None:
        """The wall clock was set: rules go on as after a restart, so that what they wait for neither ends nor hangs.

        Everything that was decided before is in the store.
        """
        now = self._wall()
        log.warning("%s", describe_jump(jump, now))
        back = jump < timedelta(0)
        self._put_back = ClockJump(jump, self._monotonic_s() + STRAGGLERS_FOR_S) if back else None
        if back:
            self._known = KnownReadings((), now)
            self._vehicles.forget()
        for side in self._side_of.values():
            if side.time.recorded:
                continue
            state = side.pipeline.snapshot()
            state = moved_back(state, jump, now) if back else state
            side.pipeline, ends = self._sites.pipeline(self._options, side.site, state)
            side.ends += ends
            self._made_anew, side.judged_until = True, None
            side.time.set_back()

    def _note_jump(self, batch: _Batch, jump: timedelta) -> None:
        now = self._wall()
        batch.rejects.append(Rejected("", "clock", now, describe_jump(jump, now)))
        if jump < timedelta(0):
            batch.forget_after = now

    def _reject(self, batch: _Batch, rejected: Rejected) -> None:
        batch.rejects.append(rejected)
        if isinstance(rejected, DamagedInput):
            batch.damages.append(f"{rejected.site}/{rejected.monitor}: {rejected.reason}")
        self._meters.count("yiping_rejects_total", site=rejected.site)
        self._reject_log.warn(rejected)

    def _judged(self, side: GaugeSite, seen: Sensed | Tick) -> Sequence[Signal]:
        side.judged(seen.at)
        try:
            if isinstance(seen, Position):
                return side.pipeline.follow(seen)
            return side.pipeline.read(seen) if isinstance(seen, Reading) else side.pipeline.tick(seen)
        except Exception as error:  # a rule's defect; the loop goes on with the next reading and the other sites
            self._meters.count("yiping_pipeline_failures_total", site=side.site.id)
            if repr(error) != side.troubled:
                log.exception("%s: a rule failed on %s", side.site.id, seen)
            side.troubled = repr(error)
            return ()

    def _tick(self, batch: _Batch) -> None:
        for side in self._side_of.values():
            for device in side.devices:
                device.check()
            troubles = [device.trouble for device in side.devices]
            self._see_health(batch, side, [*troubles, side.refused])
            at = side.time.tick(self._wall(), ended=all(device.ended for device in side.devices))
            if at is None:
                continue
            seen = all(trouble == "" for trouble in troubles)
            travel = self._travel.of(side.site.id)
            signals = self._judged(side, Tick(side.site.id, at, seen, self._modes.now(), travel))
            self._add_unit(
                batch, side, UnitOfWork(side.stream, tuple(signals), at, standings=side.pipeline.standings())
            )

    def _see_health(self, batch: _Batch, side: GaugeSite, troubles: Sequence[str | None]) -> None:
        """A site with a camera is as live as its camera, which a worker tells; one with a gauge that has never sent a
        reading is not live yet.
        """
        if any(trouble is None for trouble in troubles) and not any(troubles):
            return
        reason = next((trouble for trouble in troubles if trouble), "")
        health = "lost" if reason else "unknown" if side.awaited else "live"
        news = (health, cause_of(reason))
        if news != side.health and side.site.camera is None:
            batch.health.append((side.site.id, health, reason))
            self._meters.gauge("yiping_site_live", float(not reason), site=side.site.id)
        side.health = news

    def _note_states(self, batch: _Batch, sides: Sequence[GaugeSite]) -> None:
        """What the rules of these sites wait for goes into the same commit as the readings they know it from.

        What the newest stored readings tell as well is put in with it, or once a minute.
        """
        now_s = self._monotonic_s()
        for side in sides:
            essence = side.pipeline.essence()
            if essence == side.essence and now_s - side.stored_s < STATE_EVERY_S:
                continue
            side.essence, side.stored_s = essence, now_s
            state = side.pipeline.snapshot()
            if state != side.state:
                side.state = batch.states[side.stream] = state

    @staticmethod
    def _add_unit(batch: _Batch, side: GaugeSite, unit: UnitOfWork) -> None:
        """Only what cannot come twice is numbered: a row of the store for each reading's site would double its cost."""
        if unit.signals or unit.standings or _has_corrections(unit.readings):
            side.number += 1
            unit.number = side.number
        if unit.number or unit.readings or unit.positions:
            batch.units.append(unit)

    def _commit(self, batch: _Batch) -> bool:
        """Readings first, then each warning in a unit of work of its own. False when it is time to stop."""
        warnings, batch.warnings = batch.warnings, []
        if not batch:
            self._acknowledge(batch)  # all of it was known: whoever sent it again must learn so, too
        elif not self._commit_whole(batch):
            return False
        return all(self._commit_whole(_Batch(warnings=[warning])) for warning in warnings)

    def _commit_whole(self, batch: _Batch) -> bool:
        """Once it is in the store, whoever waits is told. False when it is time to stop and it is not stored."""
        logged = False
        while True:
            error = self._write(batch)
            if error is None:
                break
            if not isinstance(error, AWAY):
                if not self._commit_apart(batch, error):
                    return False
                break
            must_go_on(self._store)
            if not logged:
                log.warning("the store does not take readings; they wait: %s", redact(str(error)))
                logged = True
            if self._heart.rest(RETRY_S):
                return False
        if logged:
            log.info("the store takes readings again")
        self._acknowledge(batch)
        return True

    @staticmethod
    def _acknowledge(batch: _Batch) -> None:
        for device, given in batch.acknowledge:
            device.committed(given)
        for device, warning in batch.warnings:
            device.committed(warning)

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

    def _commit_apart(self, batch: _Batch, error: BaseException) -> bool:
        """Something in the batch is refused: each part by itself, so that only that one is lost, and said.

        False when it is time to stop and not all is stored.
        """
        for part in batch.parts():
            while isinstance(refused := self._write(part), AWAY):  # away is not refused: nothing is dropped for it
                must_go_on(self._store)
                if self._heart.rest(RETRY_S):
                    return False
            if refused is not None:
                log.error("refused by the store and dropped: %s", part, exc_info=refused)
                self._meters.count("yiping_units_refused_total")
                for device, warning in part.warnings:
                    reason = redact(f"the store refuses the warning {warning.key}: {refused}")[:500]
                    self._write(_Batch(rejects=[Rejected(device.site, device.name, self._wall(), reason)]))
        log.debug("the whole batch failed first: %s", error)
        return True

    def _save_meters(self) -> None:
        self._meters_due_s = time.monotonic() + METERS_EVERY_S
        try:
            self._meters.save(self._meters_file)
        except OSError as error:
            log.error("metrics cannot be written: %s", error)


def _write_batch(writer: Writer, batch: _Batch, settings: Settings) -> None:
    now = datetime.now(UTC)
    commit_units(writer, batch.units, now, settings)
    writer.publish_all(batch.news)
    keep_states(writer, batch.states)
    for _, warning in batch.warnings:
        receive_warning(writer, warning, now)
    for reject in batch.rejects:
        writer.add_reject(reject)
    if batch.forget_after is not None:
        writer.forget_newest_after(batch.forget_after)
        writer.forget_positions_after(batch.forget_after)
    for what in batch.damages:
        tell_damage(writer, what, now, settings)
    for site, health, reason in batch.health:
        publish_health(writer, site, health, reason, now)


def _has_corrections(readings: Sequence[Reading]) -> bool:
    """Do two of them tell of the same gauge and time? Put in twice, the first would correct the second."""
    places = {(one.monitor, one.quantity, one.at) for one in readings}
    return len(places) < len(readings)


def _excerpt(given: Sensed) -> str:
    """What a reading or position says, with its time, so that a reject loses nothing."""
    if isinstance(given, Position):
        return f"{given.vehicle} at {given.lon:.6f}, {given.lat:.6f} of {given.at.isoformat()}"
    reading = given
    return f"{reading.quantity} {reading.value:.10g} {UNIT_OF[reading.quantity]} of {reading.at.isoformat()}"


def run_sensors(heart: Heart, options: RunOptions, name: str, sites: tuple[str, ...]) -> None:
    """Target of the process that owns the gauges of these sites, or those that the newest settings have."""
    store = open_store(options.store, migrate=False, mask=options.mask)
    with closing(store), closing(SettingsFollower(store, options)) as follower:
        now = follower.settle()
        if follower.follows:
            options, sites = with_settings(options, now), now.sites_with_sensors

        def follow() -> tuple[RunOptions, Sequence[str]] | None:
            if follower.changed() is None:
                return None
            return with_settings(options, follower.now), follower.now.sites_with_sensors

        Sensors(heart, options, store, name, sites, follow=follow).run()
