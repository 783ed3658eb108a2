"""Clips of alerts in a real browser: played on the wall, the duty page and the review page, or told why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from playwright.sync_api import Locator, Page, expect

from data.model.alert import Alert
from data.model.clip import Clip, ClipState
from data.ports.store import Writer
from engine.recording.maker import record_clip
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import raise_one

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
SIZES = [(1920, 1080), (1366, 768)]
PLAYED = "video => video.currentTime > 0.3 && video.videoWidth === 640"
# What of the page's visible words and players lies over each other, or over the edge of what holds them.
CUT_OFF = """place => {
  const wrong = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) wrong.push(`the page is ${page.scrollWidth - page.clientWidth} px too wide`);
  const box = (one) => one.getBoundingClientRect();
  const mine = box(place);
  const still = place.parentElement.querySelector(".picture");
  if (place.closest(".subject") && box(still).height < 100) wrong.push(`the picture is ${box(still).height} px high`);
  for (const one of place.querySelectorAll("video, .clip-note, .clip-span")) {
    const inner = box(one);
    if (one.tagName === "VIDEO" && inner.height < 100) wrong.push(`the video is ${inner.height} px high`);
    if (!inner.width || !inner.height) wrong.push(`${one.className || one.tagName} has no size`);
    if (inner.right > mine.right + 1 || inner.left < mine.left - 1) {
      wrong.push(`${one.className || one.tagName} is too wide`);
    }
    if (one.scrollWidth > one.clientWidth + 1) wrong.push(`${one.className || one.tagName} is cut off`);
  }
  for (const other of place.parentElement.children) {
    const its = box(other);
    const width = Math.min(mine.right, its.right) - Math.max(mine.left, its.left);
    const height = Math.min(mine.bottom, its.bottom) - Math.max(mine.top, its.top);
    if (other !== place && width > 1 && height > 1) wrong.push(`lies over ${other.className || other.tagName}`);
  }
  return wrong;
}"""


def movie(path: Path, codec: str, seconds: int = 6) -> None:
    """640 x 360, a bar that wanders."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast", "x265-params": "log-level=error"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.gop_size = 25
        stream.codec_context.time_base = Fraction(1, 25)
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"
        picture = np.full((360, 640, 3), (70, 80, 90), np.uint8)
        for i in range(seconds * 25):
            shown = picture.copy()
            shown[:, i * 4 : i * 4 + 30] = (200, 200, 120)
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """One for all of these tests: nothing that they do changes it."""
    with running_station(tmp_path_factory.mktemp("clips")) as running:
        yield running


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("movies")
    made = {}
    for codec, encoder in (("h264", "libx264"), ("hevc", "libx265")):
        movie(folder / f"{codec}.mp4", encoder)
        made[codec] = (folder / f"{codec}.mp4").read_bytes()
    return made


def ask(station: Station, site: str, at: datetime) -> tuple[Alert, Clip]:
    """An alert whose clip is asked for."""
    subject = f"{site}-{at.timestamp()}"
    alert = raise_one(station.store, station.vault, at, site=site, subject=subject, own_picture=True)
    clip = Clip(site, at - timedelta(seconds=10), at + timedelta(seconds=20), at)
    return alert, station.store.write(lambda writer: writer.add_clip(clip, alert.id))


def settle(station: Station, clip: Clip, content: bytes, codec: str, gap_s: float = 0.0) -> None:
    """The clip is there. `content`: of the movie; each clip is another file by some bytes that players pass over."""
    part = station.vault._folder.parent / "part.mp4"
    part.write_bytes(content + (16).to_bytes(4, "big") + b"free" + clip.id.to_bytes(8, "big"))
    size = part.stat().st_size
    digest, path = station.vault.keep_clip(part, clip.since)
    ready = replace(
        clip, state=ClipState.READY, sha256=digest, path=path, codec=codec, size=size, from_at=clip.since,
        to_at=clip.until, gap_s=gap_s,
    )  # fmt: skip

    def work(writer: Writer) -> None:
        assert record_clip(writer, ready, clip.until)

    station.store.write(work)


def choose(page: Page, path: str, alert: Alert) -> Locator:
    """Choose the alert as a person does; the place of its clips."""
    if path == "/duty":
        row = page.locator(f'#duty-alerts .ag-center-cols-container .ag-row[row-id="{alert.id}"]')
        row.click(timeout=20_000)
    elif path == "/":
        page.locator(f'[data-alert="{alert.id}"]').first.click(timeout=20_000)
    else:  # the review page shows what was so at its cursor: seek to the end
        page.locator("[data-then]").first.wait_for(timeout=20_000)
        box = page.locator("#review-graph .nsewdrag").first.bounding_box(timeout=20_000)
        assert box is not None
        page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 20)
        for _ in range(30):
            page.keyboard.press("ArrowRight")  # to the very end: four pixels may be some seconds
    return page.locator(f'[data-clips="{alert.id}"]').first


def look(page: Page, place: Locator, name: str, shots: Path) -> None:
    place.scroll_into_view_if_needed()
    page.screenshot(path=str(shots / f"{name}.png"))
    assert place.evaluate(CUT_OFF) == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(("path", "user"), [("/", "chenming"), ("/duty", "chenming"), ("/review", "liuna")])
