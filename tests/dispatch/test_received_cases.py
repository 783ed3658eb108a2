"""A case of another system: one event, its personal data apart, its ladder, and the end of its data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.config.case_sources import CaseSource
from data.config.settings import ResponderSettings, Settings
from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.alert import Priority
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role, User
from data.model.task import Event, EventState, Task, TaskState
from data.ports.store import Store, TaskQuery, Writer
from dispatch import call_out, personal_data
from dispatch.case_mapping import MASK, MappedCase, map_case, scrubbed
from dispatch.received_cases import take_in
from dispatch.responders import sync_responders
from dispatch.routing import Roads
from dispatch.tasks import accept, en_route, on_scene, report
from tests.stores import new_store

NOON = datetime(2026, 7, 13, 4, 0, tzinfo=UTC)
GRID = "500105007003012"
OUTLINE = {
    "type": "Polygon",
    "coordinates": [[[106.49, 29.56], [106.53, 29.56], [106.53, 29.60], [106.49, 29.60], [106.49, 29.56]]],
}
UNITS = (
    Unit("street", UnitKind.STREET, "望江街道", leader="sun"),
    Unit("community", UnitKind.COMMUNITY, "望江社区", "street", people=("she",)),
    Unit("g-12", UnitKind.GRID, "第12网格", "community", code=GRID, people=("wang",), leader="wu", outline=OUTLINE),
    Unit("police", UnitKind.JOINT_DUTY, "派出所", "street", people=("pai",)),
)
MAPPING: dict[str, Any] = {
    "id": "fraud", "zh": "反诈预警", "en": "Fraud warning", "kind": "fraud_warning", "external_id": "$.id",
    "location": {"lon": 106.512, "lat": 29.583}, "lon": "$.at.lon", "lat": "$.at.lat",
    "priority": {"path": "$.risk", "values": {"high": "P1"}},
    "description": [{"zh": "类型", "en": "Kind", "path": "$.kind"}],
    "personal": [
        {"id": "name", "zh": "姓名", "en": "Name", "path": "$.victim.name", "roles": ["duty_officer", "responder"]},
        {"id": "phone", "zh": "电话", "en": "Telephone", "path": "$.victim.phone", "roles": ["duty_officer"]},
    ],
    "keep": "30d",
    "call_out": [
        {"zh": "电话劝阻", "en": "Call", "within": "5min", "to": [{"level": "community"}]},
        {"zh": "上门劝阻", "en": "Visit", "within": "30min", "until": "on_scene",
         "to": [{"level": "community"}, {"unit": "police"}]},
    ],
}  # fmt: skip
SOURCE = CaseSource.model_validate(MAPPING)
MESSAGE: dict[str, Any] = {
    "id": "FZ-1", "risk": "high", "kind": "冒充客服", "at": {"lon": 106.512345, "lat": 29.583456},
    "victim": {"name": "李秀英", "phone": "13912345678"},
}  # fmt: skip
PLATFORM, ZHAO, LI = Actor("platform", Role.SOURCE), Actor("zhao", Role.DUTY_OFFICER), Actor("li", Role.OPERATOR)
SHE = Actor("she", Role.RESPONDER)
SETTINGS = Settings(
    timezone="Asia/Shanghai",
    case_sources=(SOURCE,),
    responders=tuple(
        ResponderSettings(id=name, name=name, location=Location(lon=106.51, lat=29.58))
        for name in ("she", "pai", "wang")
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "yiping.db")

    def prepare(writer: Writer) -> None:
        sync_responders(writer, SETTINGS, NOON)
        for unit in UNITS:
            writer.put_unit(unit)
        for name, role in (("zhao", Role.DUTY_OFFICER), ("wu", Role.GRID_LEADER)):
            writer.add_user(User(name, role))

    opened.write(prepare)
    yield opened
    opened.close()


def mapped(message: dict[str, Any] = MESSAGE) -> MappedCase:
    return map_case(SOURCE, message, "zh")


def taken(store: Store, message: dict[str, Any] = MESSAGE, at: datetime = NOON) -> tuple[Event, bool]:
    case = mapped(message)
    return store.write(lambda writer: take_in(writer, SOURCE, case, PLATFORM, at, roads=Roads(), settings=SETTINGS))


def tasks(store: Store) -> list[Task]:
    return sorted(store.read(lambda reader: reader.tasks(TaskQuery(limit=20))), key=lambda one: one.id)


def due(store: Store, at: datetime) -> None:
    store.write(lambda writer: call_out.limits_due(writer, at))
    store.write(lambda writer: personal_data.limits_due(writer, at))


def escalations(store: Store, event: int) -> list[dict[str, Any]]:
    steps = store.read(lambda reader: reader.event(event).steps)
    return [dict(step.detail) for step in steps if step.step == "escalate"]


def test_a_warning_is_a_dispatched_event_with_a_call_and_two_visits_and_nothing_personal_in_it(store: Store) -> None:
    event, new = taken(store)
    assert (new, event.state, event.priority, event.title) == (
        True,
        EventState.DISPATCHED,
        Priority.P1,
        "反诈预警 FZ-1",
    )
    assert event.description == "类型：冒充客服"
    assert (event.location.lon, event.location.lat) == (106.512, 29.583), "about 100 m, not the home itself"
    assert event.grid == GRID
    assert [(one.title, one.unit, one.state) for one in tasks(store)] == [
        ("电话劝阻 · 12:05 前", "community", TaskState.OFFERED),
        ("上门劝阻 · 12:30 前", "community", TaskState.OFFERED),
        ("上门劝阻 · 12:30 前", "police", TaskState.OFFERED),
    ]
    audit = repr(store.read(lambda reader: reader.audit(limit=100)))
    changes = repr(store.read(lambda reader: reader.changes(0, 1000)))
    assert "李秀英" not in audit + changes
    assert "13912345678" not in audit + changes


def test_the_other_systems_id_makes_one_event_and_another_warning_at_the_same_address_a_second_one(
    store: Store,
) -> None:
    first, _ = taken(store)
    again, new = taken(store, MESSAGE | {"kind": "改过"}, NOON + timedelta(hours=1))
    assert (again.id, new) == (first.id, False)
    other, new = taken(store, MESSAGE | {"id": "FZ-2"})
    assert (other.id != first.id, other.recurs, new) == (True, None, True)
    assert len(tasks(store)) == 6


def test_a_call_that_is_not_reported_in_five_minutes_goes_up_and_further_up_after_five_more(store: Store) -> None:
    event, _ = taken(store)
    due(store, NOON + timedelta(minutes=4, seconds=59))
    assert escalations(store, event.id) == []
    due(store, NOON + timedelta(minutes=5))
    assert [(one["to"], one["call_out_s"]) for one in escalations(store, event.id)] == [
        ({"grid_leader": ["wu"]}, 300.0)
    ]
    due(store, NOON + timedelta(minutes=5))
    assert len(escalations(store, event.id)) == 1, "once for each time"
    due(store, NOON + timedelta(minutes=10))
    assert [one["to"] for one in escalations(store, event.id)][1:] == [{"duty_officer": ["zhao"]}]
    due(store, NOON + timedelta(minutes=15))
    assert len(escalations(store, event.id)) == 2, "nobody is above"


def test_a_reported_call_and_a_visitor_on_scene_are_not_late(store: Store) -> None:
    event, _ = taken(store)
    call, visit, by_police = (one.id for one in tasks(store))

    def at_work(task: int, actor: Actor) -> None:
        for step in (accept, en_route, on_scene):
            store.write(lambda writer, step=step: step(writer, task, actor, NOON + timedelta(minutes=2)))  # type: ignore[misc]

    at_work(call, SHE)
    store.write(lambda writer: report(writer, call, SHE, NOON + timedelta(minutes=3), "本人已停止转账", None))
    at_work(visit, SHE)
    due(store, NOON + timedelta(minutes=5))
    assert escalations(store, event.id) == []
    due(store, NOON + timedelta(minutes=30))
    assert [one["task"] for one in escalations(store, event.id)] == [by_police]


def test_personal_data_are_shown_to_their_roles_alone_and_each_look_is_audited_with_its_reason(store: Store) -> None:
    event, _ = taken(store)

    def look(actor: Actor, reason: str = "联系本人") -> dict[str, str]:
        return dict(store.write(lambda writer: personal_data.show(writer, event.id, actor, reason, NOON)))

    with pytest.raises(Forbidden):
        look(LI)
    with pytest.raises(InputRejected):
        look(ZHAO, " ")
    assert look(ZHAO) == {"name": "李秀英", "phone": "13912345678"}
    entry = store.read(lambda reader: reader.audit(limit=100))[-1]
    assert (entry.actor, entry.action, entry.subject) == ("zhao", "show_personal", f"event:{event.id}")
    assert dict(entry.detail) == {"fields": ["name", "phone"], "reason": "联系本人"}


def test_a_responder_sees_personal_data_only_while_they_have_a_task_of_the_event(store: Store) -> None:
    event, _ = taken(store)
    look = lambda writer: personal_data.show(writer, event.id, SHE, "上门", NOON)  # noqa: E731
    with pytest.raises(Forbidden):
        store.write(look)
    first = tasks(store)[0].id
    store.write(lambda writer: accept(writer, first, SHE, NOON))
    assert dict(store.write(look)) == {"name": "李秀英"}, "the telephone number is for the desk"
    told = store.read(lambda reader: personal_data.masked(reader, event.id, SHE))
    assert told is not None
    assert [(one["field"], one["mine"]) for one in told["fields"]] == [("name", True), ("phone", False)]
    assert "李秀英" not in repr(told)


def test_personal_data_are_deleted_after_their_limit_with_a_step_of_the_event(store: Store) -> None:
    event, _ = taken(store)
    due(store, NOON + timedelta(days=29, hours=23))
    assert len(store.read(lambda reader: reader.personal_values(event.id))) == 2
    due(store, NOON + timedelta(days=30))
    assert store.read(lambda reader: reader.personal_values(event.id)) == []
    with pytest.raises(IllegalMove):
        store.write(lambda writer: personal_data.show(writer, event.id, ZHAO, "再看", NOON + timedelta(days=31)))
    last = store.read(lambda reader: reader.event(event.id)).steps[-1]
    assert (last.step, last.by, dict(last.detail)) == ("delete_personal", "system", {"fields": ["name", "phone"]})
    assert store.read(lambda reader: reader.audit(limit=100))[-1].action == "delete_personal"


def test_an_event_that_is_no_case_has_no_personal_data(store: Store) -> None:
    event, _ = taken(store, {"id": "FZ-9"})
    assert store.read(lambda reader: personal_data.masked(reader, event.id, ZHAO)) is None
    with pytest.raises(NotFound):
        store.write(lambda writer: personal_data.show(writer, 999, ZHAO, "看", NOON))


def test_what_the_personal_fields_hold_is_masked_in_the_description_and_the_reference_as_well() -> None:
    case = map_case(
        SOURCE,
        MESSAGE
        | {"id": "李秀英-7", "kind": "李秀英（13912345678、139 1234 5678）的卡 6222 0212 3456 7890 转 38000 元"},
        "zh",
    )
    assert case.reference == f"{MASK}-7"
    assert case.description == f"类型：{MASK}（{MASK}、{MASK}）的卡 {MASK} 转 38000 元"
    assert "李秀英" not in repr(case)
    assert scrubbed("张三丰与张三", ["张三", "张三丰"]) == f"{MASK}与{MASK}"


@pytest.mark.parametrize("wrong", [{}, {"id": None}, {"id": ""}, {"id": ["FZ"]}, {"id": True}, {"id": "9" * 201}])
def test_only_a_message_without_its_own_id_is_refused_without_repeating_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputRejected) as refused:
        mapped({"victim": {"name": "李秀英"}} | wrong)
    assert "李秀英" not in str(refused.value)


def test_what_a_message_lacks_is_named_and_costs_nothing(store: Store) -> None:
    bare = mapped({"id": 17, "at": {"lon": "east", "lat": 1e400}, "risk": "?", "victim": {"name": {"first": "x"}}})
    assert (bare.external_id, bare.place, bare.priority, bare.personal) == ("17", None, None, ())
    assert bare.missing == (
        "personal[0].path",
        "personal[1].path",
        "description[0].path",
        "lon",
        "lat",
        "priority.values",
    )
    event, new = taken(store, {"id": 17, "at": {"lon": 0, "lat": 0}})
    assert (new, event.location.lon, event.location.lat) == (True, 106.512, 29.583), "0/0 is no place"
