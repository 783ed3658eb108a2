"""How fast the store is on this machine: printed, not judged (run with -s)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from data.ports.store import Store, Writer
from tests.contracts.crew import whole_unit
from tests.contracts.samples import a_change, a_reading


def a_second(count: int, work: Callable[[], object]) -> float:
    """How many of `count` things were done in a second."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def test_what_is_written_durably_in_a_second_is_told_and_all_there(store: Store) -> None:
    def publish(writer: Writer) -> object:
        return writer.publish(a_change())

    def all_at_once(units: list[Callable[[Writer], object]]) -> None:
        for future in [store.submit(unit) for unit in units]:
            future.result(60)

    batch = [a_reading(1.0, at_s=n) for n in range(5000)]
    told = {
        "changes one by one": a_second(100, lambda: [store.write(publish) for _ in range(100)]),
        "changes together": a_second(1000, partial(all_at_once, [publish] * 1000)),
        "alerts with audit and change together": a_second(
            500, partial(all_at_once, [whole_unit(n) for n in range(500)])
        ),
        "readings in a batch": a_second(5000, lambda: store.write(lambda writer: writer.add_readings(batch))),
        "looks for the last change": a_second(200, lambda: [store.read(lambda r: r.last_change()) for _ in range(200)]),
    }
    print("".join(f"\n{rate:10,.0f} /s  {what}" for what, rate in told.items()))
    assert store.read(lambda reader: reader.last_change()) == 1600
    assert store.read(lambda reader: len(reader.readings("dip-1", since=batch[0].at, until=batch[-1].at))) == 4999
