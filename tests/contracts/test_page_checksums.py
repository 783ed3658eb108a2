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
from web import diagnosis
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


def test_health_tells_which_server_it_is_and_warns_before_its_connections_are_gone(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[Finding]:
        return [one for one in diagnose(Settings(), store, tmp_path, datetime.now(UTC)) if one.part == "server"]

    if not url.startswith("postgresql"):
        assert told() == []
        return
    (found,) = told()
    assert (found.state, found.key, found.values["limit"]) == (State.OK, "server", 77)
    assert 1 <= found.values["n"] < 77
    text, _ = worded(found.key, "ok", found.values, Words("en"))
    assert text == (
        f"PostgreSQL {found.values['version']}, database {url.rpartition('/')[2]}, "
        f"{found.values['n']} of 77 connections taken"
    )
    monkeypatch.setattr(diagnosis, "SERVER_FULL", 0.0)
    (found,) = told()
    assert (found.state, found.key) == (State.WARN, "server_full")
    assert "max_connections" in worded("server_full", "warn", found.values, Words("zh"))[1]


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
