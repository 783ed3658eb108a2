"""Whether PostgreSQL verifies the checksums of its pages is asked, and told with the way to mend it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from data.config.settings import Settings
from data.ports.store import PageChecksums, Store
from data.sql.store import open_store
from layouts.health import worded
from layouts.words import LANGUAGES, Words
from web.diagnosis import Finding, State, diagnose


def pages(store: Store, folder: Path) -> list[Finding]:
    return [one for one in diagnose(Settings(), store, folder, datetime.now(UTC)) if one.part == "pages"]


def test_a_store_says_whether_its_server_verifies_pages(store: Store, url: str, tmp_path: Path) -> None:
    if not url.startswith("postgresql"):
        assert store.read(lambda reader: reader.page_checksums()) is None
        assert pages(store, tmp_path) == []
        return
    with psycopg.connect(url) as connection:
        shown = connection.execute("SHOW data_checksums").fetchone()
    assert shown is not None
    verified = shown[0] == "on"
    assert store.read(lambda reader: reader.page_checksums()) == PageChecksums(verified, 0)
    (found,) = pages(store, tmp_path)
    assert (found.key, found.state) == (("pages", State.OK) if verified else ("pages_unverified", State.WARN))
    for language in LANGUAGES:
        _, repair = worded("pages_unverified", "warn", {}, Words(language))
        assert "pg_checksums --enable" in repair


@pytest.mark.server
def test_a_server_that_serves_damaged_pages_does_not_verify(cluster: object, tmp_path: Path) -> None:
    url = cluster.new_database()  # type: ignore[attr-defined]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{url.rpartition("/")[2]}" SET ignore_checksum_failure = on'.encode())
    store = open_store(url)
    try:
        assert [one.key for one in pages(store, tmp_path)] == ["pages_unverified"]
    finally:
        store.close()
