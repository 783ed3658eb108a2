"""A street whose shops and kitchens are inspected, on a store; the clock is the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from data.config.inspections import InspectionSettings
from data.config.settings import Settings
from data.model.case import TimeKind
from data.model.category import Category
from data.model.geo import Location
from data.model.inspection import Found, Inspection
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role, User
from data.ports.store import Store
from dispatch.inspection_reports import Filled, submit
from dispatch.inspections import bring_in_line, inspections_due, out_of_line
from dispatch.routing import Roads
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)  # twelve o'clock in Shanghai
DAY = timedelta(days=1)
EAST = "500105007003012"
WANG, ZHOU, LUO = (Actor(name, Role.RESPONDER) for name in ("wang", "zhou", "luo"))
NORTH_M = 1 / 111_195  # degrees of latitude in a metre
BOOK: dict[str, Any] = {
    "types": {
        "shop": {
            "zh": "商铺", "en": "Shop", "every": "30d", "window": "5d",
            "checklist": [
                {"id": "exit", "zh": "安全出口畅通", "en": "Exits are free",
                 "hazard": {"kind": "blocked_exit", "limit": "24h", "priority": "P2"}},
                {"id": "gas", "zh": "燃气软管完好", "en": "Gas hose is whole",
                 "hazard": {"kind": "gas", "photo": True}},
                {"id": "sign", "zh": "张贴公示牌", "en": "Sign is up"},
            ],
        },
        "gate": {
            "zh": "闸门", "en": "Gate", "every": "20d", "window": "2d",
            "seasons": [{"begins": "07-20", "ends": "09-30", "every": "7d"}],
            "before_rain": {"from_level": "orange", "within": "6h"},
            "checklist": [{"id": "clear", "zh": "闸口无杂物", "en": "Nothing is in the way"}],
        },
    },
    "places": [
        {"id": "shop-1", "name": "一号面馆", "type": "shop", "location": {"lon": 106.512, "lat": 29.583}, "grid": EAST},
        {"id": "shop-2", "name": "二号旅馆", "type": "shop", "location": {"lon": 106.513, "lat": 29.583}},
        {"id": "gate-1", "name": "一号闸", "type": "gate", "location": {"lon": 106.514, "lat": 29.583}, "grid": EAST},
    ],
}  # fmt: skip
OUTLINE = {
    "type": "Polygon",
    "coordinates": [[[106.50, 29.57], [106.53, 29.57], [106.53, 29.60], [106.50, 29.60], [106.50, 29.57]]],
}


def configured(**changes: Any) -> Settings:
    book = InspectionSettings.model_validate(BOOK | changes)
    return Settings(timezone="Asia/Shanghai", inspections=book, district_codes=("500105",))


@dataclass
class Street:
    """The store with its clock."""

    store: Store
    settings: Settings
    now: datetime = NOON

    def align(self) -> int:
        """What the clock's process does: rows for all places."""
        work = self.store.read(lambda reader: out_of_line(reader, self.settings, self.now))
        return self.store.write(lambda writer: bring_in_line(writer, work, self.settings, self.now))

    def at(self, now: datetime) -> None:
        """The time is another; every timer that fell due on the way is ended at its own moment."""
        while due := self.store.read(lambda reader: reader.timers_due(now, 1, kinds=("inspection",))):
            moment = max(self.now, due[0].due_at)
            self.store.write(lambda writer, at=moment: inspections_due(writer, at, settings=self.settings))  # type: ignore[misc]
            self.now = moment
        self.now = now

    def row(self, place: str) -> Inspection:
        """The place's open inspection."""
        rows = self.store.read(lambda reader: reader.open_inspections(place))
        return next(row for row in rows if not row.is_recheck)

    def rechecks(self, place: str) -> list[Inspection]:
        return [row for row in self.store.read(lambda reader: reader.open_inspections(place)) if row.is_recheck]

    def inspect(
        self,
        place: str,
        actor: Actor = WANG,
        hazards: Mapping[str, str] | None = None,
        rechecks: Mapping[int, bool] | None = None,
        **changes: Any,
    ) -> Inspection:
        """Fill in the form at the place: all is in order but `hazards`, by item with what was written about it."""
        settled = self.settings.inspections.by_id[place]
        kind = self.settings.inspections.types[settled.type]
        found = {item.id: Found.HAZARD if item.id in (hazards or {}) else Found.OK for item in kind.checklist}
        given: dict[str, Any] = {
            "seen_at": self.now, "position": settled.location, "accuracy_m": 12.0, "notes": dict(hazards or {}),
            "rechecks": dict(rechecks or {}), "found": {} if rechecks and hazards is None else found,
        }  # fmt: skip
        filled = Filled(place, **(given | changes))
        return self.store.write(lambda writer: submit(writer, filled, actor, self.now, self.settings, Roads()))[-1]

    def north_of(self, place: str, metres: float) -> Location:
        here = self.settings.inspections.by_id[place].location
        return Location(lon=here.lon, lat=here.lat + metres * NORTH_M)


@contextmanager
def street(settings: Settings | None = None) -> Iterator[Street]:
    with TemporaryDirectory(prefix="inspections-") as folder:
        store = new_store(Path(folder) / "yiping.db")

        def settle(writer: Any) -> None:
            for actor in (WANG, ZHOU, LUO):
                writer.add_user(User(actor.name, Role.RESPONDER))
            writer.put_unit(
                Unit("g-12", UnitKind.GRID, "第12网格", code=EAST, people=("wang", "zhou"), outline=OUTLINE)
            )
            writer.put_category(
                Category(kind="blocked_exit", zh="出口堵塞", en="Blocked exit", limit=3 * DAY, time=TimeKind.CALENDAR)
            )

        store.write(settle)
        yield Street(store, settings or configured())
        store.close()
