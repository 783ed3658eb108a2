"""The clients of `bench.load_storm`, each in a process of its own: a publisher, a source of alerts, a hundred screens.

python -m bench.load_players KIND, with its `Orders` as JSON on standard input. Each says `ready`, begins at a line on
standard input, works for the seconds it was told, and ends with one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.readings import quantile
from data.local.meters import Meters
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Ended, Priority, Raised, Signal
from data.sql.store import open_store
from engine.judging.judgement import CAMERA, UnitOfWork, stream_of
from engine.judging.outlet import Outlet
from engine.judging.spool import Spool

READY = "ready"
STEP_S = 0.02
LASTS_S = 10.0  # how long an alert is open
RELOAD_EVERY_S = 10.0  # one of the screens is loaded anew
SCREEN_AT_ONCE = 6  # requests of one page, as browsers do
_ALERT = '"topic":"alert"'
_AT = re.compile(r'"at":"([^"]+)"')


@dataclass(frozen=True)
class Orders:
    """What a client is told: where, how much, how long."""

    kind: str
    seconds: float
    per_second: float = 0.0
    broker: int = 0
    var: str = ""
    base: str = ""
    token: str = ""
    sites: tuple[str, ...] = ()
    screens: int = 0


def _begin() -> float:
    """Say that all is set up; the moment (monotonic) at which to begin."""
    print(READY, flush=True)
    sys.stdin.readline()
    return time.monotonic()


# ---- readings


def publish(orders: Orders) -> dict[str, Any]:
    """Numbered readings at QoS 1, in turn to the topic of each site; how many of each the broker has acknowledged."""
    acknowledged: Counter[str] = Counter()
    waiting: dict[int, str] = {}
    client = Client(CallbackAPIVersion.VERSION2)

    def on_publish(_client: Client, _data: Any, mid: int, _reason: ReasonCode, _properties: Properties) -> None:
        acknowledged[waiting.pop(mid)] += 1

    client.on_publish = on_publish
    client.max_inflight_messages_set(20_000)
    client.connect("127.0.0.1", orders.broker)
    client.loop_start()
    sent, refused = 0, 0
    began_s = _begin()
    while (passed_s := time.monotonic() - began_s) < orders.seconds:
        due = int(passed_s * orders.per_second)
        while sent < due:
            site = orders.sites[sent % len(orders.sites)]
            number = sent // len(orders.sites) + 1
            message = f'{{"at":"{datetime.now(UTC).isoformat()}","n":{number}}}'
            waiting[client._last_mid % 65_535 + 1] = site  # known before its answer can come
            done = client.publish(f"load/{site}", message, qos=1)
            refused += done.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS
            sent += 1
        time.sleep(STEP_S)
    ends_s = time.monotonic() + 60
    while waiting and time.monotonic() < ends_s:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    return {"sent": sent, "refused": refused, "acknowledged": dict(acknowledged)}


# ---- alerts


def raise_alerts(orders: Orders) -> dict[str, Any]:
    """Signals as a camera worker's rules give them, through its outlet; each alert ends after `LASTS_S`."""
    var = Path(orders.var)
    store = open_store(var / "yiping.db", migrate=False)
    outlet = Outlet(store, FolderVault(var / "evidence"), Spool(var / "spool-load"), Meters())
    streams = [stream_of(site, CAMERA) for site in orders.sites]
    for stream in streams:
        outlet.open(stream)
    # An alert ends together with a new one of its own site, so that one unit of work carries both.
    behind = round(LASTS_S * orders.per_second / len(streams)) * len(streams)
    sent = 0
    began_s = _begin()
    while (passed_s := time.monotonic() - began_s) < orders.seconds:
        while sent < int(passed_s * orders.per_second):
            at, place = datetime.now(UTC), sent % len(streams)
            site = orders.sites[place]
            priority = list(Priority)[min(3, 1 + sent % 40)]
            raised = Raised(_key(site, sent), "dwell", priority, at, at, label="car", xyxy=(0.1, 0.2, 0.3, 0.4))
            signals: tuple[Signal, ...] = (raised,)
            if sent >= behind:
                signals = (raised, Ended(_key(site, sent - behind), at, at))
            outlet.send(UnitOfWork(streams[place], signals, at))
            sent += 1
        time.sleep(STEP_S)
    ends_s = time.monotonic() + 60
    while not all(outlet.settled(stream) for stream in streams) and time.monotonic() < ends_s:
        time.sleep(0.05)
    drained_s = time.monotonic() - began_s - orders.seconds
    outlet.close()
    store.close()
    return {"raised": sent, "drained_s": round(drained_s, 2)}


def _key(site: str, number: int) -> AlertKey:
    return AlertKey(site, "parked", "lane", str(number))


# ---- screens


@dataclass
class Seen:
    """What one screen was sent. `lag_s`: age of the last change of each message when it was there."""

    alerts: int = 0
    changes: int = 0
    seq: int = 0
    began_seq: int = 0
    broken: int = 0
    lag_s: list[float] = field(default_factory=list)


