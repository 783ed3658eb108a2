"""A recorded video as a camera that rests while nothing goes on: packets come at their own speed, as from a camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.errors import InputRejected
from data.local.stages import StageClock
from data.model.frame import Frame
from data.model.observation import Rejected
from data.ports.recipe import RecordingSink
from monitors._feed import IDLE_S
from monitors.video._fragments import Fragmenter
from monitors.video._packets import DecodeState, StateDecoder
from monitors.video._recording import Recording
from monitors.video._stamps import PlaceClock
from monitors.video._video import AvFrame, Scalers, turn_of

MOST_LAG_S = 6.0  # decoding again what was kept back takes a while; whoever falls further behind jumps ahead
_LONGEST_REORDER_S = 10.0  # from a packet's decoding to its showing; more is a wrong stamp
_TRIAL_PACKETS = 10  # none of them stamped: none is


class WatchedRecording(Recording):
    """Like a paced recording, but decoded by state; times are the start plus the place in the video.

    A file without time stamps cannot be decoded by state: of that every picture is decoded, as if always watched.
    """

    def __init__(
        self,
        site: str,
        name: str,
        path: Path,
        start: datetime | None,
        *,
        loop: bool,
        stages: StageClock,
        looks_per_second: float,
        loop_filter: bool = True,
        rate: float | None = None,
        recording: RecordingSink | None = None,
    ) -> None:
        super().__init__(
            site, name, path, start, paced=True, loop=loop, loop_filter=loop_filter, rate=rate, recording=recording
        )
        self._stages = stages
        self._by_state = StateDecoder(f"{site}: {path.name}", looks_per_second)
        self._stamped = True
        self._place_shift_s = 0.0  # from a packet's place in the file to its place in the whole showing

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Rest or wake; see `data.ports.recipe.Attentive`."""
        if not self._stamped:
            return False
        if awake:
            return self._by_state.wake((at - self._start).total_seconds() - self._place_shift_s)
        self._by_state.rest(quiet=quiet)
        return False

    @property
    def decode_state(self) -> int:
        return self._by_state.state if self._stamped else DecodeState.FULL

    def observe(self) -> Iterator[Frame | Rejected | None]:
        """Frames; those that were kept back come again on waking; None while nothing is due."""
        self._scalers = Scalers()
        self._stamped = self._try_stamps()
        if not self._stamped:
            yield from super().observe()
            return
        began_s: float | None = None
        length_s = skipped_s = 0.0
        while not self._closed.is_set():
            container, stream = self._open()
            with container, self._fragmenter(stream) as recorded:
                stream.thread_count = 1
                clock = self._place_clock(stream)
                first_s: float | None = None
                end_s = 0.0
                for packet, at_s in self._placed(self._packets(container.demux(stream)), stream, clock):
                    if began_s is None:
                        began_s = self._begin()
                    first_s = at_s if first_s is None else first_s
                    self._place_shift_s = length_s + skipped_s - first_s
                    end_s = max(end_s, at_s - first_s + clock.frame_s)
                    due_s = began_s + self._place_shift_s + at_s
                    while (wait_s := due_s - time.monotonic()) > 0 and not self._closed.wait(min(wait_s, IDLE_S)):
                        if wait_s > IDLE_S:
                            yield None
                    if -wait_s > MOST_LAG_S:
                        skipped_s -= wait_s
                        self._place_shift_s -= wait_s
                    self._record(recorded, packet, at_s)
                    yield from self._frames(packet, at_s)
                    yield from self._about_stamps(stream, clock)
                if end_s == 0 and not self._closed.is_set():
                    raise InputRejected(f"{self.site}: not one picture of {self.path} can be decoded")
                yield from self._about_the_end(end_s)
            length_s += end_s
            if not self._loop:
                return
            self._by_state.release()

    @contextmanager
    def _fragmenter(self, stream: VideoStream) -> Iterator[Fragmenter | None]:
        """Who gets the packets of this pass for the recording, if anybody does."""
        fragmenter = None if self._recording is None else Fragmenter(stream, self._recording)
        try:
            yield fragmenter
        finally:
            if fragmenter is not None:
                fragmenter.close()

    def _record(self, recorded: Fragmenter | None, packet: Packet[VideoStream], at_s: float) -> None:
        if recorded is not None:
            recorded.add(packet, self._start.timestamp() + self._place_shift_s + at_s)

    def _try_stamps(self) -> bool:
        """Are there time stamps? Also learns by how much the pictures are turned, which only the container may tell."""
        container, stream = self._open()
        stamped = turned = False
        with container:
            stream.thread_count = 1
            for count, packet in enumerate(container.demux(stream)):
                stamped = stamped or packet.pts is not None
                if not turned:
                    try:
                        for frame in packet.decode()[:1]:
                            self._scalers.stream_turn, turned = turn_of(frame), True
                    except av.FFmpegError:
                        continue
                if count >= _TRIAL_PACKETS and (turned or count >= 10 * _TRIAL_PACKETS):
                    break
        return stamped

    def _placed(
        self, packets: Iterator[Packet[VideoStream]], stream: VideoStream, clock: PlaceClock[Packet[VideoStream]]
    ) -> Iterator[tuple[Packet[VideoStream], float]]:
        """Packets with their time in the stream, seconds, which is written into them where their stamps are wrong.

        They come in the order of decoding, and are judged by that order's stamps.
        """
        base = stream.time_base or Fraction(1, 1_000_000)
        first_shift_s: float | None = None
        key_s: float | None = None

        def keyed() -> Iterator[tuple[float | None, Packet[VideoStream]]]:
            nonlocal key_s
            without, ahead_s = False, 0.0  # Matroska tells no decoding times before the first reordered picture
            for packet in packets:
                if packet.dts is not None:
                    dts_s = float(packet.dts * base)
                    if without and key_s is not None and abs(key_s + clock.frame_s - dts_s) < _LONGEST_REORDER_S:
                        ahead_s = key_s + clock.frame_s - dts_s
                    key_s, without = dts_s + ahead_s, False
                elif packet.pts is None:
                    yield None, packet
                    continue
                else:
                    key_s = float(packet.pts * base) if key_s is None else key_s + clock.frame_s
                    without = True
                yield key_s, packet

        for place_s, packet in clock.places(keyed()):
            if first_shift_s is None:
                first_shift_s = clock.shift_s
            moved_s = clock.shift_s - first_shift_s
            told_s = None if packet.pts is None else float(packet.pts * base)
            if told_s is not None and packet.dts is not None:
                reordered_s = told_s - float(packet.dts * base)
                told_s = told_s if 0 <= reordered_s <= _LONGEST_REORDER_S else None
            if told_s is not None and moved_s == 0:
                yield packet, told_s
                continue
            at_s = place_s - first_shift_s if told_s is None else told_s + moved_s
            packet.pts = round(at_s / base)
            yield packet, float(packet.pts * base)

    def _frames(self, packet: Packet[VideoStream], at_s: float) -> Iterator[Frame]:
        frames = self._by_state.feed(packet, at_s)
        while True:
            with self._stages.measure(self.site, "decode"):
                decoded = next(frames, None)
            if decoded is None:
                return
            at = self._start + timedelta(seconds=self._place_shift_s + decoded.at_s)
            yield AvFrame(self.site, at, decoded.frame, self._scalers)

    def _packets(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        while not self._closed.is_set():
            try:
                with self._stages.measure(self.site, "demux"):
                    packet = next(packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            if packet.size:
                yield packet
