"""Every contract test runs on each database: SQLite always, PostgreSQL where its server is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.ports.store import Store
from data.sql.store import open_store
from tests.contracts.postgres import Cluster, binaries, running_cluster
from tests.stores import new_store, tell_apart


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    with running_cluster(folder) as running:
        yield running


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a PostgreSQL database that has the schema and no rows; to be copied."""
    url = cluster.new_database()
    open_store(url).close()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database(request: pytest.FixtureRequest) -> str:
    """Which kind of database."""
    return str(request.param)


@pytest.fixture
def empty_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be made; nothing is there yet."""
    if database == "sqlite":
        return str(tmp_path / "yiping.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.new_database()


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is, with its schema."""
    if database == "sqlite":
        new_store(tmp_path / "yiping.db").close()
        return str(tmp_path / "yiping.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    copy = cluster.new_database(template=request.getfixturevalue("template"))
    store = open_store(copy)
    tell_apart(store)
    store.close()
    return copy


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()
