"""A street with its departments behind a real server; the time is the scenario's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.case import TimeKind
from data.model.category import Category, ClosingCondition, FilingCondition
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from data.model.zone import Zone
from data.ports.store import Store
from dispatch.routing import Roads
from engine.clock import timer_kinds
from tests.web.city import open_deps, start
from web.accounts import add_user, issue_token

GATE = Location(lon=106.512, lat=29.583)
MONDAY = datetime(2026, 7, 13, 1, 0, tzinfo=UTC)  # nine o'clock in Shanghai
GRID = "500105007003012"
LANE = Zone(id="lane", polygon=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)))
OUTLINE = {
    "type": "Polygon",
    "coordinates": [[[106.49, 29.56], [106.53, 29.56], [106.53, 29.60], [106.49, 29.60], [106.49, 29.56]]],
}
UNITS = (
    Unit("qingshi", UnitKind.DISTRICT, "青石区", people=("sun",), leader="sun"),
    Unit("heyang", UnitKind.DISTRICT, "河阳区", people=("he",), leader="he"),
    Unit("street", UnitKind.STREET, "望江街道", "qingshi"),
    Unit("community", UnitKind.COMMUNITY, "望江社区", "street", people=("she",)),
    Unit("livelihood", UnitKind.SECTION, "民生服务", "street", leader="qian"),
    Unit("safety", UnitKind.SECTION, "平安法治", "street", leader="qian"),
    Unit("g-12", UnitKind.GRID, "第12网格", "community", code=GRID, people=("wang",), leader="wu", outline=OUTLINE),
    Unit("traffic", UnitKind.JOINT_DUTY, "交巡警大队", "street", people=("jiao",), powers=("traffic",)),
    Unit("police", UnitKind.JOINT_DUTY, "派出所", "street", people=("pai",)),
    Unit("market", UnitKind.JOINT_DUTY, "市场监管所", "street", people=("shi",)),
    Unit("urban", UnitKind.DEPARTMENT, "城管执法大队", "street", people=("cheng",)),
    Unit("transport", UnitKind.DEPARTMENT, "交通局", "qingshi", people=("tong",)),
    Unit("roads", UnitKind.DEPARTMENT, "住建局", "qingshi", people=("zhu",)),
    Unit("he-urban", UnitKind.DEPARTMENT, "河阳城管", "heyang", people=("hcheng",)),
    Unit("school", UnitKind.EXTERNAL, "小学", "community", people=("xiao",)),
    Unit("property", UnitKind.EXTERNAL, "物业公司", "community", people=("wuye",)),
)
STAFF = {
    "li": Role.OPERATOR,
    "zhao": Role.DUTY_OFFICER,
    "qian": Role.SECTION_HEAD,
    "he": Role.SECTION_HEAD,
    "sun": Role.COMMANDER,
    "wu": Role.GRID_LEADER,
    "zhou": Role.ANALYST,
}
KINDS = (
    Category(kind="dwell", zh="违法停车", en="Illegal parking", section="safety", limit=timedelta(hours=2),
             time=TimeKind.CALENDAR),
    Category(kind="bus_access", zh="出行不便", en="No bus nearby", section="livelihood", limit=timedelta(days=15),
             time=TimeKind.CALENDAR, file_when=(FilingCondition.PHOTO, FilingCondition.IN_A_GRID),
             close_when=(ClosingCondition.OUTCOME,)),
    Category(kind="shop_complaint", zh="商铺投诉", en="Complaint about a shop", section="livelihood", lead="market",
             co_handlers=("community",), intake_limit=timedelta(hours=4), limit=timedelta(hours=14), public=True,
             file_when=(FilingCondition.DESCRIBED, FilingCondition.REPORTER_KNOWN)),
    Category(kind="dirty_path", zh="背街脏乱", en="Dirty path", section="livelihood", lead="urban",
             limit=timedelta(hours=4), public=True, close_when=(ClosingCondition.REPORT_PHOTO,)),
)  # fmt: skip


def settings() -> Settings:
    responders = tuple(
        ResponderSettings(id=name, name=name, grid=GRID, location=Location(lon=106.512 + 0.001 * n, lat=29.583))
        for n, name in enumerate(("wang", "jiao"), start=1)
    )
    site = SiteSettings(id="gate-3", name="小学门口", location=GATE, grid=GRID, zones=(LANE,))
    return Settings(name="望江街道", timezone="Asia/Shanghai", sites=(site,), responders=responders)


@dataclass
class Town:
    """The server, its store and its clock."""

    base: str
    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    now: datetime = MONDAY
    callers: dict[str, Caller] = field(default_factory=dict)

    def by(self, name: str) -> Caller:
        if name not in self.callers:
            token = issue_token(self.store, name)
            client = httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {token}"}, timeout=60)
            self.callers[name] = Caller(client)
        return self.callers[name]

    def stranger(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, timeout=60)

    def wait(self, **span: float) -> None:
        """Time passes; every timer that falls due on the way is ended at its own moment, as the clock process does."""
        until = self.now + timedelta(**span)
        kinds = timer_kinds(self.settings, Roads())
        while due := self.store.read(lambda reader: reader.timers_due(until, 1000, kinds=tuple(kinds))):
            self.now = max(self.now, due[0].due_at)
            for kind in sorted({timer.kind for timer in due if timer.due_at <= self.now}):
                self.store.write(lambda writer, kind=kind: kinds[kind](writer, self.now))  # type: ignore[misc]
        self.now = until

    def close(self) -> None:
        for caller in self.callers.values():
            caller.client.close()


@dataclass
class Caller:
    """Somebody with a token."""

    client: httpx.Client

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None, status: int = 200) -> Any:
        answer = self.client.post(f"/api/v1/{path}", json=dict(body or {}))
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def event(self, number: int) -> Any:
        return self.get(f"events/{number}")

    def step(self, number: int, step: str, status: int = 200, **body: Any) -> Any:
        """A step of the event as it stands now. Gives the event, or the reason of the refusal."""
        seen = self.client.get(f"/api/v1/events/{number}").headers["ETag"]
        answer = self.client.post(f"/api/v1/events/{number}/{step}", json=body, headers={"If-Match": seen})
        assert answer.status_code == status, f"{step}: {answer.status_code} {answer.text}"
        return answer.json()["event"] if status == 200 else answer.json()["detail"]

    def report(self, task: int, text: str, photo: bytes | None = None) -> Any:
        files = None if photo is None else {"photo": ("after.jpg", photo, "image/jpeg")}
        answer = self.client.post(f"/api/v1/tasks/{task}/report", data={"text": text}, files=files)
        assert answer.status_code == 200, answer.text
        return answer.json()["task"]

    def work(self, task: int, text: str, photo: bytes | None = None) -> Any:
        """A unit's person takes its task, does it and reports."""
        self.post(f"tasks/{task}/accept")
        return self.report(task, text, photo)


