"""The gauges' side of one site: its open gauges and its rules, and how both are made and follow the settings."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from data.config.settings import Settings, SiteSettings
from data.errors import YipingError
from data.model.alert import Because, Ended
from data.model.camera_health import HealthSettings
from data.model.secrets import redact
from data.ports.recipe import Context, Resources
from data.ports.store import Store
from engine.camera.device import Device, Item
from engine.judging.changes import GaugesChange, gauges_change, why_gone
from engine.judging.judgement import (
    GAUGES,
    alerts_to_resume,
    held_keys,
    kept_state,
    last_number,
    pending_keys,
    stream_of,
)
from engine.judging.known_readings import KnownReadings
from engine.judging.observation_log import NoLog, ObservationLog
from engine.judging.pipeline import SitePipeline
from engine.judging.site_time import SiteTime
from engine.process.options import RunOptions

log = logging.getLogger(__name__)


@dataclass
class GaugeSite:
    """The gauges' side of one site. `in_force`: the settings its rules are of."""

    site: SiteSettings
    in_force: Settings
    stream: str
    pipeline: SitePipeline
    number: int
    time: SiteTime
    state: Any = None  # of its rules, as the store has it
    essence: Any = None  # of that state, as the store has it
    stored_s: float = 0.0  # when it was put there
    ends: tuple[Ended, ...] = ()  # of alerts that no rule watches any more, not yet in the store
    devices: list[Device] = field(default_factory=list)
    awaited: set[str] = field(default_factory=set)  # gauges that have never sent a reading
    health: tuple[str, str] = ("", "")  # as it was told, and the cause of its loss
    refused: str = ""  # why its newest settings cannot be used
    troubled: str = ""
    judged_until: datetime | None = None  # the newest reading or tick that was judged

    def judged(self, at: datetime) -> None:
        """A reading or tick of then was judged."""
        if self.judged_until is None or at > self.judged_until:
            self.judged_until = at

    def ends_of(self, dropped: Mapping[str, Because], now: datetime) -> tuple[Ended, ...]:
        """The ends of the open alerts of these rules."""
        return self.pipeline.ends(dropped, self.judged_until or now)


