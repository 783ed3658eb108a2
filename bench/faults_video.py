"""Eight RTSP cameras that flap at random beside two that are well and a hundred that are dead.

`python -m bench.faults_video [--seconds 1800] [--dead 100] [--seed 1]` runs the real workers on a real RTSP server,
each camera behind a proxy of its own that mutes, cuts, refuses, drops, corrupts or wrongly stamps its stream; at the
end the server itself is stopped for a while, and killed. The last line is JSON; the exit status tells whether every
promise of docs/RELIABILITY.md was kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.city import running
from bench.readout import read_workers
from data.ports.store import Store
from data.sql.store import open_store
from tests.servers.rtsp import RtspServer, rtsp_server
from tests.servers.rtsp_proxy import RtspProxy, rtsp_proxy

FPS = 10.0
FLAPPING, WELL = 8, 2
FRAMES_METER = "yiping_frames_total"
READY_WITHIN_S = 120.0
WARM_UP_S = 20.0
REST_S = 2.0
BACK_S, TOLD_S, OTHERS_LOST, DEAD_PER_S, RSS_MIB_H = 10.0, 6.0, 0.01, 2.0, 1.0
RSS_FROM_S = 900.0  # a shorter run says nothing about growth
LEEWAY_S = 1.5  # figures of a worker are up to a second old


@dataclass
class Measured:
    """What the run showed; times in seconds."""

    flaps: int = 0
    back_s: list[float] = field(default_factory=list)
    told_s: list[float] = field(default_factory=list)
    all_back_s: list[float] = field(default_factory=list)
    others_lost: float = 1.0
    dead_per_s: float = 0.0
    rss_mib_per_h: float = 0.0
    descriptors: int = 0
    restarts: int = 0

    def broken(self, seconds: float) -> list[str]:
        """Promises that were not kept, in words."""
        late = max([*self.back_s, *self.all_back_s], default=0.0)
        checks = {
            f"pictures were back after {late:.1f} s": late <= BACK_S + LEEWAY_S,
            f"a loss was told after {max(self.told_s, default=0.0):.1f} s": max(self.told_s, default=0.0)
            <= TOLD_S + LEEWAY_S,
            f"the others lost {self.others_lost:.2%} of their frames": self.others_lost < OTHERS_LOST,
            f"dead cameras were tried {self.dead_per_s:.2f} times a second": self.dead_per_s <= DEAD_PER_S,
            f"{self.rss_mib_per_h:.1f} MiB an hour and camera": seconds < RSS_FROM_S or self.rss_mib_per_h < RSS_MIB_H,
            f"{self.descriptors} descriptors more": self.descriptors <= 4 * (FLAPPING + WELL),
            f"{self.restarts} workers were started anew": self.restarts == 0,
        }
        return [text for text, kept in checks.items() if not kept]

    def as_line(self, seconds: float) -> dict[str, Any]:
        back = sorted(self.back_s)
        return {
            "flaps": self.flaps,
            "back_s_p95": round(back[int(0.95 * (len(back) - 1))], 1) if back else None,
            "back_s_max": round(max(back, default=0.0), 1),
            "server_back_s_max": round(max(self.all_back_s, default=0.0), 1),
            "told_s_max": round(max(self.told_s, default=0.0), 1),
            "others_lost": round(self.others_lost, 4),
            "dead_attempts_per_s": round(self.dead_per_s, 2),
            "rss_mib_per_h_camera": round(self.rss_mib_per_h, 2),
            "descriptors_growth": self.descriptors,
            "worker_restarts": self.restarts,
            "broken": self.broken(seconds),
        }


class City:
    """The running workers, as their figures and their store show them."""

    def __init__(self, var: Path, store: Store) -> None:
        self._var = var
        self._store = store

    def frames(self, camera: str) -> float:
        return sum(one.by_camera(FRAMES_METER).get(camera, 0.0) for one in read_workers(self._var / "run").values())

    def lost(self, camera: str) -> bool:
        told = self._store.read(lambda reader: reader.value(f"health:{camera}"))
        return isinstance(told, dict) and told.get("health") == "lost"

    def workers(self) -> list[psutil.Process]:
        return [psutil.Process(int(path.read_text())) for path in sorted((self._var / "run").glob("worker-*.pid"))]

    def until(self, come: Callable[[], bool], within_s: float) -> float:
        """Seconds until then; `within_s` when it did not come."""
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < within_s:
            if come():
                return time.monotonic() - begun_s
            time.sleep(0.1)
        return within_s

    def back_after(self, camera: str) -> float:
        """Until pictures come again, at least three of them."""
        had = self.frames(camera)
        return self.until(lambda: self.frames(camera) >= had + 3, 60.0)


def made_film(folder: Path, size: str = "320x180") -> Path:
    """Twenty seconds of a moving pattern, a key picture each second."""
    film = folder / "pattern.mp4"
    pattern = f"testsrc2=size={size}:rate={FPS:g}:duration=20"
    coder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", f"{FPS:g}", "-bf", "0", "-pix_fmt", "yuv420p"]
    coder += ["-x264-params", "sliced-threads=0"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", pattern, *coder, str(film)], check=True)
    return film


@contextmanager
def dead_end() -> Iterator[tuple[int, list[float]]]:
    """A port that hangs up at once; the port, and when it was tried."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    tried: list[float] = []

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                tried.append(time.monotonic())
                connection.close()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1], tried
    finally:
        listener.close()


