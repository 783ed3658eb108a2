"""A street with three waterlogging points in two grids, storm and crest plans, and somebody who plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data.config.plans import PlansSettings
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role, User
from data.model.plan import PlanRun
from data.model.task import Task
from data.model.warning import HazardWarning, MessageType, WarningArea, WarningId, WarningLevel, WarningStatus
from data.ports.store import Store, TaskQuery
from data.stored.warnings_in import receive_warning
from dispatch.plan_runs import ends_due, follow_warning
from dispatch.plan_works import Maker, rounds_due, settle
from dispatch.responders import sync_responders
from dispatch.routing import Roads
from dispatch.tasks import accept
from tests.dispatch.city import NOON, PLAIN

ZHAO = Actor("zhao", Role.DUTY_OFFICER)
WEST, EAST = "500105007003011", "500105007003012"
PLANS: dict[str, Any] = {
    "plans": [
        {
            "id": "storm", "zh": "暴雨应对", "en": "Storm", "kind": "storm_inspection",
            "warnings": [{"events": ["暴雨"]}],
            "steps": [
                {"id": "check", "zh": "巡查", "en": "Check", "marks": ["waterlogging_point"], "photo": True,
                 "checklist": ["雨水口无堵塞", "泵已试机"]},
                {"id": "pump", "zh": "泵就位", "en": "Pump", "marks": ["waterlogging_point"], "to": "nearest",
                 "levels": ["orange", "red"]},
                {"id": "early", "zh": "提示商户", "en": "Tell the shops", "places": ["dip-1"],
                 "levels": ["blue", "yellow"]},
            ],
        },
        {
            "id": "crest", "zh": "洪峰值守", "en": "Crest", "mode": "flood-crest",
            "when_cancelled": "keep", "when_expired": "keep",
            "warnings": [{"events": ["洪水"], "start": "ask"}],
            "alerts": [{"rules": ["stage"], "start": "ask"}],
            "steps": [
                {"id": "pin", "do": "pin", "marks": ["riverbank"]},
                {"id": "lock", "zh": "锁门", "en": "Lock", "places": ["steps"], "photo": True,
                 "checklist": ["门已上锁"]},
                {"id": "call", "zh": "通知商铺", "en": "Call the shops", "calls": "shops"},
                {"id": "patrol", "zh": "巡查", "en": "Patrol", "marks": ["riverbank"], "every": "30min"},
            ],
        },
    ],
    "places": [
        {"id": "dip-3", "name": "低洼处", "location": {"lon": 106.511, "lat": 29.582},
         "marks": ["waterlogging_point"]},
        {"id": "steps", "name": "下河梯坎", "location": {"lon": 106.5131, "lat": 29.5831}, "grid": EAST,
         "marks": ["passage"]},
    ],
    "call_lists": {"shops": {"calls": [
        {"name": "张记小面", "phone": "000-1001", "grid": EAST}, {"name": "茶馆", "phone": "000-1002", "grid": EAST},
        {"name": "五金店", "phone": "000-1003", "grid": WEST},
    ]}},
}  # fmt: skip


def outline(west: float, east: float) -> dict[str, Any]:
    ring = [[west, 29.58], [east, 29.58], [east, 29.59], [west, 29.59], [west, 29.58]]
    return {"type": "Polygon", "coordinates": [ring]}


UNITS = (
    Unit("g-11", UnitKind.GRID, "第11网格", code=WEST, people=("wang",), outline=outline(106.50, 106.512)),
    Unit("g-12", UnitKind.GRID, "第12网格", code=EAST, people=("wu",), outline=outline(106.512, 106.53)),
)


def plan_settings() -> Settings:
    sites = (
        SiteSettings(id="dip-1", name="下穿道", location=Location(lon=106.513, lat=29.583),
                     profile="waterlogging_point"),
        SiteSettings(id="dip-2", name="隧道口", location=Location(lon=106.514, lat=29.584), grid=EAST,
                     profile="waterlogging_point"),
        SiteSettings(id="bank", name="江滩", location=Location(lon=106.5125, lat=29.5835), profile="riverbank"),
    )  # fmt: skip
    responders = tuple(
        ResponderSettings(id=name, name=name, location=Location(lon=106.513, lat=29.583 + n * 0.001))
        for n, name in enumerate(("near", "middle", "far", "wu", "wang"))
    )
    return Settings(sites=sites, responders=responders, dispatch=PLAIN, plans=PlansSettings.model_validate(PLANS))


def cap(
    number: int,
    level: WarningLevel = WarningLevel.BLUE,
    kind: MessageType = MessageType.ALERT,
    *references: int,
    status: WarningStatus = WarningStatus.ACTUAL,
    event: str = "暴雨",
    areas: tuple[WarningArea, ...] = (WarningArea("青石区", geocodes=(("GB/T 2260", "500105"),)),),
    hours: float = 6,
) -> HazardWarning:
    return HazardWarning(
        name(number), status, kind, tuple(name(one) for one in references), event, level, "Severe", "Immediate",
        "Likely", NOON, NOON, NOON + timedelta(hours=hours), areas, headline=f"{event}{level}",
    )  # fmt: skip


def name(number: int) -> WarningId:
    return WarningId("cq@weather.cn", f"storm_{number}", NOON + timedelta(minutes=number))


@dataclass
class PlanCity:
    """The store, its clock, and what the planner's process does."""

    store: Store
    settings: Settings = field(default_factory=plan_settings)
    now: datetime = NOON + timedelta(hours=1)

    def __post_init__(self) -> None:
        self.maker = Maker(self.settings, Roads())

        def people(writer: Any) -> None:
            sync_responders(writer, self.settings, NOON)
            writer.add_user(User("zhao", Role.DUTY_OFFICER))
            for unit in UNITS:
                writer.put_unit(unit)

        self.store.write(people)

    def hear(self, warning: HazardWarning) -> None:
        """A message is delivered, and its work made."""

        def work(writer: Any) -> None:
            stored = receive_warning(writer, warning, self.now)
            if stored is not None:
                follow_warning(writer, stored, self.now, self.settings)

        self.store.write(work)
        self.settle()

    def settle(self, at_most: int = 20) -> None:
        while runs := self.store.read(lambda reader: reader.plan_runs(unsettled_only=True)):
            self.store.write(lambda writer: settle(writer, runs[0].id, self.now, self.maker, at_most=at_most))

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)
        self.store.write(lambda writer: ends_due(writer, self.now, self.settings))
        self.store.write(lambda writer: rounds_due(writer, self.now, self.maker))
        self.settle()

    def runs(self, plan: str = "storm") -> list[PlanRun]:
        return list(self.store.read(lambda reader: reader.plan_runs(plan=plan)))[::-1]

    def tasks(self, *, open_only: bool = False) -> list[Task]:
        """Oldest first."""
        query = TaskQuery(open_only=open_only, limit=1000)
        return list(self.store.read(lambda reader: reader.tasks(query)))[::-1]

    def titles(self, *, open_only: bool = True) -> list[str]:
        return [task.title for task in self.tasks(open_only=open_only)]

    def accept(self, title: str) -> Task:
        return self.accepted(next(task for task in self.tasks(open_only=True) if task.title == title))

    def accepted(self, task: Task) -> Task:
        people = {"g-11": "wang", "g-12": "wu"}
        who = Actor(people.get(task.unit) or str(task.offered_to), Role.RESPONDER)
        return self.store.write(lambda writer: accept(writer, task.id, who, self.now))
