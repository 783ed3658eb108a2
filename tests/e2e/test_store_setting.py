"""The whole system on the PostgreSQL store that config.yaml names; its password is seen nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.contracts.postgres import Cluster, binaries, running_cluster
from tests.e2e.city import City, city

pytestmark = [pytest.mark.e2e, pytest.mark.server, pytest.mark.slow]

PASSWORD = "store-kettle-harbour-42"
CONFIG = """\
name: 试验街道
store: {{url: "postgresql://127.0.0.1:{port}/{name}", credentials: database}}
sites: [{{id: quay, name: 码头, location: {{lon: 106.57, lat: 29.56}}}}]
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    with running_cluster(folder) as running:
        yield running


@pytest.fixture
def config(cluster: Cluster, tmp_path: Path) -> Path:
    name = cluster.new_database().rpartition("/")[2]
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE yiping_{name} LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute(f"ALTER DATABASE {name} OWNER TO yiping_{name}".encode())
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text(f"database: {{username: yiping_{name}, password: {PASSWORD}}}\n")
    secrets.chmod(0o600)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(port=cluster.port, name=name), encoding="utf-8")
    return path


def lines_of_processes(running: City) -> list[str]:
    """The command lines of the parent and everything it has started."""
    assert running.process is not None
    parent = psutil.Process(running.process.pid)
    return [" ".join(one.cmdline()) for one in (parent, *parent.children(recursive=True))]


def test_every_process_and_command_uses_the_store_of_the_configuration(
    config: Path, cluster: Cluster, tmp_path: Path
) -> None:
    with city(config, tmp_path / "var") as running:
        given = "li-kettle-harbour-42\n"
        whom = ("li", "--role", "administrator", "--var", str(running.var), "--password-stdin")
        running.command("users", "add", *whom, given=given)
        token = running.command("users", "token", "li", "--var", str(running.var)).strip().splitlines()[-1]
        with running.holder(token) as administrator:
            parts = administrator.get("/health").json()
            assert any(one["part"] == "server" and one["state"] == "ok" for one in parts["items"]), parts
            assert administrator.get("/sites").status_code == 200
            shown = administrator.get("/settings").text
        assert "PostgreSQL" in running.command("doctor", "--var", str(running.var), "--language", "en")
        assert "the chain holds" in running.command("audit", "verify", "--var", str(running.var))
        name = config.read_text(encoding="utf-8").partition('"postgresql://')[2].partition('"')[0].rpartition("/")[2]
        with psycopg.connect(cluster.url("postgres")) as connection:
            held = connection.execute(
                "SELECT count(DISTINCT client_port) FROM pg_stat_activity WHERE datname = %s AND usename = %s",
                (name, f"yiping_{name}"),
            ).fetchone()
        assert held is not None
        assert held[0] >= 5, "parent, web, clock, and the leases"
        assert not (running.var / "yiping.db").exists()
        for text in (running.log(), shown, *lines_of_processes(running)):
            assert PASSWORD not in text
        second = City(config, tmp_path / "other")
        told = second.command("backup", str(tmp_path / "backup"), "--var", str(running.var))
        assert "checked" in told
        assert (tmp_path / "backup" / "yiping.dump").stat().st_size > 10_000
