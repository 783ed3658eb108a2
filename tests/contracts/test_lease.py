"""One instance on a store: the second one is refused with words, and a killed one leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from data.errors import StoreClosed, YipingError
from data.local.lock import AlreadyRunning
from data.sql.lease import held_in_store
from data.sql.store import open_store
from tests.contracts.postgres import Cluster

HOLDERS = (  # of this database: several are on one cluster
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
HOLDER = (
    "import sys, time\n"
    "from data.sql.lease import held_in_store\n"
    "with held_in_store(sys.argv[1], sys.argv[2], 'the holder'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(600)\n"
)


@contextmanager
def another_process(url: str, part: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the part."""
    child = subprocess.Popen([sys.executable, "-c", HOLDER, url, part], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    try:
        yield child
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()


def test_a_second_holder_is_refused_and_told_who_the_first_is(url: str, root: Path) -> None:
    with another_process(url, "instance", root) as first:
        refused = rf"Yiping on this store is running already \(.*{first.pid}"
        with pytest.raises(AlreadyRunning, match=refused), held_in_store(url, "instance", "Yiping on this store"):
            pass
        with held_in_store(url, "clock", "the clock"):  # another part is free
            pass


def test_after_kill_9_of_the_first_the_next_one_starts_at_once(url: str, root: Path) -> None:
    with another_process(url, "instance", root) as first:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        begun = time.monotonic()
        with held_in_store(url, "instance", "Yiping"):
            assert time.monotonic() - begun < 3.0


def test_what_is_let_go_can_be_taken_again(url: str) -> None:
    for _ in range(3):
        with held_in_store(url, "instance", "Yiping"):
            pass


def test_two_names_of_one_database_file_are_one_store(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "yiping.db"
    open_store(path).close()
    (tmp_path / "link").symlink_to(tmp_path)
    with (
        another_process(str(path), "instance", root),
        pytest.raises(AlreadyRunning),
        held_in_store(f"sqlite:///{tmp_path}/link/yiping.db", "instance", "Yiping"),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(YipingError, match=re.escape(str(tmp_path / "file"))),
        held_in_store(tmp_path / "file" / "yiping.db", "instance", "Yiping"),
    ):
        pass


@pytest.mark.server
def test_a_lock_that_a_restarted_server_forgot_is_taken_anew(cluster: Cluster) -> None:
    url = cluster.new_database()
    lost: list[str] = []
    with held_in_store(url, "instance", "Yiping", lost.append):
        with psycopg.connect(url, autocommit=True) as other:
            (before,) = other.execute(HOLDERS).fetchall()
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'yiping instance%'"
            )
            ends = time.monotonic() + 15
            while other.execute(HOLDERS).fetchall() in ([], [before]):  # its end takes a moment
                assert time.monotonic() < ends
                time.sleep(0.1)
        with pytest.raises(AlreadyRunning), held_in_store(url, "instance", "the second"):
            pass
    assert lost == []


@pytest.mark.server
def test_who_lost_the_lock_to_another_is_told(cluster: Cluster, root: Path) -> None:
    url = cluster.new_database()
    lost = threading.Event()
    with held_in_store(url, "instance", "Yiping", lambda _: lost.set()):
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'yiping instance%'"
            )
        with another_process(url, "instance", root):
            assert lost.wait(20)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    where = "postgresql://yiping:s3cret-word@127.0.0.1:1/city"
    with pytest.raises(StoreClosed) as refused, held_in_store(where, "instance", "Yiping"):
        pass
    assert "s3cret-word" not in str(refused.value)


CONFIG = """
name: 测试
sites: []
"""


def run_app(root: Path, folder: Path, store: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    command = [sys.executable, "app.py", "run", "--config", str(folder / "config.yaml"), "--var", str(folder / "var")]
    command += ["--store-url", str(store), "--port", "0"]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )


@pytest.mark.slow
def test_a_second_app_on_the_same_store_refuses_with_words_from_another_folder_too(tmp_path: Path, root: Path) -> None:
    store = tmp_path / "shared.db"
    first = run_app(root, tmp_path / "one", store)
    assert first.stderr is not None
    try:
        lock = Path(f"{store}-instance.lock")
        ends = time.monotonic() + 60
        while not (lock.exists() and lock.read_text().strip()):
            assert time.monotonic() < ends
            time.sleep(0.05)
        second = run_app(root, tmp_path / "two", store)
        _, said = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"Yiping on this store is running already (process {first.pid}" in said
        first.kill()
        first.wait(10)
        (tmp_path / "two" / "config.yaml").unlink()
        (tmp_path / "two").rename(tmp_path / "old")
        third = run_app(root, tmp_path / "two", store)
        try:
            ends = time.monotonic() + 60
            while not (tmp_path / "two" / "var" / "run" / "clock.pid").exists():
                assert third.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.05)
        finally:
            third.terminate()
            third.communicate(timeout=20)
    finally:
        first.kill()
        first.stderr.close()
        first.wait(10)
