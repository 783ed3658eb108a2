"""Readings in the store: 5,000 a second stored durably, and the last hour of 20 gauges out of ten million.

python -m bench.readings rate --seconds 60
python -m bench.readings history --readings 10000000
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.machine import cores, processor
from data.model.observation import Reading
from data.ports.store import Reader, Store, Writer
from data.sql.store import open_store

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
GAUGES = 20
PER_SECOND = 5000
UNIT = 500  # as many as the sensors' process commits together
HOUR = timedelta(hours=1)
FILL = """
WITH RECURSIVE minutes(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM minutes WHERE n + 1 < ?),
gauges(g) AS (SELECT 0 UNION ALL SELECT g + 1 FROM gauges WHERE g + 1 < ?)
INSERT INTO readings (site, monitor, quantity, at, value, quality)
SELECT 'gauge-' || g, 'stage', 'water_level', strftime('%Y-%m-%d %H:%M:%S.000000', '2024-01-01', n || ' minutes'),
       180 + (n % 500) / 100.0, 'good'
FROM minutes, gauges ORDER BY n, g
"""


NEWEST = """
INSERT INTO newest_readings (site, monitor, quantity, at, value, quality, corrections)
SELECT site, monitor, quantity, max(at), value, quality, 0 FROM readings GROUP BY site, monitor, quantity
"""


@dataclass(frozen=True)
class Sustained:
    """`late_s`: how long after its second the last unit was durable. `p99_ms`: from handing in to durable."""

    readings: int
    stored: int
    late_s: float
    p50_ms: float
    p99_ms: float


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def sustained(path: Path, seconds: float, per_second: int = PER_SECOND) -> Sustained:
    """Hand in units at an even pace for so long; count what a store opened afterwards finds."""
    units = round(seconds * per_second / UNIT)
    waits: list[float] = []
    with closing(open_store(path)) as store:
        began_s = time.monotonic()
        for number in range(units):
            time.sleep(max(0.0, began_s + number * UNIT / per_second - time.monotonic()))
            future = store.submit(partial(_add, readings=_unit(number)))
            future.add_done_callback(partial(_note, waits, time.monotonic()))
        future.result(60)
        late_s = time.monotonic() - began_s - units * UNIT / per_second
    with closing(open_store(path)) as store:
        stored = sum(len(found) for found in store.read(_everything))
    waits_ms = [wait * 1000 for wait in waits]
    return Sustained(units * UNIT, stored, late_s, quantile(waits_ms, 0.5), quantile(waits_ms, 0.99))


def _unit(number: int) -> list[Reading]:
    times = [BEGAN + timedelta(milliseconds=number * 1000 + step) for step in range(UNIT // GAUGES)]
    return [Reading(f"gauge-{g}", "stage", "water_level", 181.0, at) for at in times for g in range(GAUGES)]


def _add(writer: Writer, readings: list[Reading]) -> int:
    return writer.add_readings(readings)


def _note(waits: list[float], handed_in_s: float, future: Future[int]) -> None:
    assert future.result() == UNIT
    waits.append(time.monotonic() - handed_in_s)


def _everything(reader: Reader) -> list[list[Reading]]:
    until = BEGAN + timedelta(days=1)
    return [list(reader.readings(f"gauge-{g}", since=BEGAN, until=until, limit=10**9)) for g in range(GAUGES)]


def fill(path: Path, readings: int) -> datetime:
    """Twenty gauges, a reading a minute each, put in as they would come; the time after the last."""
    open_store(path).close()
    minutes = readings // GAUGES
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, minutes, 20_000):
            with connection:
                connection.execute(FILL, (first, min(first + 20_000, minutes), GAUGES))
        with connection:
            connection.execute(NEWEST)
        (count,) = connection.execute("SELECT count(*) FROM readings").fetchone()
        assert count == minutes * GAUGES
    return BEGAN + timedelta(minutes=minutes)


def last_hour(store: Store, until: datetime) -> int:
    """Of all twenty gauges in one look; how many readings."""

    def look(reader: Reader) -> int:
        since = until - HOUR
        return sum(len(reader.readings(f"gauge-{g}", "water_level", since=since, until=until)) for g in range(GAUGES))

    return store.read(look)


def looks_ms(path: Path, until: datetime, looks: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """How long each look for the last hour took; by `time.thread_time` where others use the processor, too."""
    taken = []
    with closing(open_store(path)) as store:
        for _ in range(looks):
            began_s = clock()
            assert last_hour(store, until) == GAUGES * 60
            taken.append((clock() - began_s) * 1000)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rate", "history"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readings", type=int, default=10_000_000)
    args = parser.parse_args()
    print(f"{processor()}, {cores()} cores")
    with tempfile.TemporaryDirectory(prefix="yiping-readings-") as folder:
        path = Path(folder) / "yiping.db"
        if args.what == "rate":
            found = sustained(path, args.seconds)
            print(found)
            return 0 if found.stored == found.readings and found.late_s <= 1 else 1
        began_s = time.monotonic()
        until = fill(path, args.readings)
        size = path.stat().st_size / 1e9
        print(f"{args.readings} readings put in in {time.monotonic() - began_s:.0f} s, {size:.1f} GB")
        taken = looks_ms(path, until, 200)
        p50, p95 = quantile(taken, 0.5), quantile(taken, 0.95)
        print(f"last hour of {GAUGES} gauges ({GAUGES * 60} readings): p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        return 0 if p95 <= 50 else 1


if __name__ == "__main__":
    sys.exit(main())
