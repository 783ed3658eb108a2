"""Every schema that was ever released, with data, is brought up to the newest and back, and keeps what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from data.ports.store import AlertQuery, TaskQuery
from data.sql.checksums import COLUMN
from data.sql.engine import store_url, writing_engine
from data.sql.models import Row
from data.sql.schema import FOLDER, downgrade, revision, upgrade
from data.sql.store import open_store
from tests.contracts.samples import NOON

REVISIONS = tuple(script.revision for script in reversed(list(ScriptDirectory(str(FOLDER)).walk_revisions())))
ROWS = 3

# What a row of each name may hold; whatever is not here gets a value of its type.
TEXTS = {
    "priority": "P3", "role": "operator", "quality": "good", "verification": "unverified", "origin": "alert",
    "method": "road", "step": "raise", "kind": "dwell", "state": "in_force", "level": "orange", "status": "Actual",
    "message_type": "Alert", "media_type": "image/jpeg", "travel": "foot",
}  # fmt: skip
KINDS = {
    "sessions": "session", "requests": "probe", "units": "department", "timers": "offer", "factors": "totp",
    "categories": "dwell",
}  # fmt: skip
JSONS: Mapping[str, Any] = {
    "dwell": {
        "at_least_s": 182.0,
        "at_most_s": 244.5,
        "as_of": "2026-07-12T04:00:00.000+00:00",
        "unseen_s": 62.0,
        "unseen": [["2026-07-12T03:58:00.000+00:00", "2026-07-12T03:59:02.000+00:00"]],
    },
    "second_look": {
        "verdict": "seen",
        "label": "car",
        "score": 0.71,
        "scores": [0.68, 0.71, 0.74],
        "magnify": 2.0,
        "instead": "",
        "waited_s": 0.4,
    },
    "forecast": {
        "monitor": "road-gauge", "level": 18.4, "limit": 30.0, "unit": "cm", "rise": 52.0, "at_least_s": 660.0,
        "at_most_s": 960.0, "as_of": "2026-07-12T04:00:00.000+00:00", "margin_s": 300.0, "outcome": "open",
        "travel": {"travel_s": 540.0, "skill": "drainage", "who": "drain-1", "road": True},
    },
    "vehicle": {
        "plate": "渝A12345", "lon": 106.57, "lat": 29.56, "speed_kmh": 42.0, "permit": "expired",
        "permit_until": "2026-06-30T16:00:00.000+00:00", "earlier": 2, "last_at": "2026-07-01T15:00:00.000+00:00",
    },
    "findings": [{"item": "exit", "found": "hazard", "note": "货架堵塞", "event": 1, "again": None}],
    "xyxy": [0.1, 0.2, 0.3, 0.4], "checklist": [], "candidates": [], "skills": ["traffic"], "payload": {}, "body": {},
    "answer": None, "detail": {}, "value": {"number": 1}, "proofs": [], "recipients": ["li"], "steps": [],
    "also_offered": [], "reporter": {}, "co_handlers": [], "cooperating": [], "holders": [], "clocks": [],
    "people": ["li"], "roles": ["duty_officer"], "powers": [], "vehicles": [], "contact": {}, "outline": None,
    "areas": [], "event_codes": [],
}  # fmt: skip


@pytest.fixture
def engine(empty_url: str) -> Iterator[sa.Engine]:
    made = writing_engine(store_url(empty_url))
    yield made
    made.dispose()


def value_of(column: sa.Column[Any], number: int) -> Any:
    """A value for the column's `number`-th row; numbers and texts of different rows differ."""
    name, kind = column.name, column.type
    if name.endswith("_at") and column.nullable:
        return None
    if isinstance(kind, sa.JSON):
        return JSONS.get(name, [])
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.DateTime):
        return NOON + timedelta(seconds=number)
    if isinstance(kind, sa.Date):
        return date(2024, 7, 12)
    if isinstance(kind, (sa.Float, sa.REAL, sa.Double)):
        return 1.5 + number
    if isinstance(kind, (sa.Integer, sa.BigInteger)):
        return number
    if name == "kind" and column.table.name in KINDS:
        known = KINDS[column.table.name]
        return f"{known}-{number}" if column.primary_key else known
    return TEXTS[name] if name in TEXTS and not column.primary_key else f"{name} {number} 水位"


