"""`make load`: 200 alerts and 5,000 readings a second and 100 screens while an officer acknowledges.

Everything is real: the processes of `app.py run` on SQLite, gauges behind a Mosquitto, signals as a camera worker
commits them, authenticated screens on the events socket that are loaded anew in turn, acknowledgements over REST. What
clients were promised is compared with the store afterwards. Ends with one line of JSON; exit status 1 when something
was lost or the 95th percentile of the acknowledgements exceeds 300 ms.

The figures hold for this machine with what else ran on it: the load of the machine and the processor time of each of
our processes stand beside them. Clients run on the same processors as the server.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.load_players import READY, Orders, as_line
from bench.machine import cores, processor
from bench.readings import quantile
from data.config.settings import SiteSettings
from data.model.people import Role
from data.ports.store import AlertQuery
from engine.process.child import Target
from engine.process.supervisor import Child
from engine.run import build_children
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.conftest import ROOT
from tests.engine.children import Supervised, supervise
from tests.engine.city import CHONGQING, City
from tests.servers.mosquitto import Mosquitto, free_port
from web.accounts import add_user, issue_token
from web.serve_options import ServeOptions

ACK_LIMIT_MS = 300.0
SECONDS = 600.0
ACK_EVERY_S = 0.25
OFFICER_AT = "127.0.0.9"
DRAIN_S = 120.0
_PASSWORD = "correct horse battery staple"
_AUTOSAVE = "autosave_interval 10"  # it is not killed here; writing its whole state for each message is a test's wish


@dataclass(frozen=True)
class Load:
    """How much comes."""

    seconds: float = SECONDS
    alerts_per_s: float = 200.0
    readings_per_s: float = 5000.0
    screens: int = 100
    sites: int = 50


@dataclass
class Found:
    """What came of it. Times in milliseconds, as the officer's client sees them."""

    ack_ms: list[float] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    load_1m: list[float] = field(default_factory=list)  # before and after
    cpu_s: dict[str, float] = field(default_factory=dict)
    rss_mib: dict[str, int] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    raised: dict[str, Any] = field(default_factory=dict)
    screens: dict[str, Any] = field(default_factory=dict)
    drain_s: float = 0.0
    lost: dict[str, int] = field(default_factory=dict)


class StormCity(City):
    """Sites with a gauge each behind the broker; the web process beside the engine's."""

    def __init__(self, folder: Path, broker: int, sites: int) -> None:
        names = [f"place-{number:02}" for number in range(sites)]
        gauges = [
            SiteSettings(
                id=name,
                location=CHONGQING,
                monitor=MqttGauge.model_validate(
                    {"quantity": "count", "host": "127.0.0.1", "port": broker, "topic": f"load/{name}"}
                    | {"value": "n", "time": "at", "timeout": "10s"}
                ),
            )
            for name in names
        ]
        super().__init__(folder, sites=gauges)
        self.names = tuple(names)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.tokens = {}
        for name, role in {"zhao": Role.DUTY_OFFICER, "li": Role.OPERATOR}.items():
            add_user(self.store, name, role, _PASSWORD)
            self.tokens[name] = issue_token(self.store, name)

    @property
    def database(self) -> Path:
        return self.options.var_dir / "yiping.db"

    def start(self) -> Supervised:
        options = self.options
        serving = ServeOptions(
            settings=options.settings, store=str(options.store), var_dir=options.var_dir, port=self.port
        )
        web = Child("web", Target("web.server", "serve"), (serving,), watched=False, forked=True)
        self.running = supervise(options.run_dir, *build_children(options, web))
        return self.running

    def ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.base}/readyz", timeout=2).status_code == 200
        return False

    def processes(self) -> dict[str, psutil.Process]:
        """Those that run, by the names of the supervisor."""
        found = {}
        for path in self.options.run_dir.glob("*.pid"):
            with suppress(psutil.Error, ValueError):
                found[path.stem] = psutil.Process(int(path.read_text()))
        return found


