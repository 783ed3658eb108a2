"""A clip cut out of a camera's recorded segments: one MP4 that browsers play and seek in. Nothing is encoded again."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import BinaryIO

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.local.recordings import Fragment, Segment, movie_of, read_segment, segment_paths, start_of

_TOUCH_S = 0.5  # between two fragments; more is a gap


@dataclass(frozen=True, slots=True)
class Cut:
    """What a clip covers, seconds since the epoch, and how much of what was asked for is missing in it."""

    codec: str
    since_s: float
    until_s: float
    gap_s: float


@dataclass(frozen=True, slots=True)
class _Run:
    """Fragments of one movie: they follow each other and share a header."""

    codec: str
    header: bytes
    fragments: tuple[Fragment, ...]


def cut_clip(folder: Path, since_s: float, until_s: float, target: Path) -> Cut | None:
    """Write what the ring in `folder` holds of this span to `target`, from the key picture before it on.

    None when it holds nothing of it. Raises OSError; av.FFmpegError for video that cannot be put into MP4.
    """
    runs = _runs(folder, since_s, until_s)
    if not runs:
        return None
    codec = runs[0].codec
    runs = [run for run in runs if run.codec == codec]
    covered = [(part.since_s, min(part.until_s, until_s)) for run in runs for part in run.fragments]
    with av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as output:
        _mux(output, runs, until_s)
    return Cut(codec, covered[0][0], covered[-1][1], _missing_s(covered, since_s, until_s))


def _runs(folder: Path, since_s: float, until_s: float) -> list[_Run]:
    """The movies that hold the span, each from a key picture on; the first one from the last before the span."""
    wanted: list[tuple[Segment, Fragment]] = []
    paths = segment_paths(folder)
    ends = [*(start_of(path) for path in paths[1:]), float("inf")]
    for path, end_s in zip(paths, ends, strict=False):
        if end_s < since_s or start_of(path) >= until_s:
            continue
        segment = read_segment(path)
        wanted += [(segment, part) for part in segment.fragments if part.since_s < until_s] if segment else []
    keys = [n for n, (_, part) in enumerate(wanted) if part.key and part.since_s <= since_s]
    wanted = wanted[keys[-1] if keys else 0 :]
    runs = []
    for (_, header, codec), group in groupby(wanted, lambda one: (movie_of(one[0].path), one[0].header, one[0].codec)):
        fragments = [part for _, part in group]
        first = next((n for n, part in enumerate(fragments) if part.key), None)
        if first is not None and any(part.until_s > since_s for part in fragments[first:]):
            runs.append(_Run(codec, header, tuple(fragments[first:])))
    return runs


def _missing_s(covered: Sequence[tuple[float, float]], since_s: float, until_s: float) -> float:
    missing_s, at_s = 0.0, since_s
    for begin_s, end_s in covered:
        missing_s += begin_s - at_s if begin_s - at_s > _TOUCH_S else 0.0
        at_s = max(at_s, end_s)
    return missing_s + (until_s - at_s if until_s - at_s > _TOUCH_S else 0.0)


def _mux(output: av.container.OutputContainer, runs: Sequence[_Run], until_s: float) -> None:
    track: VideoStream | None = None
    begin_s = runs[0].fragments[0].since_s
    last = -1
    for run in runs:
        with _Movie(run) as movie:
            if track is None:
                track = output.add_stream_from_template(movie.stream, opaque=True)
                if run.codec == "hevc":
                    track.codec_context.codec_tag = "hvc1"  # the name that players know it by
            shift_s = run.fragments[0].since_s - begin_s
            for packet, at_s in movie.packets():
                if run.fragments[0].since_s + at_s >= until_s:
                    break
                last = _put(output, track, packet, movie.first, shift_s, last)


def _put(  # noqa: PLR0917 - a packet and where it goes
    output: av.container.OutputContainer,
    track: VideoStream,
    packet: Packet[VideoStream],
    first: int,
    shift_s: float,
    last: int,
) -> int:
    """Its decoding time is counted from the clip's beginning, and rises whatever the camera's clock did."""
    base = packet.time_base
    assert base is not None
    assert packet.dts is not None
    dts = max(last + 1, packet.dts - first + round(shift_s / base))
    packet.pts = dts + max(0, (packet.pts if packet.pts is not None else packet.dts) - packet.dts)
    packet.dts, packet.stream = dts, track
    output.mux(packet)
    return dts


class _Joined(io.RawIOBase):
    """The header of a run and its fragments as one file, read where they lie: a clip is never whole in memory."""

    def __init__(self, run: _Run) -> None:
        self._header = run.header
        self._fragments = run.fragments
        sizes = [len(run.header), *(part.size for part in run.fragments)]
        self._begins = [0, *accumulate(sizes)]  # of the header, of each fragment, and the end of all
        self._at = 0
        self._open: tuple[Path, BinaryIO] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._begins[-1]}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """At most to the end of the part that it begins in. Raises OSError when a segment has gone."""
        if self._at >= self._begins[-1]:
            return b""
        n = bisect_right(self._begins, self._at) - 1
        inside, left = self._at - self._begins[n], self._begins[n + 1] - self._at
        wanted = left if size < 0 else min(size, left)
        content = self._header[inside : inside + wanted] if n == 0 else self._of(n - 1, inside, wanted)
        self._at += len(content)
        return content

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _of(self, n: int, inside: int, size: int) -> bytes:
        part = self._fragments[n]
        if self._open is None or self._open[0] != part.path:
            if self._open is not None:
                self._open[1].close()
            self._open = part.path, part.path.open("rb")
        file = self._open[1]
        file.seek(part.offset + inside)
        return file.read(size)


class _Movie:
    """The fragments of one run, opened as the movie that they are."""

    def __init__(self, run: _Run) -> None:
        self._file = _Joined(run)
        self._container = av.open(self._file, "r", format="mp4")
        self.stream = self._container.streams.video[0]
        self.first = 0

    def __enter__(self) -> _Movie:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
        self._file.close()

    def packets(self) -> Iterator[tuple[Packet[VideoStream], float]]:
        """Each with its decoding time since the first one, seconds."""
        begun = False
        for packet in self._container.demux(self.stream):
            if packet.dts is None or packet.time_base is None:
                continue
            if not begun:
                self.first, begun = packet.dts, True
            yield packet, float((packet.dts - self.first) * packet.time_base)
