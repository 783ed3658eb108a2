"""A running city beside one fake of each odd source: `python -m bench.oddities [--minutes 10]`.

Dead stations, fill values, stray time stamps, retained messages, mute and lying devices, sloppy and foreign warnings
stand beside gauges with true crossings. The last line is JSON: `false_p1` alarms of the highest priority that nothing
true caused, and plans begun by what does not concern the district; `lost` true ones that are missing; `unsaid` causes
that no page names in words. Exit status 1 unless all three are 0.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.data.test_cap import block, message
from tests.e2e.city import City, city
from tests.monitors.sl651_telegrams import telegram
from tests.servers.http_answers import RecordedRequest, http_answers
from tests.servers.modbus_raw import frame, modbus_peer, registers
from tests.servers.mosquitto import free_port, mosquitto
from tests.servers.stamped_films import stamped

ZONE = ZoneInfo("Asia/Shanghai")
STATION = "0011223344"
HERE = "29.58,106.51"

PLACES = (
    "true-push", "dead-poll", "fill-poll", "mute-modbus", "lying-modbus", "broker", "station", "rain", "office",
    "stray-film", "hook", "named",
)  # fmt: skip


def config(ports: dict[str, int], film: Path) -> str:
    """The city. Levels are metres, P1 from 5 m; depth P1 from 50 cm."""
    level = "quantity: water_level, vertical_datum: wusong"
    p1 = f"{{kind: threshold, id: high, {level}, above: 5, samples: 1, priority: P1}}"
    silence = "{kind: silence, id: mute, monitor: stage, after: 20s, priority: P3}"
    poll = f"kind: http_poll, id: stage, every: 1s, timeout: 2s, unit: m, {level}"
    web = f"http://127.0.0.1:{ports['http']}"
    modbus = "kind: modbus_gauge, id: stage, host: 127.0.0.1, type: float32, address: 0, every: 1s, timeout: 2s, "
    modbus += level
    return f"""\
timezone: Asia/Shanghai
language: zh
plans:
  plans:
    - id: storm
      zh: 暴雨应对
      en: Storm
      kind: storm_inspection
      warnings: [{{events: [暴雨, Rainstorm], start: at_once}}]
      steps: [{{id: watch, do: pin, marks: [waterlogging_point], levels: [yellow, orange, red]}}]
sites:
  - id: true-push
    location: {{lon: 106.51, lat: 29.58}}
    monitor: {{kind: http_push, id: probe, quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 50, clear_at: 40, samples: 1, priority: P1}}]
  - id: dead-poll
    location: {{lon: 106.511, lat: 29.58}}
    monitor: {{{poll}, url: "{web}/dead", value: level, time: at}}
    rules: [{p1}, {silence}]
  - id: fill-poll
    location: {{lon: 106.512, lat: 29.58}}
    monitor: {{{poll}, url: "{web}/fill", value: level}}
    rules: [{p1}]
  - id: named
    location: {{lon: 106.5125, lat: 29.58}}
    monitor: {{{poll}, url: "{web}/named", select: {{name: stage}}, value: value}}
    rules: [{p1}]
  - id: mute-modbus
    location: {{lon: 106.513, lat: 29.58}}
    monitor: {{{modbus}, port: {ports["mute"]}}}
    rules: [{p1}, {silence}]
  - id: lying-modbus
    location: {{lon: 106.514, lat: 29.58}}
    monitor: {{{modbus}, port: {ports["lying"]}}}
    rules: [{p1}]
  - id: broker
    location: {{lon: 106.515, lat: 29.58}}
    monitor: {{kind: mqtt_gauge, id: stage, host: 127.0.0.1, port: {ports["mqtt"]}, topic: stage, unit: m,
              value: level, time: at, {level}}}
    rules: [{p1}]
  - id: station
    location: {{lon: 106.516, lat: 29.58}}
    monitor: {{kind: sl651_gauge, id: stage, station: "{STATION}", element: "39", listen: 127.0.0.1,
              port: {ports["sl651"]}, {level}}}
    rules: [{p1}]
  - id: rain
    location: {{lon: 106.517, lat: 29.58}}
    monitor: {{kind: http_push, id: total, quantity: rainfall, unit: mm}}
    rules: [{{kind: accumulation, id: hour, given_as: total, bands: [{{above: 50, over: 1h, priority: P1}}]}}]
  - id: true-rain
    location: {{lon: 106.5175, lat: 29.58}}
    monitor: {{kind: http_push, id: total, quantity: rainfall, unit: mm}}
    rules: [{{kind: accumulation, id: hour, given_as: total, bands: [{{above: 50, over: 1h, priority: P1}}]}}]
  - id: office
    location: {{lon: 106.518, lat: 29.58}}
    monitors: [{{kind: cap_warnings, id: dropped, folder: "var:warnings"}}]
  - id: stray-film
    location: {{lon: 106.519, lat: 29.58}}
    monitor: {{kind: video_file, path: "{film}", loop: true}}
  - id: hook
    location: {{lon: 106.52, lat: 29.58}}
