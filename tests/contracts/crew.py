"""What the contract tests run in processes of their own. Everything here can be imported by a fresh interpreter."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from data.errors import IllegalMove
from data.ports.store import Store, Writer
from data.sql.store import open_store
from tests.contracts.samples import NOON, a_change, after, an_alert, an_entry


def race(url: str, threads: int, ready: Barrier, won: Connection, work: Callable[[Store, int], bool]) -> None:
    """Run `work` in many threads at once, together with other processes; send how many of them won."""
    store = open_store(url)
    wins: list[int] = []

    def one(number: int) -> None:
        ready.wait(60)
        if work(store, number):
            wins.append(number)

    crew = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    store.close()
    won.send(len(wins))


def raise_the_same_alert(store: Store, number: int) -> bool:
    try:
        store.write(lambda writer: writer.add_alert(replace(an_alert(), raised_at=after(number))))
    except IllegalMove:
        return False
    return True


def finish_the_same_timer(store: Store, number: int) -> bool:
    return store.write(lambda writer: writer.finish_timer(1, after(number)))


def publish_ten(store: Store, number: int) -> bool:
    """Ten changes, some in units of work of their own that fail and leave gaps in the numbers."""
    for n in range(10):
        store.write(lambda writer: writer.publish(a_change(number)))
        if n % 3 == 0:
            try_in_vain(store)
    return True


def try_in_vain(store: Store) -> None:
    def fail(writer: Writer) -> None:
        writer.publish(a_change())
        raise IllegalMove("on purpose")

    try:
        store.write(fail)
    except IllegalMove:
        return
    raise AssertionError("the unit of work must fail")


def open_and_report(url: str, ready: Barrier, done: Connection) -> None:
    """Open the same new store at the same moment as others."""
    ready.wait(60)
    store = open_store(url)
    done.send(store.read(lambda reader: reader.value("epoch")))
    store.close()


def write_until_killed(url: str, first: int, acknowledged: int) -> None:
    """Units of work of four rows each; the number of each is written to the pipe once its future has resolved."""
    store = open_store(url)
    number = first
    free = threading.Semaphore(32)

    def tell(done: int) -> Callable[[Future[None]], None]:
        def say(future: Future[None]) -> None:
            future.result()
            os.write(acknowledged, f"{done}\n".encode())
            free.release()

        return say

    while True:
        free.acquire()
        store.submit(whole_unit(number)).add_done_callback(tell(number))
        number += 1


def whole_unit(number: int) -> Callable[[Writer], None]:
    """An alert, its audit entry, its change and a timer: all of them or none."""

    def work(writer: Writer) -> None:
        alert = writer.add_alert(an_alert(str(number)))
        writer.record(an_entry("raise", f"alert:{number}"))
        writer.publish(replace(a_change(alert.id), subject=str(number), at=NOON))
        writer.put_value(f"unit-{number}", alert.id)

    return work


if __name__ == "__main__":
    import sys

    write_until_killed(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
