"""Processes killed again and again, also in the middle of a commit: nothing acknowledged is lost, all is back soon."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults_city import FaultsCity, Work, damage_of, working_city
from data.sql.failpoints import Point
from engine.process.supervisor import STEADY_AFTER_S
from tests.engine.children import is_alive

CHILDREN = ("web", "worker-1", "sensors", "clock", "notifier")
PARENT = "parent"
PARENT_SHARE = 0.04  # each takes all others with it
ANY_MOMENT = "any moment"
REACHED_WITHIN_S = 3.0  # the point of a commit; a process that commits nothing is killed all the same
BACK_PATIENCE_S = 180.0  # on a machine that is busy with something else


@dataclass
class KillResult:
    """What the kills did. `back_s`: by process, for each kill, how long until it did its work again."""

    kills: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # processes that did not come back
    back_s: dict[str, list[float]] = field(default_factory=dict)
    promised: int = 0

    def back_p95(self, name: str = "") -> float:
        """Of all processes, or of this one."""
        ordered = sorted(one for of, taken in self.back_s.items() if name in {"", of} for one in taken)
        return round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)], 2) if ordered else 0.0


class _Killer:
    def __init__(self, city: FaultsCity, work: Work, chance: random.Random) -> None:
        self.city, self.work, self.chance = city, work, chance
        self.result = KillResult()
        self._free_at: dict[str, float] = {}  # by child: it is back, and steady
        self._watching: list[threading.Thread] = []
        self._lock = threading.Lock()

    def next(self) -> None:
        """Kill somebody who is steady; waits until there is one."""
        if self.chance.random() < PARENT_SHARE:
            self._kill_parent()
            return
        while True:
            with self._lock:
                free = [name for name in CHILDREN if self._free_at.get(name, 0.0) <= time.monotonic()]
            if free:
                break
            time.sleep(0.05)
        self._kill(self.chance.choice(free))

    def wait(self) -> None:
        for thread in self._watching:
            thread.join(BACK_PATIENCE_S * 2)

    def _kill(self, name: str) -> None:
        running = self.city.running
        assert running is not None
        pid = running.pid(name)
        if pid is None:
            return
        point = self.chance.choice([*Point, ANY_MOMENT])
        if point == ANY_MOMENT:
            time.sleep(self.chance.uniform(0, 0.3))
        else:
            file = self.city.orders / f"{pid}.{point}"
            file.with_suffix(".part").write_text("kill", encoding="utf-8")
            file.with_suffix(".part").replace(file)
            ends_s = time.monotonic() + REACHED_WITHIN_S
            while is_alive(pid) and time.monotonic() < ends_s:
                time.sleep(0.01)
            file.unlink(missing_ok=True)
            if is_alive(pid):
                point = ANY_MOMENT
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.result.kills[name] += 1
        self.result.points[point] += 1
        with self._lock:
            self._free_at[name] = float("inf")
        self._watch(name, self._sign_of(name, pid))

    def _kill_parent(self) -> None:
        self.wait()
        running = self.city.running
        assert running is not None
        pids = {name: running.pid(name) or 0 for name in CHILDREN}
        running.process.kill()
        running.process.wait(10)
        self.result.kills[PARENT] += 1
        self.result.points[ANY_MOMENT] += 1
        self.city.start()
        signs = [self._sign_of(name, pid) for name, pid in pids.items()]
        self._watch(PARENT, lambda: all(sign() for sign in signs))
        self.wait()
        with self._lock:
            self._free_at = dict.fromkeys(CHILDREN, time.monotonic() + STEADY_AFTER_S)

    def _watch(self, name: str, sign: Callable[[], bool]) -> None:
        killed_s = time.monotonic()

        def look() -> None:
            while not sign():
                if time.monotonic() > killed_s + BACK_PATIENCE_S:
                    self.result.gone.append(name)
                    break
                time.sleep(0.02)
            with self._lock:
                self.result.back_s.setdefault(name, []).append(time.monotonic() - killed_s)
                self._free_at[name] = time.monotonic() + STEADY_AFTER_S

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        self._watching = [one for one in self._watching if one.is_alive()] + [thread]

    def _sign_of(self, name: str, old: int) -> Callable[[], bool]:
        """By what is it seen that the child does its work again?"""
        running, run_dir = self.city.running, self.city.options.run_dir
        assert running is not None
        if name == "web":
            return lambda: running.pid("web") not in {None, old} and self.city.ready()
        if name in {"clock", "notifier"}:
            lock = run_dir / f"{name}.lock"
            return lambda: lock.read_text().strip() not in {"", str(old)}
        if name == "sensors":
            after = self.work.sent
            return lambda: max(self.work.stored(), default=0) > after
        metrics, since = run_dir / f"metrics-{name}.json", time.time()
        return lambda: metrics.exists() and metrics.stat().st_mtime > since and running.pid(name) != old


def run_kills(number: int, seed: int, folder: Path, say: Callable[[str], None] = print) -> KillResult:
    """Kill `number` times; then let everything come to rest and compare."""
    with working_city(folder) as (city, work):
        killer = _Killer(city, work, random.Random(seed))
        for done in range(number):
            killer.next()
            if done % 50 == 49:
                say(f"{done + 1} kills, back p95 {killer.result.back_p95()} s, {len(work.readings)} readings promised")
        killer.wait()
        result = killer.result
        time.sleep(2.0)
        work.end()
        result.lost += work.lost()
        result.duplicates += work.duplicates()
        result.promised = len(work.readings) + len(work.acknowledged) + len(work.raised) + len(work.accepted)
        assert city.running is not None
        city.running.stop(20)
        result.damage += damage_of(city.options.var_dir / "yiping.db", city)
    return result
