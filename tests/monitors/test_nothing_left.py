"""A connection that has ended leaves nothing to the garbage collector: a picture has 3 MB, and the collector counts
objects, not their bytes. What waits for it is memory that grows with every reconnection."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from data.model.observation import Rejected, Sensed
from data.model.warning import HazardWarning
from data.ports.recipe import Context, MonitorRecipe, Resources
from engine.camera.device import Device, Item
from monitors.video import http_snapshot, rtsp_camera, video_file
from tests.monitors.test_packets import film
from tests.servers.http_pictures import http_pictures, jpeg
from tests.servers.rtsp import RtspServer, rtsp_server
from tests.servers.rtsp_proxy import RtspProxy, rtsp_proxy

pytestmark = pytest.mark.server

OURS = {"av", "data", "engine", "monitors", "numpy"}  # packages whose objects hold pictures, packets and decoders
CALLS = {"frame", "traceback", "generator"}  # what holds everything that a call had in hand


@contextmanager
def all_that_waits_for_the_collector() -> Iterator[set[str]]:
    """Types of the objects that the block has left in reference cycles; known after the block."""
    found: set[str] = set()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [type(one) for one in gc.garbage]
        found |= {one.__name__ for one in left if one.__module__.partition(".")[0] in OURS or one.__name__ in CALLS}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


class Watched:
    """A device, which lasts, whose pictures are used as the worker uses them, and not kept."""

    def __init__(self, recipe: MonitorRecipe, context: Context) -> None:
        self.pictures = 0
        self.device = Device(recipe, replace(context, resources=Resources()), self._take, idle_is_alive=False)
        self.device.start()

    def _take(self, _: Device, item: Item) -> None:
        if not isinstance(item, Sensed | Rejected | HazardWarning):
            item.bgr(64, 48)
            item.jpeg(64)
            self.pictures += 1
            self.device.attend(self.pictures % 10 != 9, item.at, quiet=True)

    def wait_for_pictures(self, count: int) -> None:
        until, deadline_s = self.pictures + count, time.monotonic() + 20
        while self.pictures < until:
            assert time.monotonic() < deadline_s, self.device.trouble
            time.sleep(0.02)

    def wait_for_loss(self) -> None:
        deadline_s = time.monotonic() + 20
        while not self.device.trouble:
            assert time.monotonic() < deadline_s, "it was not lost"
            time.sleep(0.02)

    def stop(self) -> None:
        """And wait for its threads: what they leave is not the next test's."""
        self.device.stop()
        deadline_s = time.monotonic() + 5
        while time.monotonic() < deadline_s and any(one.name.startswith("read") for one in threading.enumerate()):
            time.sleep(0.02)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / "small.mp4", 2, 25)


@pytest.fixture(scope="module")
def server(small: Path) -> Iterator[RtspServer]:
    with rtsp_server({"gate": small}) as running:
        yield running


@pytest.fixture
def line(server: RtspServer) -> Iterator[RtspProxy]:
    with rtsp_proxy(server.port) as proxy:
        yield proxy


@pytest.mark.parametrize("watch", ["always", "on_activity"])
@pytest.mark.parametrize("fault", ["cut", "mute", "refuse"])
def test_a_camera_that_was_lost_and_is_back(line: RtspProxy, context: Context, watch: str, fault: str) -> None:
    recipe = rtsp_camera.Recipe.model_validate({"url": line.url("gate"), "watch": watch, "timeout": "2s"})
    with all_that_waits_for_the_collector() as left:
        camera = Watched(recipe, context)
        camera.wait_for_pictures(30)
        if fault == "cut":
            line.cut()
        else:
            {"mute": line.mute, "refuse": line.refuse}[fault]()
            camera.wait_for_loss()
            time.sleep(1.0)
        line.speak()
        line.accept()
        camera.wait_for_pictures(30)
    camera.stop()
    assert left == set()


@pytest.mark.parametrize("watch", ["always", "on_activity"])
def test_a_recording_that_begins_anew(small: Path, context: Context, watch: str) -> None:
    recipe = video_file.Recipe.model_validate({"path": str(small), "watch": watch, "loop": True, "paced": True})
    with all_that_waits_for_the_collector() as left:
        recording = Watched(recipe, context)
        recording.wait_for_pictures(70)
    recording.stop()
    assert left == set()


def test_a_camera_that_is_asked_for_pictures(context: Context) -> None:
    with http_pictures() as pictures:
        recipe = http_snapshot.Recipe.model_validate({"url": pictures.url(), "every": "100ms", "timeout": "1s"})
        with all_that_waits_for_the_collector() as left:
            camera = Watched(recipe, context)
            camera.wait_for_pictures(1)
            pictures.authorization = "the password was changed"
            camera.wait_for_loss()
            pictures.authorization, pictures.picture = "", jpeg(200)
            camera.wait_for_pictures(1)
        camera.stop()
    assert left == set()
