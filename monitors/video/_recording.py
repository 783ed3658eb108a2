"""A recorded video: every frame once and in order, its time the start plus its place in the video."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from data.errors import DeviceLost, InputRejected
from data.local.stages import StageClock
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import RecordingSink
from monitors._feed import IDLE_S
from monitors.video._cut_off import missing_bytes
from monitors.video._fragments import Fragmenter
from monitors.video._stamps import USUAL_RATE, PlaceClock, told_rate
from monitors.video._video import AvFrame, Scalers, describe, open_video, seconds

# Only containers of video. FFmpeg also "plays" plain text (as a terminal), play lists and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,h264,hevc,asf,ogg,dav"
MAX_LAG_S = 2.0  # a paced video that falls further behind jumps ahead, so that its times stay near the present
SKIP_LAG_S = 0.25  # from here on a paced video leaves out frames, as a camera's reader would
WITHOUT_STAMP = 3  # pictures from the first one on: the file has no stamps at all
SEEN_EVERY_S = 1.0  # but never for longer than this


class Recording:
    """An open video file. `start` is the time of its first frame, the moment it is given when left out."""

    def __init__(
        self,
        site: str,
        name: str,
        path: Path,
        start: datetime | None,
        *,
        paced: bool,
        loop: bool,
        stages: StageClock | None = None,
        loop_filter: bool = True,
        rate: float | None = None,
        recording: RecordingSink | None = None,
    ) -> None:
        """`rate`: pictures a second, for a file without time stamps. `recording`: gets the packets when due."""
        self.site = site
        self.name = name
        self.path = path
        self._declared = start is not None
        self._start = datetime.now(UTC) if start is None else start
        self._shift: timedelta | None = None
        self._paced = paced
        self._loop = loop
        self._loop_filter = loop_filter
        self._rate = rate
        self._recording = recording
        self._stages = StageClock() if stages is None else stages
        self._closed = threading.Event()
        self._scalers = Scalers()
        self._told: set[str] = set()
        if not path.is_file():
            raise DeviceLost(f"{site}: there is no file {path}")
        self._open()[0].close()

    def observe(self) -> Iterator[Frame | Rejected | None]:
        """Frames; one Rejected for each stretch that cannot be decoded; None while a paced video waits."""
        if not self._paced:
            yield from (item if isinstance(item, Rejected) else self._timed(*item) for item in self._rounds())
            return
        began_s: float | None = None  # of the first frame, in our clock
        skipped_s, seen_s = 0.0, -SEEN_EVERY_S
        for item in self._rounds():
            if isinstance(item, Rejected):
                yield item
                continue
            at_s, frame = item
            if began_s is None:
                began_s = self._begin()
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

    @property
    def shift(self) -> timedelta | None:
        """See `data.ports.recipe.Replays`."""
        return self._shift

    def _begin(self) -> float:
        """The first frame is there: from now on its time counts. Monotonic seconds."""
        now = datetime.now(UTC)
        if not self._declared:
            self._start = now
        self._shift = now - self._start
        return time.monotonic()

    def committed(self, reading: Sensed) -> None:
        """Recordings need no acknowledgement."""

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
            clock = self._place_clock(stream)
            last_s = 0.0
            for item in self._decoded(self._recorded(container.demux(stream), stream)):
                if self._closed.is_set():
                    return
                if isinstance(item, Rejected):
                    yield item
                    continue
                for last_s, frame in clock.place(seconds(item), item):
                    yield last_s, clock.frame_s, frame
                yield from self._about_stamps(stream, clock)
            for last_s, frame in clock.rest():
                yield last_s, clock.frame_s, frame
            yield from self._about_stamps(stream, clock)
            yield from self._about_the_end(last_s + clock.frame_s)

    def _place_clock(self, stream: VideoStream) -> PlaceClock[Any]:
        return PlaceClock(1 / (self._rate or told_rate(stream) or USUAL_RATE))

    def _about_stamps(self, stream: VideoStream, clock: PlaceClock[Any]) -> Iterator[Rejected]:
        """What is wrong with the file's time stamps, once."""
        if clock.oddity:
            counted = "its time is counted on from the pictures before it"
            yield from self._once("stamps", f"{self.path.name}: {clock.oddity}; {counted}")
        elif clock.guessed >= WITHOUT_STAMP:
            known = self._rate or told_rate(stream)
            why = "as set" if self._rate else "as the pictures say" if known else "a guess; set `pictures_per_second`"
            yield from self._once(
                "stamps", f"{self.path.name} has no time stamps: {known or USUAL_RATE:g} pictures a second, {why}"
            )

    def _about_the_end(self, end_s: float) -> Iterator[Rejected]:
        if missing := self._missing():
            text = f"{self.path.name} is cut off: {missing} bytes of it are missing; its pictures end at {end_s:.1f} s"
            yield from self._once("end", text)

    def _missing(self) -> int:
        try:
            return missing_bytes(self.path)
        except OSError:
            return 0

    def _once(self, what: str, reason: str) -> Iterator[Rejected]:
        if what not in self._told:
            self._told.add(what)
            yield Rejected(self.site, self.name, datetime.now(UTC), reason)

    def _recorded(self, packets: Iterator[Packet[VideoStream]], stream: VideoStream) -> Iterator[Packet[VideoStream]]:
        """Each packet also to the recording, at the time at which a paced video's pictures are asked for."""
        if self._recording is None:
            yield from packets
            return
        fragments = Fragmenter(stream, self._recording)
        try:
            for packet in packets:
                fragments.add(packet, time.time() - (self._shift or timedelta(0)).total_seconds())
                yield packet
        finally:
            fragments.close()

    def _decoded(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame | Rejected]:
        broken = False
        while True:
            at_the_end = True
            try:
                with self._stages.measure(self.site, "demux"):
                    packet = next(packets, None)
                if packet is None:
                    return
                at_the_end = packet.is_corrupt
                with self._stages.measure(self.site, "decode"):
                    frames = packet.decode()
            except av.FFmpegError as error:
                if not broken and not (at_the_end and self._missing()):  # that it is cut off is told
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
