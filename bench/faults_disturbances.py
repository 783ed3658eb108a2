"""What surrounds the system fails while clients work: broker, database, disk, clock.

Each disturbance is made for a while; it must be told in words on the screens while it lasts, everything must go on by
itself after it, and nothing that was acknowledged may be lost: `Work` of `bench.faults_city` remembers what was
promised, and a publisher what the broker had promised to keep.

python -m bench.faults_disturbances --seconds 30
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from bench.faults_city import PUSH, FaultsCity, Work, damage_of
from data.config.settings import SiteSettings
from data.ports.store import AlertQuery
from engine.reactions.clock_watch import KIND as CLOCK_ALARM
from layouts.words import TABLE
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.conftest import ROOT
from tests.engine.city import CHONGQING
from tests.servers.mosquitto import Mosquitto, mosquitto

WEIR = "weir"
TOLD_WITHIN_S = 30.0
BACK_WITHIN_S = 60.0
DISK_MIB = 700  # more than the 500 below which the disk counts as nearly full
_LIBRARIES = (ROOT / "bench" / "slow_io.c", ROOT / "tests" / "engine" / "set_clock.c")
_STAMPS = ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5+00:00", "2017-01-01T07:59:60+08:00")


@dataclass
class Disturbed:
    """`told_s`: until a screen was told in words; `back_s`: from its end until all goes on."""

    told_s: dict[str, float] = field(default_factory=dict)
    back_s: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    promised: int = 0

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: {"told_s": round(told, 1), "back_s": round(self.back_s.get(name, -1.0), 1)}
            for name, told in self.told_s.items()
        }
        if self.skipped:
            found["skipped"] = self.skipped
        return found | {"lost": len(self.lost), "wrong": len(self.wrong), "promised": self.promised}


class Screen(threading.Thread):
    """Follows the events socket as a page does: the store's state, and what is said of sites."""

    def __init__(self, city: FaultsCity) -> None:
        super().__init__(daemon=True)
        self._address = f"{city.url.replace('http', 'ws')}/ws/events"
        self._bearer = {"Authorization": f"Bearer {city.tokens['zhao']}"}
        self._ended = threading.Event()
        self.store = ""
        self.health: dict[str, tuple[str, str]] = {}  # state and cause of each site

    def run(self) -> None:
        while not self._ended.is_set():
            with (
                contextlib.suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError),
                connect(self._address, additional_headers=self._bearer, compression=None) as socket,
            ):
                self.store = "ok"  # as a page takes for granted until it is told otherwise
                while not self._ended.is_set():
                    self._hear(json.loads(socket.recv(timeout=15)))
            self._ended.wait(0.2)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "store":
            self.store = message["data"]["state"]
        elif message["type"] == "change" and message["topic"] == "site":
            self.health[message["data"]["site"]] = (message["data"]["health"], message["data"].get("cause", ""))

    def end(self) -> None:
        self._ended.set()


class Publisher(threading.Thread):
    """Publishes numbered readings at QoS 1 with `mosquitto_pub`, one process each; knows what was promised."""

    def __init__(self, broker: Mosquitto) -> None:
        super().__init__(daemon=True)
        self._broker = broker
        self._ended = threading.Event()
        self._number = 0
        self.acknowledged: dict[int, float] = {}  # by number, seconds since the epoch
        self.promised: set[int] = set()

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self._number += 1
            message = json.dumps({"n": self._number, "at": datetime.now(UTC).isoformat()})
            command = ["mosquitto_pub", "-p", str(self._broker.port), "-q", "1", "-t", WEIR, "-m", message]
            done = subprocess.run(command, capture_output=True, check=False, timeout=30)
            if done.returncode == 0:
                self.acknowledged[self._number] = time.time()

    def broker_was_killed(self) -> None:
        """Promised is what was acknowledged before the state was written that the kill has left."""
        saved_s = (self._broker.folder / "mosquitto.db").stat().st_mtime
        self.promised |= {number for number, at_s in self.acknowledged.items() if at_s < saved_s}
        self.acknowledged.clear()

    def end(self) -> None:
        self._ended.set()
        self.join(30)
        self.promised |= set(self.acknowledged)


