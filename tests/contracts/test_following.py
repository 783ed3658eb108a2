"""A follower sees each change of its topics once, and one that is new begins with what is fresh."""

from __future__ import annotations

from datetime import timedelta

import pytest

from data.model.record import Change
from data.ports.store import Store, Writer
from data.stored.following import Follower, first_since
from tests.contracts.samples import after

WATCHER = Follower("test:place", ("alert", "task"), timedelta(seconds=60))


def tell(store: Store, topic: str, number: int, at_s: float) -> None:
    store.write(lambda writer: writer.publish(Change(topic, f"{topic}:{number}", after(at_s), {"n": number})))


def taken(store: Store, at_s: float, limit: int = 100) -> list[int]:
    return store.write(lambda writer: [int(c.payload["n"]) for c in WATCHER.take(writer, after(at_s), limit)])


def test_only_its_topics_in_order_and_each_once(store: Store) -> None:
    for number, topic in enumerate(("alert", "reading", "task", "position", "alert")):
        tell(store, topic, number, number)
    assert store.read(WATCHER.is_behind)
    assert taken(store, 10.0, limit=2) == [0, 2]
    assert taken(store, 10.0) == [4]
    assert not store.read(WATCHER.is_behind)
    tell(store, "reading", 5, 11.0)
    assert not store.read(WATCHER.is_behind)
    tell(store, "task", 6, 12.0)
    assert taken(store, 13.0) == [6]


def test_what_was_taken_by_work_that_failed_comes_again(store: Store) -> None:
    tell(store, "alert", 1, 0.0)

    def fail(writer: Writer) -> None:
        assert WATCHER.take(writer, after(1.0), 10)
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        store.write(fail)
    assert taken(store, 1.0) == [1]


def test_a_new_follower_begins_with_what_is_fresh_and_keeps_its_place_when_it_was_away(store: Store) -> None:
    for number in range(9):
        tell(store, "alert", number, number * 60.0)
    assert taken(store, 8 * 60.0) == [7, 8]
    tell(store, "alert", 9, 600.0)
    assert taken(store, 1e6) == [9]


def test_a_new_follower_of_a_quiet_store_sees_only_what_comes(store: Store) -> None:
    tell(store, "alert", 1, 0.0)
    assert taken(store, 3600.0) == []
    tell(store, "alert", 2, 0.0)
    assert taken(store, 3600.0) == [2]


def test_the_first_change_since_a_moment_is_found_at_both_ends(store: Store) -> None:
    for number in range(5):
        tell(store, "reading", number, number * 10.0)
    moments = [after(s) for s in (-1.0, 0.0, 20.0, 40.0, 41.0)]
    found = store.read(lambda reader: [first_since(reader, moment) for moment in moments])
    first = store.read(lambda reader: reader.changes(0, 1)[0].seq)
    assert [number - first + 1 for number in found] == [0, 0, 2, 4, 5]