def picture(path: Path, colour: str = "green") -> bytes:
    Image.new("RGB", (320, 240), colour).save(path, "JPEG")
    return path.read_bytes()


@contextmanager
def running_town(folder: Path) -> Iterator[Town]:
    """Everything set up; the server really listens."""

    def organise(writer: Any) -> None:
        for unit in UNITS:
            writer.put_unit(unit)
        for kind in KINDS:
            writer.put_category(kind)

    people = {name for unit in UNITS for name in unit.people} - STAFF.keys() - {"wang", "jiao"}
    with running(folder, settings(), STAFF | dict.fromkeys(sorted(people), Role.RESPONDER), organise, Roads()) as town:
        yield town


@contextmanager
def running(
    folder: Path, configured: Settings, users: Mapping[str, Role], organise: Callable[[Any], object], roads: Roads
) -> Iterator[Town]:
    """A town of these settings, with these users beside its responders and what `organise` writes."""
    moment: list[Town] = []
    deps = open_deps(folder, configured, now=lambda: moment[0].now if moment else MONDAY)
    deps.roads = roads
    for name, role in users.items():
        add_user(deps.store, name, role, None)
    deps.store.write(organise)
    server, thread, port = start(deps)
    town = Town(f"http://127.0.0.1:{port}", deps.store, configured, deps.now)
    moment.append(town)
    try:
        yield town
    finally:
        town.close()
        server.should_exit = True
        thread.join(20)
        deps.store.close()
