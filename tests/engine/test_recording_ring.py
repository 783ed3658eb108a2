"""A camera's ring: original packets, whole fragments after a kill, bounded; and clips cut out of it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.local.recordings import mark, read_segment, segment_paths, start_of
from engine.recording.cut import cut_clip
from engine.recording.ring import Ring
from tests.engine.films import START_S, film, record, shown


def a_ring(folder: Path, keep_s: float = 3600, most_bytes: int = 10**9, needed_s: float | None = None) -> Ring:
    return Ring(folder, keep_s, most_bytes, lambda: needed_s)


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 0)])
@pytest.mark.parametrize("container", ["a.ts", "a.mp4"])
def test_every_picture_of_a_stream_is_in_the_ring_and_no_fragment_is_longer_than_half_a_second(
    tmp_path: Path, codec: str, b_frames: int, container: str
) -> None:
    path = film(tmp_path / container, 6, 50, codec=codec, b_frames=b_frames)
    sink = record(path, a_ring(tmp_path / "ring"))
    assert sink.refused == ""
    assert sum(shown(one)[0] for one in segment_paths(tmp_path / "ring")) == 150
    assert max(until - since for since, until, _ in sink.spans) < 0.45
    assert [round(since - START_S, 1) for since, _, key in sink.spans if key] == [0, 2, 4], "where the key pictures are"
    assert len(sink.spans) >= 18


def test_a_segment_that_ends_in_the_middle_of_a_fragment_gives_all_before_it(tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 4), a_ring(tmp_path / "ring"))
    (path,) = segment_paths(tmp_path / "ring")
    whole = path.read_bytes()
    segment = read_segment(path)
    assert segment is not None
    assert len(segment.fragments) == 16
    third = segment.fragments[8]  # the first one of the third second
    assert (third.key, round(third.since_s - START_S, 2)) == (True, 2.0)
    path.write_bytes(whole[: third.offset + third.size // 2])
    cut = read_segment(path)
    assert cut is not None
    assert [part.since_s - START_S for part in cut.fragments if part.key] == pytest.approx([0, 1], abs=0.01)
    assert len(cut.fragments) == 8
    made = cut_clip(tmp_path / "ring", START_S, START_S + 4, tmp_path / "clip.mp4")
    assert made is not None
    assert made.gap_s == pytest.approx(2, abs=0.05)
    assert shown(tmp_path / "clip.mp4")[0] == 50


def test_a_clip_covers_its_span_from_the_key_picture_before_it_and_ends_on_time(tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 20), a_ring(tmp_path / "ring"))
    cut = cut_clip(tmp_path / "ring", START_S + 5.3, START_S + 12.7, tmp_path / "clip.mp4")
    assert cut is not None
    assert (cut.codec, round(cut.since_s - START_S, 2), round(cut.until_s - START_S, 2), cut.gap_s) == (
        "h264", 5.0, 12.7, 0.0,
    )  # fmt: skip
    pictures, length_s = shown(tmp_path / "clip.mp4")
    assert pictures == pytest.approx(7.7 * 25, abs=2)
    assert length_s == pytest.approx(7.7, abs=0.1)
    content = (tmp_path / "clip.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a player can begin before it has the whole file"


def test_a_clip_over_two_connections_keeps_their_distance_and_tells_the_gap(tmp_path: Path) -> None:
    ring, path = a_ring(tmp_path / "ring"), film(tmp_path / "a.ts", 6)
    record(path, ring)
    record(path, ring, START_S + 9)
    cut = cut_clip(tmp_path / "ring", START_S + 2, START_S + 12, tmp_path / "clip.mp4")
    assert cut is not None
    assert cut.gap_s == pytest.approx(3, abs=0.1)
    pictures, length_s = shown(tmp_path / "clip.mp4")
    assert pictures == pytest.approx(7 * 25, abs=3)
    assert length_s == pytest.approx(10, abs=0.2)


def test_the_same_ring_gives_the_same_clip_and_another_span_gives_none(tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 6), a_ring(tmp_path / "ring"))
    for name in ("a", "b"):
        assert cut_clip(tmp_path / "ring", START_S + 1, START_S + 4, tmp_path / f"{name}.mp4") is not None
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert cut_clip(tmp_path / "ring", START_S + 60, START_S + 90, tmp_path / "c.mp4") is None
    assert cut_clip(tmp_path / "none", START_S, START_S + 90, tmp_path / "c.mp4") is None


def test_stamps_that_jump_begin_another_movie_and_nothing_is_refused(tmp_path: Path) -> None:
    ring = a_ring(tmp_path / "ring")
    path = film(tmp_path / "a.ts", 4)
    sink = record(path, ring)
    again = record(path, ring, START_S + 4)  # a camera that begins anew at stamp zero
    assert (sink.refused, again.refused) == ("", "")
    cut = cut_clip(tmp_path / "ring", START_S, START_S + 8, tmp_path / "clip.mp4")
    assert cut is not None
    assert shown(tmp_path / "clip.mp4")[0] == pytest.approx(200, abs=2)
    assert cut.gap_s == 0


def test_a_clip_is_never_whole_in_memory(tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 60, noise=True), a_ring(tmp_path / "ring"))
    gc.collect()
    tracemalloc.start()
    try:
        cut = cut_clip(tmp_path / "ring", START_S, START_S + 60, tmp_path / "clip.mp4")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert cut is not None
    assert cut.gap_s == 0
    size = (tmp_path / "clip.mp4").stat().st_size
    assert size > 3_000_000
    assert most < size / 6


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.2, 1.0), st.integers(1, 4000), st.booleans()), min_size=1, max_size=120),
    st.integers(2000, 60_000),
    st.floats(5, 60),
    st.none() | st.floats(0, 60),
)
def test_the_ring_keeps_its_limits_to_one_segment_and_never_what_a_clip_needs(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[float, int, bool]],
    most: int,
    keep_s: float,
    needed: float | None,
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    needed_s = None if needed is None else START_S + needed
    ring = a_ring(folder, keep_s, most, needed_s)
    ring.begin("h264", b"h" * 100)
    at_s = START_S
    seen: set[Path] = set()
    for length_s, size, key in parts:
        ring.write(b"x" * size, at_s, at_s + length_s, key=key)
        at_s += length_s
        paths = segment_paths(folder)
        seen |= set(paths)
        on_disk = sum(path.stat().st_size for path in paths)
        assert ring.size == on_disk
        assert list(paths) == sorted(seen)[-len(paths) :], "the oldest go first"
        if needed_s is None:
            assert on_disk <= max(most, sum(path.stat().st_size for path in paths[-2:]))
            assert all(start_of(path) >= at_s - keep_s - 0.002 for path in paths[1:]), "where the one before ended"
        else:
            assert start_of(paths[0]) <= needed_s or paths[0] == min(seen), "what a clip needs was not deleted"
    ring.close()


def test_after_a_restart_the_ring_counts_what_lies_there(tmp_path: Path) -> None:
    first = a_ring(tmp_path / "ring")
    record(film(tmp_path / "a.ts", 12), first)
    assert a_ring(tmp_path / "ring").size == first.size > 10_000


def test_a_fragment_is_on_the_disk_at_once_and_all_of_them_play_after_kill_9(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", 30)
    code = (
        "import sys, time, av; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from tests.engine.films import ToRing\n"
        "from engine.recording.ring import Ring\n"
        "from monitors.video._fragments import Fragmenter\n"
        f"ring = Ring(Path({str(tmp_path / 'ring')!r}), 3600, 10**9, lambda: None)\n"
        f"with av.open({str(path)!r}) as c:\n"
        "    stream = c.streams.video[0]; f = Fragmenter(stream, ToRing(ring))\n"
        "    for n, p in enumerate(c.demux(stream)):\n"
        f"        f.add(p, {START_S} + n / 25); time.sleep(0.002)\n"
        "        print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 330:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    segments = [read_segment(one) for one in segment_paths(tmp_path / "ring")]
    spans = [part for one in segments if one is not None for part in one.fragments]
    assert sum(part.until_s - part.since_s for part in spans) >= 12.9, "330 pictures, but for the last fragment"
    assert len(spans) >= 46
    assert sum(shown(one)[0] for one in segment_paths(tmp_path / "ring")) == sum(
        round((part.until_s - part.since_s) * 25) for part in spans
    )


def test_recording_a_camera_costs_little(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", 60)
    ring = a_ring(tmp_path / "ring")
    begun_s = time.process_time()
    record(path, ring)
    assert time.process_time() - begun_s < 0.02 * 60, "2 % of a core; measured: 0.1 %"


def test_a_mark_is_a_box_that_players_pass_over(tmp_path: Path) -> None:
    assert mark(1.5, 2.25, key=True)[4:8] == b"uuid"
    record(film(tmp_path / "a.ts", 2), a_ring(tmp_path / "ring"))
    assert shown(segment_paths(tmp_path / "ring")[0])[0] == 50