class GaugeSites:
    """Makes them, and makes anew what a change of the settings asks for."""

    def __init__(
        self,
        store: Store,
        take: Callable[[Device, Item], None],
        observations: ObservationLog | NoLog,
        *,
        wall: Callable[[], datetime],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`take` gets what the gauges give, on their threads."""
        self._store = store
        self._take = take
        self._observations = observations
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._resources = Resources()

    def open(self, options: RunOptions, site: SiteSettings, known: KnownReadings) -> GaugeSite:
        """Its gauges are not started yet."""
        stream = stream_of(site.id, GAUGES)
        number, state = self._store.read(lambda reader: (last_number(reader, stream), kept_state(reader, stream)))
        pipeline, ends = self.pipeline(options, site, state)
        pipeline.note_stored(known.newest(site.id))
        made = GaugeSite(site, options.settings, stream, pipeline, number, self._time(options, site), state, ends)
        self._open_devices(options, made, known)
        return made

    def pipeline(
        self, options: RunOptions, site: SiteSettings, state: Any, dropped: Mapping[str, Because] | None = None
    ) -> tuple[SitePipeline, tuple[Ended, ...]]:
        """The site's rules with their open alerts as the store has them; without rules where they cannot be made.

        And the ends of alerts that no rule watches any more: of those that are `dropped`, or are not there.
        """
        stream, other_side = stream_of(site.id, GAUGES), site.camera is not None
        open_alerts, pending, held = self._store.read(
            lambda reader: (
                alerts_to_resume(reader, site.id, GAUGES, other_side=other_side),
                pending_keys(reader, stream),
                held_keys(reader, stream),
            )
        )
        gone = dict(dropped or {})
        why = {
            alert.key: because
            for alert in open_alerts
            if alert.key in held and (because := gone.get(alert.key.rule) or why_gone(alert.key, site)) is not None
        }
        ends = tuple(Ended(key, self._wall(), self._wall(), because=because) for key, because in why.items())
        left = [alert for alert in open_alerts if alert.key not in why]
        context, judged = self._context_of_rules(options, site), _judged(site)
        if isinstance(state, Mapping):
            state = {name: one for name, one in state.items() if name not in gone}
        try:
            observer = self._observations.observer(stream)
            pipeline = SitePipeline(judged, context, left, state, pending=pending, observer=observer)
        except YipingError as error:
            log.error("%s: its readings are kept but cannot be judged: %s", site.id, error)
            return SitePipeline(judged.model_copy(update={"rules": ()}), context), ()
        pipeline.note_ends(ends)
        return pipeline, ends

    def follow(self, options: RunOptions, before: Settings, side: GaugeSite, known: KnownReadings) -> bool:
        """Take up these settings; `before`: those of its gauges. False when nothing changes."""
        settings, name = options.settings, side.site.id
        change = gauges_change(before, settings, name)
        of_rules = gauges_change(side.in_force, settings, name)
        side.site = settings.site(name)
        if change is not None and change.monitors:
            self._change_devices(options, side, change, known)
        side.refused = ""
        if of_rules is None:
            side.in_force = settings
            return change is not None
        try:
            self._change_rules(options, side, of_rules)
        except YipingError as error:
            log.error("%s: the new settings cannot be used, its readings are judged by those before: %s", name, error)
            side.refused = redact(f"rejected: {error}")
        return True

    def _change_rules(self, options: RunOptions, side: GaugeSite, change: GaugesChange) -> None:
        """Raises what the recipes raise; then those that are there go on."""
        if change.anew:
            side.pipeline, ends = self.pipeline(options, side.site, side.pipeline.snapshot(), change.dropped)
        else:
            context, at = self._context_of_rules(options, side.site), side.judged_until or self._wall()
            side.pipeline, ends = side.pipeline.with_rules(_judged(side.site), context, change.dropped, at)
        side.ends += ends
        side.in_force = options.settings

    def _change_devices(self, options: RunOptions, side: GaugeSite, change: GaugesChange, known: KnownReadings) -> None:
        """Those that are the same are not touched."""
        stopped = {device.recipe.name: device for device in side.devices if device.recipe.name in change.monitors}
        for device in stopped.values():
            device.stop()
        side.devices = [device for device in side.devices if device.recipe.name not in stopped]
        latest = self._store.read(lambda reader: reader.latest_readings([side.site.id]))
        known.begin_anew(side.site.id, change.monitors, latest, self._wall())
        begun = {device.recipe.name for device in side.devices}
        self._open_devices(options, side, known)
        for device in side.devices:
            if device.recipe.name not in begun:
                device.start(after=stopped.get(device.recipe.name))
        site_time = self._time(options, side.site)
        if site_time.recorded != side.time.recorded:
            side.time = site_time
        side.health = ("", "")

    def _open_devices(self, options: RunOptions, side: GaugeSite, known: KnownReadings) -> None:
        """Those that are not there yet, in the order of the settings."""
        site, there = side.site, {device.recipe.name: device for device in side.devices}
        context = replace(options.context(site, self._resources), known_until=known.until(site.id))
        side.devices = [
            there.get(recipe.name) or Device(recipe, context, self._take, idle_is_alive=True) for recipe in site.sensors
        ]
        heard = there.keys() - side.awaited | known.until(site.id).keys()
        side.awaited = {recipe.name for recipe in site.sensors if recipe.measures and recipe.name not in heard}

    def _context_of_rules(self, options: RunOptions, site: SiteSettings) -> Context:
        """Rules of a camera's process are told of no gauges: readings do not come there."""
        gauges = {recipe.name: recipe.measures for recipe in site.sensors if recipe.measures}
        return replace(options.context(site, self._resources), gauges=gauges)

    def _time(self, options: RunOptions, site: SiteSettings) -> SiteTime:
        gauges = [recipe for recipe in site.sensors if recipe.gives == "readings"]
        recordings = [recipe.name for recipe in gauges if recipe.history_limit is None]
        recorded = bool(recordings) and len(recordings) == len(gauges)
        if recordings and not recorded:
            log.warning(
                "%s: the old rows of %s are stored and not judged: the site has live gauges, too",
                site.id,
                ", ".join(recordings),
            )
        stale_after = options.settings.alarms.stale_after
        return SiteTime(recorded=recorded, stale_after=stale_after, monotonic_s=self._monotonic_s)


def _judged(site: SiteSettings) -> SiteSettings:
    """What of the site is judged in this process: its readings by its rules."""
    return site.model_copy(update={"detectors": (), "health": HealthSettings(enabled=False)})
