"""Kinds of the tests' own, so that a worker starts in a second: a lamp, who sees it shine, a camera that misbehaves.

They go through the real ports in real processes; files in a folder tell them what to do, so that a test can.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from data.errors import DeviceLost, InputRejected
from data.model.durations import Duration
from data.model.frame import Frame
from data.model.observation import Detection, Detections, Sensed
from data.model.picture import ArrayFrame
from data.ports.recipe import Context, DetectorRecipe, MonitorRecipe


class LampCamera(MonitorRecipe):
    """10 pictures a second; bright while the file `bright` lies in the folder.

    `lost`: raises DeviceLost; `rejected`: raises InputRejected; `hang`: the read blocks and cannot be broken off.
    """

    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    kind: Literal["lamp_camera"] = "lamp_camera"
    folder: Path
    timeout: Duration = timedelta(seconds=1)

    def make(self, context: Context) -> Lamp:
        if (self.folder / "rejected").exists():
            raise InputRejected(f"{context.site.id}: this is no picture")
        return Lamp(context.site.id, self.folder)


class LateCamera(MonitorRecipe):
    """10 pictures a second, each given `late` after it was taken: a reader that sleeps."""

    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    kind: Literal["late_camera"] = "late_camera"
    late: Duration = timedelta(seconds=3)
    timeout: Duration = timedelta(seconds=5)

    def make(self, context: Context) -> Late:
        return Late(context.site.id, self.late)


class Late:
    def __init__(self, site: str, late: timedelta) -> None:
        self.site = site
        self.late = late
        self.closed = False

    def observe(self) -> Iterator[Frame | None]:
        begun = datetime.now(UTC)
        for number in range(1_000_000):
            at = begun + timedelta(seconds=number / 10)
            while (wait_s := (at + self.late - datetime.now(UTC)).total_seconds()) > 0:
                if self.closed:
                    return
                time.sleep(min(wait_s, 0.5))
                if wait_s > 0.5:
                    yield None
            yield ArrayFrame(self.site, at, np.full((180, 320, 3), 99, np.uint8))

    def committed(self, reading: Sensed) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Lamp:
    def __init__(self, site: str, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.closed = False

    def observe(self) -> Iterator[Frame | None]:
        while not self.closed:
            if (self.folder / "lost").exists():
                raise DeviceLost(f"{self.site}: the plug is out")
            while (self.folder / "hang").exists():
                time.sleep(0.1)
            brightness = 250 if (self.folder / "bright").exists() else 5
            yield ArrayFrame(self.site, datetime.now(UTC), np.full((180, 320, 3), brightness, np.uint8))
            time.sleep(0.1)

    def committed(self, reading: Sensed) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Brightness(DetectorRecipe):
    """Finds one "lamp" over the middle of a picture whose mean brightness is above 128."""

    kind: Literal["brightness"] = "brightness"

    def make(self, _: Context) -> BrightnessDetector:
        return BrightnessDetector()


class BrightnessDetector:
    def find(self, frame: Frame) -> Sequence[Detections]:
        lamp = Detection((0.25, 0.25, 0.75, 0.75), 0.9, "lamp", 1)
        found = [lamp] if float(frame.luma().mean()) > 128 else []
        return [Detections.of(frame.site, frame.at, found, frame.width / frame.height)]


class Anything(DetectorRecipe):
    """Finds one "scene" in every picture, whatever it shows."""

    kind: Literal["anything"] = "anything"

    def make(self, _: Context) -> AnythingDetector:
        return AnythingDetector()


class AnythingDetector:
    def find(self, frame: Frame) -> Sequence[Detections]:
        scene = Detection((0.25, 0.25, 0.75, 0.75), 0.9, "scene", 1)
        return [Detections.of(frame.site, frame.at, [scene], frame.width / frame.height)]
