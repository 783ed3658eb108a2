"""Readings in the store, short: `make readings` and `make readings-10m` run the whole length."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.readings import fill, looks_ms, quantile, sustained


@pytest.mark.slow
def test_5000_readings_a_second_are_stored_durably_for_5_seconds(tmp_path: Path) -> None:
    found = sustained(tmp_path / "yiping.db", 5)
    assert (found.readings, found.stored) == (25_000, 25_000)
    # How late it is is for `make readings` on a machine that does nothing else.


@pytest.mark.slow
def test_the_last_hour_of_20_gauges_is_found_by_index_in_50_ms(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    until = fill(path, 300_000)
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT * FROM readings WHERE site = 'gauge-3' AND at >= '2024' AND at < '2025' AND quantity = 'x'"
        (*_, how) = connection.execute(f"EXPLAIN QUERY PLAN {asked} ORDER BY at, monitor, quantity").fetchone()
    assert "USING INDEX ix_readings_site_at" in how
    # Of the time on a processor, the best of three rounds: other tests take turns with the caches.
    assert min(quantile(looks_ms(path, until, 40, time.thread_time), 0.95) for _ in range(3)) <= 50
