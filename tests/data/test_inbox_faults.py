"""The inbox when the disk fails or flips bits: what was acknowledged is read whole, or its damage is named."""

from __future__ import annotations

import errno
import os
import resource
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputRejected, StoreClosed
from data.local.inbox import Inbox
from data.local.sealed import Damaged
from data.model.observation import DamagedInput, Reading
from monitors.gauges._inbox_monitor import InboxMonitor, InboxWatch

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
READINGS = tuple(Reading("quay-2", "stage", "water_level", 163.5 + n, NOON + timedelta(minutes=n)) for n in range(3))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_a_letter_is_found(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    inbox = Inbox(tmp_path_factory.mktemp("var"), "quay-2", "stage")
    inbox.put(READINGS)
    (path,) = inbox.waiting()
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(InputRejected):
        assert inbox.read(path) == ()


@pytest.mark.parametrize("kept", [0, 1, 40, 100])
def test_a_torn_letter_is_found(tmp_path: Path, kept: int) -> None:
    inbox = Inbox(tmp_path, "quay-2", "stage")
    inbox.put(READINGS)
    (path,) = inbox.waiting()
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputRejected):
        inbox.read(path)


def test_a_damaged_letter_is_named_kept_aside_and_does_not_stop_the_others(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, "quay-2", "stage")
    inbox.put(READINGS[:1])
    (path,) = inbox.waiting()
    inbox.put(READINGS[1:])
    path.write_bytes(path.read_bytes().replace(b"163.5", b"143.5"))
    with pytest.raises(Damaged, match=rf"{path.name} is damaged: its digest does not fit"):
        inbox.read(path)
    letters = InboxMonitor("quay-2", "stage", inbox, InboxWatch())
    found = []
    for item in letters.observe():
        if item is None:
            letters.close()
        else:
            found.append(item)
    assert isinstance(found[0], DamagedInput)
    assert found[1:] == list(READINGS[1:])
    assert path.with_suffix(".rejected").exists()


def test_a_letter_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, "quay-2", "stage")
    inbox.put(READINGS)
    (path,) = inbox.waiting()
    path.write_bytes(path.read_bytes().rpartition(b"\t")[0])
    assert inbox.read(path) == READINGS


def test_a_full_disk_refuses_the_letter_and_leaves_nothing_behind(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, "quay-2", "stage")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, old[1]))
    try:
        for _ in range(5):
            with pytest.raises(StoreClosed, match="the inbox cannot be written"):
                inbox.put(READINGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(inbox.folder.iterdir()) == []


def test_a_letter_that_cannot_be_flushed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    inbox = Inbox(tmp_path, "quay-2", "stage")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreClosed, match="Input/output error"):
        inbox.put(READINGS)
    assert inbox.waiting() == []


class CountingInbox(Inbox):
    """Knows how often its folder was listed."""

    listed = 0

    def waiting(self) -> list[Path]:
        self.listed += 1
        return super().waiting()


def test_every_letter_is_taken_soon_though_an_inbox_in_which_nothing_has_come_is_not_listed(tmp_path: Path) -> None:
    inbox = CountingInbox(tmp_path, "quay-2", "stage")
    letters = InboxMonitor("quay-2", "stage", inbox, InboxWatch())
    seen = letters.observe()
    taken: list[Reading] = []

    def take(count: int) -> None:
        while len(taken) < count:
            item = next(seen)
            if isinstance(item, Reading):
                taken.append(item)
                letters.committed(item)

    inbox.put(READINGS[:1])
    take(1)
    assert [next(seen) for _ in range(4)] == [None] * 4, "taking a letter out wakes once more"
    listed = inbox.listed
    assert [next(seen) for _ in range(3)] == [None, None, None]
    assert inbox.listed == listed, "nothing has come"
    inbox.put(READINGS[1:2])
    inbox.put(READINGS[2:])  # the folder may bear the same time for both
    begun_s = time.monotonic()
    take(3)
    assert time.monotonic() - begun_s < 5.0, "long before it is listed whatever the folder's time says"
    assert taken == list(READINGS)
    assert inbox.waiting() == []
    letters.close()
    assert set(seen) <= {None}


def test_one_thread_looks_after_many_inboxes_and_ends_with_the_last(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    watch = InboxWatch()
    inboxes = [Inbox(tmp_path, f"site-{number}", "stage") for number in range(300)]
    letters = [InboxMonitor(f"site-{number}", "stage", inbox, watch) for number, inbox in enumerate(inboxes)]
    seen = [one.observe() for one in letters]
    assert [next(one) for one in seen] == [None] * 300
    (thread,) = set(threading.enumerate()) - before
    for inbox in inboxes:
        inbox.put(READINGS[:1])
    first = [next(item for item in one if item is not None) for one in seen]
    assert first == [READINGS[0]] * 300
    for one in letters:
        one.close()
    assert {item for one in seen for item in one} <= {None}
    thread.join(10)
    assert not thread.is_alive()
