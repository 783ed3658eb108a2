"""Accounts are followed by the clock's process: tasks go on, and what ended long ago is removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from data.people import CONSOLE, AccountCode, Role, Session, User
from data.record import Change
from data.store import Store, Writer
from dispatch.responders import sync_responders
from dispatch.tasks import accept
from engine.account_watch import AccountWatch
from tests.dispatch.city import NEAR, City, opened_city
from web.account_steps import disable


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with opened_city(tmp_path) as city:
        yield city


def watch(city: City) -> AccountWatch:
    return AccountWatch(city.store, city.settings, city.roads)


def test_an_account_that_is_disabled_anywhere_hands_on_its_tasks_once(city: City) -> None:
    task = city.dispatch(city.alert())
    city.step(accept, task, NEAR)
    watch(city).poll(city.now)
    assert city.task(task).responder == "near"
    city.do(lambda writer: disable(writer, CONSOLE, "near", city.now))
    watch(city).poll(city.now)
    watch(city).poll(city.now)
    assert city.task(task).offered_to == "middle"
    assert [action for action, _ in city.trail(f"task:{task.id}")].count("reassign") == 1


def test_a_responder_taken_out_of_the_configuration_hands_on_tasks_at_the_next_start(city: City) -> None:
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
    assert watch(city).purge(city.now) == 1104
    assert sessions_of(city.store) == ["live", "endless", "fresh"]
    read = city.store.read
    assert read(lambda reader: reader.account_code("used")) is None
    assert read(lambda reader: reader.account_code("late")) is None
    assert read(lambda reader: reader.account_code("new")) is not None
    assert watch(city).purge(city.now) == 0
