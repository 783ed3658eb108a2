"""Inspections: due by calendar and season, overdue by name, taken at the place only, hazards re-checked by others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from data.config.inspections import InspectionType
from data.config.settings import ResponderSettings, Settings
from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.case import ClockName
from data.model.inspection import Found, InspectionState
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role
from data.model.record import Evidence
from data.model.task import EventState, TaskState
from data.ports.store import Store
from dispatch import case_work, tasks
from dispatch.inspection_calendar import first_due, next_due
from dispatch.inspection_people import InCharge, in_charge
from dispatch.inspection_reports import Filled, submit
from dispatch.routing import Roads
from dispatch.turns import tasks_of
from tests.dispatch.inspected_street import BOOK, DAY, EAST, LUO, NOON, WANG, ZHOU, configured, street

SHANGHAI = ZoneInfo("Asia/Shanghai")
GATE = InspectionType.model_validate(BOOK["types"]["gate"])


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (datetime(2026, 6, 1, 4, tzinfo=UTC), datetime(2026, 6, 21, 4, tzinfo=UTC)),
        (datetime(2026, 7, 10, 4, tzinfo=UTC), datetime(2026, 7, 19, 16, tzinfo=UTC)),  # the season begins: 9 days ago
        (datetime(2026, 7, 15, 4, tzinfo=UTC), datetime(2026, 7, 22, 4, tzinfo=UTC)),
        (datetime(2026, 8, 1, 4, tzinfo=UTC), datetime(2026, 8, 8, 4, tzinfo=UTC)),
        (datetime(2026, 9, 28, 4, tzinfo=UTC), datetime(2026, 10, 18, 4, tzinfo=UTC)),  # over before a week had passed
    ],
)
def test_a_season_with_a_shorter_calendar_brings_an_inspection_forward_when_it_begins(
    last: datetime, due: datetime
) -> None:
    assert next_due(GATE, last, SHANGHAI) == due


def test_places_that_were_never_inspected_are_spread_evenly_over_one_period() -> None:
    shop = InspectionType.model_validate(BOOK["types"]["shop"])
    dues = [first_due(shop, NOON, number, 300, SHANGHAI) for number in range(300)]
    assert (dues[0], dues[-1]) == (NOON + timedelta(hours=2.4), NOON + 30 * DAY)
    assert {after - before for before, after in pairwise(dues)} == {timedelta(hours=2.4)}


def test_an_inspection_is_waiting_then_due_then_overdue_with_the_names_of_who_was_in_charge() -> None:
    with street() as city:
        assert city.align() == 3
        assert city.align() == 0, "nothing is made twice"
        row = city.row("shop-2")
        assert (row.due, row.opens, row.grid) == (NOON + 20 * DAY, NOON + 15 * DAY, EAST), "the grid by its outline"
        assert row.state is InspectionState.WAITING
        city.at(row.opens)
        assert city.row("shop-2").state is InspectionState.DUE
        city.at(row.due - timedelta(seconds=1))
        assert city.row("shop-2").state is InspectionState.DUE
        city.at(row.due)
        assert city.row("shop-2").state is InspectionState.OVERDUE
        (told,) = city.store.read(lambda r: r.audit_about([f"inspection:{row.id}"]))[-1:]
        assert (told.action, told.detail["name"], told.detail["people"]) == ("overdue", "二号旅馆", ["wang", "zhou"])
        assert city.store.read(lambda r: r.timers_due(NOON + 900 * DAY, kinds=("inspection",))) == [], "told once"


def test_a_done_inspection_is_followed_by_the_next_one_a_period_after_it() -> None:
    with street() as city:
        city.align()
        city.at(NOON + 3 * DAY)
        done = city.inspect("shop-1", note="都好")
        assert (done.state, done.done_by, done.distance_m, done.was_late) == (InspectionState.DONE, "wang", 0.0, False)
        assert [one.found for one in done.findings] == [Found.OK] * 3
        following = city.row("shop-1")
        assert (following.due, following.state) == (NOON + 33 * DAY, InspectionState.WAITING)
        assert city.align() == 0
        city.at(NOON + 34 * DAY)
        late = city.inspect("shop-1", seen_at=city.now - timedelta(hours=20))
        assert (late.was_late, late.overdue_at) == (True, NOON + 33 * DAY)


def test_an_inspection_filled_in_without_network_before_it_was_due_is_not_late() -> None:
    with street() as city:
        city.align()
        row = city.row("shop-2")
        city.at(row.due + timedelta(hours=5))
        done = city.inspect("shop-2", seen_at=row.due - timedelta(hours=1))
        assert (done.was_late, done.overdue_at) == (False, row.due)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"metres": 101.0}, "inspection.far"),
        ({"accuracy_m": 140.0}, "inspection.inaccurate"),
        ({"seen_at": NOON + timedelta(minutes=3)}, "inspection.ahead"),
        ({"seen_at": NOON - timedelta(hours=49)}, "inspection.old"),
        ({"found": {"exit": Found.OK}}, "inspection.missing"),
        ({"found": {"exit": Found.OK, "gas": Found.OK, "sign": Found.OK, "door": Found.OK}}, "inspection.item"),
        ({"found": {}}, "inspection.empty"),
        ({"hazards": {"gas": "软管老化"}}, "inspection.photo"),
    ],
)
def test_what_does_not_prove_presence_or_lacks_an_answer_is_refused_and_changes_nothing(
    changes: dict[str, object], key: str
) -> None:
    with street() as city:
        city.align()
        before = city.row("shop-1")
        if "metres" in changes:
            changes = {"position": city.north_of("shop-1", 101.0)}
        with pytest.raises(InputRejected) as refused:
            city.inspect("shop-1", **changes)  # type: ignore[arg-type]
        assert refused.value.key == key
        assert " / " in str(refused.value), "in both languages: the phone shows it"
        assert city.row("shop-1") == before
        assert city.store.read(lambda reader: reader.events()) == []


def test_a_hundred_metres_away_is_near_enough_and_only_who_works_tasks_may_inspect() -> None:
    with street() as city:
        city.align()
        done = city.inspect("shop-1", position=city.north_of("shop-1", 99.0))
        assert done.distance_m == pytest.approx(99.0, abs=0.2)
        with pytest.raises(Forbidden):
            city.inspect("shop-2", Actor("li", Role.OPERATOR))
        place = city.settings.inspections.by_id["shop-1"]
        unknown = Filled("shop-9", NOON, place.location, 5.0, {"exit": Found.OK})
        with pytest.raises(NotFound, match="no place 'shop-9'"):
            city.store.write(lambda writer: submit(writer, unknown, WANG, NOON, city.settings, Roads()))


def test_a_hazard_opens_an_event_with_a_deadline_for_the_grids_people_and_closes_by_a_re_check_of_another_person() -> (
    None
):
    with street() as city:
        city.align()
        done = city.inspect("shop-1", hazards={"exit": "货架堵住后门"})
        (finding,) = done.hazards
        assert finding.event is not None
        number = finding.event
        event = city.store.read(lambda reader: reader.event(number))
        assert (event.title, event.state, event.origin) == (
            "一号面馆 · 安全出口畅通",
            EventState.DISPATCHED,
            "inspection",
        )
        assert (event.priority, event.lead, event.description) == ("P2", "g-12", "货架堵住后门")
        clock = event.clock(ClockName.HANDLING)
        assert clock is not None
        assert clock.limit_s == 86_400.0, "the item's limit, not the category's three days"
        (row,) = city.rechecks("shop-1")
        assert (row.state, row.due, row.event_id) == (InspectionState.DUE, clock.due, number)

        with pytest.raises(Forbidden) as own:
            city.inspect("shop-1", WANG, rechecks={number: True})
        assert own.value.key == "inspection.own_recheck"

        city.at(NOON + timedelta(hours=3))
        with pytest.raises(IllegalMove):  # it was seen before anybody had found it
            city.inspect("shop-1", ZHOU, rechecks={number: True}, seen_at=NOON - timedelta(hours=1))
        checked = city.inspect("shop-1", ZHOU, rechecks={number: True})
        assert (checked.done_by, checked.event_id) == ("zhou", number)
        event = city.store.read(lambda reader: reader.event(number))
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        assert (event.state, task.state, task.verified_by) == (EventState.CLOSED, TaskState.CLOSED, "zhou")
        assert city.rechecks("shop-1") == []
        assert city.row("shop-1").due == NOON + 30 * DAY, "a re-check is no inspection"
        with pytest.raises(IllegalMove) as over:
            city.inspect("shop-1", LUO, rechecks={number: True})
        assert over.value.key == "inspection.no_recheck"


def test_who_set_it_right_does_not_check_it_and_what_is_still_there_is_done_again() -> None:
    with street() as city:
        city.align()
        number = city.inspect("shop-1", hazards={"exit": ""}).hazards[0].event
        assert number is not None
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        for step in (tasks.accept, tasks.en_route, tasks.on_scene):
            city.store.write(lambda writer, step=step: step(writer, task.id, ZHOU, city.now))  # type: ignore[misc]
        city.store.write(lambda writer: tasks.report(writer, task.id, ZHOU, city.now, "已清", None))
        with pytest.raises(Forbidden):
            city.inspect("shop-1", ZHOU, rechecks={number: True})
        city.at(NOON + timedelta(hours=30))
        assert city.rechecks("shop-1")[0].state is InspectionState.OVERDUE
        city.inspect("shop-1", LUO, rechecks={number: False})
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        assert task.state is TaskState.REWORK
        (again,) = city.rechecks("shop-1")
        assert (again.state, again.due) == (InspectionState.DUE, city.now + DAY)
        city.inspect("shop-1", LUO, rechecks={number: True})
        assert city.store.read(lambda reader: reader.event(number)).state is EventState.CLOSED


def test_the_same_hazard_within_seven_days_is_linked_to_the_earlier_event_and_later_is_a_new_one() -> None:
    with street() as city:
        city.align()
        first = city.inspect("shop-1", hazards={"exit": ""}).hazards[0].event
        assert first is not None
        city.at(NOON + DAY)
        again = city.inspect("shop-1", ZHOU, hazards={"exit": "还是堵着"}).hazards[0]
        assert (again.event, again.again) == (first, first), "still open: no second event"
        city.inspect("shop-1", LUO, rechecks={first: True})
        city.at(NOON + 7 * DAY)
        second = city.inspect("shop-1", hazards={"exit": ""}).hazards[0]
        assert second.event != first
        assert second.event is not None
        assert second.again == first
        assert city.store.read(lambda reader: reader.event(second.event)).recurs == first  # type: ignore[arg-type]
        neighbour = city.inspect("shop-2", hazards={"exit": ""}).hazards[0]
        assert neighbour.again is None, "another place's hazard is another matter"
        city.inspect("shop-1", LUO, rechecks={second.event: True})
        city.at(NOON + 15 * DAY)
        third = city.inspect("shop-1", hazards={"exit": ""}).hazards[0]
        assert third.again is None


def test_a_returned_task_and_one_that_nobody_has_are_closed_by_the_re_check_as_well() -> None:
    with street() as city:
        city.align()
        number = city.inspect("shop-1", hazards={"exit": ""}).hazards[0].event
        assert number is not None
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        city.store.write(lambda w: case_work.give_back(w, task.id, ZHOU, city.now, "不归我们管"))
        assert city.store.read(lambda reader: reader.event(number)).state is EventState.JUDGING
        city.inspect("shop-1", LUO, rechecks={number: True})
        assert city.store.read(lambda reader: reader.event(number)).state is EventState.CLOSED


def test_a_hazard_where_no_unit_is_waits_as_a_draft_with_its_deadline_running() -> None:
    away = {"id": "far", "name": "远处", "type": "shop", "location": {"lon": 106.6, "lat": 29.6}}
    with street(configured(places=[away])) as city:
        city.align()
        number = city.inspect("far", hazards={"exit": ""}).hazards[0].event
        assert number is not None
        event = city.store.read(lambda reader: reader.event(number))
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        assert (event.state, task.state) == (EventState.DISPATCHED, TaskState.DRAFT)
        city.inspect("far", LUO, rechecks={number: True})
        assert city.store.read(lambda reader: reader.event(number)).state is EventState.CLOSED


def test_a_photo_is_kept_with_the_inspection_and_its_event() -> None:
    with street() as city:
        city.align()
        photo = Evidence("ab" * 32, "2026/a.jpg", "image/jpeg", NOON, 900, "inspection:shop-1")
        done = city.inspect("shop-1", hazards={"gas": "软管老化"}, photo=photo)
        assert done.photo == photo.id
        assert city.store.read(lambda r: r.event(done.hazards[0].event)).photo == photo.id  # type: ignore[arg-type]


def test_places_that_go_or_change_their_type_or_name_are_followed_and_nothing_that_was_done_is_lost() -> None:
    with street() as city:
        city.align()
        city.inspect("shop-1")
        old, row = city.row("gate-1"), city.row("shop-2")
        places = [{**BOOK["places"][0], "name": "新一号面馆"}, {**BOOK["places"][1], "type": "gate"}]
        city.settings = configured(places=places)
        assert city.align() == 4
        assert city.row("shop-1").name == "新一号面馆"
        assert (city.row("shop-2").type, city.row("shop-2").id != row.id) == ("gate", True)
        gone = city.store.read(lambda reader: reader.inspection(old.id))
        assert gone.state is InspectionState.DROPPED
        assert len(city.store.read(lambda r: r.inspections_done(NOON - DAY, NOON + DAY))) == 1


def test_an_event_that_ends_otherwise_needs_no_re_check_any_more() -> None:
    with street() as city:
        city.align()
        number = city.inspect("shop-1", hazards={"exit": ""}).hazards[0].event
        assert number is not None
        (task,) = city.store.read(lambda reader: tasks_of(reader, number))
        for step in (tasks.accept, tasks.en_route, tasks.on_scene):
            city.store.write(lambda writer, step=step: step(writer, task.id, ZHOU, city.now))  # type: ignore[misc]
        city.store.write(lambda writer: tasks.report(writer, task.id, ZHOU, city.now, "已清", None))
        chen = Actor("chen", Role.DUTY_OFFICER)
        city.store.write(lambda writer: tasks.verify(writer, task.id, chen, city.now, "看过照片"))
        assert city.align() == 1
        assert city.rechecks("shop-1") == []


def test_where_a_grid_has_nobody_the_people_of_the_unit_above_inspect_and_see_to_its_hazards() -> None:
    with street() as city:
        empty = "500105007003013"
        city.store.write(lambda w: w.put_unit(Unit("community", UnitKind.COMMUNITY, "望江社区", people=("luo",))))
        city.store.write(lambda w: w.put_unit(Unit("g-13", UnitKind.GRID, "第13网格", parent="community", code=empty)))
        charge = city.store.read(lambda reader: in_charge(reader, city.settings))
        assert (charge.people(empty), charge.unit(empty), charge.name(empty)) == (("luo",), "community", "第13网格")
        assert charge.grids_of("luo") == {empty}
        assert charge.grids_of("wang") == {EAST}
        assert charge.people("500105007003099") == ()
        home = ResponderSettings(id="hu", name="胡敏", grid="500105007003099")
        at_home = in_charge_of(city.store, city.settings.model_copy(update={"responders": (home,)}))
        assert at_home.people("500105007003099") == ("hu",)
        assert at_home.people(EAST) == ("wang", "zhou")


def in_charge_of(store: Store, settings: Settings) -> InCharge:
    return store.read(lambda reader: in_charge(reader, settings))
