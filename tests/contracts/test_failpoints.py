"""Killed at every point of a commit: what was acknowledged is there, what was not is there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.model.record import broken_link
from data.ports.store import AlertQuery
from data.sql.failpoints import Point, failpoints_of
from data.sql.store import open_store

WRITER = (
    "import os, sys, threading\n"
    "from tests.contracts.crew import whole_unit\n"
    "from data.sql.store import open_store\n"
    "store = open_store(sys.argv[1])\n"
    "store.write(whole_unit(1))\n"
    "print(1, flush=True)\n"
    "open(f\"{os.environ['YIPING_FAILPOINTS']}/{os.getpid()}.{sys.argv[2]}\", 'w').write('kill')\n"
    "futures = [store.submit(whole_unit(number)) for number in (2, 3, 4)]\n"
    "for number, future in zip((2, 3, 4), futures):\n"
    "    future.result()\n"
    "    print(number, flush=True)\n"
    "threading.Event().wait(20)\n"  # the point after the answers is the store's thread's: it must not end before it
)


@pytest.mark.parametrize("point", list(Point))
def test_a_process_killed_at_this_point_loses_nothing_acknowledged_and_leaves_no_half(
    url: str, point: Point, tmp_path: Path, root: Path
) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    environment = {**os.environ, "YIPING_FAILPOINTS": str(orders)}
    command = [sys.executable, "-c", WRITER, url, point.value]
    child = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert list(orders.iterdir()) == []
    acknowledged = {int(line) for line in child.stdout.split()}
    store = open_store(url)
    stored = {int(alert.key.subject) for alert in store.read(lambda reader: reader.alerts(AlertQuery()))}
    entries = store.read(lambda reader: reader.audit())
    assert acknowledged <= stored
    assert {entry.subject for entry in entries} == {f"alert:{number}" for number in stored}
    assert broken_link(entries) is None
    if point in {Point.BEGUN, Point.BETWEEN, Point.WRITTEN}:
        assert stored == acknowledged == {1}  # nothing of the turn
    if point is Point.COMMITTED:
        assert stored > acknowledged  # durable, though nobody had been told
    store.close()


def test_without_the_variable_there_are_no_failpoints() -> None:
    assert failpoints_of({}) is None
    assert failpoints_of({"YIPING_FAILPOINTS": ""}) is None
