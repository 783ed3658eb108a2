"""A recorded video as a camera that rests while nothing goes on: packets come at their own speed, as from a camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.frame import Frame
from data.observation import Rejected
from data.stages import StageClock
from monitors._feed import IDLE_S
from monitors._packets import StateDecoder
from monitors._recording import Recording
from monitors._video import AvFrame, Scalers

MOST_LAG_S = 6.0  # decoding again what was kept back takes a while; whoever falls further behind jumps ahead


class WatchedRecording(Recording):
    """Like a paced recording, but decoded by state; times are the start plus the place in the video."""

    def __init__(
        self,
        site: str,
        name: str,
        path: Path,
        start: datetime,
        *,
        loop: bool,
        stages: StageClock,
        looks_per_second: float,
        loop_filter: bool = True,
    ) -> None:
        super().__init__(site, name, path, start, paced=True, loop=loop, loop_filter=loop_filter)
        self._stages = stages
        self._by_state = StateDecoder(f"{site}: {path.name}", looks_per_second)
        self._shift_s = 0.0  # from a packet's place in the file to its place in the whole showing

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Rest or wake; see `data.recipe.Attentive`."""
        if awake:
            return self._by_state.wake((at - self._start).total_seconds() - self._shift_s)
        self._by_state.rest(quiet=quiet)
        return False

    @property
    def decode_state(self) -> int:
        return self._by_state.state

    def observe(self) -> Iterator[Frame | Rejected | None]:
        """Frames; those that were kept back come again on waking; None while nothing is due."""
        self._scalers = Scalers()
        began_s, length_s, skipped_s = time.monotonic(), 0.0, 0.0
        while not self._closed.is_set():
            container, stream = self._open()
            with container:
                stream.thread_count = 1
                frame_s = float(1 / (stream.average_rate or stream.guessed_rate or 25))
                first_s: float | None = None
                end_s = 0.0
                for packet in self._packets(container.demux(stream)):
                    at_s = float((packet.pts or 0) * (packet.time_base or 0))
                    first_s = at_s if first_s is None else first_s
                    self._shift_s = length_s + skipped_s - first_s
                    end_s = max(end_s, at_s - first_s + frame_s)
                    due_s = began_s + self._shift_s + at_s
                    while (wait_s := due_s - time.monotonic()) > 0 and not self._closed.wait(min(wait_s, IDLE_S)):
                        if wait_s > IDLE_S:
                            yield None
                    if -wait_s > MOST_LAG_S:
                        skipped_s -= wait_s
                        self._shift_s -= wait_s
                    yield from self._frames(packet, at_s)
            length_s += end_s
            if not self._loop:
                return
            self._by_state.begin_anew()

    def _frames(self, packet: Packet[VideoStream], at_s: float) -> Iterator[Frame]:
        frames = self._by_state.feed(packet, at_s)
        while True:
            with self._stages.measure(self.site, "decode"):
                decoded = next(frames, None)
            if decoded is None:
                return
            at = self._start + timedelta(seconds=self._shift_s + decoded.at_s)
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
            if packet.pts is not None:
                yield packet
