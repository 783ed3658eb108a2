"""Many clients acknowledge, accept and cancel over REST while the server is killed; every history fits a small model.

A history is what each client asked, when, and what it was told. Per alert and per task there must be an order of the
requests that keeps to their times (who was answered before another asked comes first) and in which every answer, and
what the store holds at the end, is what a machine that does one thing after the other would say (linearizability).
What nobody answered may have happened or not. The server is forked from a process that has its imports done.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import httpx

from alerts.lifecycle import raise_alert
from bench.machine import cores
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.alert import AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.people import Actor, Role
from data.ports.store import Store
from data.sql.failpoints import VARIABLE, Point
from data.sql.store import open_store
from dispatch.responders import sync_responders
from dispatch.routing import load_roads
from dispatch.tasks import dispatch
from tests.servers.mosquitto import free_port
from web.accounts import add_user, issue_token, list_users
from web.serve_options import ServeOptions
from web.server import serve

ROOT = Path(__file__).resolve().parents[1]
OFFICERS = ("zhao", "qian", "li")
RESPONDERS = ("near", "far")
ALERTS = 3  # of one history, beside one task for each responder
PATIENCE_S = 60.0
OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"


@dataclass(frozen=True)
class Operation:
    """One request: about what, what for, by whom, from when to when (monotonic; inf without an answer), the answer."""

    thing: str
    step: str
    who: str
    began_s: float
    ended_s: float
    answer: str


def next_state(thing: str, state: str, asked: tuple[str, str]) -> tuple[str, str]:
    """The sequential model: the answer, and the state after it."""
    step, who = asked
    if thing.startswith("alert"):
        return (OK, who) if state == "" else (REFUSED, state)
    if step == "accept":
        return (OK, "accepted") if state == "offered" else (REFUSED, state)
    return (OK, "cancelled") if state in {"offered", "accepted"} else (REFUSED, state)


def fits(thing: str, first: str, history: Sequence[Operation], last: str) -> bool:
    """Is there an order of these requests that explains all answers and the state at the end?"""
    asked = sorted(history, key=lambda one: one.began_s)
    everything = (1 << len(asked)) - 1

    @lru_cache(None)
    def possible(done: int, state: str) -> bool:
        left = [i for i in range(len(asked)) if not done >> i & 1]
        if state == last and all(asked[i].answer == UNKNOWN for i in left):
            return True
        if done == everything:
            return False
        soonest_s = min(asked[i].ended_s for i in left)
        for i in left:
            one = asked[i]
            if one.began_s > soonest_s:
                continue  # another one had been answered before this one was asked
            answer, after = next_state(thing, state, (one.step, one.who))
            if one.answer in {answer, UNKNOWN} and possible(done | 1 << i, after):
                return True
        return False

    return possible(0, first)


@dataclass
class HistoryResult:
    histories: int = 0
    requests: int = 0
    unknown: int = 0
    violations: list[str] = field(default_factory=list)


class Server:
    """The server's process, killed and started again within a fraction of a second."""

    def __init__(self, options: ServeOptions, folder: Path) -> None:
        given = folder / "options.pickle"
        given.write_bytes(pickle.dumps(options))
        self.orders = folder / "orders"
        self.orders.mkdir()
        self.url = f"http://127.0.0.1:{options.port}"
        self._log = (folder / "server.log").open("ab")
        self._maker = subprocess.Popen(
            [sys.executable, "-m", "bench.faults_histories", str(given)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            env={**os.environ, VARIABLE: str(self.orders)},
        )  # fmt: skip
        self.pid = 0

    def start(self) -> None:
        assert self._maker.stdin is not None
        assert self._maker.stdout is not None
        self._maker.stdin.write("start\n")
        self._maker.stdin.flush()
        self.pid = int(self._maker.stdout.readline())
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            if time.monotonic() > ends_s:
                raise RuntimeError("the server did not come back")
            time.sleep(0.02)

    def kill(self, chance: random.Random) -> None:
        if chance.random() < 0.5:
            order = self.orders / f"{self.pid}.{chance.choice(list(Point))}"
            order.write_text("kill", encoding="utf-8")
            time.sleep(0.3)
            order.unlink(missing_ok=True)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._maker.kill()
        self._maker.wait(10)
        for pipe in (self._maker.stdin, self._maker.stdout, self._log):
            if pipe is not None:
                pipe.close()


class Street:
    """A store with people, and what a history is about."""

    def __init__(self, folder: Path) -> None:
        where = Location(lon=106.5, lat=29.6)
        people = tuple(ResponderSettings(id=name, name=name, location=where) for name in RESPONDERS)
        self.settings = Settings(sites=(SiteSettings(id="quay", location=where),), responders=people)
        self.store: Store = open_store(folder / "yiping.db")
        self.store.write(lambda writer: sync_responders(writer, self.settings, datetime.now(UTC)))
        known = {user.name for user in list_users(self.store)}
        for name in OFFICERS:
            if name not in known:
                add_user(self.store, name, Role.DUTY_OFFICER, "a long enough password")
        for name in set(RESPONDERS) - known:
            add_user(self.store, name, Role.RESPONDER, "a long enough password")
        self.tokens = {name: issue_token(self.store, name) for name in (*OFFICERS, *RESPONDERS)}
        self.options = ServeOptions(
            settings=self.settings, store=str(folder / "yiping.db"), var_dir=folder / "var", port=free_port()
        )
        self._raised = 0

    def alert(self) -> int:
        self._raised += 1
        now = datetime.now(UTC)
        raised = Raised(AlertKey("quay", "dwell", "lane", str(self._raised)), "dwell", Priority.P3, now, now)
        made = self.store.write(lambda writer: raise_alert(writer, raised, None, now))
        assert made is not None
        return made.id

    def task(self, responder: str) -> int:
        alert, now, roads = self.alert(), datetime.now(UTC), load_roads(None)
        officer = Actor("zhao", Role.DUTY_OFFICER)
        return self.store.write(
            lambda writer: dispatch(
                writer, alert, officer, now, roads=roads, settings=self.settings, responder=responder
            )
        ).id

    def state(self, thing: str) -> str:
        """As the model names it."""
        kind, number = thing.split()
        if kind == "alert":
            return self.store.read(lambda reader: reader.alert(int(number))).acknowledged_by or ""
        task = self.store.read(lambda reader: reader.task(int(number)))
        return "cancelled" if task.cancelled_at else "accepted" if task.accepted_at else "offered"

    def tidy(self, things: Sequence[str]) -> None:
        """Nobody is busy when the next history begins."""
        for thing in things:
            kind, number = thing.split()
            if kind == "task" and self.state(thing) != "cancelled":
                path = f"/api/v1/tasks/{number}/cancel"
                httpx.post(f"{self.url}{path}", json={}, headers=self.headers("zhao"), timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.options.port}"

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"}


def ask(street: Street, thing: str, step: str, who: str, key: str) -> Operation:
    """Ask until there is an answer where there is a key, once otherwise."""
    kind, number = thing.split()
    url = f"{street.url}/api/v1/{kind}s/{number}/{step}"
    headers = street.headers(who) | ({"Idempotency-Key": key} if key else {})
    began_s = time.monotonic()
    while True:
        answer = None
        with suppress(httpx.HTTPError):
            answer = httpx.post(url, json={}, headers=headers, timeout=10)
        if answer is not None and answer.status_code in {200, 403, 409}:
            return Operation(thing, step, who, began_s, time.monotonic(), OK if answer.status_code == 200 else REFUSED)
        if answer is not None and answer.status_code not in {429, 500, 503}:
            raise RuntimeError(f"{url}: {answer.status_code} {answer.text[:200]}")
        if not key or time.monotonic() > began_s + PATIENCE_S:
            return Operation(thing, step, who, began_s, float("inf"), UNKNOWN)
        time.sleep(0.03)


def one_history(
    street: Street, server: Server, number: int, chance: random.Random
) -> tuple[list[Operation], list[str]]:
    """Some things, some clients at once, one kill; what was asked, and what does not fit."""
    things = [f"alert {street.alert()}" for _ in range(ALERTS)]
    tasks = {f"task {street.task(name)}": name for name in RESPONDERS}
    wanted = [(thing, "acknowledge", who) for thing in things for who in OFFICERS]
    for task, name in tasks.items():
        wanted += [(task, "accept", name), (task, "accept", name), (task, "cancel", chance.choice(OFFICERS))]
    chance.shuffle(wanted)
    first = {thing: street.state(thing) for thing in (*things, *tasks)}
    asked: list[Operation] = []

    def client(mine: Sequence[tuple[str, str, str]], seed: int) -> None:
        own = random.Random(seed)
        for n, (thing, step, who) in enumerate(mine):
            time.sleep(own.uniform(0, 0.05))
            key = f"{number}-{seed}-{n}" if own.random() < 0.7 else ""
            asked.append(ask(street, thing, step, who, key))

    clients = [
        threading.Thread(target=client, args=(wanted[n::5], chance.randrange(1 << 30)), daemon=True) for n in range(5)
    ]
    for one in clients:
        one.start()
    time.sleep(chance.uniform(0.0, 0.25))
    server.kill(chance)
    server.start()
    for one in clients:
        one.join(PATIENCE_S * 3)
    everything = (*things, *tasks)
    wrong = []
    for thing in everything:
        history = [one for one in asked if one.thing == thing]
        last = street.state(thing)
        if not fits(thing, first[thing], history, last):
            wrong.append(f"history {number}: {thing} ends as {last!r} after {history}")
    if len(asked) != len(wanted):
        wrong.append(f"history {number}: {len(wanted) - len(asked)} clients have no answer")
    street.tidy(everything)
    return asked, wrong


@contextmanager
def served(folder: Path) -> Iterator[tuple[Street, Server]]:
    street = Street(folder)
    server = Server(street.options, folder)
    try:
        server.start()
        yield street, server
    finally:
        server.close()
        street.store.close()


def run_histories(number: int, seed: int, folder: Path) -> HistoryResult:
    """So many histories, each with new things and one kill; on as many streets at once as there are cores."""
    streets = min(cores(), number)

    def on_street(street_number: int) -> HistoryResult:
        result, chance = HistoryResult(), random.Random(f"{seed} {street_number}")
        (own := folder / str(street_number)).mkdir()
        with served(own) as (street, server):
            for n in range(street_number, number, streets):
                asked, wrong = one_history(street, server, n, chance)
                result.histories += 1
                result.requests += len(asked)
                result.unknown += sum(one.answer == UNKNOWN for one in asked)
                result.violations += wrong
        return result

    with ThreadPoolExecutor(streets) as threads:
        found = list(threads.map(on_street, range(streets)))
    return HistoryResult(
        sum(one.histories for one in found),
        sum(one.requests for one in found),
        sum(one.unknown for one in found),
        [line for one in found for line in one.violations],
    )


def make_servers(given: Path) -> None:
    """Fork a server whenever a line comes, and say its process id; its imports are done, and no thread runs yet."""
    options: ServeOptions = pickle.loads(given.read_bytes())
    for _line in sys.stdin:
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            serve(options)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    make_servers(Path(sys.argv[1]))
