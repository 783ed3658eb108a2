"""Hours of a running city: do memory, descriptors or threads grow?

`python -m bench.soak [--minutes 120]` (`make soak`, `SOAK_MINUTES`) runs `app.py run` with cameras that loop a film and
RTSP cameras whose line is cut, refused or mute every few seconds, two gauges whose readings raise and clear alerts, and
a browser that shows the situation screen. After a warm-up every process is sampled; growth is the Theil-Sen slope
(median of the slopes between all pairs of samples), which single peaks do not move. The last line is JSON; the exit
status is 1 when a bound is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import sync_playwright

from bench.faults_video import made_film
from tests.conftest import CHROMIUM, FLAGS, ROOT
from tests.e2e.city import City, city, sit_down
from tests.servers.rtsp import rtsp_server
from tests.servers.rtsp_proxy import RtspProxy, rtsp_proxy

LOOPING, FLAPPING = 2, 4
CAMERAS = LOOPING + FLAPPING
WARM_UP_SHARE = 0.25  # of the run, but no more than
WARM_UP_AT_MOST_S = 1200.0
SAMPLES = 400  # of each process, at most
SAMPLED_EVERY_AT_LEAST_S = 1.0
READY_WITHIN_S = 120.0
BACK_WITHIN_S = 20.0

RSS_MIB_PER_HOUR_PER_CAMERA = 1.0
SLOPE_FROM_MINUTES = 60.0  # a shorter run's slope is mostly what one buffer more or less makes of it: it is told only
RSS_MIB_PER_RECONNECT = 0.1  # one picture of the film has 1.3 MiB
FDS_GROWTH = 8  # of all processes: a connection that is just being made has some
THREADS_GROWTH = 8


@dataclass
class Process:
    """Samples of one process after the warm-up."""

    pid: int
    at_s: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def sample(self, at_s: float) -> None:
        """Raises psutil.NoSuchProcess."""
        process = psutil.Process(self.pid)
        rss_mib, fds, threads = process.memory_info().rss / 2**20, process.num_fds(), process.num_threads()
        self.at_s.append(at_s)
        self.rss_mib.append(rss_mib)
        self.fds.append(fds)
        self.threads.append(threads)

    def rss_mib_per_hour(self) -> float:
        return 3600.0 * theil_sen(self.at_s, self.rss_mib)


def theil_sen(at: Sequence[float], values: Sequence[float]) -> float:
    """Median slope between all pairs of samples; 0 when there are fewer than two."""
    pairs = combinations(zip(at, values, strict=True), 2)
    slopes = [(later - early) / (end - start) for (start, early), (end, later) in pairs if end > start]
    return statistics.median(slopes) if slopes else 0.0


def growth(values: Sequence[float]) -> float:
    """Median of the last third less that of the first; 0 when there are fewer than three."""
    third = len(values) // 3
    return statistics.median(values[-third:]) - statistics.median(values[:third]) if third else 0.0


@dataclass
class Soaked:
    """What the run showed."""

    minutes: float
    reconnects: int = 0
    processes: dict[str, Process] = field(default_factory=dict)
    restarts: int = 0
    unseen: list[str] = field(default_factory=list)

    @property
    def rss_mib_per_hour_per_camera(self) -> float:
        return sum(one.rss_mib_per_hour() for one in self.processes.values()) / CAMERAS

    @property
    def rss_mib_per_reconnect(self) -> float:
        """Of the workers, while that many connections were made anew."""
        grown = sum(growth(one.rss_mib) for name, one in self.processes.items() if name.startswith("worker"))
        return grown / max(1, self.reconnects)

    @property
    def fds_growth(self) -> int:
        return round(sum(growth(one.fds) for one in self.processes.values()))

    @property
    def threads_growth(self) -> int:
        return round(sum(growth(one.threads) for one in self.processes.values()))

    def exceeded(self) -> list[str]:
        """Bounds that were not kept, in words."""
        slope, each = self.rss_mib_per_hour_per_camera, self.rss_mib_per_reconnect
        checks = {
            f"{slope:.2f} MiB more an hour and camera": self.minutes < SLOPE_FROM_MINUTES
            or slope < RSS_MIB_PER_HOUR_PER_CAMERA,
            f"{each:.3f} MiB more for each reconnection": each < RSS_MIB_PER_RECONNECT,
            f"{self.fds_growth} descriptors more": self.fds_growth <= FDS_GROWTH,
            f"{self.threads_growth} threads more": self.threads_growth <= THREADS_GROWTH,
            f"{self.restarts} processes were started anew": self.restarts == 0,
            "no camera was connected anew": self.reconnects > 0,
            **{f"{name} was not back after {BACK_WITHIN_S:g} s": False for name in self.unseen},
        }
        return [text for text, kept in checks.items() if not kept]

    def as_line(self) -> dict[str, Any]:
        return {
            "minutes": round(self.minutes, 1),
            "rss_mib_per_hour_per_camera": round(self.rss_mib_per_hour_per_camera, 2),
            "fds_growth": self.fds_growth,
            "threads_growth": self.threads_growth,
            "reconnects": self.reconnects,
            "rss_mib_per_reconnect": round(self.rss_mib_per_reconnect, 4),
            "restarts": self.restarts,
            "rss_mib_per_hour": {name: round(one.rss_mib_per_hour(), 2) for name, one in self.processes.items()},
            "rss_mib": {name: round(one.rss_mib[-1], 1) for name, one in self.processes.items() if one.rss_mib},
            "exceeded": self.exceeded(),
        }


class Flapper(threading.Thread):
    """Breaks one camera's line every few seconds and waits until packets come again."""

    def __init__(self, name: str, line: RtspProxy, seed: int) -> None:
        super().__init__(name=f"flap-{name}", daemon=True)
        self.stopping = threading.Event()
        self.reconnects = 0
        self.late = False
        self._line = line
        self._random = random.Random(seed)

    def run(self) -> None:
        while not self.stopping.wait(self._random.uniform(2.0, 4.0)):
            fault = self._random.choice(["cut"] * 6 + ["refuse", "mute"])
            if fault == "mute":
                self._line.mute()  # the camera finds out by its time-out
                self.stopping.wait(3.0)
                self._line.cut()
                self._line.speak()
            elif fault == "refuse":
                self._line.refuse()
                self.stopping.wait(2.0)
                self._line.accept()
            else:
                self._line.cut()
            self._wait_until_it_is_back()

    def _wait_until_it_is_back(self) -> None:
        time.sleep(0.2)  # what was on its way is through
        had, deadline_s = self._line.packets, time.monotonic() + BACK_WITHIN_S
        while self._line.packets < had + 20:
            if self.stopping.wait(0.1):
                return
            if time.monotonic() > deadline_s:
                self.late = True
                return
        self.reconnects += 1