def configuration(urls: dict[str, str]) -> str:
    lines = ["timezone: Asia/Shanghai", "sites:"]
    for name, url in urls.items():
        place = "location: {lon: 106.5, lat: 29.5}"
        lines += [f"  - id: {name}", f"    {place}", f'    monitor: {{kind: rtsp_camera, url: "{url}"}}']
    return "\n".join(lines) + "\n"


def flap(city: City, name: str, line: RtspProxy, dice: random.Random, measured: Measured) -> None:
    """One fault of one camera, from its begin until pictures come again."""
    lasts_s = dice.uniform(1.0, 9.0)
    fault = dice.choice(["mute", "cut", "refuse", "lose", "drop", "corrupt", "stray", "jump"])
    silent = fault in {"mute", "refuse", "lose"}
    if fault == "mute":
        line.mute()
    elif fault == "cut":
        line.cut()
    elif fault == "refuse":
        line.refuse()
    elif fault in {"lose", "drop"}:
        line.drop = 1.0 if fault == "lose" else 0.3
    elif fault == "corrupt":
        line.corrupt = 0.3
    else:
        line.shift_stamps(dice.uniform(-50_000, 50_000), once=fault == "stray")
    begun_s = time.monotonic()
    if silent and lasts_s > TOLD_S + 1:
        measured.told_s.append(city.until(lambda: city.lost(name), lasts_s))
    time.sleep(max(0.0, begun_s + lasts_s - time.monotonic()))
    line.drop = line.corrupt = 0.0
    line.speak()
    line.accept()
    measured.back_s.append(city.back_after(name))
    measured.flaps += 1


def stop_the_server(city: City, server: RtspServer, names: list[str], measured: Measured) -> None:
    """It is frozen for a while, then killed: all cameras at once."""
    for begin, end in ((server.freeze, server.thaw), (server.kill, server.start)):
        begin()
        time.sleep(8.0)
        end()
        had = {name: city.frames(name) for name in names}
        back_s = city.until(lambda had=had: all(city.frames(name) >= had[name] + 3 for name in names), 60.0)  # type: ignore[misc]
        measured.all_back_s.append(back_s)
        time.sleep(REST_S)


def run(seconds: float, dead: int, seed: int, warm_up_s: float = WARM_UP_S) -> Measured:
    """The whole run; raises RuntimeError when the cameras do not even start."""
    dice, measured = random.Random(seed), Measured()
    flapping = [f"flapping-{n}" for n in range(FLAPPING)]
    well = [f"well-{n}" for n in range(WELL)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yiping-faults-")))
        server = stack.enter_context(rtsp_server({name: made_film(folder) for name in (*flapping, *well)}))
        lines = {name: stack.enter_context(rtsp_proxy(server.port)) for name in flapping}
        port, tried = stack.enter_context(dead_end())
        urls = {name: line.url(name) for name, line in lines.items()} | {name: server.url(name) for name in well}
        urls |= {f"dead-{n}": f"rtsp://127.0.0.1:{port}/{n}" for n in range(dead)}
        config, var = folder / "config.yaml", folder / "var"
        config.write_text(configuration(urls), encoding="utf-8")
        stack.enter_context(running(config, var))
        deadline = time.monotonic() + READY_WITHIN_S
        while not (var / "yiping.db").exists() or not (var / "run").exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the city did not start")
            time.sleep(0.2)
        time.sleep(3.0)
        store = stack.enter_context(closing(open_store(var / "yiping.db", migrate=False)))
        city = City(var, store)
        if (
            city.until(lambda: all(city.frames(name) > 0 for name in (*flapping, *well)), READY_WITHIN_S)
            >= READY_WITHIN_S
        ):
            raise RuntimeError("not all cameras gave pictures")
        time.sleep(warm_up_s)
        workers = city.workers()
        rss, rss_s = 0, 0.0  # noted when a third of the run is over: until then all buffers have had their size
        descriptors = sum(one.num_fds() for one in workers)
        tries, begun_s = len(tried), time.monotonic()
        before = {name: city.frames(name) for name in well}
        while time.monotonic() - begun_s < seconds:
            if not rss and time.monotonic() - begun_s >= seconds / 3:
                rss, rss_s = sum(one.memory_info().rss for one in workers if one.is_running()), time.monotonic()
            name = dice.choice(flapping)
            flap(city, name, lines[name], dice, measured)
            time.sleep(dice.uniform(0.0, 2.0))
        passed_s = time.monotonic() - begun_s
        shown = sum(city.frames(name) - before[name] for name in well)
        measured.others_lost = max(0.0, 1 - (shown + WELL * FPS) / (WELL * FPS * passed_s))  # figures are 1 s old
        measured.dead_per_s = (len(tried) - tries) / passed_s
        alive = [one for one in workers if one.is_running()]
        measured.restarts = len(workers) - len(alive)
        grown = (sum(one.memory_info().rss for one in alive) - rss) / 2**20 if rss else 0.0
        measured.rss_mib_per_h = max(0.0, grown) / ((time.monotonic() - rss_s) / 3600) / (FLAPPING + WELL)
        measured.descriptors = max(0, sum(one.num_fds() for one in alive) - descriptors)
        stop_the_server(city, server, [*flapping, *well], measured)
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--dead", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    measured = run(told.seconds, told.dead, told.seed)
    print(json.dumps(measured.as_line(told.seconds)))
    return 1 if measured.broken(told.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
