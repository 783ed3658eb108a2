"""A camera that is looked at by its substream, against real servers: what is decoded, and the loss of either stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data.local.stages import StageClock
from data.model.frame import Detailed, Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Attentive, Context, Monitor
from monitors.video.rtsp_camera import Recipe
from tests.servers.clock_films import clock_film, number_of, played, smaller
from tests.servers.rtsp import RtspServer, rtsp_server

pytestmark = [pytest.mark.paired, pytest.mark.server]

MAIN, SUB = (640, 360), (320, 180)
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same pictures as main stream and as substream."""
    folder = tmp_path_factory.mktemp("films")
    main = clock_film(folder / "main.mp4", *MAIN, gop=50)
    return {"main": main, "sub": smaller(main, folder / "sub.mp4", *SUB, gop=25)}


@contextmanager
def two_servers(films: dict[str, Path]) -> Iterator[tuple[RtspServer, RtspServer]]:
    """One for each stream, so that one can be lost."""
    with rtsp_server({"main": films["main"]}) as main, rtsp_server({"sub": films["sub"]}) as sub:
        yield main, sub


def camera(main: str, sub: str, **more: object) -> Recipe:
    return Recipe.model_validate({"url": main, "substream": sub, "timeout": "3s", "looks": "substream", **more})


class Seen:
    """What a monitor gives, asked for until something holds."""

    def __init__(self, monitor: Monitor) -> None:
        assert isinstance(monitor, Attentive)
        self.monitor = monitor
        self._items = iter(monitor.observe())
        self.frames: list[tuple[float, int]] = []
        """Time and width of each."""

    @property
    def state(self) -> int:
        assert isinstance(self.monitor, Attentive)
        return self.monitor.decode_state

    def until(self, holds: Callable[[Frame], bool]) -> Frame:
        ends_s = time.monotonic() + WITHIN_S
        for item in self._items:
            assert time.monotonic() < ends_s, "it does not come"
            if item is None or isinstance(item, Sensed | Rejected):
                continue
            self.frames.append((item.at.timestamp(), item.width))
            if holds(item):
                return item
        raise AssertionError("the camera ended")


@contextmanager
def opened(recipe: Recipe, context: Context) -> Iterator[Seen]:
    monitor = recipe.make(context)
    try:
        yield Seen(monitor)
    finally:
        monitor.close()


class Kept:
    """A recording's sink."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []

    def begin(self, codec: str, header: bytes) -> None:  # noqa: ARG002
        assert codec == "h264"

    def fragment(self, content: Any, since_s: float, until_s: float, *, key: bool) -> None:  # noqa: ARG002
        self.spans.append((since_s, until_s))

    def refuse(self, reason: str) -> None:
        raise AssertionError(reason)


def is_sub(frame: Frame) -> bool:
    return frame.width == SUB[0]


def is_main(frame: Frame) -> bool:
    return frame.width == MAIN[0]


def test_the_substream_is_looked_at_while_the_main_stream_is_recorded_and_not_decoded(
    films: dict[str, Path], context: Context
) -> None:
    kept = Kept()
    with rtsp_server(films) as server:
        recipe = camera(server.url("main"), server.url("sub"))
        with opened(recipe, replace(context, recording=kept)) as seen:
            seen.until(is_sub)
            seen.until(lambda _: seen.state == 4)
            since = len(seen.frames)
            first_s = seen.frames[-1][0]
            seen.until(lambda frame: frame.at.timestamp() - first_s > 3)
    assert {width for _, width in seen.frames[since:]} == {SUB[0]}
    times = [at_s for at_s, _ in seen.frames]
    assert times == sorted(set(times))
    steady = [b - a for a, b in pairwise(times) if a > first_s + 1]  # what comes first comes in a burst
    assert steady == pytest.approx([0.04] * len(steady), abs=0.03)
    assert kept.spans[-1][1] - kept.spans[0][0] > 2.5, "the main stream is kept as it comes"


@pytest.mark.alone  # it asks for tenths of a second
def test_a_lost_substream_is_followed_by_the_main_stream_without_a_gap_and_looked_at_again_when_it_is_back(
    films: dict[str, Path], context: Context
) -> None:
    with two_servers(films) as (main, sub), opened(camera(main.url("main"), sub.url("sub")), context) as seen:
        seen.until(lambda frame: is_sub(frame) and seen.state == 4)
        sub.kill()
        killed_s = time.monotonic()
        last_s = seen.frames[-1][0]
        seen.until(is_main)
        after_s = time.monotonic() - killed_s
        assert seen.state == 5, "and it is said"
        seen.until(lambda frame: frame.at.timestamp() > last_s + 4)
        sub.start()
        seen.until(is_sub)
        seen.until(lambda frame: is_sub(frame) and seen.state == 4)
    times = [at_s for at_s, _ in seen.frames]
    assert times == sorted(set(times))
    around = [(b - a) for a, b in pairwise(times) if last_s - 0.5 < a < last_s + 4]
    assert max(around) < 1.2, "what came before the loss was noticed, after 1.5 s, is looked at, too"
    assert after_s < 8, "1.5 s after the last picture, on a machine that is not busy"


def test_a_lost_main_stream_leaves_the_substream_and_is_opened_again(
    films: dict[str, Path], context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with two_servers(films) as (main, sub), opened(camera(main.url("main"), sub.url("sub")), context) as seen:
        seen.until(lambda frame: is_sub(frame) and seen.state == 4)
        main.kill()
        seen.until(lambda _: seen.state == 6)
        assert "its substream is looked at meanwhile" in caplog.text
        first_s = seen.frames[-1][0]
        seen.until(lambda frame: frame.at.timestamp() > first_s + 2)
        assert {width for at_s, width in seen.frames if at_s > first_s} == {SUB[0]}
        main.start()
        seen.until(lambda _: seen.state == 4)
    times = [at_s for at_s, _ in seen.frames]
    assert max(b - a for a, b in pairwise(times) if a >= first_s) < 5, "the substream goes on meanwhile"


def test_a_substream_smaller_than_what_the_model_sees_is_looked_at_only_when_that_is_set(
    films: dict[str, Path], context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    small = context.inference.model_copy(update={"width": 320, "height": 192})
    with rtsp_server(films) as server:
        recipe = camera(server.url("main"), server.url("sub"), looks="auto")
        with opened(recipe, replace(context, inference=small)) as seen:
            seen.until(lambda frame: is_sub(frame) and seen.state == 4)
        with opened(recipe, context) as seen:
            first = seen.until(is_main)
            seen.until(lambda frame: (frame.at - first.at).total_seconds() > 3)
            assert seen.state == 2
            assert {width for _, width in seen.frames} == {MAIN[0]}
    assert "320 x 180 pixels are less than what the model sees (640 x 384)" in caplog.text


def test_a_substream_of_another_shape_is_not_looked_at_and_that_is_said(
    films: dict[str, Path], context: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    square = clock_film(tmp_path / "square.mp4", 180, 180, gop=25)
    with (
        rtsp_server({"main": films["main"], "sub": square}) as server,
        opened(camera(server.url("main"), server.url("sub")), context) as seen,
    ):
        first = seen.until(is_main)
        seen.until(lambda frame: (frame.at - first.at).total_seconds() > 3)
        assert {width for _, width in seen.frames} == {MAIN[0]}
    assert "180 x 180 has another shape than 640 x 360, so another view" in caplog.text


def test_only_what_is_asked_for_is_decoded_so_looks_cost_what_the_substream_costs(
    films: dict[str, Path], context: Context
) -> None:
    """By the stages' own clock: processor time, whatever else the machine does."""

    def decode_ms(looks: str) -> float:
        with (
            rtsp_server(films) as server,
            opened(camera(server.url("main"), server.url("sub"), looks=looks), context) as seen,
        ):
            first = seen.until(lambda _: seen.state == (4 if looks == "substream" else 2))
            stages = StageClock.of(context)
            stages.taken()
            seen.until(lambda frame: (frame.at - first.at).total_seconds() > 4)
            return stages.taken()["gate-3", "decode"] * 1000 / 4

    assert decode_ms("substream") < 0.7 * decode_ms("main")


