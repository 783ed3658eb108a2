"""Time stamps of files that cannot be believed: as many times as pictures, in order, bounded, said once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.model.observation import Reading, Rejected
from data.ports.recipe import Attentive, Context, Monitor, Replays
from monitors.video._stamps import LONGEST_GAP_S, PlaceClock
from monitors.video.video_file import Recipe
from tests.monitors.test_packets import film
from tests.servers.stamped_films import stamped, unstamped

FLOOD = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
EVEN = [number / 10 for number in range(40)]


def shown(monitor: Monitor) -> tuple[list[float], list[str]]:
    """Seconds from the start of every picture, and what was said of the file."""
    items = [item for item in monitor.observe() if item is not None]
    times = [(item.at - FLOOD).total_seconds() for item in items if not isinstance(item, Rejected | Reading)]
    return times, [item.reason for item in items if isinstance(item, Rejected)]


def analysed(path: Path, context: Context, **more: object) -> tuple[list[float], list[str]]:
    return shown(Recipe.model_validate({"path": path, "paced": False, "start": FLOOD, **more}).make(context))


@pytest.mark.parametrize(
    "stamps",
    [
        [*(100 + s for s in EVEN[:20]), 52_002.0, *(100 + s for s in EVEN[21:])],
        [*(9_000 + s for s in EVEN[:20]), 150.0, *(9_000 + s for s in EVEN[21:])],
        [*(100 + s for s in EVEN[:20]), *(1 + s for s in EVEN[:20])],
        [52_002.0, *(100 + s for s in EVEN[1:])],
        [*(100 + s for s in EVEN[:39]), 52_002.0],
        [*(100 + s for s in EVEN[:20]), *(52_000 + s for s in EVEN[20:])],
        [*(100 + s for s in EVEN[:20]), 132.0, *(100 + s for s in EVEN[21:])],
        [*(100 + s for s in EVEN[:20]), 72.0, *(100 + s for s in EVEN[21:])],
    ],
    ids=[
        "one ahead", "one back", "begun anew", "first one", "last one", "jumped for good", "32 s ahead", "28 s back",
    ],
)  # fmt: skip
def test_a_stray_stamp_moves_no_other_picture_and_is_said_once(
    context: Context, tmp_path: Path, stamps: Sequence[float]
) -> None:
    times, said = analysed(stamped(tmp_path / "stray.ts", stamps), context)
    assert times == pytest.approx(EVEN, abs=0.0015)
    assert len(said) == 1
    assert "stray.ts: picture " in said[0]
    assert "a time stamp that jumps by" in said[0]


def test_stamps_that_can_be_believed_are_kept_and_nothing_is_said(context: Context, tmp_path: Path) -> None:
    paused = [*EVEN[:20], *(s + 45 for s in EVEN[20:])]  # the recorder did, for 45 s
    times, said = analysed(stamped(tmp_path / "paused.ts", paused), context)
    assert times == pytest.approx(paused, abs=0.001)
    assert said == []
    lapse = [30.0 * n for n in range(8)]  # a picture each half minute
    times, said = analysed(stamped(tmp_path / "lapse.ts", lapse), context)
    assert times == pytest.approx(lapse, abs=0.001)
    assert said == []


def test_a_raw_stream_is_as_fast_as_its_coder_tells_or_as_is_set_and_it_is_said(
    context: Context, tmp_path: Path
) -> None:
    raw = unstamped(tmp_path / "raw.h264", 30)
    times, said = analysed(raw, context)
    assert times == pytest.approx(EVEN[:30], abs=0.001)
    assert said == ["raw.h264 has no time stamps: 10 pictures a second, as the pictures say"]
    times, said = analysed(raw, context, pictures_per_second=5)
    assert times == pytest.approx([n / 5 for n in range(30)], abs=0.001)
    assert said == ["raw.h264 has no time stamps: 5 pictures a second, as set"]


def test_a_raw_stream_watched_on_activity_shows_its_pictures_and_spins_not(context: Context, tmp_path: Path) -> None:
    raw = unstamped(tmp_path / "raw.h264", 10)
    monitor = Recipe(path=raw, loop=True, watch="on_activity", start=FLOOD).make(context)
    assert isinstance(monitor, Attentive)
    times: list[float] = []
    began_s, cpu_s = time.monotonic(), time.process_time()
    for item in monitor.observe():
        if item is None or isinstance(item, Rejected | Reading):
            continue
        times.append((item.at - FLOOD).total_seconds())
        assert not monitor.attend(False, item.at, quiet=True)
        assert monitor.decode_state == 2, "it cannot rest"
        if len(times) == 25:
            monitor.close()
    assert times == pytest.approx([n / 10 for n in range(25)], abs=0.002)
    assert 2.0 < time.monotonic() - began_s < 4.0
    assert time.process_time() - cpu_s < 1.0


@pytest.mark.parametrize("stray", [52_002.0, 3.0])
def test_a_stray_stamp_holds_up_no_camera_that_is_watched_on_activity(
    context: Context, tmp_path: Path, stray: float
) -> None:
    stamps = [*(100 + s for s in EVEN[:12]), stray, *(100 + s for s in EVEN[13:25])]
    path = stamped(tmp_path / "stray.ts", stamps)
    times, said = shown(Recipe(path=path, watch="on_activity", start=FLOOD).make(context))
    assert times == pytest.approx(EVEN[:25], abs=0.002)
    assert len(said) == 1
    assert "a time stamp that jumps by" in said[0]


def test_pictures_out_of_order_for_the_coder_keep_their_stamps(context: Context, tmp_path: Path) -> None:
    """B pictures are decoded later than shown; that is no fault of the stamps."""
    for name in ("b.mp4", "b.mkv", "b.ts"):
        path = film(tmp_path / name, 2, 25, b_frames=3)
        times, said = analysed(path, context)
        assert times == pytest.approx([n / 25 for n in range(50)], abs=0.0011), name
        assert said == [], name
        times, said = shown(Recipe(path=path, watch="on_activity", start=FLOOD).make(context))
        assert said == [], name
        assert [b - a for a, b in pairwise(times)] == pytest.approx([0.04] * (len(times) - 1), abs=0.0011), name


@pytest.mark.parametrize("more", [{}, {"loop": True}, {"watch": "on_activity"}])
def test_a_recording_without_a_declared_start_begins_when_its_first_picture_is_there(
    context: Context, tmp_path: Path, more: dict[str, object]
) -> None:
    """However long whoever reads it was busy before: that is no age of the picture."""
    path = film(tmp_path / "film.mp4", 2, 25)
    monitor = Recipe.model_validate({"path": path, **more}).make(context)
    assert isinstance(monitor, Replays)
    time.sleep(1.0)
    frame = next(item for item in monitor.observe() if item is not None)
    assert not isinstance(frame, Rejected | Reading)
    assert 0 <= (datetime.now(UTC) - frame.at).total_seconds() < 0.5
    assert monitor.shift == timedelta(0)
    monitor.close()


def test_a_recording_of_another_day_tells_by_how_much_it_is_shown_later(context: Context, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", 2, 25)
    monitor = Recipe(path=path, start=FLOOD).make(context)
    assert isinstance(monitor, Replays)
    assert monitor.shift is None
    frame = next(item for item in monitor.observe() if item is not None)
    assert not isinstance(frame, Rejected | Reading)
    assert frame.at == FLOOD
    assert monitor.shift is not None
    assert abs(datetime.now(UTC) - frame.at - monitor.shift) < timedelta(seconds=0.5)
    monitor.close()


# ---- any stamps at all

stamps_of_any_kind = st.lists(
    st.one_of(
        st.none(),
        st.floats(-1e7, 1e7, allow_nan=False),
        st.integers(0, 400).map(lambda n: n / 10),
        st.sampled_from([0.0, 100.0, 37_600.0, 95_443.7, -26.5]),
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(stamps_of_any_kind, st.sampled_from([0.01, 0.04, 0.1, 1.0]))
def test_whatever_the_stamps_there_are_as_many_times_as_pictures_in_order_and_bounded(
    stamps: list[float | None], frame_s: float
) -> None:
    clock = PlaceClock[int](frame_s)
    placed = list(clock.places(iter((stamp, number) for number, stamp in enumerate(stamps))))
    assert [number for _, number in placed] == list(range(len(stamps)))
    places = [place_s for place_s, _ in placed]
    assert places[:1] == [0.0] * bool(stamps)
    seen = [FLOOD + timedelta(seconds=place_s) for place_s in places]
    assert all(a < b for a, b in pairwise(seen)), "also in whole microseconds"


@st.composite
def even_with_strays(draw: st.DrawFn) -> tuple[list[float | None], list[int]]:
    """Even stamps of which some, never two in a row, are wrong by anything or missing; the others' numbers."""
    count = draw(st.integers(12, 60))
    wrong = draw(st.sets(st.integers(1, count - 1), max_size=8))  # after the first one, a pause could be meant
    wrong = {n for n in wrong if n - 1 not in wrong and n - 2 not in wrong and n + 1 < count}
    stamps: list[float | None] = [500 + n / 10 for n in range(count)]
    for n in wrong:
        off_s = draw(st.none() | st.floats(5, 1e6) | st.floats(-1e6, -5))
        stamps[n] = None if off_s is None else 500 + n / 10 + off_s
    return stamps, [n for n in range(count) if n not in wrong]


@settings(max_examples=400, deadline=None)
@given(even_with_strays())
def test_single_wrong_stamps_leave_every_other_picture_in_its_place(case: tuple[list[float | None], list[int]]) -> None:
    stamps, _ = case
    clock = PlaceClock[int](0.1)
    places = [place_s for place_s, _ in clock.places(iter((stamp, n) for n, stamp in enumerate(stamps)))]
    assert places == pytest.approx([n / 10 for n in range(len(stamps))], abs=0.05)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.02, LONGEST_GAP_S - 1), min_size=1, max_size=5))
def test_pauses_of_up_to_a_minute_are_kept(pauses_s: list[float]) -> None:
    stamps: list[float] = []
    at_s = 7.0
    for pause_s in [*pauses_s, 0.1]:
        stamps += [at_s + n / 10 for n in range(6)]
        at_s = stamps[-1] + pause_s
    places = [place_s for place_s, _ in PlaceClock[None](0.1).places(iter((stamp, None) for stamp in stamps))]
    assert places == pytest.approx([stamp - 7.0 for stamp in stamps], abs=0.001)