def fill(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    """Rows in every table as the schema is now; what is stored, by table."""
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            for number in range(1, ROWS + 1):
                row = {column.name: value_of(column, number) for column in table.columns}
                for column in table.columns:
                    for key in column.foreign_keys:
                        row[column.name] = value_of(key.column, number)
                    if isinstance(column.type, sa.DateTime) and engine.dialect.name == "sqlite" and row[column.name]:
                        row[column.name] = row[column.name].astimezone(UTC).replace(tzinfo=None)
                    if column.name == "steps" and column.table.name == "plan_runs":
                        row[column.name] = []
                connection.execute(table.insert().values(row))
    return stored(engine, {table.name: [column.name for column in table.columns] for table in tables.sorted_tables})


def stored(engine: sa.Engine, columns: Mapping[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    """These columns of all rows of these tables, in one order."""
    tables = sa.MetaData()
    tables.reflect(engine)
    found = {}
    with engine.begin() as connection:
        for name, wanted in columns.items():
            if name == "alembic_version":
                continue
            table = tables.tables[name]
            rows = connection.execute(sa.select(*(table.c[column] for column in wanted))).mappings()
            found[name] = sorted((dict(row) for row in rows), key=lambda row: json.dumps(row, default=str))
    return found


def is_declared(_thing: object, name: str | None, *_: object) -> bool:
    """Checksums of rows are SQLite's only, and no part of the declared tables."""
    return name != COLUMN


def columns_of(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {name: list(found[0]) for name, found in rows.items() if found}


@pytest.mark.parametrize("old", REVISIONS)
def test_a_store_of_this_version_with_data_is_brought_up_and_keeps_every_value(
    engine: sa.Engine, empty_url: str, old: str
) -> None:
    upgrade(engine, old)
    before = fill(engine)
    assert sum(map(len, before.values())) >= 50
    upgrade(engine)
    assert stored(engine, columns_of(before)) == before
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_declared})
        assert compare_metadata(context, Row.metadata) == []
    store = open_store(empty_url)
    try:
        read_everything(store)
    finally:
        store.close()


def read_everything(store: Any) -> None:
    """What this version reads from the rows of an older one."""
    since, until = NOON - timedelta(days=1), NOON + timedelta(days=1)
    assert len(store.read(lambda reader: reader.alerts(AlertQuery()))) == ROWS
    assert len(store.read(lambda reader: reader.tasks(TaskQuery()))) == ROWS
    assert len(store.read(lambda reader: reader.events())) == ROWS
    assert len(store.read(lambda reader: reader.users())) == ROWS
    assert len(store.read(lambda reader: reader.responders())) == ROWS
    assert len(store.read(lambda reader: reader.latest_readings())) == ROWS
    assert len(store.read(lambda reader: reader.audit())) == ROWS
    assert len(store.read(lambda reader: reader.changes(0))) == ROWS
    assert store.read(lambda reader: reader.readings("site 1 水位", since=since, until=until))
    assert store.read(lambda reader: reader.value("epoch"))
    assert len(store.read(lambda reader: reader.timers_due(until))) == ROWS
    assert len(store.read(lambda reader: reader.evidence_between(None, since, until))) == ROWS


@pytest.mark.parametrize("old", ["base", *REVISIONS[:-1]])
def test_the_newest_schema_is_taken_back_to_this_one_and_up_again(engine: sa.Engine, old: str) -> None:
    if old != "base":
        upgrade(engine, old)
    before = {} if old == "base" else fill(engine)
    upgrade(engine)
    downgrade(engine, old)
    with engine.connect() as connection:
        assert revision(connection) == (None if old == "base" else old)
    assert stored(engine, columns_of(before)) == before
    upgrade(engine)
    assert stored(engine, columns_of(before)) == before
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_declared})
        assert compare_metadata(context, Row.metadata) == []


def test_a_newest_store_with_data_can_be_taken_back_step_by_step(engine: sa.Engine) -> None:
    upgrade(engine)
    fill(engine)
    for old in reversed(REVISIONS[:-1]):
        downgrade(engine, old)
        with engine.connect() as connection:
            assert revision(connection) == old


def test_every_migration_can_be_taken_back() -> None:
    scripts = ScriptDirectory(str(FOLDER)).walk_revisions()
    assert [script.revision for script in scripts if not hasattr(script.module, "downgrade")] == []


def test_the_line_of_migrations_has_no_branches() -> None:
    assert len(ScriptDirectory(str(FOLDER)).get_heads()) == 1
    assert sorted(REVISIONS) == list(REVISIONS) == [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)]