def test_the_clip_of_the_chosen_alert_plays_and_one_with_a_gap_tells_it(  # noqa: PLR0917 - what is looked at
    station: Station,
    sit_down: SitDown,
    movies: dict[str, bytes],
    tmp_path: Path,
    path: str,
    user: str,
    width: int,
    height: int,
    language: str,
) -> None:
    alert, clip = ask(station, "quay-1", datetime.now(UTC) - timedelta(seconds=40))
    settle(station, clip, movies["h264"], "h264", gap_s=3.4)
    seat = sit_down(path, user=user, width=width, height=height, language=language)
    place = choose(seat.page, path, alert)
    video = place.locator("video")
    expect(video).to_have_count(1, timeout=20_000)
    video.evaluate("video => { video.play(); }")
    seat.page.wait_for_function(PLAYED, arg=video.element_handle(), timeout=15_000)
    gap = {"zh": "其中缺少 3 秒：当时没有收到画面", "en": "3 s of it are missing: no video came then"}[language]
    expect(place.locator(".clip-note")).to_have_text(gap)
    if path == "/":
        acknowledge = seat.page.locator("#dispatch-panel .do button").first.bounding_box()
        panel = seat.page.locator("#dispatch-panel").bounding_box()
        assert acknowledge is not None
        assert panel is not None
        assert acknowledge["y"] + acknowledge["height"] <= panel["y"] + panel["height"], "the buttons are in sight"
    look(seat.page, place, f"played-{path.strip('/') or 'wall'}-{width}-{language}", tmp_path)
    assert seat.errors == []


@pytest.mark.parametrize("path", ["/", "/duty"])
def test_a_clip_that_is_being_made_is_told_and_played_as_soon_as_it_is_there(
    station: Station, sit_down: SitDown, movies: dict[str, bytes], tmp_path: Path, path: str
) -> None:
    alert, clip = ask(station, "quay-2", datetime.now(UTC) - timedelta(seconds=2))
    seat = sit_down(path, language="en")
    place = choose(seat.page, path, alert)
    expect(place.locator(".clip-note")).to_contain_text("the clip follows in about", timeout=15_000)
    look(seat.page, place, f"follows-{path.strip('/') or 'wall'}", tmp_path)
    settle(station, clip, movies["h264"], "h264")
    video = place.locator("video")
    expect(video).to_have_count(1, timeout=10_000)
    video.evaluate("video => { video.play(); }")
    seat.page.wait_for_function(PLAYED, arg=video.element_handle(), timeout=15_000)
    expect(place.locator(".clip-note")).to_have_count(0)
    assert seat.errors == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", "浏览器不能播放 H.265 录像，可下载后用播放器观看"),
        ("en", "this browser cannot play H.265 video; download it and use a player"),
    ],
)
def test_a_browser_without_h265_tells_so_and_offers_the_file(  # noqa: PLR0917 - what is looked at
    station: Station, sit_down: SitDown, movies: dict[str, bytes], tmp_path: Path, language: str, words: str
) -> None:
    alert, clip = ask(station, "bridge", datetime.now(UTC) - timedelta(seconds=40))
    settle(station, clip, movies["hevc"], "hevc")
    seat = sit_down("/duty", language=language, width=1366, height=768)
    able = "document.createElement('video').canPlayType('video/mp4; codecs=\"hvc1.1.6.L120.90\"')"
    assert seat.page.evaluate(able) == ""
    place = choose(seat.page, "/duty", alert)
    expect(place.locator(".clip-note")).to_contain_text(words, timeout=15_000)
    look(seat.page, place, f"h265-{language}", tmp_path)
    with seat.page.expect_download() as waiting:
        place.locator("a[download]").click()
    assert waiting.value.path().read_bytes().startswith(movies["hevc"])
    assert seat.errors == []


def test_on_the_review_page_a_clip_runs_in_step_with_the_cursor(
    station: Station, sit_down: SitDown, movies: dict[str, bytes]
) -> None:
    """The clip begins two seconds before its alert: a second after that it stands at its third second."""
    at = (datetime.now(UTC) - timedelta(minutes=5)).replace(microsecond=0)
    alert = raise_one(station.store, station.vault, at, site="quay-2", subject="in-step", own_picture=True)
    asked = Clip("quay-2", at - timedelta(seconds=2), at + timedelta(seconds=4), at)
    clip = station.store.write(lambda writer: writer.add_clip(asked, alert.id))
    settle(station, clip, movies["h264"], "h264")
    city = timedelta(hours=8)
    span = [f"{moment + city:%Y-%m-%dT%H:%M}" for moment in (at - timedelta(minutes=5), at + timedelta(minutes=4))]
    moment = f"{at + timedelta(seconds=1) + city:%Y-%m-%dT%H:%M:%S}"
    page = sit_down(f"/review?from={span[0]}&to={span[1]}&at={moment}", user="liuna").page
    video = page.locator(f'[data-clips="{alert.id}"] video')
    expect(video).to_have_count(1, timeout=20_000)
    stands = "(video, at) => video.readyState > 0 && Math.abs(video.currentTime - at) < 0.1 && video.paused"
    page.wait_for_function(f"([video]) => ({stands})(video, 3)", arg=[video.element_handle()], timeout=10_000)
    page.evaluate(f"yiping.review.seek({round((at + timedelta(seconds=2)).timestamp() * 1000)})")
    page.wait_for_function(f"([video]) => ({stands})(video, 4)", arg=[video.element_handle()], timeout=10_000)
    page.evaluate(f"yiping.review.seek({round((at - timedelta(seconds=1)).timestamp() * 1000)})")
    page.click('[data-speed="1"]')
    page.evaluate(f"yiping.review.seek({round(at.timestamp() * 1000)})")
    page.click("#review-play")
    page.wait_for_function(
        "([video]) => !video.paused && video.currentTime > 2.5", arg=[video.element_handle()], timeout=10_000
    )
    page.click("#review-play")
    page.wait_for_function("([video]) => video.paused", arg=[video.element_handle()], timeout=5_000)