class Disturber:
    """Makes the disturbances one after the other."""

    def __init__(self, city: FaultsCity, work: Work, screen: Screen, publisher: Publisher, seconds: float) -> None:
        self.city, self.work, self.screen, self.publisher, self.seconds = city, work, screen, publisher, seconds
        self.found = Disturbed()

    def until(self, what: str, condition: Callable[[], object], within_s: float) -> float:
        """Seconds until it came true; a complaint when it did not."""
        begun_s = time.monotonic()
        while not condition():
            if time.monotonic() - begun_s > within_s:
                self.found.wrong.append(f"not within {within_s:g} s: {what}")
                break
            time.sleep(0.05)
        return time.monotonic() - begun_s

    def goes_on(self, name: str, well: Callable[[], bool] = lambda: True) -> None:
        """Wait until new readings are stored and new alerts are acknowledged again."""
        sent, acknowledged = self.work.sent, len(self.work.acknowledged)

        def goes_on() -> bool:
            newer = max(self.work.stored(), default=0) > sent
            return newer and len(self.work.acknowledged) > acknowledged and well()

        self.found.back_s[name] = self.until(f"{name}: all goes on", goes_on, BACK_WITHIN_S)

    def told(self, name: str, condition: Callable[[], object], words: Callable[[], str]) -> None:
        """Wait until a screen is told; `words` is the key of what it shows then."""
        self.found.told_s[name] = self.until(f"{name}: told on the screen", condition, TOLD_WITHIN_S)
        if not all(TABLE.get(words(), ("",))):
            self.found.wrong.append(f"{name}: no words for {words()!r}")

    def store_told(self, name: str, *states: str) -> None:
        self.told(name, lambda: self.screen.store in states, lambda: f"store.{self.screen.store}")

    # ---- the disturbances

    def broker_killed(self, broker: Mosquitto) -> None:
        broker.kill()
        self.publisher.broker_was_killed()
        self.told("broker_killed", lambda: self._weir() == "lost", lambda: f"lost.{self.screen.health[WEIR][1]}")
        time.sleep(min(5.0, self.seconds))
        broker.start()
        self.goes_on("broker_killed", lambda: self._weir() == "live")

    def _weir(self) -> str:
        return self.screen.health.get(WEIR, ("", ""))[0]

    def database_locked(self) -> None:
        with closing(
            sqlite3.connect(self.city.options.var_dir / "yiping.db", isolation_level=None, timeout=60)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            begun_s = time.monotonic()
            self.store_told("database_locked", "waiting", "failing")
            time.sleep(max(0.0, self.seconds - (time.monotonic() - begun_s)))
            other.execute("ROLLBACK")
        self.goes_on("database_locked", lambda: self.screen.store == "ok")

    def disk_slow(self, order: Path) -> None:
        order.write_text("3000\n")
        self.store_told("disk_slow", "waiting")
        time.sleep(self.seconds / 2)
        order.write_text("0\n")
        self.goes_on("disk_slow", lambda: self.screen.store == "ok")

    def disk_full(self, *, own_disk: bool) -> None:
        if not own_disk:
            self.found.skipped["disk_full"] = "only root may mount a small disk"
            return
        filler = self.city.options.var_dir / "filler"
        _fill(filler)
        self.store_told("disk_full", "full")
        time.sleep(min(5.0, self.seconds))
        filler.unlink()
        self.goes_on("disk_full", lambda: self.screen.store in {"ok", "low"})

    def clock_set(self, order: Path) -> None:
        """An hour forward, then back again by that hour."""
        order.write_text("3600\n")
        self.told("clock_forward", self._clock_alarm, lambda: f"kind.{CLOCK_ALARM}")
        self.goes_on("clock_forward")
        order.write_text("0\n")
        self.told("clock_back", lambda: (self._clock_value() or 0) < 0, lambda: f"kind.{CLOCK_ALARM}")
        self.goes_on("clock_back")

    def _clock_alarm(self) -> bool:
        return self._clock_value() is not None

    def _clock_value(self) -> float | None:
        """By how many seconds the clock was set, as the alarm says that stands on every screen."""
        query = AlertQuery(of=(CLOCK_ALARM,), open_only=True)
        found = self.city.store.read(lambda reader: reader.alerts(query))
        return found[0].value if found else None

    def leap_seconds(self) -> None:
        """Accepted as the end of their minute, or refused in words; never an error of ours."""
        with self.city.client("mast") as client:
            for stamp in _STAMPS:
                alert = {"labels": {"alertname": "leap", "site": "quay"}, "startsAt": stamp, "fingerprint": stamp}
                asked = {
                    PUSH: {"phenomenonTime": stamp, "result": 1_000_000_000},
                    "/api/v1/alertmanager": {"alerts": [alert | {"status": "resolved", "endsAt": stamp}]},
                }
                for path, body in asked.items():
                    self._refused_in_words(f"{path} at {stamp}", client.post(path, json=body))
        with self.city.client("zhao") as client:
            for stamp in _STAMPS:
                path = f"/api/v1/readings?site=quay&since={stamp.replace('+', '%2B')}"
                self._refused_in_words(path, client.get(path))

    def _refused_in_words(self, what: str, answer: httpx.Response) -> None:
        status = answer.status_code
        if status >= 500 or (status >= 400 and len(answer.text) < 10):
            self.found.wrong.append(f"leap second, {what}: {status} {answer.text[:100]}")


def _fill(file: Path) -> None:
    """Until nothing more fits on its disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, b"x" * 65_536)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, b"x" * 512)
    os.close(handle)


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A disk of its own that can be filled; False where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


@contextmanager
def _preloaded(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Processes started within it obey two files: milliseconds of every flush, and seconds that the clock is set by."""
    libraries = []
    for source in _LIBRARIES:
        library = folder / f"{source.stem}.so"
        compiler = shutil.which("cc") or "gcc"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-o", library, source, "-ldl"], check=True)
        libraries.append(str(library))
    slow, clock = folder / "flush_ms", folder / "clock_s"
    for file in (slow, clock):
        file.write_text("0\n")
    given = {"LD_PRELOAD": ":".join(libraries), "SLOW_FLUSH_MS": str(slow), "WALL_CLOCK_OFFSET": str(clock)}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield slow, clock
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _gauge(broker: Mosquitto) -> SiteSettings:
    where = {"host": "127.0.0.1", "port": broker.port, "topic": WEIR, "value": "n", "time": "at", "timeout": "5s"}
    return SiteSettings(id=WEIR, location=CHONGQING, monitor=MqttGauge.model_validate({"quantity": "count", **where}))


def run_disturbances(seconds: float, folder: Path, say: Callable[[str], None] = print) -> Disturbed:
    """All of them, each for about so long; then what was promised is compared with the store."""
    with _small_disk(folder / "var") as own_disk, mosquitto(folder) as broker:
        city = FaultsCity(folder, more=(_gauge(broker),))
        with _preloaded(folder) as (slow, clock):
            city.start()
        work, screen, publisher = Work(city), Screen(city), Publisher(broker)
        disturber = Disturber(city, work, screen, publisher, seconds)
        try:
            city.wait_for(city.ready, 120)
            for thread in (work, screen, publisher):
                thread.start()
            city.wait_for(lambda: work.acknowledged and work.stored() and city.health(WEIR) == "live", 120)
            steps: list[Callable[[], None]] = [
                lambda: disturber.broker_killed(broker),
                disturber.database_locked,
                lambda: disturber.disk_slow(slow),
                lambda: disturber.disk_full(own_disk=own_disk),
                disturber.leap_seconds,
                lambda: disturber.clock_set(clock),
            ]
            for step in steps:
                step()
                say(f"{disturber.found.as_json()} {disturber.found.wrong}")
            time.sleep(2.0)
            work.end()
            publisher.end()
            _compare(city, work, publisher, disturber.found)
        finally:
            screen.end()
            work.end()
            publisher.end()
            city.close()
    return disturber.found


def _compare(city: FaultsCity, work: Work, publisher: Publisher, found: Disturbed) -> None:
    found.lost += work.lost()
    ends_s = time.monotonic() + 60
    while (missing := publisher.promised - _published(city)) and time.monotonic() < ends_s:
        time.sleep(0.5)
    found.lost += [f"message {number} of the broker" for number in sorted(missing)]
    found.wrong += work.duplicates()
    found.promised = len(work.readings) + len(work.acknowledged) + len(work.raised) + len(work.accepted)
    found.promised += len(publisher.promised)
    assert city.running is not None
    city.running.stop(20)
    found.wrong += damage_of(city.options.var_dir / "yiping.db", city)


def _published(city: FaultsCity) -> set[int]:
    since, until = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    readings = city.store.read(lambda reader: reader.readings(WEIR, since=since, until=until, limit=1_000_000))
    return {round(reading.value) for reading in readings}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each disturbance")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yiping-disturbed-") as name:
        found = run_disturbances(given.seconds, Path(name))
    for line in [*found.wrong, *found.lost][:50]:
        print(f"WRONG {line}", flush=True)
    print(json.dumps({"disturbances": found.as_json()}), flush=True)
    return int(bool(found.wrong or found.lost))


if __name__ == "__main__":
    sys.exit(main())
