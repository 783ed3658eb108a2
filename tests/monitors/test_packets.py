"""Decode by state: a resting camera gives key frames, and on waking nothing of the beginning is lost."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from mmap import mmap
from pathlib import Path
from typing import cast
from weakref import ref

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from data.model.observation import Rejected, Sensed
from data.ports.recipe import Attentive, Context
from monitors.video._packet_ring import KeptPacket, PacketRing, VideoPacket
from monitors.video._packets import Decoded, DecodeState, StateDecoder
from monitors.video.video_file import Recipe

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def film(path: Path, seconds: float, gop: int, *, codec: str = "libx264", b_frames: int = 0, width: int = 128) -> Path:
    """25 pictures a second, a key frame every `gop`; each picture's brightness tells its number."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"sc_threshold": "0", "x265-params": "log-level=error"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, 96, "yuv420p"
        stream.gop_size, stream.max_b_frames = gop, b_frames
        stream.codec_context.time_base = Fraction(1, 25)
        for i in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(np.full((96, width), 20 + i % 200, np.uint8), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def given(
    path: Path, decoder: StateDecoder, *, rest_s: float = 99.0, wake_s: float = 99.0, quiet: bool = False
) -> list[Decoded]:
    """What comes when nothing goes on from `rest_s` on, and something from the first picture after `wake_s` on."""
    found: list[Decoded] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        woken = False
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            at_s = float(packet.pts * packet.time_base)
            if rest_s <= at_s and not woken:
                decoder.rest(quiet=quiet)
            for decoded in decoder.feed(packet, at_s):
                found.append(decoded)
                if decoded.at_s >= wake_s and not woken:
                    woken = True
                    decoder.wake(decoded.at_s)
    return found


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 0)])
def test_at_rest_only_key_frames_are_decoded_and_on_waking_the_beginning_comes_again(
    tmp_path: Path, codec: str, b_frames: int
) -> None:
    path = film(tmp_path / "film.mp4", 12, 25, codec=codec, b_frames=b_frames)
    decoder = StateDecoder("gate-3", looks_per_second=5)
    frames = given(path, decoder, rest_s=3.0, wake_s=7.9)
    first_s = frames[0].at_s
    at_rest = [f.at_s - first_s for f in frames if 3.1 < f.at_s - first_s < 7.5 and not f.late]
    again = [f.at_s - first_s for f in frames if f.late]
    assert at_rest[-3:] == pytest.approx([5.0, 6.0, 7.0])
    assert len(at_rest) <= 4
    assert again[0] == pytest.approx(7.2), "the next one to be looked at after the last one it gave before waking"
    assert again[-1] >= 7.8
    assert np.diff(again) == pytest.approx([0.2] * (len(again) - 1)), "those that are looked at without any rest"
    later = [f.at_s - first_s for f in frames if f.at_s - first_s > 8.2]
    assert np.diff(later) == pytest.approx([0.04] * (len(later) - 1))
    for decoded in frames:
        number = round((decoded.at_s - first_s) * 25)
        luma = decoded.frame.to_ndarray()[:96].mean()
        assert luma == pytest.approx(16 + (20 + number % 200) * 219 / 255, abs=2), "the picture is the one of its time"


def test_where_nothing_is_and_nothing_moves_the_rest_begins_at_once_else_with_the_next_key_frame(
    tmp_path: Path,
) -> None:
    path = film(tmp_path / "film.mp4", 12, 50)
    quiet, usual = (
        [f.at_s for f in given(path, StateDecoder("gate-3", 5), rest_s=6.4, quiet=now)] for now in (True, False)
    )
    assert [at_s for at_s in quiet if at_s > 6.0] == pytest.approx([*np.arange(6.04, 6.39, 0.04), 8.0, 10.0])
    assert [at_s for at_s in usual if at_s > 6.0] == pytest.approx([*np.arange(6.04, 7.99, 0.04), 8.0, 10.0])