class ScreenClients:
    """Authenticated clients that follow the events socket, and read the lists that a page reads when it is loaded."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._bearer = {"Authorization": f"Bearer {orders.token}"}
        self.seen = [Seen() for _ in range(orders.screens)]
        self.page_s: list[float] = []
        self.refused: Counter[str] = Counter()
        self._ended = asyncio.Event()
        self._expected: int | None = None  # changes of alerts that each must have seen in the end
        self._complete = asyncio.Event()

    def _see_whether_complete(self) -> None:
        if self._expected is not None and all(seen.alerts >= self._expected for seen in self.seen):
            self._complete.set()

    async def run(self) -> dict[str, Any]:
        """Connect all, follow, load one anew in turn; at last wait for as many changes as standard input says."""
        followers = []
        for number, seen in enumerate(self.seen):
            connected = asyncio.Event()
            followers.append(asyncio.create_task(self._follow(number, seen, connected)))
            await asyncio.wait_for(connected.wait(), 60)
        print(READY, flush=True)
        reloading = asyncio.create_task(self._reload())
        self._expected = int(await asyncio.to_thread(sys.stdin.read) or 0)  # changes of alerts that the store has
        reloading.cancel()
        self._see_whether_complete()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                await self._complete.wait()
        self._ended.set()
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, reloading, return_exceptions=True)
        lags = [lag for seen in self.seen for lag in seen.lag_s] or [0.0]
        return {
            "screens": len(self.seen),
            "alert_changes": [seen.alerts for seen in self.seen],
            "gaps": sum(seen.changes != seen.seq - seen.began_seq for seen in self.seen),
            "broken": sum(seen.broken for seen in self.seen),
            "lag_s_p50": round(quantile(lags, 0.5), 3),
            "lag_s_p95": round(quantile(lags, 0.95), 3),
            "page_s_p95": round(quantile(self.page_s or [0.0], 0.95), 2),
            "refused": dict(self.refused),
        }

    async def _follow(self, number: int, seen: Seen, connected: asyncio.Event) -> None:
        address = self._orders.base.replace("http://", "ws://") + "/ws/events?batch=1"
        epoch = ""
        while not self._ended.is_set():
            again = f"&since={seen.seq}&epoch={epoch}" if epoch else ""
            try:
                async with connect(
                    address + again,
                    additional_headers=self._bearer,
                    compression=None,
                    max_size=None,
                    local_addr=(f"127.0.1.{number + 1}", 0),
                ) as socket:
                    hello = json.loads(await socket.recv())
                    if not epoch:
                        epoch, seen.seq, seen.began_seq = hello["epoch"], hello["seq"], hello["seq"]
                    connected.set()
                    await self._read(socket, seen)
            except (ConnectionClosed, OSError):
                seen.broken += 1
                await asyncio.sleep(0.5)

    async def _read(self, socket: ClientConnection, seen: Seen) -> None:
        while True:
            text = await socket.recv()
            assert isinstance(text, str)
            count = text.count('"type":"change"')
            if not count:
                continue
            seen.changes += count
            seen.alerts += text.count(_ALERT)
            self._see_whether_complete()
            last = text[text.rindex('"type":"change"') :]
            seen.seq = int(last[last.index('"seq":') + 6 :].partition(",")[0])
            if seen.changes % 16 == 0 and (at := _AT.search(last)) is not None:
                seen.lag_s.append((datetime.now(UTC) - datetime.fromisoformat(at[1])).total_seconds())

    async def _reload(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(RELOAD_EVERY_S)
            begun_s = time.monotonic()
            await self._load_page(number := (number + 1) % len(self.seen))
            self.page_s.append(time.monotonic() - begun_s)

    async def _load_page(self, number: int) -> None:
        """The lists of `layouts/assets/10_feed.js`, with the readings of every gauge."""
        since = datetime.fromtimestamp(time.time() - 6 * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lists = ["alerts?open=true&limit=500", "alerts?unacknowledged=true&limit=500", "tasks?open=true&limit=500"]
        lists += ["responders", "sites", *(f"readings?site={site}&since={since}" for site in self._orders.sites)]
        places = asyncio.Semaphore(SCREEN_AT_ONCE)
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.1.{number + 1}", verify=False)
        async with httpx.AsyncClient(
            base_url=f"{self._orders.base}/api/v1/", headers=self._bearer, timeout=60, transport=transport
        ) as client:

            async def one(path: str) -> None:
                items, following = 0, ""
                async with places:
                    while items < 2000:
                        try:
                            answer = await client.get(path + following)
                        except httpx.HTTPError as error:
                            self.refused[type(error).__name__] += 1
                            return
                        if answer.status_code != 200:
                            self.refused[str(answer.status_code)] += 1
                            return
                        part = answer.json()
                        items += len(part["items"])
                        if part.get("next") is None:
                            return
                        following = f"{'&' if '?' in path else '?'}next={part['next']}"

            await asyncio.gather(*(one(path) for path in lists))


def show(orders: Orders) -> dict[str, Any]:
    """A hundred screens."""
    return asyncio.run(ScreenClients(orders).run())


KINDS: dict[str, Callable[[Orders], dict[str, Any]]] = {"publish": publish, "alerts": raise_alerts, "screens": show}


def main() -> int:
    orders = Orders(**json.loads(sys.stdin.readline()))
    if orders.kind == "screens":
        os.nice(5)  # others' machines would do their work
    print(json.dumps(KINDS[orders.kind](orders)), flush=True)
    return 0


def as_line(orders: Orders) -> str:
    """For the client's standard input."""
    return json.dumps(asdict(orders)) + "\n"


if __name__ == "__main__":
    sys.exit(main())
