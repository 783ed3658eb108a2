"""What each camera of a worker costs and what it gets, and whether looks are shed: counted, and said.

Looks are what gives way first when a machine has more cameras than it can carry; every camera is still decoded, so
that its newest picture is there whenever its turn comes.
"""

from __future__ import annotations

import logging
import resource
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.local.meters import Meters
from data.local.stages import StageClock

log = logging.getLogger(__name__)

WINDOW_S = 10.0
SHEDS_FROM, SHEDS_UNTIL = 0.10, 0.02  # share of the looks of the window; between them what was said stands
PAGE = resource.getpagesize()


@dataclass(slots=True)
class Tally:
    """Of one camera since the start. `shed`: looks that were due and not made, for want of time."""

    pictures: int = 0
    looks: int = 0
    shed: int = 0


Totals = dict[tuple[str, str], float]
"""By site and what: "pictures", "looks", "parts" (looks at a part of the picture), "shed", "dropped", or a stage, in
seconds of processor time."""


class LoadBook:
    """Of one process. `note` once a second."""

    def __init__(self, meters: Meters, stages: StageClock, tallies: Mapping[str, Tally]) -> None:
        """`tallies`: of each camera by its site; what is added later counts from then on."""
        self._meters = meters
        self._stages = stages
        self._tallies = dict(tallies)
        self._totals: Totals = {}
        self._past: deque[tuple[float, Totals]] = deque()
        self.shedding = False
        self._sheds: set[str] = set()

    def note(self, now_s: float) -> None:
        """Take over what was counted since the last time; give rates over the last ten seconds as gauges."""
        self._count(self._added())
        self._past.append((now_s, dict(self._totals)))
        while len(self._past) > 1 and now_s - self._past[1][0] >= WINDOW_S:
            self._past.popleft()
        began_s, before = self._past[0]
        if now_s > began_s:
            grown = {what: value - before.get(what, 0.0) for what, value in self._totals.items()}
            self._rate(grown, now_s - began_s)
            self._say(grown)
        self._process()

    def add(self, site: str, tally: Tally) -> None:
        """A camera more."""
        self._tallies[site] = tally

    def remove(self, site: str) -> None:
        """The camera has gone: it has no rates any more, and sheds nothing."""
        self._tallies.pop(site, None)
        self._sheds.discard(site)
        for totals in (self._totals, *(past for _, past in self._past)):
            for key in [key for key in totals if key[0] == site]:
                del totals[key]
        self._meters.forget_gauges(("camera", site), ("site", site))

    def sheds(self, site: str) -> bool:
        """Is this camera looked at clearly less often than it should be?"""
        return site in self._sheds

    def _added(self) -> Totals:
        added: Totals = {}
        for site, tally in self._tallies.items():
            for what in ("pictures", "looks", "shed"):
                added[site, what] = getattr(tally, what) - self._totals.get((site, what), 0.0)
        for site, dropped in self._stages.dropped().items():
            added[site, "dropped"] = dropped
        for site, parts in self._stages.parts().items():
            added[site, "parts"] = parts
        for (site, stage), spent_s in self._stages.taken().items():
            added[site, stage] = spent_s
        return {key: by for key, by in added.items() if key[0] in self._tallies}  # not of what has just gone

    def _count(self, added: Totals) -> None:
        names = {
            "looks": "yiping_inferences_total",
            "shed": "yiping_looks_shed_total",
            "dropped": "yiping_frames_dropped_total",
            "parts": "yiping_window_looks_total",
        }
        for (site, what), by in added.items():
            self._totals[site, what] = self._totals.get((site, what), 0.0) + by
            if what == "pictures":
                self._meters.count("yiping_frames_total", by, site=site)
            elif what in names:
                self._meters.count(names[what], by, camera=site)
            else:
                self._meters.count("yiping_stage_cpu_seconds_total", by, camera=site, stage=what)

    def _rate(self, grown: Totals, passed_s: float) -> None:
        for (site, what), by in grown.items():
            if what in {"pictures", "looks"}:
                self._meters.gauge(f"yiping_{what}_per_second", round(by / passed_s, 2), camera=site)
            elif what == "shed":
                share = _share(by, grown[site, "looks"])
                self._meters.gauge("yiping_looks_shed_share", share, camera=site)
                if share >= SHEDS_FROM:
                    self._sheds.add(site)
                elif share < SHEDS_UNTIL:
                    self._sheds.discard(site)
            elif what == "parts":
                share = round(by / grown[site, "looks"], 3) if grown[site, "looks"] else 0.0
                self._meters.gauge("yiping_window_looks_share", share, camera=site)
            elif what == "dropped":
                self._meters.gauge("yiping_frames_dropped_per_second", round(by / passed_s, 2), camera=site)
            else:
                spent_ms = round(by * 1000 / passed_s, 2)
                self._meters.gauge("yiping_camera_cpu_ms_per_second", spent_ms, camera=site, stage=what)

    def _say(self, grown: Totals) -> None:
        """Once when looks begin to be shed, once when that is over."""
        shed, looks = (sum(by for (_, what), by in grown.items() if what == wanted) for wanted in ("shed", "looks"))
        share = _share(shed, looks)
        if share >= SHEDS_FROM and not self.shedding:
            self.shedding = True
            sites = sorted(site for (site, what), by in grown.items() if what == "shed" and by)
            log.warning(
                "more cameras than this machine can look at: %.0f %% of the looks are shed (%s)",
                share * 100,
                ", ".join(sites),
            )
        elif share < SHEDS_UNTIL and self.shedding:
            self.shedding = False
            log.info("no looks are shed any more")
        self._meters.gauge("yiping_shedding", float(self.shedding))

    def _process(self) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._meters.gauge("yiping_process_cpu_seconds", round(usage.ru_utime + usage.ru_stime, 2))
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError):
            return
        self._meters.gauge("yiping_process_resident_bytes", float(pages * PAGE))


def _share(shed: float, looks: float) -> float:
    return round(shed / (shed + looks), 3) if shed else 0.0
