"""A hundred dead cameras: two attempts a second in all, and none of it stands in the way of one that comes back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from engine.process.connections import BURST, ConnectionBudget, SharedBucket
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.city import CHONGQING, Cities
from tests.engine.kinds import Anything
from tests.servers.rtsp import rtsp_server


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def slamming_door() -> Iterator[tuple[int, list[float]]]:
    """A port that accepts and closes at once; the port, and when somebody knocked."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    knocks: list[float] = []

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            knocks.append(time.monotonic())
            connection.close()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1], knocks
    finally:
        listener.close()


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=200))
def test_whoever_asks_whenever_no_more_than_two_fail_a_second(asked: list[tuple[float, bool]]) -> None:
    clock = Clock()
    bucket = SharedBucket(None, clock=clock)
    failed: list[float] = []
    for wait_s, succeeds in asked:
        clock.now_s += wait_s
        if bucket.take() == 0:
            if succeeds:
                bucket.give_back()
            else:
                failed.append(clock.now_s)
    for first, begin_s in enumerate(failed):
        for count, end_s in enumerate(failed[first:], start=1):
            assert count <= BURST + 1.5 * (end_s - begin_s) + 1e-6


def test_two_processes_share_one_bucket_also_after_a_start_of_the_machine(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (SharedBucket(tmp_path / "connections", clock=clock) for _ in range(2))
    assert [bucket.take() for bucket in (one, other, one, other)] == [0, 0, 0, 0]
    assert one.take() == pytest.approx(1 / 1.5)
    assert other.take() == pytest.approx(1 / 1.5)
    other.give_back()
    assert one.take() == 0
    clock.now_s = 5.0  # the machine was started anew
    assert one.take() > 0
    clock.now_s = 6.0
    assert one.take() == 0
    (tmp_path / "connections").write_bytes(b"\xff" * 16)  # not a number
    assert one.take() == 0


def test_a_folder_that_cannot_be_written_limits_this_process_alone(tmp_path: Path) -> None:
    bucket = SharedBucket(tmp_path / "none" / "connections")
    assert [bucket.take() for _ in range(4)] == [0] * 4
    assert bucket.take() > 0


def test_who_was_lost_last_goes_first_and_stopping_ends_the_wait() -> None:
    budget = ConnectionBudget(SharedBucket(None, rate=5.0, burst=1.0))
    stopping, order = threading.Event(), list[int]()
    assert budget.wait(0, stopping, lambda: None)
    waiting = ((50, False), (3, False), (0, False), (7, True))

    def wait(failures: int, just_lost: bool) -> None:
        if budget.wait(failures, stopping, lambda: None, just_lost=just_lost):
            order.append(failures)

    threads = [threading.Thread(target=wait, args=one) for one in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert order == [7, 0, 3, 50]
    stopping.set()
    assert not budget.wait(0, stopping, lambda: None)


def camera(name: str, url: str) -> SiteSettings:
    rule = Intrusion(keep_firing_for=timedelta(seconds=1))
    monitor = RtspCamera(url=url, timeout=timedelta(seconds=2))
    return SiteSettings(id=name, location=CHONGQING, monitor=monitor, detectors=(Anything(),), rules=(rule,))


@pytest.mark.paired
@pytest.mark.server
@pytest.mark.shared
def test_a_hundred_dead_cameras_knock_twice_a_second_and_one_that_was_just_lost_is_soon_back(
    city: Cities, shared: Path
) -> None:
    with slamming_door() as (port, knocks), rtsp_server({"x": shared / "clips" / "vtest_12s.mp4"}) as server:
        dead = [camera(f"dead-{n}", f"rtsp://127.0.0.1:{port}/{n}") for n in range(100)]
        one = city(sites=(camera("well", server.url("x")), *dead), workers=2)
        one.start()
        one.wait_for(lambda: one.health("well") == "live")
        one.wait_for(lambda: one.health("dead-9") == "lost")
        begin, begin_s = len(knocks), time.monotonic()
        time.sleep(12)
        knocked, passed_s = len(knocks) - begin, time.monotonic() - begin_s
        assert 5 <= knocked <= 2 * passed_s
        server.kill()
        one.wait_for(lambda: one.health("well") == "lost", 8)
        server.start()
        assert one.wait_for(lambda: one.health("well") == "live") < 10
        assert len(knocks) - begin <= 2 * (time.monotonic() - begin_s)
