"""Timers of one kind, however many or broken, hold up no timer of another kind; what nobody ends is an alarm."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from data.errors import NotFound
from data.model.record import Timer
from data.ports.store import AlertQuery, Store, Writer
from data.sql.store import open_store
from engine.reactions.timers import AGAIN_AFTER, Due, Timers, alarm_of
from tests.contracts.samples import NOON, after

EARLIER = after(-3600)


def add(store: Store, kind: str, number: int, due: datetime = EARLIER) -> None:
    store.write(lambda writer: [writer.add_timer(Timer(kind, n, due)) for n in range(number)])


def finishing(ended: list[int]) -> Due:
    def work(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        return sum(one(writer, now, timer) for timer in timers or ())

    def one(writer: Writer, now: datetime, timer: Timer) -> bool:
        ended.append(timer.subject)
        return writer.finish_timer(timer.id, now)

    return work


def open_alarms(store: Store) -> list[str]:
    alerts = store.read(lambda reader: reader.alerts(AlertQuery(site="centre", open_only=True)))
    return sorted(alert.key.subject for alert in alerts if alert.kind == "timers")


def test_1500_overdue_timers_of_an_unknown_kind_do_not_hold_up_an_offer(store: Store) -> None:
    ended: list[int] = []
    add(store, "nonsense", 1500)
    store.write(lambda writer: writer.add_timer(Timer("offer", 7, NOON)))
    Timers(store, {"offer": finishing(ended)}).poll(after(1))
    assert ended == [7]
    assert open_alarms(store) == ["nonsense"]


def test_the_alarm_about_an_unknown_kind_is_raised_once_and_ends_with_its_timers(store: Store) -> None:
    add(store, "nonsense", 2)
    timers = Timers(store, {"offer": finishing([])})
    timers.poll(after(1))
    timers.poll(after(2))
    assert len(store.read(lambda reader: reader.alerts(AlertQuery(site="centre")))) == 1
    for subject in range(2):
        store.write(lambda writer, n=subject: writer.finish_timers_of("nonsense", n, NOON))  # type: ignore[misc]
    timers.poll(after(3))
    assert open_alarms(store) == []


def test_an_unknown_kind_that_is_not_due_yet_raises_no_alarm(store: Store) -> None:
    add(store, "nonsense", 1, due=after(60))
    timers = Timers(store, {"offer": finishing([])})
    timers.poll(after(1))
    assert open_alarms(store) == []
    timers.poll(after(61))
    assert open_alarms(store) == ["nonsense"]


def test_each_kind_is_asked_for_by_itself_and_bounded(store: Store) -> None:
    seen: list[tuple[str, int]] = []

    def noting(kind: str) -> Due:
        def work(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
            assert timers is not None
            seen.append((kind, len(timers)))
            assert {timer.kind for timer in timers} == {kind}
            return sum(writer.finish_timer(timer.id, now) for timer in timers)

        return work

    add(store, "a", 50)
    add(store, "b", 3)
    Timers(store, {"a": noting("a"), "b": noting("b")}).poll(after(1))
    assert seen == [("a", 20), ("a", 20), ("a", 10), ("b", 3)]


def test_one_broken_timer_is_put_off_and_named_and_those_behind_it_end(store: Store) -> None:
    ended: list[int] = []
    sound = finishing(ended)

    def broken(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
        if any(timer.subject == 1 for timer in timers or ()):
            raise NotFound("no offer 1")
        return sound(writer, now, timers)

    add(store, "offer", 4)
    add(store, "upkeep", 1)
    timers = Timers(store, {"offer": broken, "upkeep": finishing(ended)})
    timers.poll(after(1))
    assert sorted(ended) == [0, 0, 2, 3]
    assert open_alarms(store) == ["offer"]
    assert store.read(lambda reader: reader.timers_due(after(1))) == []
    (put_off,) = store.read(lambda reader: reader.timers_due(after(1) + AGAIN_AFTER))
    assert put_off.subject == 1
    timers = Timers(store, {"offer": finishing(ended)})  # the next version knows what to do
    timers.poll(after(2) + AGAIN_AFTER)
    assert ended[-1] == 1
    timers._settled_at = NOON
    timers.poll(after(3) + AGAIN_AFTER)
    assert open_alarms(store) == []


def test_waiting_kinds_are_named_in_order_without_those_that_are_done(store: Store) -> None:
    add(store, "b", 3)
    add(store, "a", 2, due=NOON + timedelta(days=1))
    add(store, "c", 1)
    store.write(lambda writer: writer.finish_timers_of("c", 0, NOON))
    assert list(store.read(lambda reader: reader.waiting_timer_kinds())) == ["a", "b"]
    assert list(store.read(lambda reader: reader.waiting_timer_kinds(1))) == ["a"]


def test_due_timers_of_a_kind_are_found_by_the_index_of_waiting_timers(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    open_store(path).close()
    asked = "SELECT * FROM timers WHERE done_at IS NULL AND due_at <= '2024' AND kind IN ('a')"
    with closing(sqlite3.connect(path)) as connection:
        (step,) = connection.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
    assert "USING INDEX ix_timers_waiting (kind=? AND due_at<?)" in step[-1]


@pytest.mark.parametrize("kind", ["nonsense", "offer"])
def test_the_key_of_the_alarm_names_the_kind(kind: str) -> None:
    assert alarm_of(kind) == ("centre", "timers", "", kind)
