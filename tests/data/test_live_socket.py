"""A camera's video travels from worker to screens piece by piece, only while somebody looks, and holds nobody up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.local.live_socket import LiveHub, LivePublisher, LiveViewer, Piece, pack_piece, unpack_piece
from data.local.movie_boxes import decode_time, movie_header
from data.local.recordings import read_segment, segment_paths
from data.local.worker_socket import HubClient
from engine.recording.ring import Ring
from tests.data.test_feed_socket import Loop
from tests.engine.films import START_S, film, record


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def soon(holds: Callable[[], object], within_s: float = 5.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def part(since_s: float, size: int = 100, *, key: bool = False) -> Piece:
    return Piece("gate", bytes(size), "", since_s, since_s + 1, key)


def test_a_piece_is_the_same_after_its_way() -> None:
    piece = Piece("gate", b"\x00\x01moof", "", 1.5, 1.75, key=True, lost=True)
    assert unpack_piece(pack_piece(piece)) == piece


def test_who_opens_a_camera_gets_its_header_and_what_follows_and_nothing_is_sent_to_nobody(
    loop: Loop, tmp_path: Path
) -> None:
    hub = LiveHub(tmp_path / "live.sock")
    loop.run(hub.start())
    worker = LivePublisher(tmp_path / "live.sock")
    try:
        worker.begin("gate", "h264", b"header")
        worker.fragment("gate", b"nobody looks", 1, 2, key=True)
        following = hub.follow("gate")
        viewer = loop.call(following.__enter__)
        soon(lambda: worker.wanted("gate"))
        worker.fragment("gate", memoryview(b"first"), 2, 3, key=False)
        worker.fragment("quay", b"another camera", 2, 3, key=True)
        worker.fragment("gate", b"second", 3, 4, key=True)
        got = [loop.run(viewer.next()) for _ in range(3)]
        assert [(one.codec, bytes(one.content), one.since_s, one.key) for one in got] == [
            ("h264", b"header", 0.0, False),
            ("", b"first", 2.0, False),
            ("", b"second", 3.0, True),
        ]
        again = hub.follow("gate")
        late = loop.call(again.__enter__)
        assert loop.run(late.next()).codec == "h264", "the header also for who comes later"
        loop.call(lambda: again.__exit__(None, None, None))
        loop.call(lambda: following.__exit__(None, None, None))
        soon(lambda: not worker.wanted("gate"))
    finally:
        worker.close()
        loop.run(hub.stop())


class Quiet(HubClient):
    """A worker that has nothing to send."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "quiet")
        self.file = self._wake

    def tell(self) -> None:
        self._notify()

    def _next(self) -> memoryview:
        return memoryview(b"")

    def _forget(self) -> None:
        pass


def test_what_a_camera_still_sends_after_the_end_is_written_into_no_other_file(tmp_path: Path) -> None:
    worker = Quiet(tmp_path / "live.sock")
    worker.close()
    other = os.eventfd(0, os.EFD_NONBLOCK)
    assert other == worker.file, "the system gives the number away again"
    worker.tell()
    with pytest.raises(BlockingIOError):
        os.eventfd_read(other)
    os.close(other)


def test_a_viewer_who_is_far_behind_goes_on_with_the_newest_key_picture_and_is_told(loop: Loop) -> None:
    async def late() -> list[tuple[float, bool]]:
        viewer = LiveViewer()
        for second in range(8):
            viewer.put(part(second, key=second % 2 == 0))
        return [(one.since_s, one.lost) for one in [await viewer.next(), await viewer.next()]]

    assert loop.run(late()) == [(6, True), (7, False)]


def test_what_a_viewer_does_not_take_is_bounded_and_goes_on_at_a_key_picture(loop: Loop) -> None:
    async def full() -> list[tuple[float, bool]]:
        viewer = LiveViewer()
        for n in range(12):
            viewer.put(part(n / 10, 1_000_000, key=n % 5 == 0))
        taken = [await viewer.next() for _ in range(8)]
        viewer.put(part(5, key=False))
        viewer.put(part(6, key=True))
        return [(one.since_s, one.lost) for one in [taken[-1], await viewer.next()]]

    assert loop.run(full()) == [(0.7, False), (6, True)]


def test_the_header_tells_a_player_the_codec_and_a_fragment_its_decoding_time(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", 4)
    record(path, Ring(tmp_path / "ring", 3600, 10**9, lambda: None))
    segment = read_segment(segment_paths(tmp_path / "ring")[0])
    assert segment is not None
    header = movie_header(segment.header)
    assert header.media_type.startswith('video/mp4; codecs="avc1.')
    assert len(header.media_type) == len('video/mp4; codecs="avc1.64000a"')
    for fragment in segment.fragments:
        content = segment.path.read_bytes()[fragment.offset : fragment.offset + fragment.size]
        assert decode_time(content) / header.timescale == pytest.approx(fragment.since_s - START_S, abs=0.05)
    record(film(tmp_path / "b.ts", 2, codec="libx265"), Ring(tmp_path / "other", 3600, 10**9, lambda: None))
    other = read_segment(segment_paths(tmp_path / "other")[0])
    assert other is not None
    assert movie_header(other.header).media_type == "", "no browser is given H.265 as it comes"
    with pytest.raises(ValueError, match="without a track"):
        movie_header(b"")
    with pytest.raises(ValueError, match="decoding time"):
        decode_time(b"\0\0\0\x08free")