def test_a_camera_woken_right_after_it_went_to_rest_gives_a_picture_that_was_waited_for(tmp_path: Path) -> None:
    """It rests from 5.48 s on and is woken by the key frame at 5.52 s; the next picture due for a look is at 5.6 s."""
    path = film(tmp_path / "film.mp4", 12, 46)
    frames = given(path, StateDecoder("gate-3", 5), rest_s=5.46, quiet=True, wake_s=5.51)
    again = [f.at_s for f in frames if f.late]
    assert again == pytest.approx([5.48]), "the first that was not given yet"


def test_key_frames_far_apart_forbid_the_rest_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = film(tmp_path / "film.mp4", 32, 250)
    decoder = StateDecoder("gate-3: rtsp://camera/main", looks_per_second=5)
    frames = given(path, decoder, rest_s=1.0)
    assert len(frames) == 800
    assert decoder.state is DecodeState.FULL
    (record,) = caplog.records
    assert "gate-3: rtsp://camera/main: key frames come every 10.0 s, more than 2 s apart" in record.message


def test_key_frames_that_become_rare_end_the_rest_and_what_was_kept_back_comes_again(tmp_path: Path) -> None:
    often, rare = film(tmp_path / "a.mp4", 6, 25), film(tmp_path / "b.mp4", 12, 250)
    decoder = StateDecoder("gate-3", looks_per_second=5)
    given(often, decoder, rest_s=2.0)
    assert int(decoder.state) == 0
    decoder.release()
    frames = given(rare, decoder, rest_s=0.0)
    assert int(decoder.state) == 2
    assert np.diff([f.at_s for f in frames]).max() <= 0.2 + 1e-6


def kept_of(path: Path, ring: PacketRing) -> tuple[list[bytes], list[KeptPacket]]:
    """All packets of a film as they came, and what the ring has of them at its end."""
    came: list[bytes] = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.pts is not None and packet.time_base is not None:
                came.append(bytes(packet))
                ring.add(float(packet.pts * packet.time_base), packet)
    return came, ring.since_key_before(float("-inf"))


def test_the_ring_is_bounded_in_time_and_bytes_and_begins_with_a_key_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", 30, 25)
    for ring, least_s, most_s in ((PacketRing(), 4.0, 5.0), (PacketRing(most_bytes=3000), 0.0, 4.0)):
        _, kept = kept_of(path, ring)
        assert kept[0].is_keyframe
        assert least_s <= len(kept) / 25 <= most_s + 0.05
        assert ring.bytes == sum(one.size for one in kept)
        assert ring.bytes <= 3000 or most_s == 5.0
        assert ring.key_interval_s == pytest.approx(1.0)


@pytest.mark.parametrize(("gop", "held_s"), [(50, 5.96), (150, 6.0), (250, 10.0), (300, 6.0)])
def test_the_ring_goes_back_to_a_key_frame_four_seconds_old_unless_that_is_older_than_ten(
    tmp_path: Path, gop: int, held_s: float
) -> None:
    """30 s of film: its last key frames are at 28 and 26, 24, 20 s, and with one every 12 s at 24 s."""
    _, kept = kept_of(film(tmp_path / "film.mp4", 30, gop), PacketRing())
    assert kept[0].is_keyframe
    assert kept[-1].at_s - kept[0].at_s == pytest.approx(held_s, abs=0.05)


