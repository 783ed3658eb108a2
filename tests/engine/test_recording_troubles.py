"""What keeps video from being recorded is told, ends nothing else, and is over when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.config.settings import Settings
from data.model.recording import RecordingSettings
from data.ports.store import AlertQuery
from data.sql.store import open_store
from engine.recording import recorder as recording
from engine.recording.recorder import DISK_ERROR, DISK_FULL, DISK_SLOW, STALLED, Recorder
from engine.recording.tell import tell_trouble

GIGABYTE = 10**9


class Disk:
    """How much is free, or what asking for it raises."""

    def __init__(self) -> None:
        self.free: int | OSError = 100 * GIGABYTE

    def __call__(self, _folder: Path) -> int:
        if isinstance(self.free, OSError):
            raise self.free
        return self.free


def noting(told: list[str]) -> Callable[[str, str, str], bool]:
    def tell(_site: str, trouble: str, _before: str) -> bool:
        told.append(trouble)
        return True

    return tell


def soon(holds: Callable[[], bool], within_s: float = 12.0) -> bool:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if holds():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(("free", "trouble"), [(0, DISK_FULL), (OSError(5, "Input/output error"), DISK_ERROR)])
def test_a_disk_that_takes_nothing_is_told_and_recording_goes_on_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int | OSError, trouble: str
) -> None:
    for name, seconds in (("LOOK_AT_DISK_S", 0.0), ("TELL_EVERY_S", 0.0), ("STEADY_S", 0.2)):
        monkeypatch.setattr(recording, name, seconds)
    disk, told = Disk(), list[str]()
    recorder = Recorder(tmp_path, RecordingSettings(), 1, tell=noting(told), free_bytes=disk)
    sink = recorder.sink("quay")
    second = 0.0

    def feed() -> None:
        nonlocal second
        sink.fragment(b"x" * 1000, second, second + 1, key=True)
        second += 1

    def said(what: str) -> bool:
        feed()
        return told[-1:] == [what]

    sink.begin("h264", b"header")
    try:
        assert soon(lambda: said(""))
        disk.free = free
        assert soon(lambda: said(trouble))
        disk.free = 100 * GIGABYTE
        assert soon(lambda: said(""))
        assert told == ["", trouble, ""]
    finally:
        recorder.close()


def test_what_a_slow_disk_cannot_take_is_dropped_up_to_a_bound_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "TELL_EVERY_S", 0.0)
    monkeypatch.setattr(recording, "WAITING_BYTES", 10_000)
    told, begun = list[str](), time.monotonic()

    def slow(_folder: Path) -> int:
        if time.monotonic() - begun < 1.0:
            time.sleep(1.0)
        return 100 * GIGABYTE

    recorder = Recorder(tmp_path, RecordingSettings(), 1, tell=noting(told), free_bytes=slow)
    sink = recorder.sink("quay")
    sink.begin("h264", b"header")
    try:
        for second in range(40):
            sink.fragment(b"x" * 1000, second, second + 1, key=True)
        assert recorder._waiting_bytes <= 10_000
        assert soon(lambda: DISK_SLOW in told)
    finally:
        recorder.close()


def test_pictures_without_their_video_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "TELL_EVERY_S", 0.0)
    monkeypatch.setattr(recording, "STALLED_S", 0.2)
    told = list[str]()
    recorder = Recorder(tmp_path, RecordingSettings(), 1, tell=noting(told))
    recorder.sink("quay")
    try:
        recorder.watch([])
        time.sleep(0.3)
        recorder.watch([])
        assert told == [], "a camera that gives no pictures is lost: that is told by itself"
        time.sleep(0.3)
        recorder.watch(["quay"])
        assert soon(lambda: told == [STALLED], 4)
    finally:
        recorder.close()


def test_the_alert_of_a_full_disk_ends_with_the_last_camera_that_cannot_be_recorded(tmp_path: Path) -> None:
    settings = Settings()
    with closing(open_store(tmp_path / "yiping.db")) as store:

        def told(site: str, trouble: str, elsewhere: tuple[str, ...]) -> list[str]:
            store.write(lambda writer: tell_trouble(writer, site, trouble, datetime.now(UTC), settings, elsewhere))
            found = store.read(lambda reader: reader.alerts(AlertQuery(open_only=True)))
            return [f"{alert.key.site}:{alert.label}" for alert in found]

        assert told("quay", DISK_FULL, ()) == ["centre:disk_full"]
        assert told("gate", DISK_FULL, (DISK_FULL,)) == ["centre:disk_full"]
        assert told("quay", "", (DISK_FULL,)) == ["centre:disk_full"], "the gate's video is still missing"
        assert told("gate", "", ()) == []