def test_to_be_looked_at_by_a_substream_a_camera_must_have_one() -> None:
    with pytest.raises(ValueError, match="looks: substream needs the address of the `substream`"):
        Recipe.model_validate({"url": "rtsp://10.0.0.5/main", "looks": "substream"})


def test_the_large_picture_of_a_small_one_is_that_of_the_very_instant(films: dict[str, Path], context: Context) -> None:
    """Each picture tells its number, and the two streams' clocks differ by what their openings did."""
    off: list[int] = []
    with (
        rtsp_server(films, shared=True) as server,
        played(server.url("main"), server.url("sub")),
        opened(camera(server.url("main"), server.url("sub")), context) as seen,
    ):
        small = seen.until(lambda frame: is_sub(frame) and seen.state == 4)
        for _ in range(4):
            since_s = small.at.timestamp()
            small = seen.until(lambda frame: frame.at.timestamp() > since_s + 0.5)  # noqa: B023 - asked at once
            assert isinstance(small, Detailed)
            large = small.full()(10.0, None)
            assert large is not None
            assert (large.width, large.height, large.at) == (*MAIN, small.at)
            off.append(abs(number_of(large.luma()) - number_of(small.luma())))
        assert isinstance(small, Detailed)
        assert small.full()(0.0, 0) is not None, "it is decoded once"
        later = seen.until(lambda frame: frame.at > small.at)
        assert isinstance(later, Detailed)
        assert later.full()(0.0, 0) is None, "nothing may be decoded for it"
    assert max(off) <= 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A main stream of large things that stand."""
    return clock_film(tmp_path_factory.mktemp("place") / "main.mp4", *MAIN, gop=50, still=True)


@pytest.mark.parametrize("view", ["mirrored", "part"])
def test_a_substream_that_shows_another_view_is_not_looked_at_and_that_is_said(
    place: Path, context: Context, tmp_path: Path, view: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = smaller(place, tmp_path / "other.mp4", *SUB, gop=25, view=view)
    with (
        rtsp_server({"main": place, "sub": other}) as server,
        opened(camera(server.url("main"), server.url("sub")), context) as seen,
    ):
        seen.until(lambda _: "(substream): the main stream is looked at: the substream " in caplog.text)
        first = seen.until(is_main)
        seen.until(lambda frame: (frame.at - first.at).total_seconds() > 1)
        assert {width for _, width in seen.frames} == {MAIN[0]}
