"""What networks and cameras do to a stream: the read comes back within 6 s, pictures within 10 s of the fault's end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from data.model.loss import cause_of
from data.model.observation import Rejected, Sensed
from data.model.warning import HazardWarning
from data.ports.recipe import Context, Resources
from engine.camera.device import Device, Item
from monitors.video.rtsp_camera import Recipe
from tests.monitors.test_packets import film
from tests.servers.rtsp import RtspServer, rtsp_server
from tests.servers.rtsp_proxy import RtspProxy, rtsp_proxy

pytestmark = [pytest.mark.paired, pytest.mark.server]

CONTROL_S, BACK_S = 6.0, 10.0


class Reader:
    """A camera kept open as a worker does it, and what it gave."""

    def __init__(self, url: str, context: Context, **more: object) -> None:
        recipe = Recipe.model_validate({"url": url, **more})  # its time-out is the usual one, 5 s
        self.times: list[tuple[datetime, float]] = []  # of a picture, and when it came (monotonic)
        self.sizes: set[tuple[int, int]] = set()
        self.said: list[str] = []
        own = replace(context, resources=Resources())
        self.device = Device(recipe, own, self._take, idle_is_alive=False)
        self.device.start()

    def _take(self, _: Device, item: Item) -> None:
        if isinstance(item, Rejected):
            self.said.append(item.reason)
        elif not isinstance(item, Sensed | HazardWarning):
            self.sizes.add((item.width, item.height))
            self.times.append((item.at, time.monotonic()))

    def wait_for_pictures(self, count: int = 5, within_s: float = 15.0) -> float:
        """Seconds until so many more have come."""
        begun_s, had = time.monotonic(), len(self.times)
        while len(self.times) < had + count:
            assert time.monotonic() - begun_s < within_s, f"no pictures: {self.device.trouble}"
            self.device.check()
            time.sleep(0.02)
        return time.monotonic() - begun_s

    def wait_for_loss(self) -> float:
        begun_s = time.monotonic()
        while not self.device.trouble:
            assert time.monotonic() - begun_s < 15, "it was not lost"
            self.device.check()
            time.sleep(0.02)
        return time.monotonic() - begun_s

    def times_rise_and_are_of_now(self) -> None:
        times = [at for at, _ in self.times]
        assert all(a < b for a, b in pairwise(times))
        newest, came_s = self.times[-1]
        age_s = (datetime.now(UTC) - newest).total_seconds() - (time.monotonic() - came_s)
        assert -0.01 < age_s < 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("films")
    small = film(folder / "small.mp4", 4, 25)
    with rtsp_server({"gate": small, "growing": [small, film(folder / "large.mp4", 4, 25, width=256)]}) as running:
        yield running


@pytest.fixture
def line(server: RtspServer) -> Iterator[RtspProxy]:
    with rtsp_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def reader(line: RtspProxy, context: Context) -> Iterator[Reader]:
    one = Reader(line.url("gate"), context)
    one.wait_for_pictures()
    yield one
    one.device.stop()


@pytest.mark.parametrize(
    ("fault", "cause"), [("mute", "silent"), ("cut", ""), ("refuse", "refused"), ("drop", "silent"), ("stop", "silent")]
)
def test_a_line_that_fails_is_lost_in_time_and_back_in_time(
    line: RtspProxy, server: RtspServer, reader: Reader, fault: str, cause: str
) -> None:
    begin = {"mute": line.mute, "cut": line.cut, "refuse": line.refuse, "stop": server.freeze}
    end = {"mute": line.speak, "refuse": line.accept, "stop": server.thaw}
    if fault == "drop":
        line.drop = 1.0
    else:
        begin[fault]()
    if fault != "cut":  # it is served again at once
        assert reader.wait_for_loss() < CONTROL_S
        time.sleep(4)
        assert cause_of(reader.device.trouble or "") == cause
    line.drop = 0.0
    end.get(fault, lambda: None)()
    assert reader.wait_for_pictures() < BACK_S
    reader.times_rise_and_are_of_now()


def test_a_server_that_is_mute_after_the_connection_is_lost_and_found_again(line: RtspProxy, reader: Reader) -> None:
    line.mute()
    line.cut()
    assert reader.wait_for_loss() < CONTROL_S
    time.sleep(6)
    assert cause_of(reader.device.trouble or "") in {"silent", "unreachable"}
    line.speak()
    assert reader.wait_for_pictures() < BACK_S


def test_a_third_of_the_packets_lost_or_corrupt_shows_pictures_all_the_time(line: RtspProxy, reader: Reader) -> None:
    for line.drop, line.corrupt in ((0.3, 0.0), (0.0, 0.3), (0.3, 0.3)):
        assert reader.wait_for_pictures(25) < 15
    line.drop = line.corrupt = 0.0
    assert reader.wait_for_pictures(50) < 6
    assert reader.device.losses == 0
    reader.times_rise_and_are_of_now()


@pytest.mark.parametrize("watch", ["always", "on_activity"])
@pytest.mark.parametrize(
    ("seconds", "once"), [(7200.0, True), (7200.0, False), (-40.0, True), (-40.0, False), (1.7, True)]
)
def test_stray_stamps_of_a_live_camera_hold_up_nothing_and_are_said_once(
    line: RtspProxy, context: Context, watch: str, seconds: float, once: bool
) -> None:
    reader = Reader(line.url("gate"), context, watch=watch)
    try:
        reader.wait_for_pictures(20)
        line.shift_stamps(seconds, once=once)
        assert reader.wait_for_pictures(50) < 5
        reader.times_rise_and_are_of_now()
        gaps = [(b - a).total_seconds() for (a, _), (b, _) in pairwise(reader.times[-45:])]
        assert max(gaps) < 0.5
        assert len(reader.said) <= 1
        if abs(seconds) > 3:
            assert "have time stamps that jump by" in reader.said[0]
    finally:
        reader.device.stop()


def test_another_resolution_in_mid_stream_goes_on(line: RtspProxy, context: Context) -> None:
    for watch in ("always", "on_activity"):
        reader = Reader(line.url("growing"), context, watch=watch)
        reader.wait_for_pictures(230)
        reader.device.stop()
        assert reader.sizes == {(128, 96), (256, 96)}, watch
        assert reader.device.losses == 0
        reader.times_rise_and_are_of_now()


def test_many_flaps_leave_no_threads_behind(line: RtspProxy, reader: Reader) -> None:
    before = threading.active_count()
    for _ in range(12):
        line.cut()
        assert reader.wait_for_pictures(3) < BACK_S
    time.sleep(1)
    assert threading.active_count() <= before + 4, "the proxy's own for two connections"
