"""A camera that wakes: what was kept back is looked at in whole, and the present is caught up with soon."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from data.local.feed_socket import SocketFramePublisher
from data.local.meters import Meters
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Rejected, Sensed
from data.model.place import Place
from data.ports.recipe import Context, MonitorRecipe
from engine.camera.camera import Camera
from engine.camera.watch import Received
from tests.engine.grainy_street import Box, frame, seen

CAR: Box = (0, 80, 30, 110)


class PushedCamera(MonitorRecipe):
    """Gives the pictures that a test puts in."""

    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    kind: Literal["pushed_camera"] = "pushed_camera"
    watch: Literal["on_activity"] = "on_activity"

    def make(self, context: Context) -> Pushed:
        pushed: Pushed = context.resources.share("pushed", Pushed)
        return pushed


class Pushed:
    """`decode_state` as asked for: key frames only, or everything."""

    def __init__(self) -> None:
        self.pictures: queue.Queue[Frame | None] = queue.Queue()
        self.decode_state, self.quiet = 2, False
        self.asked_since: datetime | None = None

    def observe(self) -> Iterator[Frame]:
        while (picture := self.pictures.get()) is not None:
            yield picture

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        again = awake and self.decode_state != 2
        self.decode_state, self.quiet = 2 if awake else 0, quiet
        if again:
            self.asked_since = at
        return again

    def committed(self, reading: Sensed) -> None:
        pass

    def close(self) -> None:
        self.pictures.put(None)


class Street:
    """The camera has rested before an empty street until now, 20 s after its first picture."""

    def __init__(self, folder: Path) -> None:
        context = Context(site=Place(id="gate-3", location=Location(lon=106.5, lat=29.6)))
        self.start = datetime.now(UTC) - timedelta(seconds=20)
        self.rejected: list[Rejected] = []
        self.camera = Camera(
            PushedCamera(),
            context,
            publisher=SocketFramePublisher(folder / "nobody-looks.sock"),
            meters=Meters(),
            arrived=lambda: None,
            reject=self.rejected.append,
        )
        self.monitor = context.resources.share("pushed", Pushed)
        self.camera.device.start()
        for at_s in (*np.arange(0.0, 3.0, 0.1), *np.arange(4.0, 20.0, 2.0)):
            self.show(float(at_s))
            self.taken(0.02)

    def show(self, at_s: float, *boxes: Box) -> None:
        self.monitor.pictures.put(frame(at_s, *boxes, start=self.start))

    def taken(self, within_s: float) -> Received | None:
        """The next picture that is for the detector, within that time."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if (received := self.camera.fresh()) is not None:
                self.camera.take(received)
                return received
            time.sleep(0.002)
        return None

    def place_s(self, received: Received | None) -> float | None:
        return None if received is None else round((received.frame.at - self.start).total_seconds(), 2)

    def now_s(self) -> float:
        return (datetime.now(UTC) - self.start).total_seconds()


@pytest.fixture
def woken(tmp_path: Path) -> Iterator[Street]:
    """A car came in; the pictures since then are about to come again."""
    street = Street(tmp_path)
    street.show(20.0, CAR)
    glance = street.taken(2)
    assert glance is not None
    assert glance.glance
    assert not street.camera.glanced(glance, seen(20.0, CAR, start=street.start))
    assert street.monitor.asked_since == glance.frame.at
    yield street
    street.camera.device.stop()
    assert street.rejected == []


def test_what_was_kept_back_is_looked_at_in_whole_and_what_came_after_waking_is_the_present(woken: Street) -> None:
    places = [round(18.2 + 0.2 * number, 1) for number in range(10)]
    for at_s in places:
        woken.show(at_s, CAR)
    took = []
    for _ in places:
        time.sleep(0.06)  # a detector that takes its time
        took.append(woken.taken(2))
    assert [woken.place_s(one) for one in took] == places, "none was dropped, though they came at once"
    assert all(one is not None and one.late for one in took)
    time.sleep(0.7)
    woken.show(20.4, CAR)
    after = woken.taken(2)
    assert after is not None
    assert not after.late, "it was taken after the camera had been woken, so it counts as a late look at the present"


def test_while_it_lags_behind_the_present_every_second_look_is_left_out(woken: Street) -> None:
    woken.show(20.0, CAR)
    assert woken.place_s(woken.taken(2)) == 20.0
    time.sleep(max(0.0, 22.0 - woken.now_s()))
    found = []
    for at_s in (20.2, 20.4, 20.6, 20.8):
        woken.show(at_s, CAR)
        found.append(woken.place_s(woken.taken(0.15)))
    assert found == [None, 20.4, None, 20.8]
    assert woken.camera.tally.shed >= 2
    now_s = woken.now_s()
    woken.show(now_s, CAR)
    assert woken.place_s(woken.taken(2)) == round(now_s, 2), "caught up"


def test_a_detector_that_is_slower_than_the_camera_still_sees_it_every_eight_tenths_while_it_catches_up(
    woken: Street,
) -> None:
    woken.show(20.0, CAR)
    assert woken.place_s(woken.taken(2)) == 20.0
    time.sleep(max(0.0, 23.0 - woken.now_s()))
    for number in range(1, 11):
        woken.show(20.0 + 0.2 * number, CAR)
    places = [20.0]
    while places[-1] < 22.0:
        time.sleep(0.2)
        place_s = woken.place_s(woken.taken(2))
        assert place_s is not None
        places.append(place_s)
    assert np.diff(places).max() <= 0.81
    assert len(places) <= 6, "but not more often than it must"
