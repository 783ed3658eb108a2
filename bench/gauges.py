"""`make bench-gauges`: ten thousand gauges, 5,000 readings a second, and what a reading costs as gauges grow in number.

Everything is real: the processes of `app.py run` without the screens, a Mosquitto, a uvicorn that gauges are asked from
and a pymodbus device, each in a process of its own. Five gauges make a site, with two rules. Nine in ten publish over
MQTT (QoS 1); the others are asked, over HTTP and Modbus, ten times a second each kind in all, however many they are, so
that the mix is the same for every number of gauges. Ends with one line of JSON; exit status 1 when what a reading costs
is not flat within 15 %, readings do not come as fast as they are sent, or there are more than 60 threads.

`cpu_ms_per_reading` is processor time of the gauges' process, of all its threads, over readings stored.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.city import running
from bench.machine import cores, processor
from bench.readout import Readout
from tests.conftest import ROOT
from tests.servers.mosquitto import Mosquitto, free_port

GAUGES = (10, 100, 1000, 10_000)
PER_SECOND = 5000.0
OF_A_SITE = 5
ASKED_A_SECOND = 10.0  # of each kind that is asked
ASKED_SHARE = 20  # one in so many is asked over HTTP, and one over Modbus
MOST_THREADS = 60
FLAT = 1.15
START_WITHIN_S = 300.0
LOOK_S = 0.2
# It is not killed here; and ten gauges with 20 messages each on their way could not get 5,000 a second.
_AUTOSAVE = "autosave_interval 60\nmax_inflight_messages 200"


@dataclass(frozen=True)
class Servers:
    """Ports of 127.0.0.1."""

    mqtt: int
    http: int
    modbus: int


@dataclass
class Trial:
    """What one number of gauges showed. `idle_cores`: of the gauges' process while nothing was published."""

    gauges: int
    start_s: float = 0.0
    threads: int = 0
    idle_cores: float = 0.0
    cpu_ms: float = 0.0
    readings_s: float = 0.0
    published_s: float = 0.0
    rss_mib: int = 0

    def __str__(self) -> str:
        return (
            f"{self.gauges} gauges: {self.readings_s:.0f} readings/s of {self.published_s:.0f} sent, "
            f"{self.cpu_ms * 1000:.0f} us each, {self.threads} threads, {self.rss_mib} MiB, all live after "
            f"{self.start_s:.1f} s, idle {self.idle_cores:.2f} cores"
        )


def topic(number: int) -> str:
    return f"gauges/{number}"


def kind_of(number: int) -> str:
    """Which protocol this gauge speaks: one in twenty HTTP, one Modbus, but one of each among ten."""
    return {3: "http", 7: "modbus"}.get(number % ASKED_SHARE, "mqtt")


def configuration(gauges: int, servers: Servers) -> str:
    """config.yaml of so many gauges (a multiple of ten)."""
    asked = sum(kind_of(number) == "http" for number in range(gauges))
    every = f"{round(1000 * max(0.1, asked / ASKED_A_SECOND))}ms"
    common = "quantity: water_depth, unit: m"
    lines = ["sites:"]
    for first in range(0, gauges, OF_A_SITE):
        lines += [f"  - id: place-{first // OF_A_SITE}", "    location: {lon: 106.5, lat: 29.6}", "    monitors:"]
        for number in range(first, first + OF_A_SITE):
            monitor = {
                "mqtt": f"kind: mqtt_gauge, host: 127.0.0.1, port: {servers.mqtt}, topic: {topic(number)}, value: d",
                "http": f'kind: http_poll, url: "http://127.0.0.1:{servers.http}/{number}", value: d, every: {every}',
                "modbus": f"kind: modbus_gauge, host: 127.0.0.1, port: {servers.modbus}, address: 10, scale: 0.001, "
                f"every: {every}",
            }[kind_of(number)]
            lines.append(f"      - {{id: g{number}, {monitor}, {common}}}")
        lines += [
            "    rules:",
            "      - {kind: threshold, id: deep, quantity: water_depth, unit: m, above: 3, clear_at: 2.5}",
            "      - {kind: silence, id: mute, after: 1h}",
        ]
    return "\n".join(lines) + "\n"