@contextmanager
def _player(orders: Orders, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A client that is ready to begin."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.load_players"],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(as_line(orders))
        process.stdin.flush()
        if process.stdout.readline().strip() != READY:
            raise RuntimeError(f"{orders.kind} did not begin: {log.read_text()[-2000:]}")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _answer(process: subprocess.Popen[str], timeout_s: float, log: Path, last: str = "") -> dict[str, Any]:
    """The client's last line, once its standard input is closed behind `last`."""
    out, _ = process.communicate(last, timeout=timeout_s)
    if not out.strip():
        raise RuntimeError(f"a client ended without an answer: {log.read_text()[-2000:]}")
    return dict(json.loads(out))


class _Officer(threading.Thread):
    """Acknowledges an alert that nobody has acknowledged, the newest first, four times a second."""

    def __init__(self, city: StormCity, found: Found, ends_s: float) -> None:
        super().__init__(daemon=True)
        self._city, self._found, self._ends_s = city, found, ends_s

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self._city.tokens['zhao']}"}
        transport = httpx.HTTPTransport(local_address=OFFICER_AT)
        query = AlertQuery(unacknowledged_only=True, limit=20)
        waiting: list[int] = []
        with httpx.Client(base_url=self._city.base, headers=headers, timeout=60, transport=transport) as client:
            while time.monotonic() < self._ends_s:
                begun_s = time.monotonic()
                if not waiting:
                    newest = self._city.store.read(lambda reader: reader.alerts(query))
                    waiting = [alert.id for alert in newest if alert.id not in self._found.acknowledged]
                if waiting:
                    self._acknowledge(client, waiting.pop())
                time.sleep(max(0.0, ACK_EVERY_S - (time.monotonic() - begun_s)))

    def _acknowledge(self, client: httpx.Client, alert: int) -> None:
        begun_s = time.perf_counter()
        try:
            answer = client.post(f"/api/v1/alerts/{alert}/acknowledge", json={})
            status = str(answer.status_code)
        except httpx.HTTPError as error:
            status = type(error).__name__
        self._found.ack_ms.append((time.perf_counter() - begun_s) * 1000)
        if status == "200":
            self._found.acknowledged.add(alert)
        else:
            self._found.refused.append(status)


def storm(folder: Path, load: Load) -> Found:
    """All of it for so long, until everything is stored, or two minutes have passed."""
    found = Found(load_1m=[os.getloadavg()[0]])
    broker = Mosquitto(folder, "", "", autosave=_AUTOSAVE)
    broker.start()
    city = StormCity(folder, broker.port, load.sites)
    log = folder / "clients.txt"
    log.touch()
    try:
        city.start()
        city.wait_for(lambda: city.ready() and all(map(city.connected, city.names)), 120)
        told = {"seconds": load.seconds, "sites": city.names, "base": city.base, "token": city.tokens["li"]}
        told |= {"broker": broker.port, "var": str(city.options.var_dir)}
        with (
            _player(Orders(kind="screens", screens=load.screens, **told), log) as screens,  # type: ignore[arg-type]
            _player(Orders(kind="publish", per_second=load.readings_per_s, **told), log) as publisher,  # type: ignore[arg-type]
            _player(Orders(kind="alerts", per_second=load.alerts_per_s, **told), log) as alerter,  # type: ignore[arg-type]
        ):
            processes = city.processes() | {
                "screens": psutil.Process(screens.pid),
                "publisher": psutil.Process(publisher.pid),
                "alerter": psutil.Process(alerter.pid),
            }
            if broker.process is not None:
                processes["mosquitto"] = psutil.Process(broker.process.pid)
            before = _cpu_s(processes)
            officer = _Officer(city, found, time.monotonic() + load.seconds)
            for player in (publisher, alerter):
                assert player.stdin is not None
                player.stdin.write("\n")
                player.stdin.flush()
            officer.start()
            officer.join()
            found.cpu_s = {name: round(now - before[name], 1) for name, now in _cpu_s(processes).items()}
            found.rss_mib = _rss_mib(processes)
            found.published = _answer(publisher, 120, log)
            found.raised = _answer(alerter, 120, log)
            found.drain_s = _drain(city, found.published["acknowledged"])
            _compare(city, found, screens, log)
        found.load_1m.append(os.getloadavg()[0])
    finally:
        city.close()
        broker.kill()
    return found