def test_a_kept_packet_is_the_packet_that_came_with_its_times(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", 3, 25, b_frames=2)
    ring = PacketRing()
    came: list[Packet[VideoStream]] = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.pts is not None and packet.time_base is not None:
                came.append(packet)
                ring.add(float(packet.pts * packet.time_base), packet)
        kept = ring.since_key_before(float("-inf"))
        assert len(kept) == len(came) == 75
        for packet, restored in zip(came, [one.packet() for one in kept], strict=True):
            assert bytes(restored) == bytes(packet)
            assert (restored.pts, restored.dts, restored.time_base) == (packet.pts, packet.dts, packet.time_base)
            assert restored.is_keyframe == packet.is_keyframe
            assert restored.stream is packet.stream


def test_what_the_ring_gives_up_goes_back_to_the_system_at_once(tmp_path: Path) -> None:
    """Each packet is larger than a block: it has one of its own."""
    path = film(tmp_path / "film.mp4", 1, 25)
    blocks: list[ref[mmap]] = []
    ring = PacketRing(keep_s=1.0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for second in range(30):
            packet = cast("VideoPacket", Packet(400_000))
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
            packet.pts = packet.dts = 25 * second
            ring.add(float(second), packet)
            blocks.append(ref(ring.since_key_before(second + 1.0)[-1].block))
    assert [one() is not None for one in blocks] == [False] * 28 + [True] * 2


def test_a_recording_watched_on_activity_rests_and_wakes_at_its_true_times(context: Context) -> None:
    film(context.base_dir / "film.mp4", 9, 25)
    monitor = Recipe(path=Path("film.mp4"), start=NOON, watch="on_activity").make(context)
    assert isinstance(monitor, Attentive)
    began_s, woken = time.monotonic(), False
    seen: list[tuple[float, float, int]] = []
    for frame in monitor.observe():
        if frame is None or isinstance(frame, Sensed | Rejected):
            continue
        at_s = (frame.at - NOON).total_seconds()
        seen.append((at_s, time.monotonic() - began_s, monitor.decode_state))
        if not woken and at_s >= 6:
            woken = monitor.attend(True, frame.at)
        elif not woken:
            monitor.attend(False, frame.at)
    resting = [at_s for at_s, _, state in seen if state == DecodeState.KEYFRAMES]
    assert resting == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    after = seen[[at_s for at_s, _, _ in seen].index(resting[-1]) + 1 :]
    assert after[0][0] == pytest.approx(5.2)
    assert after[0][1] < 6.5, "at once"
    assert all(abs(came_s - at_s) < 0.5 for at_s, came_s, _ in seen if at_s <= 5.0 or at_s > 6.3)


def test_a_camera_that_is_always_watched_never_rests(context: Context) -> None:
    film(context.base_dir / "film.mp4", 1, 25)
    monitor = Recipe(path=Path("film.mp4"), start=NOON).make(context)
    assert not isinstance(monitor, Attentive)
    frames = [f for f in monitor.observe() if f is not None and not isinstance(f, Sensed | Rejected)]
    assert [frame.at - NOON for frame in frames] == [timedelta(seconds=place / 25) for place in range(25)]


def test_without_the_loop_filter_key_frames_are_the_same_and_the_others_nearly(context: Context) -> None:
    """Moving noise in a low bit rate: there is something to smooth."""
    random = np.random.default_rng(3)
    coarse = np.kron(random.integers(40, 200, (24, 32), np.uint8), np.ones((8, 8), np.uint8))
    with av.open(str(context.base_dir / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "38", "sc_threshold": "0"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 256, 192, "yuv420p", 25
        stream.codec_context.time_base = Fraction(1, 25)
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.roll(coarse, 3 * i, axis=1), format="gray").reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    def pictures(*, loop_filter: bool) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        monitor = Recipe(path=Path("film.mp4"), paced=False, loop_filter=loop_filter).make(context)
        frames = (f for f in monitor.observe() if f is not None and not isinstance(f, Sensed | Rejected))
        return [frame.luma().astype(np.float32) for frame in frames]

    apart = [
        float(np.abs(a - b).mean())
        for a, b in zip(pictures(loop_filter=True), pictures(loop_filter=False), strict=True)
    ]
    assert apart[0] == 0.0
    assert apart[25] == 0.0
    assert 0.0 < max(apart[1:25]) < 12.0
