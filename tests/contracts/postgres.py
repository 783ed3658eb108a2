"""A throw-away PostgreSQL cluster from the distribution's binaries, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """The folder of initdb and postgres, or None where PostgreSQL is not installed."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


class Cluster:
    """A running server. Databases are cheap: one per test."""

    def __init__(self, port: int, start: Callable[[], subprocess.Popen[bytes]] | None = None) -> None:
        """`start` begins a server process on that port; without it the server belongs to somebody else."""
        self._port = port
        self._start = start
        self._server = None if start is None else start()

    @property
    def port(self) -> int:
        return self._port

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def new_database(self, template: str = "template0", name: str = "") -> str:
        """The URL of an empty database, or of a copy of `template`."""
        name = name or f"t_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\''.encode())
        return self.url(name)

    def kill(self) -> None:
        """SIGKILL to the server and all that serves its connections, as a power cut would."""
        assert self._server is not None
        served = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, served)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait(20)

    def restart(self) -> None:
        """Start it again on the same data and port; returns when it has recovered and takes connections."""
        assert self._start is not None
        self._server = self._start()

    def end(self) -> None:
        """At once, without waiting for clients."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(20)


@contextmanager
def running_cluster(folder_of_binaries: Path) -> Iterator[Cluster]:
    """Start a server on a free port of this machine; stop it and delete its data at the end."""
    folder = Path(tempfile.mkdtemp(prefix="yiping-postgres-"))
    user: str | None = None
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = "postgres"
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = folder / "data", _free_port()
    initdb: list[str | Path] = [
        folder_of_binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]

    def start() -> subprocess.Popen[bytes]:
        options: list[str | Path] = ["-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port)]
        with (folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [folder_of_binaries / "postgres", *options, "-c", "max_connections=80"],
                user=user, cwd=folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait_until_ready(server, port, folder / "log")
        except BaseException:
            server.kill()
            server.wait(20)
            raise
        return server

    try:
        subprocess.run([*initdb, "--locale=C"], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        cluster = Cluster(port, start)
        try:
            yield cluster
        finally:
            cluster.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and server.poll() is None:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
