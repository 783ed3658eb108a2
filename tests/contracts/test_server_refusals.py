"""A PostgreSQL server that cannot be used is refused with words that say what to do, and without a password."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from data.errors import StoreClosed
from data.sql import server_check
from data.sql.lease import held_in_store
from data.sql.store import open_for_reading, open_store
from tests.contracts.postgres import Cluster

pytestmark = pytest.mark.server
PASSWORD = "li-kettle-harbour-42"


def at(cluster: Cluster, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(cluster.url(database), autocommit=True)


def test_a_server_that_is_not_there_is_named_with_its_port_and_what_to_look_at() -> None:
    where = f"postgresql://li:{PASSWORD}@127.0.0.1:1/city"
    said = r"cannot open the store city on 127\.0\.0\.1:1: .*refused.* — does it run there, .* let user li in\?"
    for refused in (
        lambda: open_store(where),
        lambda: open_for_reading(where),
        lambda: held_in_store(where, "instance", "Yiping").__enter__(),
    ):
        with pytest.raises(StoreClosed, match=said) as found:
            refused()
        assert PASSWORD not in str(found.value)


def test_a_database_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(
        StoreClosed, match=r'cannot open the store nowhere on 127\.0\.0\.1:\d+: .*"nowhere" does not exist'
    ):
        open_store(cluster.url("nowhere"))


def test_a_user_who_may_not_make_tables_is_told_which_rights_are_missing(cluster: Cluster) -> None:
    url = cluster.new_database()
    name = url.rpartition("/")[2]
    with at(cluster) as connection:
        connection.execute(f"CREATE ROLE poor_{name} LOGIN PASSWORD '{PASSWORD}'".encode())
    with at(cluster, name) as connection:
        connection.execute(b"REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    poor = url.replace("postgres@", f"poor_{name}:{PASSWORD}@")
    said = rf"permission denied for schema public.* — user poor_{name} lacks a right: .*ALTER DATABASE {name} OWNER TO"
    with pytest.raises(StoreClosed, match=said) as found:
        open_store(poor)
    assert PASSWORD not in str(found.value)
    with at(cluster) as connection:
        connection.execute(f"ALTER DATABASE {name} OWNER TO poor_{name}".encode())
    open_store(poor).close()


def test_a_server_that_is_too_old_is_refused_before_anything_is_changed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.new_database()
    monkeypatch.setattr(server_check, "OLDEST", 99)
    with pytest.raises(StoreClosed, match=r"its PostgreSQL is \d+\.\d+.*, and 99 or newer is needed"):
        open_store(url)
    with closing(psycopg.connect(url)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_database_that_does_not_hold_chinese_is_refused(cluster: Cluster) -> None:
    with at(cluster) as connection:
        connection.execute(b"CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(
        StoreClosed, match=r"its encoding is LATIN1; make it anew: CREATE DATABASE latin ENCODING 'UTF8'"
    ):
        open_store(cluster.url("latin"))
