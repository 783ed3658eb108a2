"""The Store's contract when many threads, processes and accidents meet."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.errors import IllegalMove, StoreClosed
from data.model.record import Timer, broken_link
from data.ports.store import AlertQuery, Store, Writer
from data.sql.store import open_store
from tests.contracts import crew
from tests.contracts.samples import NOON, a_change, a_responder, an_alert, an_offer

SPAWN = multiprocessing.get_context("spawn")
PROCESSES, THREADS = 3, 16


def nap() -> None:
    time.sleep(0.05)


def race(
    url: str, work: Callable[[Store, int], bool], while_running: Callable[[], None] = nap, threads: int = THREADS
) -> int:
    """How many of all threads of all processes won."""
    ready = SPAWN.Barrier(PROCESSES * threads)
    ends = [SPAWN.Pipe() for _ in range(PROCESSES)]
    children = [SPAWN.Process(target=crew.race, args=(url, threads, ready, theirs, work)) for _, theirs in ends]
    for child in children:
        child.start()
    while any(child.is_alive() for child in children):
        while_running()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    return sum(ours.recv() for ours, _ in ends)


def test_of_48_racing_threads_in_3_processes_one_opens_the_alert(url: str) -> None:
    assert race(url, crew.raise_the_same_alert) == 1
    store = open_store(url)
    assert len(store.read(lambda reader: reader.alerts(AlertQuery()))) == 1
    store.close()


def test_of_48_racing_threads_in_3_processes_one_finishes_the_timer(url: str) -> None:
    store = open_store(url)
    store.write(lambda writer: writer.add_timer(Timer("offer", 1, NOON)))
    assert race(url, crew.finish_the_same_timer) == 1
    store.close()


def test_who_follows_the_changes_by_their_numbers_misses_none(url: str) -> None:
    store = open_store(url)
    seen: list[int] = []

    def follow() -> None:
        seen.extend(change.seq for change in store.read(lambda reader: reader.changes(seen[-1] if seen else 0)))
        time.sleep(0.001)

    assert race(url, crew.publish_ten, follow, threads=6) == PROCESSES * 6
    follow()
    everything = [change.seq for change in store.read(lambda reader: reader.changes(0, limit=10_000))]
    assert len(everything) == PROCESSES * 6 * 10
    assert seen == everything
    store.close()


def test_processes_that_open_a_new_store_at_once_find_one_and_the_same(empty_url: str) -> None:
    ready = SPAWN.Barrier(4)
    ends = [SPAWN.Pipe() for _ in range(4)]
    children = [SPAWN.Process(target=crew.open_and_report, args=(empty_url, ready, theirs)) for _, theirs in ends]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert len({ours.recv() for ours, _ in ends}) == 1


@contextmanager
def held_up(store: Store) -> Iterator[None]:
    """Within it somebody else holds the writing thread."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(_writer: Writer) -> None:
        inside.set()
        go_on.wait(10)

    store.submit(hold)
    assert inside.wait(10)
    try:
        yield
    finally:
        go_on.set()


def held(store: Store, units: list[Callable[[Writer], object]]) -> list[Future[object]]:
    """Submit the units while another holds the writing thread, so that they share its transaction."""
    with held_up(store):
        return [store.submit(unit) for unit in units]


def test_a_failing_unit_of_work_undoes_only_itself(store: Store) -> None:
    def refused_by_us(writer: Writer) -> None:
        writer.add_alert(an_alert("b"))
        raise IllegalMove("on purpose")

    def refused_by_the_database(writer: Writer) -> None:
        writer.add_alert(an_alert("c"))
        writer.put_responder(a_responder())
        writer.add_offer(an_offer(99))

    def defect(writer: Writer) -> None:
        writer.add_alert(an_alert("d"))
        raise ZeroDivisionError

    def first(writer: Writer) -> object:
        return writer.add_alert(an_alert("a"))

    def last(writer: Writer) -> object:
        return writer.add_alert(an_alert("e"))

    futures = held(store, [first, refused_by_us, refused_by_the_database, defect, last])
    with pytest.raises(IllegalMove, match="on purpose"):
        futures[1].result(10)
    with pytest.raises(IllegalMove, match="refers to a row that is not stored"):
        futures[2].result(10)
    with pytest.raises(ZeroDivisionError):
        futures[3].result(10)
    assert [futures[n].result(10).key.subject for n in (0, 4)] == ["a", "e"]  # type: ignore[attr-defined]
    assert [alert.key.subject for alert in store.read(lambda reader: reader.alerts(AlertQuery()))] == ["e", "a"]
    assert store.read(lambda reader: list(reader.responders())) == []


def test_a_cancelled_unit_of_work_never_runs(store: Store) -> None:
    with held_up(store):
        waiting = store.submit(lambda writer: writer.publish(a_change()))
        assert waiting.cancel()
    store.write(lambda writer: writer.put_value("after", 1))
    assert store.read(lambda reader: reader.last_change()) == 0


def test_closing_commits_what_was_submitted_and_refuses_the_rest(url: str) -> None:
    store = open_store(url)
    futures = [store.submit(lambda writer: writer.publish(a_change())) for _ in range(50)]
    store.close()
    store.close()
    assert sorted(future.result(0).seq for future in futures) == list(range(1, 51))
    with pytest.raises(StoreClosed, match="the store is closed"):
        store.write(lambda writer: writer.publish(a_change()))


def test_a_unit_of_work_that_waits_for_another_is_refused_instead_of_hanging(store: Store) -> None:
    with pytest.raises(RuntimeError, match="use the writer it was given"):
        store.write(lambda _: store.write(lambda writer: writer.publish(a_change())))


def killed_while_writing(url: str, first: int, root: Path) -> list[int]:
    """The numbers that a writing process had acknowledged when it was killed."""
    command = [sys.executable, "-m", "tests.contracts.crew", url, str(first), "1"]
    child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    time.sleep(0.02 + 0.03 * (first % 7))
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait(10) == -signal.SIGKILL
    return [int(line) for line in lines if line.endswith(b"\n")]


@pytest.mark.slow
def test_ten_kills_of_a_writing_process_lose_no_acknowledged_write_and_leave_no_half(url: str, root: Path) -> None:
    acknowledged: list[int] = []
    for kill in range(10):
        acknowledged += killed_while_writing(url, 1 + kill * 100_003, root)
    store = open_store(url)
    alerts = store.read(lambda reader: reader.alerts(AlertQuery(limit=1_000_000)))
    entries = store.read(lambda reader: reader.audit(limit=1_000_000))
    changes = store.read(lambda reader: reader.changes(0, limit=1_000_000))
    stored = [alert.key.subject for alert in reversed(alerts)]
    assert len(acknowledged) >= 10
    assert {str(number) for number in acknowledged} <= set(stored)
    assert [change.subject for change in changes] == stored
    assert [entry.subject for entry in entries] == [f"alert:{number}" for number in stored]
    assert broken_link(entries) is None
    for alert in alerts[::97]:
        assert store.read(lambda reader, a=alert: reader.value(f"unit-{a.key.subject}")) == alert.id  # type: ignore[misc]
    store.write(crew.whole_unit(-1))
    store.close()
    print(f"\n{len(acknowledged)} acknowledged, {len(stored)} stored, 10 kills, 0 lost")
