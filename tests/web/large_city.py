"""A store as it is after a season: 200,000 readings at one site, 100,000 pictures, 20,000 citizens' reports."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

READINGS, PICTURES, REPORTS = 200_000, 100_000, 20_000


def stored(at: datetime) -> str:
    """A time as SQLite's rows hold it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def fill(database: Path, now: datetime, *, site: str = "quay", readings: int = READINGS) -> None:
    """Put the rows into the file itself: through the store it would take minutes."""
    with sqlite3.connect(database, timeout=30) as raw:
        _fill_readings(raw, now, site, readings)
        pictures = (
            (f"{n:064x}", f"2026/{n}.jpg", "image/jpeg", stored(now - timedelta(seconds=25 * n)), 9, "gate-3")
            for n in range(PICTURES)
        )
        raw.executemany("INSERT INTO evidence (id, path, media_type, at, size, origin) VALUES (?,?,?,?,?,?)", pictures)
        _fill_reports(raw, now)
    raw.close()


def _fill_readings(raw: sqlite3.Connection, now: datetime, site: str, count: int) -> None:
    columns = "site, monitor, quantity, at, value, quality"
    values = (
        (site, "gauge", "water_level", stored(now - timedelta(seconds=10 * n)), 180.0 + n % 100 / 100, "good")
        for n in range(count)
    )
    raw.executemany(f"INSERT INTO readings ({columns}) VALUES (?,?,?,?,?,?)", values)
    newest = (site, "gauge", "water_level", stored(now), 180.0, "good")
    raw.execute(f"INSERT INTO newest_readings ({columns}) VALUES (?,?,?,?,?,?)", newest)


def _fill_reports(raw: sqlite3.Connection, now: datetime) -> None:
    empty: dict[str, Any] = dict.fromkeys(("co_handlers", "cooperating", "holders", "clocks", "steps"), json.dumps([]))
    rows = (
        {
            "title": f"路边垃圾 {n}", "kind": "litter", "site": "", "lon": 106.5, "lat": 29.6, "priority": "P4",
            "opened_at": stored(now - timedelta(minutes=5 * n)), "grid": "", "closed_at": None, "closed_by": None,
            "origin": "citizen", "description": "x" * 500, "photo": None, "reporter": "{}", "section": "", "lead": "",
            "recurs": None, "version": 1,
        }
        | empty
        for n in range(REPORTS)
    )  # fmt: skip
    first = next(rows)
    names = ", ".join(first)
    marks = ", ".join(f":{name}" for name in first)
    raw.executemany(f"INSERT INTO events ({names}) VALUES ({marks})", [first, *rows])
