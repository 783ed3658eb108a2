"""A recorded video: every frame once and in order, its time the start plus its place in the video."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from data.errors import DeviceLost, InputRejected
from data.frame import Frame
from data.observation import Reading, Rejected
from data.stages import StageClock
from monitors._feed import IDLE_S
from monitors._video import AvFrame, Scalers, describe, open_video, seconds

# Only containers of video. FFmpeg also "plays" plain text (as a terminal), play lists and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,h264,hevc,asf,ogg,dav"
MAX_LAG_S = 2.0  # a paced video that falls further behind jumps ahead, so that its times stay near the present
SKIP_LAG_S = 0.25  # from here on a paced video leaves out frames, as a camera's reader would
SEEN_EVERY_S = 1.0  # but never for longer than this


class Recording:
    """An open video file. `start` is the time of its first frame."""

    def __init__(
        self,
        site: str,
        name: str,
        path: Path,
        start: datetime,
        *,
        paced: bool,
        loop: bool,
        stages: StageClock | None = None,
        loop_filter: bool = True,
    ) -> None:
        self.site = site
        self.name = name
        self.path = path
        self._start = start
        self._paced = paced
        self._loop = loop
        self._loop_filter = loop_filter
        self._stages = StageClock() if stages is None else stages
        self._closed = threading.Event()
        if not path.is_file():
            raise DeviceLost(f"{site}: there is no file {path}")
        self._open()[0].close()

    def observe(self) -> Iterator[Frame | Rejected | None]:
        """Frames; one Rejected for each stretch that cannot be decoded; None while a paced video waits."""
        if not self._paced:
            yield from (item if isinstance(item, Rejected) else self._timed(*item) for item in self._rounds())
            return
        began_s = time.monotonic()  # of the first frame, in our clock
        skipped_s, seen_s = 0.0, -SEEN_EVERY_S
        for item in self._rounds():
            if isinstance(item, Rejected):
                yield item
                continue
            at_s, frame = item
            while (wait_s := began_s + at_s + skipped_s - time.monotonic()) > 0:
                if self._closed.wait(min(wait_s, IDLE_S)):
                    return
                if wait_s > IDLE_S:
                    yield None
            if -wait_s > MAX_LAG_S:
                skipped_s -= wait_s
            elif -wait_s > SKIP_LAG_S and at_s - seen_s < SEEN_EVERY_S:
                self._stages.drop(self.site)
                continue
            seen_s = at_s
            yield self._timed(at_s + skipped_s, frame)

    def committed(self, reading: Reading) -> None:
        """A video waits for no word of its frames."""

    def close(self) -> None:
        """The file itself is closed by the step that reads it."""
        self._closed.set()

    def _timed(self, at_s: float, frame: VideoFrame) -> AvFrame:
        return AvFrame(self.site, self._start + timedelta(seconds=at_s), frame, self._scalers)

    def _rounds(self) -> Iterator[tuple[float, VideoFrame] | Rejected]:
        """Seconds since the start and the frame, of one pass or of pass after pass."""
        self._scalers = Scalers()
        length_s = 0.0
        while not self._closed.is_set():
            end_s = length_s
            for item in self._one_pass():
                if isinstance(item, Rejected):
                    yield item
                    continue
                at_s, frame_s, frame = item
                end_s = max(end_s, length_s + at_s + frame_s)
                yield length_s + at_s, frame
            if end_s == length_s and not self._closed.is_set():
                raise InputRejected(f"{self.site}: not one picture of {self.path} can be decoded")
            length_s = end_s
            if not self._loop:
                return

    def _one_pass(self) -> Iterator[tuple[float, float, VideoFrame] | Rejected]:
        """Seconds from the first frame, a frame's length in seconds, and the frame, in order of presentation."""
        container, stream = self._open()
        with container:
            stream.thread_type = "SLICE" if self._paced else "AUTO"
            stream.thread_count = 1 if self._paced else 0
            frame_s = float(1 / (stream.average_rate or stream.guessed_rate or 25))
            first_s: float | None = None
            last_s = -frame_s
            for item in self._decoded(container.demux(stream)):
                if self._closed.is_set():
                    return
                if isinstance(item, Rejected):
                    yield item
                    continue
                shown_s = seconds(item)
                if first_s is None:
                    first_s = shown_s or 0.0
                last_s = last_s + frame_s if shown_s is None else max(shown_s - first_s, last_s)
                yield last_s, frame_s, item

    def _decoded(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame | Rejected]:
        broken = False
        while True:
            try:
                with self._stages.measure(self.site, "demux"):
                    packet = next(packets, None)
                if packet is None:
                    return
                with self._stages.measure(self.site, "decode"):
                    frames = packet.decode()
            except av.FFmpegError as error:
                if not broken:
                    reason = f"a part of {self.path.name} cannot be decoded: {describe(error)}"
                    yield Rejected(self.site, self.name, datetime.now(UTC), reason)
                broken = True
                continue
            yield from frames
            broken = broken and not frames

    def _open(self) -> tuple[av.container.InputContainer, VideoStream]:
        """Raises InputRejected when this is no video."""
        options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
        try:
            container, stream = open_video(str(self.path.absolute()), options, None, loop_filter=self._loop_filter)
        except (av.FFmpegError, ValueError) as error:
            text = f"{self.site}: {self.path} is no video that can be read: {describe(error)}"
            raise InputRejected(text) from error
        if stream is None:
            container.close()
            raise InputRejected(f"{self.site}: there is no video in {self.path}")
        return container, stream