def configuration(films: Sequence[Path], urls: Mapping[str, str]) -> str:
    """Half of the cameras are always watched, the others rest while nothing moves."""
    lines = ["timezone: Asia/Shanghai", f"inference: {{cache_dir: {ROOT / '.cache'}, per_second: 1.0}}", "sites:"]
    monitors = [f"kind: video_file, path: {film}, loop: true" for film in films]
    monitors += [f'kind: rtsp_camera, timeout: 2s, url: "{url}"' for url in urls.values()]
    for number, monitor in enumerate(monitors):
        watch = "on_activity" if number % 2 else "always"
        lines += [
            f"  - id: camera-{number}",
            f"    location: {{lon: {106.5 + number / 1000}, lat: 29.5}}",
            f"    monitor: {{{monitor}, watch: {watch}}}",
            "    detectors: [{kind: yolo, labels: [person]}]",
            "    rules: [{kind: intrusion, labels: [person]}]",
        ]
    for name in ("underpass", "culvert"):
        lines += [
            f"  - id: {name}",
            "    location: {lon: 106.52, lat: 29.5}",
            "    monitor: {kind: http_push, id: probe, quantity: water_depth, unit: cm}",
            "    rules: [{kind: threshold, id: deep, quantity: water_depth, above: 50, clear_at: 40, samples: 1, "
            "priority: P2}]",
        ]
    return "\n".join(lines) + "\n"


