"""A disk of 200 MB, filled to the brim: nothing that is needed is deleted, and every limit holds to a fragment."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from data.local.recordings import segment_paths, start_of
from data.local.vault import FolderVault
from data.model.alert import Alert
from data.model.clip import Clip, ClipState
from engine.recording import recorder as recording
from engine.recording.maker import record_clip
from engine.recording.recorder import MB, Recorder
from engine.recording.retention import ClipRetention
from tests.engine.films import START_S
from tests.engine.test_clips import City, at, over, the_settings

DISK = 200 * MB
RESERVE = 20 * MB
RINGS = 120 * MB
CLIPS = 30 * MB
CAMERAS = ("gate-3", "quay")
FRAGMENT = 400_000  # bytes of a second, about


def taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.mp4"))


class Brim:
    """Two cameras, a store and a disk of which other things take a part."""

    def __init__(self, folder: Path, disk: Path, seed: int) -> None:
        """`folder`: for the store; video and clips are on `disk`."""
        self.random = random.Random(seed)
        settings = the_settings(clips_total_mb=CLIPS // MB, total_mb=RINGS // MB, disk_reserve_mb=RESERVE // MB)
        self.city = City(folder, settings)
        self.city.vault = FolderVault(disk / "evidence")
        self.folder = disk
        self.of_others = disk / "others"
        self.second = 100.0
        self.alerts = 0
        self.must: set[Path] = set()
        self.needed: dict[str, float] = {}
        self.recorder = Recorder(
            disk / "recordings", settings.recording, len(CAMERAS), tell=lambda *_: True, free_bytes=self.free,
            needed_since=self.needed.get,
        )  # fmt: skip
        self.sinks = {name: self.recorder.sink(name) for name in CAMERAS}
        for sink in self.sinks.values():
            sink.begin("h264", b"header")
        self.retention = ClipRetention(
            self.city.store, self.city.vault, disk / "recordings", settings, free_bytes=self.free
        )
        self.open: list[tuple[Alert, Clip]] = []
        self.over: list[tuple[Alert, Clip]] = []

    def free(self, _folder: Path) -> int:
        return shutil.disk_usage(self.folder).free

    def record(self) -> None:
        """Some seconds of both cameras."""
        for _ in range(self.random.randint(5, 25)):
            self.second += 1
            for sink in self.sinks.values():
                content = self.random.randbytes(16) * (self.random.randint(FRAGMENT // 2, FRAGMENT) // 16)
                sink.fragment(content, START_S + self.second, START_S + self.second + 1, key=True)
        until_s = time.monotonic() + 20
        while self.recorder._waiting_bytes:
            assert time.monotonic() < until_s
            time.sleep(0.005)

    def raise_alert(self) -> None:
        """An alert whose clip is there."""
        self.alerts += 1
        alert = self.city.alert(self.second, str(self.alerts))
        (clip,) = self.city.clips(alert)[-1:]
        part = self.folder / "part"
        size = self.random.randint(1, 8) * MB
        if clip.state is not ClipState.PENDING or size > self.free(self.folder):
            over(self.city, alert, self.second)  # its clip is not cut before there is room
            return
        part.write_bytes(self.random.randbytes(16) * (size // 16))
        digest, path = self.city.vault.keep_clip(part, clip.since)
        ready = replace(clip, state=ClipState.READY, sha256=digest, path=path, size=size // 16 * 16)
        assert self.city.store.write(lambda writer: record_clip(writer, ready, self.now))
        self.open.append((alert, ready))

    def close_alert(self) -> None:
        if self.open:
            alert, clip = self.open.pop(self.random.randrange(len(self.open)))
            over(self.city, alert, self.second)
            self.over.append((alert, clip))

    def need(self) -> None:
        """A clip of the first camera that is not cut yet needs its video from then on, or none does any more."""
        if self.needed:
            self.needed.clear()
        else:
            self.needed[CAMERAS[0]] = START_S + self.second - 8
            segments = segment_paths(self.folder / "recordings" / CAMERAS[0])
            self.must = {path for path in segments if start_of(path) >= self.needed[CAMERAS[0]]}

    def crowd(self) -> None:
        """Others fill the disk, or go."""
        if self.of_others.exists():
            self.of_others.unlink()
            return
        size = max(0, self.free(self.folder) - self.random.choice((0, RESERVE // 3, RESERVE)))
        self.of_others.write_bytes(bytes(size // 4096 * 4096))

    @property
    def now(self) -> datetime:
        return at(self.second)

    def check(self) -> None:
        for _, clip in self.open:
            content = (self.folder / "evidence" / clip.path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == clip.sha256, "a clip of an open alert is whole"
        for name in CAMERAS:
            segments = segment_paths(self.folder / "recordings" / name)
            held = sum(path.stat().st_size for path in segments)
            newest = segments[-1].stat().st_size if segments else 0
            if name not in self.needed:
                assert held <= RINGS // len(CAMERAS) + max(FRAGMENT, newest) + 100_000
            else:
                assert self.must <= set(segments), "what a clip needs is there"

    def check_clips(self) -> None:
        """After the retention has looked."""
        protected = sum(clip.size for _, clip in self.open)
        assert taken(self.folder / "evidence") <= max(CLIPS, protected)
        kept = [self.city.clips(alert)[-1].state is ClipState.READY for alert, _ in self.over]
        for (_, clip), is_kept in zip(self.over, kept, strict=True):
            assert (self.folder / "evidence" / clip.path).exists() == is_kept

    def end(self) -> None:
        self.recorder.close()
        self.city.close()


@contextmanager
def brim(folder: Path, seed: int) -> Iterator[Brim]:
    """On a disk of its own, which only root may mount."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        made = Brim(folder, disk, seed)
        try:
            yield made
        finally:
            made.end()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_disk_that_is_filled_to_the_brim_loses_nothing_that_is_needed_and_every_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(recording, "LOOK_AT_DISK_S", 0.0)
    with brim(tmp_path, seed) as disk:
        steps = (disk.record, disk.record, disk.raise_alert, disk.raise_alert, disk.close_alert, disk.need, disk.crowd)
        least, deleted = DISK, 0
        for _ in range(80):
            disk.random.choice(steps)()
            disk.check()
            if disk.random.random() < 0.4:
                deleted += disk.retention.poll(disk.now)
                disk.check_clips()
            least = min(least, disk.free(disk.folder))
        assert least < RESERVE, "it was full indeed"
        assert deleted > 0, "and clips had to go"