@contextmanager
def serving(folder: Path) -> Iterator[Servers]:
    """A broker, a web server and a Modbus device."""
    broker = Mosquitto(folder, "", "", autosave=_AUTOSAVE)
    servers = Servers(broker.port, free_port(), free_port())
    broker.start()
    children = [_child("http", servers.http), _child("modbus", servers.modbus)]
    try:
        for port in (servers.http, servers.modbus):
            _await_port(port)
        yield servers
    finally:
        for child in children:
            _end(child)
        broker.stop()


def _child(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.gauges", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)


def _await_port(port: int) -> None:
    ends_s = time.monotonic() + 30
    while time.monotonic() < ends_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


class Watcher:
    """The gauges' process from outside: its processor time, threads and metrics."""

    def __init__(self, var: Path) -> None:
        self._run = var / "run"
        self.threads = 0

    @property
    def process(self) -> psutil.Process | None:
        with suppress(OSError, ValueError, psutil.Error):
            return psutil.Process(int((self._run / "sensors.pid").read_text()))
        return None

    def look(self) -> None:
        process = self.process
        if process is not None:
            with suppress(psutil.Error):
                self.threads = max(self.threads, process.num_threads())

    def saved(self) -> Readout | None:
        path = self._run / "metrics-sensors.json"
        with suppress(OSError, ValueError):
            at_s, said = path.stat().st_mtime, json.loads(path.read_text(encoding="utf-8"))
            return Readout(at_s, said["counters"], said["gauges"])
        return None

    def next_save(self) -> Readout:
        """Waits for the next file of metrics, which is written every five seconds."""
        before = self.saved()
        while (now := self.saved()) is None or (before is not None and now.at_s == before.at_s):
            self.look()
            time.sleep(LOOK_S)
        return now

    def cpu_s(self) -> float:
        process = self.process
        if process is None:
            raise RuntimeError("the gauges' process does not run")
        spent = process.cpu_times()
        return float(spent.user + spent.system)

    def all_live(self, sites: int) -> bool:
        said = self.saved()
        return said is not None and sum(said.by("site", "yiping_site_live").values()) >= sites


def trial(gauges: int, per_second: float, seconds: float) -> Trial:
    """Start the city with so many gauges, wait until all are connected, then measure for so long."""
    found = Trial(gauges)
    with tempfile.TemporaryDirectory(prefix="yiping-gauges-") as name, serving(Path(name)) as servers:
        config, var = Path(name) / "config.yaml", Path(name) / "var"
        config.write_text(configuration(gauges, servers), encoding="utf-8")
        watcher = Watcher(var)
        began_s = time.monotonic()
        with running(config, var) as city:
            while not watcher.all_live(gauges // OF_A_SITE):
                watcher.look()
                if time.monotonic() - began_s > START_WITHIN_S or city.poll() is not None:
                    raise RuntimeError(
                        f"not all live after {START_WITHIN_S:g} s; {(var / 'bench.log').read_text()[-2000:]}"
                    )
                time.sleep(LOOK_S)
            found.start_s = time.monotonic() - began_s
            idle_s, cpu_s = time.monotonic(), watcher.cpu_s()
            time.sleep(seconds / 2)
            found.idle_cores = (watcher.cpu_s() - cpu_s) / (time.monotonic() - idle_s)
            _measure(found, watcher, servers, per_second, seconds)
            found.threads = watcher.threads
    return found


def _measure(found: Trial, watcher: Watcher, servers: Servers, per_second: float, seconds: float) -> None:
    publisher = _child("publish", servers.mqtt, found.gauges, per_second)
    counter = _Counter(publisher)
    try:
        while not counter.count and publisher.poll() is None:  # it starts slowly on a busy machine
            time.sleep(LOOK_S)
        watcher.next_save()
        first, cpu_s, sent = watcher.next_save(), watcher.cpu_s(), counter.count
        last = first
        while last.at_s - first.at_s < seconds:
            last = watcher.next_save()
        spent_s, published = watcher.cpu_s() - cpu_s, counter.count - sent
    finally:
        _end(publisher)
    passed_s = last.at_s - first.at_s
    readings = sum(last.counters["yiping_readings_total"].values()) - sum(
        first.counters["yiping_readings_total"].values()
    )
    found.cpu_ms = spent_s * 1000 / max(1.0, readings)
    found.readings_s, found.published_s = readings / passed_s, published / passed_s
    process = watcher.process
    found.rss_mib = 0 if process is None else round(process.memory_info().rss / 2**20)


class _Counter:
    """How many were published, as the publisher says."""

    def __init__(self, publisher: subprocess.Popen[str]) -> None:
        self.count = 0
        self._publisher = publisher
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._publisher.stdout is not None
        for line in self._publisher.stdout:
            self.count = int(line)


def publish(port: int, gauges: int, per_second: float) -> None:
    """Publish over MQTT 3.1.1 with QoS 1, in turn for all gauges that speak it, until the process is ended."""
    topics = [topic(number).encode() for number in range(gauges) if kind_of(number) == "mqtt"]
    with socket.create_connection(("127.0.0.1", port)) as broker:
        name = b"\x00\x04MQTT\x04\x02\x00\x3c" + _text(b"publisher")
        broker.sendall(b"\x10" + bytes([len(name)]) + name)
        assert broker.recv(4)[0] == 0x20
        threading.Thread(target=_drain, args=(broker,), daemon=True).start()
        began_s, sent = time.monotonic(), 0
        told_s = began_s
        while True:
            time.sleep(0.01)
            now_s = time.monotonic()
            due = int((now_s - began_s) * per_second)
            packets = bytearray()
            for number in range(sent, due):
                # Half a millimetre up and down: no jump, and not the value of before.
                payload = b'{"d": 1.%04d}' % (number // len(topics) % 50 * 5)
                body = _text(topics[number % len(topics)]) + (number % 65_535 + 1).to_bytes(2, "big") + payload
                packets += b"\x32" + bytes([len(body)]) + body
            broker.sendall(packets)
            sent = due
            if now_s - told_s >= 0.1:
                told_s = now_s
                print(sent, flush=True)


def _drain(broker: socket.socket) -> None:
    while broker.recv(65_536):
        pass


def _text(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def serve_http(port: int) -> None:
    """Answer every path with a depth."""
    import uvicorn  # noqa: PLC0415 (in this process only)

    async def answer(scope: dict[str, object], _receive: object, send: object) -> None:
        assert callable(send)
        if scope["type"] != "http":
            return
        content = b'{"d": 1.%04d}' % (int(time.time() * 10) % 50)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    uvicorn.run(answer, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


def serve_modbus(port: int) -> None:
    """A device with a depth in register 10, in millimetres."""
    from pymodbus.server import ModbusTcpServer  # noqa: PLC0415 (in this process only)
    from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415

    async def serve() -> None:
        registers = SimData(10, values=[1020, 0], datatype=DataType.REGISTERS)
        server = ModbusTcpServer(SimDevice(1, simdata=[registers]), address=("127.0.0.1", port))
        await server.serve_forever()

    asyncio.run(serve())


def _report(trials: Sequence[Trial], per_second: float) -> int:
    costs = {str(one.gauges): round(one.cpu_ms, 4) for one in trials}
    largest = trials[-1]
    flat = max(costs.values()) / max(1e-9, min(costs.values()))
    held = all(one.readings_s >= 0.97 * per_second for one in trials)
    said = {
        "machine": f"{processor()}, {cores()} cores",
        "gauges": largest.gauges,
        "readings_s": round(largest.readings_s),
        "threads": max(one.threads for one in trials),
        "cpu_ms_per_reading": costs,
        "flat": round(flat, 2),
        "start_s": round(largest.start_s, 1),
        "idle_cores": round(largest.idle_cores, 2),
        "rss_mib": largest.rss_mib,
        "kept_up": {str(one.gauges): round(one.readings_s / max(1.0, one.published_s), 3) for one in trials},
    }
    print(json.dumps(said))
    return 0 if held and flat <= FLAT and largest.threads <= MOST_THREADS else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help="(internal) a server or the publisher, and its numbers")
    parser.add_argument("--gauges", type=int, nargs="+", default=list(GAUGES))
    parser.add_argument("--per-second", type=float, default=PER_SECOND)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.what:
        name, *numbers = args.what
        if name == "publish":
            publish(int(numbers[0]), int(numbers[1]), float(numbers[2]))
        else:
            {"http": serve_http, "modbus": serve_modbus}[name](int(numbers[0]))
        return 0
    print(f"{processor()}, {cores()} cores")
    trials = []
    for gauges in args.gauges:
        trials.append(trial(gauges, args.per_second, args.seconds))
        print(trials[-1], flush=True)
    return _report(trials, args.per_second)


if __name__ == "__main__":
    sys.exit(main())
