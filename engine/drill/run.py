"""A drill's processes: the screens, the clock, the player and the virtual responders; and what is told at the end.

No process watches a camera, reads a gauge or sends a notice: those that could are not started.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from data.errors import InputRejected
from data.local.confinement import confine
from data.local.drill_folder import NIGHT, RESULT, read_told, write_told
from data.sql.store import open_for_reading
from dispatch.drill_times import Response, compared, responses
from engine.clock import run_clock
from engine.drill.prepare import begin_drill
from engine.process.child import Target
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.process.supervisor import Child, Supervisor
from engine.replay.passage import ObservationFiles

log = logging.getLogger(__name__)

PLAYER = Target("engine.drill.player", "run_player")
RESPONDERS = Target("engine.drill.responders", "run_responders")
CLOCK = Target("engine.drill.run", "run_confined_clock")


def run_confined_clock(heart: Heart, options: RunOptions) -> None:
    """Target of the clock's process in a drill: the same clock, which can write and reach nothing outside."""
    confine(options.var_dir)
    run_clock(heart, options)


def run_drill(
    city: RunOptions, here: RunOptions, web: Child, countdown: timedelta, ready: Callable[[], bool]
) -> dict[str, Any]:
    """Run until SIGTERM or SIGINT, on the main thread; then keep in the drill's folder how it went, and return it.

    `city`, `here`: the options of the city and of the drill; `web`: the server's process, unknown to the engine.
    `ready`: do the screens answer? It must not wait. The drill begins `countdown` after they first do.
    """
    children = [web, Child("clock", CLOCK, (here,), silent_s=60.0, forked=True)]
    begin = _Begin(city, here, countdown, ready)
    form = here.settings.log.format
    supervisor = Supervisor(children, here.run_dir, here.mask, form, more=begin.children)
    supervisor.run()
    if begin.here is None:
        raise InputRejected("the drill was stopped before it began")
    found = result(begin.here, datetime.now(UTC))
    write_told(here.var_dir / RESULT, found)
    return found


class _Begin:
    """Begins the drill once the screens answer: nobody is measured while they still wait for a page."""

    def __init__(self, city: RunOptions, here: RunOptions, countdown: timedelta, ready: Callable[[], bool]) -> None:
        self._city = city
        self._prepared = here
        self._countdown = countdown
        self._ready = ready
        self.here: RunOptions | None = None

    def children(self) -> Sequence[Child]:
        """The player and the virtual responders, when it is time; the supervisor asks again and again."""
        if self.here is not None or not self._ready():
            return ()
        assert self._prepared.drill is not None
        drill = replace(self._prepared.drill, began=datetime.now(UTC) + self._countdown)
        self.here = begin_drill(self._city, self._prepared, drill)
        log.info("the drill begins at %s", drill.began.isoformat(timespec="seconds"))
        observations = ObservationFiles(self._city.observations_dir)
        return [
            Child("player", PLAYER, (self.here, observations), silent_s=60.0),
            Child("responders", RESPONDERS, (self.here,), silent_s=60.0),
        ]


def result(options: RunOptions, now: datetime) -> dict[str, Any]:
    """The drill's times against its limits, beside the night's. Raises InputRejected, StoreClosed."""
    drill = options.drill
    assert drill is not None
    night = [Response.of(one) for one in read_told(options.var_dir / NIGHT).get("night", [])]
    with closing(open_for_reading(options.store)) as store:
        here = store.read(lambda reader: responses(reader, drill.began, now, speed=drill.speed))
    return compared(drill, here, night, options.settings.drill.limits, now) | {"stopped": now.isoformat()}


def as_words(told: dict[str, Any]) -> str:
    """The scores as lines of text."""
    found = [f"{'step':<14}{'limit':>8}{'in time':>10}{'over':>7}{'median s':>10}{'that night':>12}\n"]
    for step in told["steps"]:
        here, night = step["drill"], step["night"]
        limit = "/".join(f"{seconds:g}" for seconds in step["limits_s"].values())
        median, before = (("–" if one["median_s"] is None else f"{one['median_s']:g}") for one in (here, night))
        in_time = f"{here['within']}/{here['of']}"
        found.append(f"{step['step']:<14}{limit:>8}{in_time:>10}{here['over']:>7}{median:>10}{before:>12}\n")
    return "".join(found)
