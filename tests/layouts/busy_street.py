"""The street on a bad night, in the names that real places have: many alerts, tasks, events, refusals, long words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from alerts.lifecycle import acknowledge, end_alert
from data.config.settings import Settings
from data.model.alert import Ended
from data.model.category import Category
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import Actor, Role
from data.model.place import Place
from data.ports.store import Writer
from dispatch.offers import end_offer, offer_next
from dispatch.routing import Roads
from dispatch.tasks import dispatch
from engine.judging.outlet import publish_health
from tests.layouts.station import OFFICER, Station
from tests.layouts.street import flood, raise_one
from tests.layouts.test_plans_page import planned_settings
from web.accounts import add_user, issue_token

LONG = {
    "quay-1": "滨江一号码头亲水平台（上游侧）",
    "quay-2": "滨江路二段亲水步道与轮渡口之间",
    "bridge": "石板桥 Stone Slab Bridge, north abutment",
    "underpass": "正街下穿道最低点（铁路桥下）",
    "market": "农贸市场路口东南角（公交站旁）",
    "school": "河街小学门口 Hejie Primary School gate",
}
GRID = "500103005007001"
HERE = Location(lon=107.3093, lat=29.9046)
ADMINISTRATOR = "guanliyuan"
PEOPLE = {
    ADMINISTRATOR: (Role.ADMINISTRATOR, "系统管理员李建国"),
    "yuanfang": (Role.OPERATOR, "值班员欧阳远方"),
    "shuji": (Role.COMMANDER, "Alexandra Featherstonehaugh"),
}


def busy_settings() -> Settings:
    """The street with its plans, its places named in full, and twelve places more."""
    street = planned_settings()
    sites = [site.model_copy(update={"name": LONG.get(site.id, site.name)}) for site in street.sites]
    for n in range(12):
        where = Location(lon=107.301 + 0.0012 * n, lat=29.9015 + 0.0009 * (n % 5))
        place = Place(id=f"dip-{n:02}", name=f"沿江低洼路段第{n + 1:02}号监测点（人行地道）", location=where, grid=GRID)
        sites.append(street.sites[0].model_copy(update={**dict(place), "monitor": None, "rules": (), "zones": ()}))
    return street.model_copy(update={"sites": tuple(sites), "name": "河街街道一网统管治理中心"})


def make_busy(station: Station) -> None:
    """Everything that fills a page, through the store and the REST API."""
    now = datetime.now(UTC)
    for name, (role, shown) in PEOPLE.items():
        add_user(station.store, name, role, None, display_name=shown)
    station.store.write(lambda writer: _organise(writer, now))
    station.store.write(lambda writer: writer.add_readings(flood(now)))
    station.store.write(lambda writer: _overload(writer, now))
    _alerts(station, now)
    _events(station)


def _overload(writer: Writer, now: datetime) -> None:
    """Cameras that are looked at less often, since the machine cannot carry them all."""
    for site in ("quay-1", "underpass", "school"):
        publish_health(writer, site, "live", "", now, degraded="looks")


def _organise(writer: Writer, now: datetime) -> None:
    for one in writer.responders():
        writer.put_responder(replace(one, phone=f"1390000{one.id[1:]:0>4}"))
    writer.put_unit(Unit("street", UnitKind.STREET, "河街街道"))
    writer.put_unit(Unit("duty-post", UnitKind.POST, "防汛抗旱指挥部值班岗", "street", people=(OFFICER,)))
    writer.put_unit(Unit("livelihood", UnitKind.SECTION, "民生服务和城市管理", "street", leader=OFFICER))
    writer.put_unit(Unit("urban", UnitKind.DEPARTMENT, "城市管理综合行政执法大队", "street", people=("r01", "r02")))
    writer.add_shift(Shift("duty-post", OFFICER, now - timedelta(hours=1), now + timedelta(hours=7), duty="值班长"))
    writer.put_category(
        Category(
            kind="dirty_path", zh="雨水口堵塞与路面积水", en="Blocked storm drain and standing water on the road",
            section="livelihood", lead="urban", limit=timedelta(hours=4), public=True,
        )
    )  # fmt: skip


def _alerts(station: Station, now: datetime) -> None:
    store, vault = station.store, station.vault
    officer = Actor(OFFICER, Role.DUTY_OFFICER)
    raised = []
    for n in range(4):
        for site in ("quay-1", "bridge", "market", "school"):
            at = now - timedelta(minutes=37 - 3 * n)
            raised.append(raise_one(store, vault, at, site=site, subject=f"{site}-{n}"))
    raise_one(store, vault, now - timedelta(minutes=3), site="underpass", subject="water")
    single = raise_one(store, vault, now - timedelta(minutes=2), site="underpass", subject="bus")
    raise_one(store, vault, now, site="quay-2", subject="late")
    store.write(lambda writer: acknowledge(writer, raised[3].id, officer, now))
    store.write(lambda writer: acknowledge(writer, raised[2].id, officer, now))
    for alert in raised[4:6]:
        store.write(lambda writer, alert=alert: end_alert(writer, Ended(alert.key, now, now), now))  # type: ignore[misc]
    roads, settings = Roads(), station.settings
    for alert in (raised[0], single):
        store.write(lambda w, alert=alert: dispatch(w, alert.id, officer, now, roads=roads, settings=settings))  # type: ignore[misc]
    task = store.write(lambda w: dispatch(w, raised[1].id, officer, now, roads=roads, settings=settings))

    def refuse_all(writer: Writer) -> None:
        while writer.task(task.id).unaccepted_since is None:
            for offer in writer.offers(task.id):
                if offer.is_open:
                    end_offer(writer, writer.task(task.id), replace(offer, expired_at=now), now)
            offer_next(writer, writer.task(task.id), now, roads=roads, settings=settings)

    store.write(refuse_all)


def _events(station: Station) -> None:
    head = {"Authorization": f"Bearer {issue_token(station.store, OFFICER)}"}
    with httpx.Client(base_url=f"{station.url}/api/v1", headers=head, timeout=60) as client:
        for n in range(8):
            body = {
                "kind": "dirty_path", "location": {"lon": HERE.lon + 0.001 * n, "lat": HERE.lat},
                "description": "地下车库出入口雨水倒灌，水深约 30 cm，住户反映两台车被困，Building 7, market",
            }  # fmt: skip
            event = client.post("/events", json=body).raise_for_status().json()["event"]["id"]
            if n % 2:
                seen = client.get(f"/events/{event}").headers["ETag"]
                client.post(f"/events/{event}/file", json={}, headers={"If-Match": seen}).raise_for_status()