def _cpu_s(processes: dict[str, psutil.Process]) -> dict[str, float]:
    found = {}
    for name, process in processes.items():
        with suppress(psutil.Error):
            times = process.cpu_times()
            found[name] = times.user + times.system
    return found


def _rss_mib(processes: dict[str, psutil.Process]) -> dict[str, int]:
    found = {}
    for name, process in processes.items():
        with suppress(psutil.Error):
            found[name] = round(process.memory_info().rss / 2**20)
    return found


def _stored(database: Path) -> dict[str, int]:
    """How many different numbers of each gauge are in the store."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT site, count(DISTINCT value) FROM readings GROUP BY site")
        return {str(site): int(count) for site, count in rows}


def _drain(city: StormCity, acknowledged: dict[str, int]) -> float:
    """Seconds until the store has every reading; looked at twice a second."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < DRAIN_S:
        stored = _stored(city.database)
        if all(stored.get(site, 0) >= count for site, count in acknowledged.items()):
            break
        time.sleep(0.5)
    return time.monotonic() - begun_s


def _compare(city: StormCity, found: Found, screens: subprocess.Popen[str], log: Path) -> None:
    """What was promised and is not in the store; what a screen was not sent."""
    stored = _stored(city.database)
    readings = sum(max(0, count - stored.get(site, 0)) for site, count in found.published["acknowledged"].items())
    with closing(sqlite3.connect(f"file:{city.database}?mode=ro", uri=True)) as connection:
        (raised,) = connection.execute("SELECT count(*) FROM alerts WHERE kind = 'dwell'").fetchone()
        rows = connection.execute("SELECT id FROM alerts WHERE acknowledged_by = 'zhao'")
        known = {int(row[0]) for row in rows}
        (told,) = connection.execute("SELECT count(*) FROM outbox WHERE topic = 'alert'").fetchone()
    found.screens = _answer(screens, 120, log, str(told))
    short = [told - count for count in found.screens.pop("alert_changes")]
    found.lost = {
        "readings": readings,
        "alerts": max(0, found.raised["raised"] - raised),
        "acknowledgements": len(found.acknowledged - known),
        "changes_of_screens": sum(max(0, missing) for missing in short) + found.screens["gaps"],
    }


def as_json(load: Load, found: Found) -> dict[str, Any]:
    """The last line."""
    acknowledged = sum(found.published["acknowledged"].values())
    ordered = found.ack_ms or [0.0]
    return {
        "seconds": load.seconds,
        "alerts": found.raised["raised"],
        "readings": acknowledged,
        "readings_per_s": round(acknowledged / load.seconds),
        "acknowledgements": len(found.acknowledged),
        "ack_refused": len(found.refused),
        "lost": found.lost,
        "ack_ms_p50": round(quantile(ordered, 0.5)),
        "ack_ms_p95": round(quantile(ordered, 0.95)),
        "ack_ms_max": round(max(ordered)),
        "alerts_drained_s": found.raised["drained_s"],
        "readings_drained_s": round(found.drain_s, 1),
        "screens": found.screens,
        "cpu_s": found.cpu_s,
        "rss_mib": found.rss_mib,
        "load_1m": [round(value, 1) for value in found.load_1m],
        "cores": cores(),
    }


def kept(found: Found) -> bool:
    """Was nothing lost, and everything acknowledged in time?"""
    in_time = bool(found.ack_ms) and quantile(found.ack_ms, 0.95) <= ACK_LIMIT_MS
    return in_time and not any(found.lost.values()) and not found.refused


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--alerts", type=float, default=200.0, help="a second")
    parser.add_argument("--readings", type=float, default=5000.0, help="a second")
    parser.add_argument("--screens", type=int, default=100)
    given = parser.parse_args()
    load = Load(given.seconds, given.alerts, given.readings, given.screens)
    print(f"{processor()}, {cores()} cores, for {timedelta(seconds=load.seconds)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="yiping-load-") as name:
        found = storm(Path(name), load)
    print(json.dumps(as_json(load, found)), flush=True)
    return 0 if kept(found) else 1


if __name__ == "__main__":
    sys.exit(main())
