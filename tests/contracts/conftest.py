"""Every contract test runs on each database: SQLite always, PostgreSQL where its server is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.ports.store import Store
from data.sql.store import open_store
from tests.contracts.postgres import Cluster, binaries, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    with running_cluster(folder) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be made; nothing is there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "yiping.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_database()


@pytest.fixture
def url(empty_url: str) -> str:
    """Where a store is, with its schema."""
    open_store(empty_url).close()
    return empty_url


@pytest.fixture
def store(empty_url: str) -> Iterator[Store]:
    opened = open_store(empty_url)
    yield opened
    opened.close()
