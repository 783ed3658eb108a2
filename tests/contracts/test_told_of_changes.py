"""Followers are woken by commits, and by sequence they skip none, however late a transaction becomes visible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from data.model.record import Change
from data.ports.store import Store, Writer
from data.sql.store import open_store
from tests.contracts.postgres import Cluster
from tests.contracts.samples import NOON, a_change


def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("rounds", [5])
def test_a_follower_skips_no_commit_that_became_visible_late(store: Store, url: str, rounds: int) -> None:
    """One process takes its number first and commits last; the other one wants to overtake it."""
    seen: list[Change] = []

    def follow() -> None:
        after = seen[-1].seq if seen else 0
        seen.extend(store.read(lambda reader: reader.changes(after, 100)))

    with closing(open_store(url)) as slow, closing(open_store(url)) as quick:
        for number in range(rounds):
            taken, go_on = threading.Event(), threading.Event()

            def first(
                writer: Writer, number: int = number, taken: threading.Event = taken, go_on: threading.Event = go_on
            ) -> None:
                writer.publish(Change("alert", str(2 * number), NOON, {}))
                taken.set()
                assert go_on.wait(10)

            def second(writer: Writer, number: int = number) -> None:
                writer.publish(Change("alert", str(2 * number + 1), NOON, {}))

            late = slow.submit(first)
            assert taken.wait(10)
            after = quick.submit(second)
            for _ in range(20):
                follow()  # between the two: neither may be seen without the other before it
                time.sleep(0.005)
            assert not after.done()
            go_on.set()
            late.result(10)
            after.result(10)
            follow()
    assert [int(change.subject) for change in seen] == [*range(2 * rounds)]


def test_sqlite_tells_of_nothing_and_postgresql_of_every_commit(store: Store, url: str, database: str) -> None:
    woken = threading.Semaphore(0)
    assert store.tell_of_changes(woken.release) is (database == "postgresql")
    if database == "sqlite":
        return
    assert woken.acquire(timeout=10), "once it listens"
    with closing(open_store(url)) as other:
        for _ in range(3):
            while woken.acquire(blocking=False):
                pass
            begun = time.monotonic()
            other.write(lambda writer: writer.publish(a_change()))
            assert woken.acquire(timeout=10)
            assert time.monotonic() - begun < 1.0


@pytest.mark.server
def test_after_a_lost_connection_followers_are_woken_and_told_again(cluster: Cluster) -> None:
    url = cluster.new_database()
    woken = threading.Semaphore(0)
    with closing(open_store(url)) as store:
        store.tell_of_changes(woken.release)
        assert woken.acquire(timeout=10)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yiping listener' "
                "AND datname = current_database()"
            )
        assert woken.acquire(timeout=10), "one may have been missed"
        until(lambda: not woken.acquire(blocking=False))
        store.write(lambda writer: writer.publish(a_change()))
        assert woken.acquire(timeout=10)
