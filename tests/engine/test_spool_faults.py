"""The spool when the disk is full, cuts lines off, or flips bits: what is whole is read, what is not is named."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.local.meters import Meters
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Priority, Raised
from data.ports.store import AlertQuery
from engine.judging.judgement import UnitOfWork
from engine.judging.outlet import Outlet
from engine.judging.spool import Spool
from tests.stores import new_store

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
STREAM = "gate-3.camera"


def unit(number: int) -> UnitOfWork:
    key = AlertKey("gate-3", "intrusion", "river", str(number))
    raised = Raised(key, "intrusion", Priority.P1, NOON, NOON, "person", 0.75, (0.1, 0.2, 0.3, 0.4))
    return UnitOfWork(STREAM, (raised,), NOON, number=number)


def numbers(spool: Spool) -> list[int]:
    return [one.number for one in spool.units(STREAM)]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond this size: a disk that is full in the middle of a line."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_line_cut_off_by_a_full_disk_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(unit(1))
    size = (tmp_path / f"{STREAM}.jsonl").stat().st_size
    with largest_file(size + 100), pytest.raises(OSError) as full:
        spool.append(unit(2))
    assert full.value.errno == errno.EFBIG
    spool.append(unit(3))
    assert numbers(spool) == [1, 3]


def test_a_line_cut_off_by_a_kill_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(unit(1))
    with (tmp_path / f"{STREAM}.jsonl").open("ab") as file:
        file.write(b'{"number":2,"at":"2024-')
    spool.append(unit(3))
    assert spool.read(STREAM)[1] == 0  # nothing that was promised is damaged
    assert numbers(spool) == [1, 3]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_found_and_the_other_lines_are_read(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    for number in (1, 2, 3):
        spool.append(unit(number))
    path = folder / f"{STREAM}.jsonl"
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    units, damaged = spool.read(STREAM)
    whole = {number: unit(number) for number in (1, 2, 3)}
    for one in units:
        assert one.signals == whole[one.number].signals
        assert one.at == NOON
    assert damaged >= 1 or [one.number for one in units] == [1, 2, 3]  # the last line's end says nothing
    assert len(units) >= 1
    aside = folder / "damaged" / f"{STREAM}.jsonl"
    assert aside.exists() == (damaged > 0)


def test_damage_in_the_spool_is_an_alarm_on_the_screens_and_what_is_whole_is_stored(tmp_path: Path) -> None:
    spool, store = Spool(tmp_path / "spool"), new_store(tmp_path / "yiping.db")
    for number in (1, 2, 3):
        spool.append(unit(number))
    path = tmp_path / "spool" / f"{STREAM}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    outlet = Outlet(store, FolderVault(tmp_path / "evidence"), spool, Meters())
    outlet.open(STREAM)
    outlet.close(10)
    alerts = store.read(lambda reader: reader.alerts(AlertQuery()))
    assert sorted(alert.key.subject for alert in alerts if alert.kind == "intrusion") == ["1", "3"]
    (damage,) = [alert for alert in alerts if alert.kind == "damage"]
    assert (damage.key.site, damage.label) == ("centre", f"spool {STREAM}: 1")
    assert damage.acknowledged_at is None
    store.close()


def test_lines_of_an_earlier_version_without_a_digest_are_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(unit(1))
    path = tmp_path / f"{STREAM}.jsonl"
    path.write_bytes(path.read_bytes().rpartition(b"\t")[0] + b"\n")
    assert numbers(spool) == [1]


def test_a_spool_that_cannot_be_flushed_is_not_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    spool, one = Spool(tmp_path), unit(1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError):
            spool.append(one)
    assert not one.spooled
    spool.append(one)
    assert numbers(spool) == [1]
