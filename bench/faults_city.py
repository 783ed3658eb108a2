"""A city whose processes are killed while clients work: all children of `app.py run`, lamps, a gauge, people.

What a client was told is done is written down here; `lost` compares it with the store at the end.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from app import FORKED
from data.config.dispatch import DispatchSettings
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import ResponderSettings, SiteSettings
from data.model.alert import Priority
from data.model.geo import Location
from data.model.people import Role
from data.model.record import broken_link
from data.ports.store import AlertQuery, TaskQuery
from data.sql.failpoints import VARIABLE
from engine.process.child import Target
from engine.process.supervisor import Child
from engine.run import build_children
from monitors.gauges.http_push import Recipe as HttpPush
from notices.loudspeaker import Recipe as Loudspeaker
from tests.engine.children import Supervised, supervise
from tests.engine.city import CHONGQING, City
from tests.servers.mosquitto import free_port
from web.accounts import add_user, issue_token, list_users
from web.serve_options import ServeOptions

PEOPLE = {"mast": Role.SOURCE, "zhao": Role.DUTY_OFFICER, "near": Role.RESPONDER, "far": Role.RESPONDER}
PUSH = "/api/v1/datastreams/quay/http_push/observations"
LAMPS = ("gate-1", "gate-2")


class FaultsCity(City):
    """The city with its web process; a loudspeaker that nobody answers keeps the notifier at work."""

    def __init__(self, folder: Path, *, more: Sequence[SiteSettings] = ()) -> None:
        gauge = SiteSettings(id="quay", location=CHONGQING, monitor=HttpPush(quantity="count"))
        people = tuple(
            ResponderSettings(id=name, name=name, location=Location(lon=106.5 + n / 1000, lat=29.6))
            for n, name in enumerate(("near", "far"), 1)
        )
        step = StepSettings(after=timedelta(0), channels=("quay",), text="请立即上岸")
        notices = NoticeSettings(
            channels=(Loudspeaker(id="quay", url="http://127.0.0.1:9/play", timeout=timedelta(seconds=1)),),
            policies=(PolicySettings(id="all", priorities=(Priority.P3,), steps=(step,)),),
        )
        within = DispatchSettings(accept_within=dict.fromkeys(Priority, timedelta(seconds=2)))
        super().__init__(folder, *LAMPS, sites=(gauge, *more), responders=people, notices=notices, dispatch=within)
        self.port = free_port()
        self.orders = folder / "orders"
        self.orders.mkdir()
        self.tokens: dict[str, str] = {}
        known = {user.name for user in list_users(self.store)}  # responders of the settings have users already
        for name, role in PEOPLE.items():
            if name not in known:
                add_user(self.store, name, role, "a long enough password")
            self.tokens[name] = issue_token(self.store, name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Supervised:
        options = self.options
        serving = ServeOptions(
            settings=options.settings, store=str(options.store), var_dir=options.var_dir, port=self.port
        )
        web = Child("web", Target("web.server", "serve"), (serving,), watched=False, forked=True)
        os.environ[VARIABLE] = str(self.orders)
        try:
            self.running = supervise(options.run_dir, *build_children(options, web), forked=FORKED)
        finally:
            del os.environ[VARIABLE]
        return self.running

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def client(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=15)


class Work:
    """Clients that send, acknowledge, dispatch, accept, and switch lamps, until `end`; what they were promised."""

    def __init__(self, city: FaultsCity) -> None:
        self._city = city
        self._ended = threading.Event()
        self.raised: set[str] = set()
        self.acknowledged: set[int] = set()
        self.readings: set[int] = set()
        self.sent = 0
        self.accepted: dict[int, str] = {}
        self.switched_on: Counter[str] = Counter()
        self.broken: list[str] = []  # answers that must not come
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._raise, self._acknowledge, self._send, self._dispatch, self._switch)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self, client: httpx.Client, path: str, body: Any, key: str = "") -> httpx.Response | None:
        """The answer; None when nobody answered, or could not now: it may be done all the same."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = client.post(path, json=body, headers=headers)
        except httpx.HTTPError:
            self._ended.wait(0.1)
            return None
        if answer.status_code in {429, 503}:
            self._ended.wait(0.1)
            return None
        if answer.status_code >= 500:
            self.broken.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _loop(self, name: str, step: Callable[[httpx.Client, int], None], pause_s: float) -> None:
        number = 0
        with self._city.client(name) as client:
            while not self._ended.wait(pause_s):
                number += 1
                step(client, number)

    def _raise(self) -> None:
        def step(client: httpx.Client, number: int) -> None:
            mark = f"k{number}"
            alert = {
                "status": "firing",
                "labels": {"alertname": mark, "site": "quay", "priority": "P3"},
                "startsAt": datetime.now(UTC).isoformat(),
                "fingerprint": mark,
            }
            answer = self._ask(client, "/api/v1/alertmanager", {"alerts": [alert]})
            if answer is not None and answer.status_code == 200:
                self.raised.add(mark)

        self._loop("mast", step, 0.3)

    def _waiting(self) -> list[int]:
        query = AlertQuery(site="quay", unacknowledged_only=True, limit=5)
        return [alert.id for alert in self._city.store.read(lambda reader: reader.alerts(query))]

    def _acknowledge(self) -> None:
        def step(client: httpx.Client, _number: int) -> None:
            for alert in self._waiting():
                answer = self._ask(client, f"/api/v1/alerts/{alert}/acknowledge", {}, f"ack-{alert}")
                if answer is not None and answer.status_code == 200:
                    self.acknowledged.add(alert)

        self._loop("zhao", step, 0.1)

    def _send(self) -> None:
        def step(client: httpx.Client, number: int) -> None:
            self.sent = number
            at = datetime.now(UTC).isoformat()
            answer = self._ask(client, PUSH, {"phenomenonTime": at, "result": number})
            if answer is not None and answer.status_code == 202:
                self.readings.add(number)

        self._loop("mast", step, 0.05)

    def _dispatch(self) -> None:
        with self._city.client("zhao") as duty, self._city.client("near") as near, self._city.client("far") as far:
            people = {"near": near, "far": far}
            done = 0
            while not self._ended.wait(0.3):
                waiting = sorted(self.acknowledged)
                if done >= len(waiting):
                    continue
                alert = waiting[done]
                answer = self._ask(duty, f"/api/v1/alerts/{alert}/dispatch", {}, f"send-{alert}")
                if answer is None:
                    continue
                done += 1
                if answer.status_code != 200:
                    continue
                task = answer.json()["task"]
                who = task["offered_to"]
                path = f"/api/v1/tasks/{task['id']}"
                taken = self._ask(people[who], f"{path}/accept", {}, f"take-{task['id']}") if who in people else None
                if taken is not None and taken.status_code == 200:
                    self.accepted[task["id"]] = who
                for _ in range(50):  # or nobody is free any more
                    called_off = self._ask(duty, f"{path}/cancel", {}, f"cancel-{task['id']}")
                    if called_off is not None or self._ended.is_set():
                        break

    def _switch(self) -> None:
        number = 0
        while not self._ended.wait(3.0):
            lamp = LAMPS[number % 2]
            bright = (number // 2) % 2 == 0
            self.switched_on[lamp] += bright
            self._city.set(lamp, *(["bright"] if bright else []))
            number += 1

    def stored(self) -> set[int]:
        """The numbers of the readings in the store."""
        since = datetime.now(UTC) - timedelta(days=1)
        look = partial(_readings, since=since)
        return {round(value) for value in self._city.store.read(look)}

    def lost(self, patience_s: float = 60.0) -> list[str]:
        """What was acknowledged and is not there, in words; waits for what is still on its way."""
        ends_s = time.monotonic() + patience_s
        while (missing := self.readings - self.stored()) and time.monotonic() < ends_s:
            time.sleep(0.5)
        found = [f"reading {number}" for number in sorted(missing)]
        store = self._city.store
        alerts = store.read(lambda reader: reader.alerts(AlertQuery(site="quay", limit=1_000_000)))
        subjects = {alert.key.subject for alert in alerts}
        found += [f"alert {mark}" for mark in sorted(self.raised) if not any(mark in subject for subject in subjects)]
        seen = {alert.id for alert in alerts if alert.acknowledged_by == "zhao"}
        found += [f"acknowledgement of {alert}" for alert in sorted(self.acknowledged - seen)]
        tasks = {task.id: task for task in store.read(lambda reader: reader.tasks(TaskQuery(limit=1_000_000)))}
        found += [
            f"acceptance of task {number} by {who}"
            for number, who in sorted(self.accepted.items())
            if number not in tasks or tasks[number].responder != who
        ]
        return found + self.broken

    def duplicates(self) -> list[str]:
        """Two open alerts of one key, or more alerts of a lamp than it was switched on."""
        store = self._city.store
        alerts = store.read(lambda reader: reader.alerts(AlertQuery(limit=1_000_000)))
        keys = Counter(alert.key for alert in alerts if alert.is_open)
        found = [f"{count} open alerts of {key}" for key, count in keys.items() if count > 1]
        for lamp in LAMPS:
            raised = sum(alert.key.site == lamp and alert.kind == "intrusion" for alert in alerts)
            if raised > self.switched_on[lamp]:
                found.append(f"{lamp} was switched on {self.switched_on[lamp]} times and has {raised} alerts")
        return found


def _readings(reader: Any, since: datetime) -> list[float]:
    """In pages, so that no limit leaves any out."""
    values: list[float] = []
    until = datetime.now(UTC) + timedelta(hours=1)
    while page := reader.readings("quay", since=since, until=until, limit=50_000):
        values += [reading.value for reading in page]
        if len(page) < 50_000:
            break
        since = page[-1].at + timedelta(microseconds=1)
    return values


def damage_of(database: Path, city: City) -> list[str]:
    """What SQLite and the audit chain say is wrong."""
    with closing(sqlite3.connect(database)) as connection:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    found = [] if said == ["ok"] else said
    broken = broken_link(city.store.read(lambda reader: reader.audit(limit=10_000_000)))
    return found if broken is None else [*found, f"the audit chain is broken: {broken}"]


@contextmanager
def working_city(folder: Path) -> Iterator[tuple[FaultsCity, Work]]:
    """The city, started and ready, with its clients at work."""
    city = FaultsCity(folder)
    city.start()
    work = Work(city)
    try:
        city.wait_for(city.ready, 120)
        work.start()
        city.wait_for(lambda: work.readings and work.stored(), 120)
        yield city, work
    finally:
        work.end()
        city.close()
