"""Rows of tables to which rows are only added cannot be changed, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from data.sql.engine import store_url, writing_engine

INSERTS = {
    "outbox": "(topic, subject, at, payload) VALUES ('alert', 'alert:1', '2024-07-12 12:00:00.000000', '{}')",
    "superseded_readings": (
        "(site, monitor, quantity, at, value, quality, superseded_at) VALUES "
        "('quay', 'stage', 'level', '2024-07-12 12:00:00.000000', 1.5, 'good', '2024-07-12 12:01:00.000000')"
    ),
    "settings_versions": (
        "(number, at, who, role, note, document, hash, workers, difference) VALUES "
        "(1, '2024-07-12 12:00:00.000000', 'admin', '', '', '{}', '', '{}', '[]')"
    ),
    "review_versions": None,
    "review_comments": None,
    "alert_steps": None,
    "positions": None,
}


@pytest.mark.parametrize("table", sorted(INSERTS))
def test_a_row_is_not_changed(url: str, table: str) -> None:
    engine = writing_engine(store_url(url))
    insert = INSERTS[table]
    try:
        if insert is not None:
            with engine.begin() as connection:
                connection.execute(sa.text(f"INSERT INTO {table} {insert}"))
        elif engine.dialect.name == "sqlite":
            pytest.skip("a trigger of SQLite asks row by row; see test_row_checksum_faults")
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET at = '2025-01-01 00:00:00.000000'"))
    finally:
        engine.dispose()
