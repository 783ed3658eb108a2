"""Alerts in the store: 200 a second for a minute, each a unit of work of its own, counted by a store opened afterwards.

python -m bench.alert_rate --seconds 60
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from alerts.lifecycle import raise_alert
from bench.machine import cores, processor
from bench.readings import quantile
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.ports.store import AlertQuery, Writer
from data.sql.store import open_store

BEGAN = datetime(2024, 7, 12, tzinfo=UTC)
PER_SECOND = 200
LIMIT_MS = 50.0


@dataclass(frozen=True)
class Rate:
    """`p99_ms`: from handing an alert in to when it is durable with its step, audit entry and change."""

    raised: int
    stored: int
    late_s: float
    p50_ms: float
    p99_ms: float


def alert_rate(path: Path, seconds: float, per_second: int = PER_SECOND) -> Rate:
    """Hand in alerts at an even pace for so long."""
    many = round(seconds * per_second)
    waits: list[float] = []
    lock = threading.Lock()

    def note(handed_in_s: float, _done: Future[Alert | None]) -> None:
        with lock:
            waits.append(time.monotonic() - handed_in_s)

    with closing(open_store(path)) as store:
        began_s = time.monotonic()
        futures = []
        for number in range(many):
            time.sleep(max(0.0, began_s + number / per_second - time.monotonic()))
            handed_in_s = time.monotonic()
            future = store.submit(partial(_raise, number=number))
            future.add_done_callback(partial(note, handed_in_s))
            futures.append(future)
        for future in futures:
            future.result(60)
        late_s = time.monotonic() - began_s - many / per_second
    with closing(open_store(path)) as store:
        stored = len(store.read(lambda reader: reader.alerts(AlertQuery(open_only=True, limit=many + 1))))
    waits_ms = [wait * 1000 for wait in waits]
    return Rate(many, stored, late_s, quantile(waits_ms, 0.5), quantile(waits_ms, 0.99))


def _raise(writer: Writer, number: int) -> Alert | None:
    at = BEGAN + timedelta(seconds=number / PER_SECOND)
    key = AlertKey(f"site-{number % 50}", "parked", "lane", str(number))
    priority = list(Priority)[number % 4]
    return raise_alert(writer, Raised(key, "dwell", priority, at, at, label="car", xyxy=(0.1, 0.2, 0.3, 0.4)), None, at)


def main(arguments: list[str] | None = None) -> int:
    """0 when all were stored and the 99th percentile is within the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = alert_rate(Path(folder) / "yiping.db", given.seconds)
    print(f"{processor()}, {cores()} cores")
    print(
        f"{found.raised} alerts at {PER_SECOND} a second, {found.stored} stored, {found.late_s:+.2f} s late, "
        f"p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms (at most {LIMIT_MS:.0f})"
    )
    return 0 if found.stored == found.raised and found.p99_ms <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
