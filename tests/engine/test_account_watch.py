"""Accounts are followed by the clock's process: tasks go on, and what ended long ago is removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import raise_alert
from data.model.alert import AlertKey, Priority, Raised
from data.model.people import CONSOLE, AccountCode, Role, Session, User
from data.model.record import Change
from data.model.task import EventState, Task
from data.ports.store import Store, Writer
from dispatch.responders import sync_responders
from dispatch.tasks import accept, dispatch
from engine.reactions.account_watch import LEAVING, RETRY_S, AccountWatch, EndedSessions
from tests.dispatch.city import LI, NEAR, City, opened_city
from web.account_steps import disable


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with opened_city(tmp_path) as city:
        yield city


def watch(city: City) -> AccountWatch:
    return AccountWatch(city.store, city.settings, city.roads)


def test_an_account_that_is_disabled_anywhere_has_its_tasks_reassigned_once(city: City) -> None:
    task = city.dispatch(city.alert())
    city.step(accept, task, NEAR)
    watch(city).poll(city.now)
    assert city.task(task).responder == "near"
    city.do(lambda writer: disable(writer, CONSOLE, "near", city.now))
    watch(city).poll(city.now)
    watch(city).poll(city.now)
    assert city.task(task).offered_to == "middle"
    assert [action for action, _ in city.trail(f"task:{task.id}")].count("reassign") == 1


def test_a_responder_taken_out_of_the_configuration_has_tasks_reassigned_at_the_next_start(city: City) -> None:
    task = city.dispatch(city.alert())
    city.step(accept, task, NEAR)
    others = tuple(who for who in city.settings.responders if who.id != "near")
    smaller = city.settings.model_copy(update={"responders": others})
    city.do(lambda writer: sync_responders(writer, smaller, city.now))
    AccountWatch(city.store, smaller, city.roads).poll(city.now)
    assert city.task(task).offered_to == "middle"


def test_a_change_of_a_user_who_is_gone_or_never_was_stops_nothing(city: City) -> None:
    task = city.dispatch(city.alert())
    city.step(accept, task, NEAR)
    city.do(lambda writer: writer.publish(Change("account", "user:nobody", city.now, {})))
    city.do(lambda writer: disable(writer, CONSOLE, "near", city.now))
    watch(city).poll(city.now)
    assert city.task(task).offered_to == "middle", "the change after it was seen"


def in_hand(city: City, count: int) -> list[Task]:
    """So many accepted tasks of `near`, as somebody has who took over a colleague's."""

    def take_over(writer: Writer) -> list[Task]:
        tasks = []
        for number in range(count):
            key = AlertKey("gate-3", "parking", "lane", str(number))
            alert = raise_alert(writer, Raised(key, "dwell", Priority.P3, city.now, city.now), None, city.now)
            assert alert is not None
            task = dispatch(writer, alert.id, LI, city.now, roads=city.roads, settings=city.settings, responder="near")
            task = accept(writer, task.id, NEAR, city.now)
            tasks.append(writer.save_task(replace(task, responder="colleague")))
        return [writer.save_task(replace(task, responder="near")) for task in tasks]

    return city.do(take_over)


def test_one_task_that_cannot_be_reassigned_stops_none_of_the_others_and_is_tried_again(
    city: City, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A trigger of the database stands for whatever goes wrong with one task."""
    tasks = in_hand(city, 3)
    broken = tasks[1]
    database = sqlite3.connect(tmp_path / "city.db")
    database.execute(
        f"CREATE TRIGGER broken BEFORE UPDATE ON tasks WHEN OLD.id = {broken.id} "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
    database.commit()
    city.do(lambda writer: disable(writer, CONSOLE, "near", city.now))
    steady_s = 10.0
    watching = AccountWatch(city.store, city.settings, city.roads, lambda: steady_s)
    for _ in range(3):
        watching.poll(city.now)
    assert [city.task(task).responder for task in tasks] == [None, "near", None]
    assert city.store.read(lambda reader: reader.event(broken.event_id)).state is EventState.DISPATCHED
    assert "reassign" not in [action for action, _ in city.trail(f"task:{broken.id}")], "nothing is half done"
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    database.execute("DROP TRIGGER broken")
    database.commit()
    database.close()
    steady_s += RETRY_S
    watching.poll(city.now)
    assert city.task(broken).responder is None
    watching.poll(city.now)
    assert city.store.read(lambda reader: reader.value(LEAVING)) == []


def test_all_tasks_of_an_account_are_reassigned_however_many(city: City) -> None:
    tasks = in_hand(city, 103)
    city.do(lambda writer: disable(writer, CONSOLE, "near", city.now))
    watch(city).poll(city.now)
    assert [task.id for task in tasks if city.task(task).responder == "near"] == []


def sessions_of(store: Store) -> list[str]:
    return [key for key in ("live", "endless", "fresh", "over", "revoked", "link") if session(store, key)]


def session(store: Store, key: str) -> Session | None:
    return store.read(lambda reader: reader.session(key))


def test_what_ended_long_ago_is_removed_and_what_counts_still_stays(city: City) -> None:
    def fill(writer: Writer) -> None:
        writer.add_user(User("li", Role.OPERATOR))
        made = city.now - timedelta(days=100)
        spans = {"live": 101, "fresh": 80, "over": 60}
        for key, days in spans.items():
            writer.add_session(Session(key, "li", made, made + timedelta(days=days)))
        writer.add_session(Session("endless", "li", made, None, kind="token"))
        writer.add_session(Session("revoked", "li", made, None, kind="token"))
        writer.revoke_session("revoked", city.now - timedelta(days=32))
        for number in range(1100):
            writer.add_session(Session(f"old-{number}", "li", made, made, kind="second_factor"))
        for key, days in (("used", 8), ("late", 8), ("new", 6)):
            at = city.now - timedelta(days=days)
            writer.add_account_code(AccountCode(key, "li", "reset", at, at, "admin"))

    city.do(fill)
    steady_s = 10.0
    ended = EndedSessions(city.store, lambda: steady_s)
    assert [ended.poll(city.now) for _ in range(4)] == [500, 500, 104, 0]
    assert sessions_of(city.store) == ["live", "endless", "fresh"]
    read = city.store.read
    assert read(lambda reader: reader.account_code("used")) is None
    assert read(lambda reader: reader.account_code("late")) is None
    assert read(lambda reader: reader.account_code("new")) is not None
    began = city.now - timedelta(days=90)
    city.do(lambda writer: writer.add_session(Session("old", "li", began, began + timedelta(days=10))))
    assert ended.poll(city.now) == 0, "not every second"
    steady_s += 600
    assert ended.poll(city.now) == 1
