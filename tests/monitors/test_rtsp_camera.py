"""RTSP cameras, against a real server: pictures come, and every way of losing one is noticed in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from data.errors import DeviceLost
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Attentive, Context, Monitor
from monitors.video.rtsp_camera import Recipe
from tests.monitors.test_packets import film
from tests.servers.rtsp import Codec, RtspServer, rtsp_server

pytestmark = [pytest.mark.paired, pytest.mark.shared, pytest.mark.server]

TIMEOUT_S = 3.0


@pytest.fixture(scope="module")
def camera(shared: Path) -> Iterator[RtspServer]:
    with rtsp_server({"gate-3": shared / "clips" / "intel_car-detection.mp4"}) as server:
        yield server


def recipe_for(url: str, **more: object) -> Recipe:
    return Recipe.model_validate({"url": url, "timeout": "3s", **more})


def first_frames(monitor: Monitor, count: int) -> list[Frame]:
    frames: list[Frame] = []
    for seen in monitor.observe():
        if seen is not None and not isinstance(seen, Sensed | Rejected):
            frames.append(seen)
        if len(frames) == count:
            return frames
    raise AssertionError("the camera ended")


def lost_after(monitor: Monitor) -> tuple[str, float, float]:
    """What DeviceLost says, after how many seconds, and the longest step until then."""
    began = stepped = time.monotonic()
    longest = 0.0
    said = ""
    try:
        for _ in monitor.observe():
            longest = max(longest, time.monotonic() - stepped)
            stepped = time.monotonic()
    except DeviceLost as error:
        said = str(error)
    monitor.close()
    assert said, "the camera was not lost"
    return said, time.monotonic() - began, max(longest, time.monotonic() - stepped)


@pytest.mark.alone  # it asks for tenths of a second
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_frames_arrive_with_rising_times_near_the_present(shared: Path, context: Context, codec: Codec) -> None:
    with rtsp_server({"gate-3": shared / "clips" / "vtest_12s.mp4"}, codec=codec) as server:
        monitor = recipe_for(server.url("gate-3")).make(context)
        frames = first_frames(monitor, 25)
        age_s = time.time() - frames[-1].at.timestamp()
        monitor.close()
    assert (frames[0].width, frames[0].height) == (768, 576)
    assert frames[0].luma().shape == (576, 768)
    assert frames[0].luma().std() > 20
    times = [frame.at for frame in frames]
    assert times == sorted(set(times))
    assert 0 <= age_s < 0.5
    steady = [(b - a).total_seconds() for a, b in pairwise(times[15:])]
    assert steady == pytest.approx([0.1] * len(steady), abs=0.06)


def test_a_login_is_used_and_never_shown(shared: Path, context: Context, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clips = {"gate-3": shared / "clips" / "intel_car-detection.mp4"}
    for method in ("basic", "digest"):
        with rtsp_server(clips, user="admin", password="p@ss:word", method=method) as server:
            monitor = recipe_for(server.url("gate-3"), credentials="camera").make(context)
            assert first_frames(monitor, 1)
            server.kill()
            said, _, _ = lost_after(monitor)
            assert "p@ss" not in said + caplog.text
            assert "p%40ss" not in said + caplog.text


def test_a_wrong_login_is_a_clear_loss_without_the_password(shared: Path, context: Context) -> None:
    clips = {"gate-3": shared / "clips" / "intel_car-detection.mp4"}
    with rtsp_server(clips, user="admin", password="another") as server:
        monitor = recipe_for(server.url("gate-3"), credentials="camera").make(context)
        with pytest.raises(DeviceLost) as caught:
            list(monitor.observe())
    assert "gate-3: rtsp://127.0.0.1:" in str(caught.value)
    assert "401 Unauthorized" in str(caught.value)
    chain = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "p@ss" not in chain
    assert "p%40ss" not in chain


def test_a_path_without_camera_and_a_closed_port_are_lost_at_once(camera: RtspServer, context: Context) -> None:
    said, after_s, _ = lost_after(recipe_for(camera.url("nobody")).make(context))
    assert "404 Not Found" in said
    assert after_s < TIMEOUT_S
    said, after_s, _ = lost_after(recipe_for("rtsp://127.0.0.1:9/x").make(context))
    assert "Connection refused" in said
    assert after_s < TIMEOUT_S


def test_an_address_where_nobody_answers_is_lost_within_the_time_out(context: Context) -> None:
    said, after_s, longest_s = lost_after(recipe_for("rtsp://192.0.2.1:554/x").make(context))
    assert "gate-3: rtsp://192.0.2.1:554/x" in said
    assert after_s <= TIMEOUT_S + 0.5
    assert longest_s < 1.0


def test_a_silent_server_is_lost_in_time_and_seen_again_when_it_speaks(camera: RtspServer, context: Context) -> None:
    recipe = recipe_for(camera.url("gate-3"))
    running = recipe.make(context)
    assert first_frames(running, 3)
    camera.freeze()
    said, after_s, longest_s = lost_after(running)
    assert "nothing new for 3 s" in said
    assert after_s <= TIMEOUT_S + 2
    assert longest_s < 1.0
    _, after_s, longest_s = lost_after(recipe.make(context))  # it accepts the connection and says nothing
    assert after_s <= TIMEOUT_S + 2
    assert longest_s < 1.0
    camera.thaw()
    again = recipe.make(context)
    assert first_frames(again, 3)
    again.close()


def test_after_a_restart_of_the_server_a_new_monitor_reads_on(camera: RtspServer, context: Context) -> None:
    recipe = recipe_for(camera.url("gate-3"))
    monitor = recipe.make(context)
    assert first_frames(monitor, 3)
    camera.kill()
    _, after_s, _ = lost_after(monitor)
    assert after_s < 1.0
    said, _, _ = lost_after(recipe.make(context))
    assert "Connection refused" in said
    camera.start()
    began = time.monotonic()
    monitor = recipe.make(context)
    assert first_frames(monitor, 3)
    assert time.monotonic() - began < TIMEOUT_S
    monitor.close()


def test_close_ends_an_observation_that_waits(camera: RtspServer, context: Context) -> None:
    monitor = recipe_for(camera.url("gate-3")).make(context)
    seen = monitor.observe()
    assert next(frame for frame in seen if frame is not None)
    monitor.close()
    monitor.close()
    assert list(seen) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://admin:s3cret@10.0.0.5/main", "put them into the secrets file"),
        ("rtsp://s3cret@10.0.0.5/main", "put them into the secrets file"),
        ("http://10.0.0.5/main", "must begin with rtsp:// or rtsps://"),
        ("rtsp:///main", "names no host"),
        ("rtsp://10.0.0.5:99999/main", "not a URL with a host and a port"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Recipe(url=url)
    assert "s3cret" not in str(caught.value)


def test_a_resting_camera_gives_key_frames_and_on_waking_what_it_kept_back(context: Context, tmp_path: Path) -> None:
    clip = film(tmp_path / "film.mp4", 20, 25)
    with rtsp_server({"gate-3": clip}) as server:
        monitor = recipe_for(server.url("gate-3"), watch="on_activity").make(context)
        assert isinstance(monitor, Attentive)
        seen: list[tuple[float, float]] = []
        woken_at: float | None = None
        for frame in monitor.observe():
            if frame is None or isinstance(frame, Sensed | Rejected):
                continue
            at_s = frame.at.timestamp()
            seen.append((at_s, time.time()))
            if woken_at is None and len(seen) > 2 and at_s - seen[0][0] > 6:
                assert monitor.decode_state == 0
                assert monitor.attend(True, frame.at)
                woken_at = at_s
            elif woken_at is None:
                monitor.attend(False, frame.at)
            elif at_s > woken_at + 2:
                break
        monitor.close()
    assert woken_at is not None
    place = [at_s for at_s, _ in seen].index(woken_at)
    at_rest = [at_s for at_s, _ in seen[place - 3 : place + 1]]
    assert [b - a for a, b in pairwise(at_rest)] == pytest.approx([1.0] * 3, abs=0.05)
    again = [at_s for at_s, _ in seen[place + 1 :] if at_s <= woken_at + 0.01]
    assert 0.01 <= again[0] - at_rest[-2] <= 0.23, "the first that is looked at after the key frame before"
    assert [b - a for a, b in pairwise(again)] == pytest.approx([0.2] * (len(again) - 1), abs=0.03)
    assert seen[place + 1][1] - seen[place][1] < 0.5, "at once"
    later = [at_s for at_s, _ in seen if at_s > woken_at + 0.5]
    assert [b - a for a, b in pairwise(later)] == pytest.approx([0.04] * (len(later) - 1), abs=0.03)


def test_at_rest_the_substream_is_seen_and_on_waking_the_main_stream_from_shortly_before(
    context: Context, tmp_path: Path
) -> None:
    """Its key frames are ten seconds apart, so that it could not rest by itself."""
    clips = {"main": film(tmp_path / "main.mp4", 20, 250), "sub": film(tmp_path / "sub.mp4", 20, 25, width=64)}
    with rtsp_server(clips) as server:
        recipe = recipe_for(server.url("main"), substream=server.url("sub"), watch="on_activity")
        monitor = recipe.make(context)
        assert isinstance(monitor, Attentive)
        seen: list[tuple[float, float, int]] = []
        woken_at: float | None = None
        for frame in monitor.observe():
            if frame is None or isinstance(frame, Sensed | Rejected):
                continue
            at_s = frame.at.timestamp()
            seen.append((at_s, time.time(), frame.width))
            if woken_at is None and at_s - seen[0][0] > 6:
                assert monitor.decode_state == 1
                assert monitor.attend(True, frame.at)
                woken_at = at_s
            elif woken_at is None:
                monitor.attend(False, frame.at)
            elif at_s > woken_at + 1.5:
                break
        assert monitor.decode_state == 2
        monitor.close()
    assert woken_at is not None
    at_rest = [(at_s, width) for at_s, _, width in seen if woken_at - 2 < at_s <= woken_at and width == 64]
    assert len(at_rest) == pytest.approx(50, abs=5)
    main = [(at_s, came_s) for at_s, came_s, width in seen if width == 128 and at_s > woken_at - 1.5]
    assert woken_at - 0.7 <= main[0][0] <= woken_at - 0.3, "the first that is looked at since 0.6 s before"
    assert main[0][1] - woken_at < 1.0, "at once"
    later = [at_s for at_s, _ in main if at_s > woken_at + 0.7]
    assert [b - a for a, b in pairwise(later)] == pytest.approx([0.04] * (len(later) - 1), abs=0.03)