"""


def stray_film(path: Path) -> Path:
    """A film of 12 s, one of whose time stamps is 14 hours ahead."""
    stamps = [100 + number / 10 for number in range(120)]
    stamps[40] = 52_002.0
    return stamped(path, stamps)


@dataclass
class Fakes:
    """Everything that stands outside the product, driven by the share of the time that has passed."""

    running: City
    client: httpx.Client
    ports: dict[str, int]
    mqtt: Client
    share: float = 0.0
    rain_minutes: int = 0
    said: list[str] = field(default_factory=list)

    def push(self, site: str, monitor: str, value: float, at: datetime | None = None) -> None:
        moment = (at or datetime.now(UTC)).isoformat()
        body = {"phenomenonTime": moment, "result": value}
        self.client.post(f"/datastreams/{site}/{monitor}/observations", json=body)

    def publish(self, level: float, at: datetime, *, retain: bool = False) -> None:
        self.mqtt.publish("stage", json.dumps({"at": at.isoformat(), "level": level}), qos=1, retain=retain)

    def send_telegrams(self, *frames: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.ports["sl651"]), timeout=5) as station:
            for content in frames:
                station.sendall(content)
                time.sleep(0.1)

    def drop_warning(self, name: str, content: bytes) -> None:
        folder = self.running.var / "warnings"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.part").write_bytes(content)
        (folder / f"{name}.part").rename(folder / f"{name}.xml")

    def alertmanager(self, status: str, ended: str = "0001-01-01T00:00:00Z") -> None:
        alert = {
            "status": status,
            "labels": {"alertname": "PumpDown", "site": "hook", "severity": "critical"},
            "startsAt": self.hook_began,
            "endsAt": ended,
            "fingerprint": "late",
        }
        self.client.post("/alertmanager", json={"version": "4", "truncatedAlerts": 3, "alerts": [alert]})

    def __post_init__(self) -> None:
        self.hook_began = datetime.now(UTC).isoformat()
        self.rain_began = datetime.now(UTC) - timedelta(minutes=45)

    def minute(self, now: datetime) -> None:
        """Once a second: what goes on all the time."""
        high = 0.4 <= self.share < 0.7
        self.push("true-push", "probe", 60.0 if high else 5.0)
        self.publish(6.5 if high else 3.0, now)
        second = int(now.timestamp())
        if second % 5 == 0:
            self.push("true-push", "probe", -999999.0)
            self.push("rain", "total", {0: 215.5, 5: 6553.5, 10: 0.0}[second % 15])
        else:
            self.push("rain", "total", 215.6)
        if high and self.rain_minutes < 40:
            self.rain_minutes += 1
            at = self.rain_began + timedelta(minutes=self.rain_minutes)
            self.push("true-rain", "total", round(100 + 1.5 * self.rain_minutes, 1), at)
        if second % 10 == 0:
            local = now.astimezone(ZONE)
            level = "392300006500" if high else "392300003100"
            good = telegram(STATION, level, local)
            fill = telegram(STATION, "392399999999", local - timedelta(minutes=1))
            self.send_telegrams(fill, good[:40], good)


Step = tuple[float, Callable[[Fakes], None]]


def warning(area: str, severity: str = "Extreme", **more: str) -> bytes:
    now = datetime.now(ZONE)
    return message(
        info=block(severity=severity, area=area, more=f"<expires>{(now + timedelta(hours=6)).isoformat()}</expires>"),
        sent=now.isoformat(timespec="seconds"),
        identifier=f"oddity-{severity}-{now.timestamp()}",
        **more,
    )


STEPS: tuple[Step, ...] = (
    (0.02, lambda f: f.publish(9.0, datetime.now(UTC) - timedelta(hours=25), retain=True)),
    (0.05, lambda f: f.drop_warning("foreign", warning("<polygon>40,-100 41,-100 41,-99 40,-100</polygon>"))),
    (0.08, lambda f: f.drop_warning("no-cap", b"<rss version='2.0'/>")),
    (0.10, lambda f: f.push("true-push", "probe", 70.0, datetime.now(UTC) - timedelta(hours=48))),
    (0.12, lambda f: f.push("true-push", "probe", 70.0, datetime.now(UTC) + timedelta(hours=3))),
    (0.14, lambda f: f.push("true-push", "probe", 70.0, datetime(1961, 1, 1, tzinfo=UTC))),
    (0.20, lambda f: f.alertmanager("firing")),
    (0.30, lambda f: f.alertmanager("resolved", datetime.now(UTC).isoformat())),
    (0.35, lambda f: f.alertmanager("firing")),
    (
        0.45,
        lambda f: f.drop_warning(
            "sloppy", b"\n\n" + warning("<polygon>29.5, 106.4 29.7, 106.4 29.7, 106.6 29.5, 106.6 ,</polygon>")
        ),
    ),
)


def dead(_: RecordedRequest) -> tuple[int, bytes]:
    """Always the same reading of two days ago."""
    at = (datetime.now(UTC) - timedelta(hours=48)).replace(minute=0, second=0, microsecond=0).isoformat()
    return 200, json.dumps({"at": at, "level": 8.8}).encode()


def filling() -> Callable[[RecordedRequest], tuple[int, bytes]]:
    values = itertools.cycle([3.1, -999999, 3.2, 9999.999, 6553.5, 3.1])

    def answer(_: RecordedRequest) -> tuple[int, bytes]:
        return 200, json.dumps({"level": next(values)}).encode()

    return answer


def named(_: RecordedRequest) -> tuple[int, bytes]:
    """The clearance under a bridge stands before the stage."""
    return 200, json.dumps([{"name": "clearance", "value": 21.2}, {"name": "stage", "value": 1.59}]).encode()


@dataclass(frozen=True)
class Verdict:
    false_p1: list[str]
    lost: list[str]
    unsaid: list[str]


TRUE_P1 = frozenset({("true-push", "deep"), ("broker", "high"), ("station", "high"), ("true-rain", "hour"), ("hook", "alertmanager")})  # fmt: skip  # noqa: E501

CAUSES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "the dead station is silent": lambda seen: ("dead-poll", "mute") in seen["alerts"],
    "the mute device is silent": lambda seen: ("mute-modbus", "mute") in seen["alerts"],
    "the mute device's loss has a reason": lambda seen: bool(seen["sites"]["mute-modbus"]["losses"]),
    "fill values of the poll": lambda seen: seen["said"]("fill-poll", "no value"),
    "fill values of the push": lambda seen: seen["said"]("true-push", "no value"),
    "fill values of the station": lambda seen: seen["said"]("station", "no value"),
    "answers of another function": lambda seen: seen["said"]("lying-modbus", "function 4"),
    "cut-off telegrams": lambda seen: seen["said"]("station", "cut off"),
    "a reading from the future": lambda seen: seen["said"]("true-push", "future"),
    "a reading of 1961": lambda seen: seen["said"]("true-push", "1961") or seen["said"]("true-push", "before"),
    "rain that cannot be": lambda seen: seen["said"]("rain", ""),
    "a file that is no warning": lambda seen: seen["said"]("office", "CAP"),
    "a rejected warning is an alarm": lambda seen: ("office", "rejected_warning") in seen["alerts"],
    "alerts that Alertmanager left out": lambda seen: seen["said"]("", "left 3 alerts out"),
    "what was mended in the sloppy warning": lambda seen: any(one["notes"] for one in seen["warnings"]),
    "stray stamps of the film": lambda seen: seen["said"]("stray-film", "stamp"),
}


def judge(client: httpx.Client) -> Verdict:
    """What the city says at the end, by its own API."""
    alerts = [
        (one["site"], one["rule"], one["priority"], one["state"], one["value"])
        for one in client.get("/alerts", params={"limit": 500}).json()["items"]
    ]
    rejects = client.get("/rejects", params={"hours": 24}).json()["items"]
    plans = client.get("/plans").json()["items"]
    seen = {
        "alerts": {(site, rule) for site, rule, *_ in alerts},
        "sites": {one["id"]: one for one in client.get("/sites").json()["items"]},
        "warnings": client.get("/warnings", params={"limit": 100}).json()["items"],
        "said": lambda site, words: any(
            source["site"] == site and any(words in one["reason"] for one in source["reasons"]) for source in rejects
        ),
    }
    false_p1 = [f"{site}/{rule} {value}" for site, rule, priority, _, value in alerts
                if priority == "P1" and (site, rule) not in TRUE_P1]  # fmt: skip
    false_p1 += [f"{site}/{rule} is still open" for site, rule, priority, state, _ in alerts
                 if priority == "P1" and (site, rule) in TRUE_P1 - {("true-rain", "hour")} and state in {"firing", "acknowledged"}]  # fmt: skip  # noqa: E501
    found = {(site, rule) for site, rule, priority, *_ in alerts if priority == "P1"}
    lost = [f"{site}/{rule}" for site, rule in sorted(TRUE_P1 - found)]
    begun = [plan for plan in plans if plan.get("runs") or plan.get("run") or plan.get("state") not in {None, "idle"}]
    if not begun:
        lost.append("the plan for the sloppy warning here")
    if len(seen["warnings"]) != 2:
        lost.append(f"{len(seen['warnings'])} warnings are kept, 2 were sent")
    unsaid = [name for name, is_said in CAUSES.items() if not is_said(seen)]
    return Verdict(false_p1, lost, unsaid)


@contextmanager
def beside(folder: Path) -> Iterator[Fakes]:
    """The running city and its fakes."""
    with ExitStack() as stack:
        server = stack.enter_context(http_answers())
        server.answer("/dead", dead)
        server.answer("/fill", filling())
        server.answer("/named", named)
        mute = stack.enter_context(modbus_peer(None))
        lying = stack.enter_context(modbus_peer(lambda t, u: frame(t, u, registers(4, 0x40F8, 0xA3D7))))
        broker = stack.enter_context(mosquitto(folder))
        ports = {"http": server.server_port, "mute": mute, "lying": lying, "mqtt": broker.port, "sl651": free_port()}
        (folder / "config.yaml").write_text(config(ports, stray_film(folder / "stray.ts")), encoding="utf-8")
        (folder / "var" / "warnings").mkdir(parents=True)
        running = stack.enter_context(city(folder / "config.yaml", folder / "var"))
        running.add_user("mast", "source", "unused words of a machine")
        client = stack.enter_context(running.caller("mast"))
        mqtt = Client(CallbackAPIVersion.VERSION2)
        mqtt.connect("127.0.0.1", broker.port)
        mqtt.loop_start()
        stack.callback(mqtt.loop_stop)
        yield Fakes(running, client, ports, mqtt)


def run(folder: Path, minutes: float) -> Verdict:
    """The fakes for so long, then the verdict."""
    with beside(folder) as fakes:
        began_s, steps = time.monotonic(), list(STEPS)
        while fakes.share < 1:
            fakes.share = (time.monotonic() - began_s) / (60 * minutes)
            fakes.minute(datetime.now(UTC))
            while steps and steps[0][0] <= fakes.share:
                steps.pop(0)[1](fakes)
            threading.Event().wait(1.0)
        fakes.running.add_user("chen", "duty_officer", "the officer of the bench")
        with fakes.running.caller("chen") as officer:
            return judge(officer)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yiping-oddities-") as folder:
        verdict = run(Path(folder), arguments.minutes)
    for name in ("false_p1", "lost", "unsaid"):
        for one in getattr(verdict, name):
            print(f"{name}: {one}")
    figures = {name: len(getattr(verdict, name)) for name in ("false_p1", "lost", "unsaid")}
    print(json.dumps(figures))
    return int(any(figures.values()))


if __name__ == "__main__":
    sys.exit(main())
