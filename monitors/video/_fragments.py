"""A camera's original packets as fragmented MP4, for its recording: nothing is decoded or encoded.

One muxer per connection. It writes into memory, a fragment at a time; files are the business of whoever takes them.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.ports.recipe import RecordingSink
from monitors.video._arrival_clock import ArrivalClock
from monitors.video._video import describe

log = logging.getLogger(__name__)

FRAGMENT_S = 0.25  # a key picture also begins one; until it is whole a fragment lies in memory, twice
_LONGEST_REORDER_S = 10.0  # from a packet's decoding to its showing; more is a wrong stamp
_LONGEST_STEP_S = 10.0  # from packet to packet; a longer one, or one back, begins another movie
_LATEST_BACK_S = 1.0  # stamps that go back by less are set right
_OPTIONS = {
    "movflags": "empty_moov+frag_keyframe+default_base_moof",
    "frag_duration": str(round(FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}


class _Memory:
    """Where the muxer writes to."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: bytes) -> int:
        self.content += part
        return len(part)

    def taken(self) -> memoryview:
        """What was written since, itself: a copy of every fragment would be a second heap of them."""
        content, self.content = self.content, bytearray()
        return memoryview(content)


class Fragmenter:
    """Feed it the packets of one open stream in the order of decoding; `close` writes the last fragment.

    What cannot be recorded is told to the sink once, and never stops the camera.
    """

    def __init__(self, stream: VideoStream, sink: RecordingSink) -> None:
        self._stream = stream
        self._sink = sink
        self._clock = ArrivalClock()
        self._memory = _Memory()
        self._output: av.container.OutputContainer | None = None
        self._track: VideoStream | None = None
        self._refused = False
        self._origin = 0  # decoding time of the movie's first packet
        self._dts = 0
        self._since_s = self._taken_s = self._step_s = 0.0
        self._key = False

    def arrived(self, packet: Packet[VideoStream], arrived_s: float, *, waited: bool) -> None:
        """A live camera's packet: its time is told by its stamp and its arrival (seconds since the epoch)."""
        base = packet.time_base or Fraction(1, 90_000)
        stamp = packet.dts if packet.pts is None else packet.pts
        stamp_s = None if stamp is None else float(stamp * base)
        self.add(packet, self._clock.taken_s(stamp_s, arrived_s, waited=waited))

    def add(self, packet: Packet[VideoStream], taken_s: float) -> None:
        """`taken_s`: when the picture was taken, seconds since the epoch."""
        if self._refused or not packet.size:
            return
        try:
            self._add(packet, taken_s)
        except (av.FFmpegError, ValueError) as error:
            self._refused, self._output = True, None
            self._sink.refuse(describe(error))
        for header, fragment in self._written():
            if header:
                self._sink.begin(self._stream.codec_context.name, header)
            if fragment:
                self._sink.fragment(fragment, self._since_s, taken_s, key=self._key)
                self._since_s, self._key = taken_s, packet.is_keyframe

    def close(self) -> None:
        """The stream has ended. Idempotent."""
        output, self._output = self._output, None
        if output is None:
            return
        try:
            output.close()
        except (av.FFmpegError, ValueError) as error:
            log.warning("the last fragment of a recording is lost: %s", describe(error))
        for _, fragment in self._written():
            if fragment:
                self._sink.fragment(fragment, self._since_s, self._taken_s + self._step_s, key=self._key)

    def _add(self, packet: Packet[VideoStream], taken_s: float) -> None:
        base = packet.time_base or self._stream.time_base or Fraction(1, 90_000)
        dts = packet.pts if packet.dts is None else packet.dts
        if dts is None:  # no stamp at all: counted on by arrival
            dts = self._dts + max(1, round((taken_s - self._taken_s) / base)) if self._output is not None else 0
        if self._output is not None and not -_LATEST_BACK_S <= float((dts - self._dts) * base) <= _LONGEST_STEP_S:
            self.close()
        if self._output is None:
            if not packet.is_keyframe:
                return
            self._open()
            self._origin, self._dts = dts, dts - 1
            self._since_s, self._key = taken_s, True
        else:
            self._step_s = min(1.0, max(0.0, taken_s - self._taken_s))
        dts = max(dts, self._dts + 1)
        pts = dts if packet.pts is None else packet.pts
        pts = pts if 0 <= float((pts - dts) * base) <= _LONGEST_REORDER_S else dts
        self._dts, self._taken_s = dts, taken_s
        assert self._output is not None
        assert self._track is not None
        own = Packet(bytes(packet))  # muxing changes a packet, and the decoder gets this one, too
        own.time_base, own.is_keyframe, own.stream = base, packet.is_keyframe, self._track
        own.pts, own.dts = pts - self._origin, dts - self._origin
        self._output.mux(own)

    def _open(self) -> None:
        self._memory.content.clear()
        self._output = av.open(self._memory, "w", format="mp4", options=dict(_OPTIONS))
        self._track = self._output.add_stream_from_template(self._stream, opaque=True)

    def _written(self) -> Iterator[tuple[bytes, memoryview]]:
        """What the muxer has written since: a header, fragments of `moof` and `mdat`."""
        if not self._memory.content:
            return
        content = self._memory.taken()
        header, begin, at = b"", 0, 0
        while at + 8 <= len(content):
            length, kind = struct.unpack_from(">I4s", content, at)
            if length == 1:
                (length,) = struct.unpack_from(">Q", content, at + 8)
            if kind in {b"ftyp", b"moov"}:
                header += bytes(content[at : at + length])
            elif kind == b"moof":
                begin = at
            elif kind == b"mdat":
                yield header, content[begin : at + length]
                header = b""
            at += max(8, length)
        if header:
            yield header, memoryview(b"")
