"""Files written on a full disk are there whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.local.lock import AlreadyRunning, held
from data.local.meters import Meters, read_meters
from data.local.whole_file import replace_file


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may take a byte."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_file_that_cannot_be_written_stays_what_it_was_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "web.pid"
    replace_file(path, b"17\n", mode=0o600)
    with full_disk(), pytest.raises(OSError) as full:
        replace_file(path, b"18\n")
    assert full.value.errno == errno.EFBIG
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"17\n", 0o600)
    assert list(tmp_path.iterdir()) == [path]
    replace_file(path, b"18\n", durable=True)
    assert path.read_bytes() == b"18\n"


def test_figures_on_a_full_disk_are_the_last_whole_ones(tmp_path: Path) -> None:
    meters = Meters()
    meters.count("yiping_readings_total", site="quay")
    meters.save(tmp_path / "metrics-web.json")
    meters.count("yiping_readings_total", site="quay")
    with full_disk(), pytest.raises(OSError):
        meters.save(tmp_path / "metrics-web.json")
    assert read_meters(tmp_path)["web"]["counters"] == {"yiping_readings_total": {'{"site": "quay"}': 1.0}}
    assert [path.name for path in tmp_path.iterdir()] == ["metrics-web.json"]


def test_a_lock_is_held_also_where_its_holder_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "clock.lock"
    refused = r"the clock is running already \(process unknown"
    with full_disk(), held(path, "the clock"), pytest.raises(AlreadyRunning, match=refused), held(path, "the clock"):
        pass
    assert path.read_bytes() == b""
    with held(path, "the clock"):
        assert path.read_text() == f"{os.getpid()}\n"
