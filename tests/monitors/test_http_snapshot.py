"""HTTP snapshots against a real server: new pictures come, old ones do not, trouble is named."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from data.errors import DeviceLost
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Context, Monitor
from monitors.video.http_snapshot import Recipe
from tests.servers.http_pictures import PictureServer, http_pictures, jpeg

pytestmark = pytest.mark.server


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with http_pictures() as running:
        yield running


def snapshots(url: str, **more: object) -> Recipe:
    return Recipe.model_validate({"url": url, "every": "100ms", "timeout": "1s", **more})


def seen_for(monitor: Monitor, seconds: float) -> list[Frame | Sensed | Rejected]:
    ends_s = time.monotonic() + seconds
    seen: list[Frame | Sensed | Rejected] = []
    for item in monitor.observe():
        seen += [item] if item is not None else []
        if time.monotonic() > ends_s:
            monitor.close()
    return seen


def lost(monitor: Monitor) -> str:
    began = time.monotonic()
    with pytest.raises(DeviceLost) as caught:
        list(monitor.observe())
    monitor.close()
    assert time.monotonic() - began < 2.5
    return str(caught.value)


@pytest.mark.parametrize("etags", [True, False])
def test_a_picture_is_given_once_until_it_changes(context: Context, etags: bool) -> None:
    with http_pictures(etags=etags) as server:
        monitor = snapshots(server.url()).make(context)
        greys: list[int] = []
        ends_s = time.monotonic() + 4
        for item in monitor.observe():
            if item is None:
                if len(greys) == 1:
                    server.picture = jpeg(200)
            elif not isinstance(item, Sensed | Rejected):
                assert (item.site, item.width, item.height) == ("gate-3", 64, 48)
                assert abs(time.time() - item.at.timestamp()) < 1
                greys.append(round(float(item.luma().mean())))
            if len(greys) == 2 or time.monotonic() > ends_s:
                monitor.close()
    assert greys == pytest.approx([100, 200], abs=2)
    assert server.requests[200] >= 2
    assert (304 in server.requests) == etags


def test_the_pace_is_kept(server: PictureServer, context: Context) -> None:
    seen_for(snapshots(server.url(), every="200ms").make(context), 1.5)
    assert 5 <= sum(server.requests.values()) <= 12


@pytest.mark.parametrize(
    ("path", "said"),
    [("error", "the camera answers 500"), ("nothing", "the camera answers 404"), ("hang", "no answer in 1 s")],
)
def test_a_camera_in_trouble_is_lost_with_the_reason(
    server: PictureServer, context: Context, path: str, said: str
) -> None:
    text = lost(snapshots(server.url(path)).make(context))
    assert text.startswith(f"gate-3: {server.url(path)}: ")
    assert said in text


def test_a_huge_answer_that_never_ends_is_lost_in_time(server: PictureServer, context: Context) -> None:
    assert "gate-3" in lost(snapshots(server.url("huge")).make(context))


def test_a_closed_port_is_lost(context: Context) -> None:
    assert "Connection refused" in lost(snapshots("http://127.0.0.1:9/picture.jpg").make(context))


def test_a_hanging_camera_holds_nobody_up(server: PictureServer, context: Context) -> None:
    monitor = snapshots(server.url("hang"), timeout="30s").make(context)
    seen = monitor.observe()
    began = time.monotonic()
    assert [next(seen), next(seen)] == [None, None]
    assert time.monotonic() - began < 1.5
    monitor.close()
    assert list(seen) == []


@pytest.mark.parametrize("path", ["garbage", "cut.jpg"])
def test_what_is_no_whole_picture_is_rejected_and_the_camera_goes_on(
    server: PictureServer, context: Context, path: str
) -> None:
    seen = seen_for(snapshots(server.url(path)).make(context), 0.8)
    assert [type(item) for item in seen] == [Rejected]  # the same bytes again are nothing new
    assert isinstance(seen[0], Rejected)
    assert seen[0].reason == "this is no whole JPEG or PNG picture"
    assert seen[0].monitor == "http_snapshot"


def test_a_login_is_used_and_a_missing_one_is_a_clear_loss(context: Context) -> None:
    with http_pictures(user="admin", password="p@ss:word") as server:
        known = seen_for(snapshots(server.url(), credentials="camera").make(context), 0.5)
        assert len(known) == 1
        text = lost(snapshots(server.url()).make(context))
    assert "the camera answers 401 Unauthorized" in text


def test_a_url_with_a_login_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="put them into the secrets file") as caught:
        Recipe(url="http://admin:s3cret@10.0.0.5/snapshot.jpg")
    assert "s3cret" not in str(caught.value)
