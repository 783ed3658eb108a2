"""Escalations at shares of the limit: each once, to the right people, also after a restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from data.config.settings import Settings
from data.model.case import Origin
from data.model.category import Category
from data.model.people import Actor, Role, User
from data.model.task import Event
from data.ports.store import Store, Writer
from dispatch.case_clocks import clocks_due
from dispatch.case_table import EventStep
from dispatch.case_work import dispatch_units
from dispatch.cases import Given, take
from dispatch.clocks import calendar_of
from dispatch.intake import Report, bring_in
from dispatch.tasks import accept
from tests.dispatch.case_walk import MORNING, PLACE, UNITS
from tests.stores import new_store

SETTINGS = Settings(timezone="Asia/Shanghai")
CALENDAR = calendar_of(SETTINGS)
LI, QIAN = Actor("li", Role.OPERATOR), Actor("qian", Role.SECTION_HEAD)


def begun(store: Store) -> int:
    """An event of four working hours, dispatched on Monday at nine."""

    def work(writer: Writer) -> int:
        for unit in UNITS:
            writer.put_unit(unit)
        for name, role in (("zhao", Role.DUTY_OFFICER), ("qian", Role.SECTION_HEAD), ("sun", Role.COMMANDER)):
            writer.add_user(User(name, role))
        limit = timedelta(hours=4)
        writer.put_category(
            Category(kind="litter", zh="垃圾", en="Litter", lead="urban", section="safety", limit=limit)
        )
        report = Report("litter", PLACE, "垃圾", grid="500998001001001")
        event = bring_in(writer, report, Origin.OPERATOR, LI, MORNING, settings=SETTINGS)
        take(writer, event.id, EventStep.FILE, LI, MORNING)
        dispatch_units(writer, event.id, QIAN, MORNING, settings=SETTINGS)
        return event.id

    return store.write(work)


def told(event: Event) -> list[tuple[int, dict[str, list[str]]]]:
    return [(one.detail["percent"], one.detail["to"]) for one in event.steps if one.step == "escalate"]


def look(store: Store, event_id: int, now: datetime) -> list[int]:
    """What was told of when the clock process looks at this moment."""
    before = len(told(store.read(lambda reader: reader.event(event_id))))
    store.write(lambda writer: clocks_due(writer, now, calendar=CALENDAR))
    return [percent for percent, _ in told(store.read(lambda reader: reader.event(event_id)))[before:]]


def test_each_share_is_told_of_once_to_the_people_of_its_post_also_after_a_restart(tmp_path: Path) -> None:
    store = new_store(tmp_path / "city.db")
    number = begun(store)
    store.write(lambda writer: accept(writer, 1, Actor("u1", Role.RESPONDER), MORNING))
    hour = timedelta(hours=1)
    assert look(store, number, MORNING + 2 * hour - timedelta(seconds=1)) == []
    assert look(store, number, MORNING + 2 * hour) == [50]
    assert look(store, number, MORNING + 2 * hour) == []
    store.close()
    store = new_store(tmp_path / "city.db")  # the process was killed; nobody looked until the next morning
    assert look(store, number, MORNING + 24 * hour) == [80, 100, 150]
    assert look(store, number, MORNING + 48 * hour) == []
    event = store.read(lambda reader: reader.event(number))
    assert told(event) == [
        (50, {"responder": ["u1"]}),
        (80, {"responder": ["u1"], "grid_leader": ["wu"]}),
        (100, {"section_head": ["qian"], "duty_officer": ["zhao"]}),
        (150, {"commander": ["sun"], "district": ["qingshi"]}),
    ]
    store.close()


def test_a_suspended_event_is_silent_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    store = new_store(tmp_path / "city.db")
    number, hour = begun(store), timedelta(hours=1)
    given = Given(reason="等材料")
    store.write(lambda w: take(w, number, EventStep.SUSPEND, QIAN, MORNING + hour, given, calendar=CALENDAR))
    assert look(store, number, MORNING + 72 * hour) == []
    store.write(lambda w: take(w, number, EventStep.RESUME, QIAN, MORNING + 72 * hour, calendar=CALENDAR))
    assert look(store, number, MORNING + 73 * hour - timedelta(seconds=1)) == []
    assert look(store, number, MORNING + 73 * hour) == [50]
    store.close()
