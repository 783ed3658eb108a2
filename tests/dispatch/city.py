"""A street with one site and four responders, on a store; the clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from alerts.lifecycle import raise_alert
from data.config.dispatch import CostSettings, DispatchSettings
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.people import Actor, Role
from data.model.record import AuditEntry, Change
from data.model.task import Task
from data.ports.store import Store, Writer
from dispatch.offers import expire_due
from dispatch.responders import sync_responders
from dispatch.routing import Roads
from dispatch.tasks import accept, decline, dispatch, en_route, on_scene, report
from tests.stores import new_store

T = TypeVar("T")

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LI = Actor("li", Role.OPERATOR)
CHEN = Actor("chen", Role.DUTY_OFFICER)
NEAR, MIDDLE, FAR, OFF = (Actor(name, Role.RESPONDER) for name in ("near", "middle", "far", "off"))
GATE = Location(lon=106.512, lat=29.583)

# One offer at a time, travel time alone decides, phones always answer: what is special has tests of its own.
PLAIN = DispatchSettings(
    deliver_within=None,
    offers_at_once={},
    cost=CostSettings(load=timedelta(0), rest=timedelta(0), own_grid=timedelta(0)),
)


def settings(**responder_changes: Any) -> Settings:
    """`near`, `middle` and `far` stand 100, 400 and 900 m north of the gate; `off` is there, but off shift."""
    people = []
    for name, north_m in (("near", 100), ("middle", 400), ("far", 900), ("off", 10)):
        place = Location(lon=GATE.lon, lat=GATE.lat + north_m / 111_195)
        people.append(ResponderSettings(id=name, name=name.title(), location=place, on_shift=name != "off"))
    changed = tuple(who.model_copy(update=responder_changes.get(who.id, {})) for who in people)
    site = SiteSettings(id="gate-3", name="小学门口", location=GATE, grid="500105007003012")
    return Settings(sites=(site,), responders=changed, dispatch=PLAIN)


@dataclass
class City:
    """The store with its clock; the steps of a task, each a unit of work of its own."""

    store: Store
    settings: Settings
    roads: Roads = field(default_factory=Roads)
    now: datetime = NOON
    raised: int = 0

    def do(self, work: Callable[[Writer], T]) -> T:
        return self.store.write(work)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def alert(self, priority: Priority = Priority.P3) -> Alert:
        self.raised += 1
        key = AlertKey("gate-3", "parking", "lane", str(self.raised))
        raised = Raised(key, "dwell", priority, self.now - timedelta(minutes=3), self.now, label="car")
        alert = self.do(lambda writer: raise_alert(writer, raised, None, self.now))
        assert alert is not None
        return alert

    def dispatch(self, alert: Alert, actor: Actor = LI, responder: str | None = None) -> Task:
        return self.do(
            lambda writer: dispatch(
                writer, alert.id, actor, self.now, roads=self.roads, settings=self.settings, responder=responder
            )
        )

    def decline(self, task: Task, actor: Actor, reason: str = "") -> Task:
        return self.do(
            lambda writer: decline(writer, task.id, actor, self.now, reason, roads=self.roads, settings=self.settings)
        )

    def expire(self) -> int:
        return self.do(lambda writer: expire_due(writer, self.now, roads=self.roads, settings=self.settings))

    def step(self, step: Callable[..., Task], task: Task, actor: Actor, *more: Any) -> Task:
        return self.do(lambda writer: step(writer, task.id, actor, self.now, *more))

    def reported(self, alert: Alert | None = None) -> Task:
        """A task that `near` has accepted, reached and reported."""
        task = self.dispatch(alert or self.alert())
        for step in (accept, en_route, on_scene):
            self.pass_time(30)
            self.step(step, task, NEAR)
        self.pass_time(30)
        return self.step(report, task, NEAR, "车已开走", None)

    def task(self, task: Task) -> Task:
        return self.store.read(lambda reader: reader.task(task.id))

    def trail(self, subject: str) -> list[tuple[str, str]]:
        """(action, actor) of every audit entry of the subject, oldest first."""
        entries: list[AuditEntry] = list(self.store.read(lambda reader: reader.audit(subject=subject)))
        return [(entry.action, entry.actor) for entry in entries]

    def changes(self, topic: str, after: int = 0) -> list[Change]:
        return [c for c in self.store.read(lambda reader: reader.changes(after)) if c.topic == topic]


@contextmanager
def opened_city(folder: Path) -> Iterator[City]:
    """The city on a store of its own, its responders known."""
    with closing(new_store(folder / "city.db")) as store:
        city = City(store, settings())
        city.do(lambda writer: sync_responders(writer, city.settings, city.now))
        yield city