def push(caller: httpx.Client, stopping: threading.Event) -> None:
    """A reading a second of each gauge; each is under water for ten seconds of every minute."""
    begun_s = time.monotonic()
    while not stopping.wait(1.0):
        for number, site in enumerate(("underpass", "culvert")):
            phase_s = (time.monotonic() - begun_s + 30 * number) % 60
            with suppress(httpx.TransportError):
                caller.post(f"/datastreams/{site}/probe/observations", json={"result": 70 if phase_s < 10 else 10})


def process_ids(running: City) -> dict[str, int]:
    """Of the supervisor and each of its children, by name."""
    found: dict[str, int] = {}
    for path in sorted((running.var / "run").glob("*.pid")):
        with suppress(OSError, ValueError):
            found[path.stem] = int(path.read_text(encoding="utf-8"))
    return {name: pid for name, pid in found.items() if psutil.pid_exists(pid)}


def watch(running: City, seconds: float, soaked: Soaked) -> None:
    """Sample every process for so long."""
    soaked.processes = {name: Process(pid) for name, pid in process_ids(running).items()}
    begun_s = time.monotonic()
    every_s = max(SAMPLED_EVERY_AT_LEAST_S, seconds / SAMPLES)
    gone: set[str] = set()
    while (passed_s := time.monotonic() - begun_s) < seconds:
        for name, one in soaked.processes.items():
            try:
                one.sample(passed_s)
            except psutil.NoSuchProcess:
                gone.add(name)
        time.sleep(every_s)
    soaked.restarts = len(gone)


def soak(minutes: float, *, warm_up_s: float | None = None, size: str = "1280x720") -> Soaked:
    """The whole run, `minutes` with its warm-up. Raises AssertionError when the city does not even start."""
    if warm_up_s is None:
        warm_up_s = min(WARM_UP_AT_MOST_S, WARM_UP_SHARE * 60 * minutes)
    soaked, stopping = Soaked(minutes), threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yiping-soak-")))
        film = made_film(folder, size)
        names = [f"flapping-{number}" for number in range(FLAPPING)]
        server = stack.enter_context(rtsp_server(dict.fromkeys(names, film)))
        lines = {name: stack.enter_context(rtsp_proxy(server.port)) for name in names}
        config = folder / "config.yaml"
        urls = {name: line.url(name) for name, line in lines.items()}
        config.write_text(configuration([film] * LOOPING, urls), encoding="utf-8")
        running = stack.enter_context(city(config, folder / "var"))
        running.add_user("zhou", "operator", "zhou-kettle-harbour-42")
        running.add_user("station", "source", "station-kettle-harbour-42")
        caller = stack.enter_context(running.caller("station"))
        stack.callback(stopping.set)
        threading.Thread(target=push, args=(caller, stopping), name="gauges", daemon=True).start()
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        sit_down(browser, running, "zhou")
        flappers = [Flapper(name, line, seed) for seed, (name, line) in enumerate(lines.items())]
        for flapper in flappers:
            stack.callback(flapper.stopping.set)
            flapper.start()
        time.sleep(warm_up_s)
        before = sum(flapper.reconnects for flapper in flappers)
        watch(running, max(30.0, 60 * minutes - warm_up_s), soaked)
        soaked.reconnects = sum(flapper.reconnects for flapper in flappers) - before
        soaked.unseen = [flapper.name for flapper in flappers if flapper.late]
    return soaked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES") or 120.0))
    soaked = soak(parser.parse_args().minutes)
    print(json.dumps(soaked.as_line()))
    return 1 if soaked.exceeded() else 0


if __name__ == "__main__":
    sys.exit(main())
