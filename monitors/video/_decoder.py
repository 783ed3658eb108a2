"""The decoder of a stream, which can be given up and made anew: its pictures' memory goes with it.

A decoder keeps the memory of every picture that was ever in use at the same time, 3 MB each at 1080p, for as long as it
lives. Of a camera that rests nearly all of that is idle.
"""

from __future__ import annotations

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

ALONE = frozenset({"h264", "hevc"})  # their packets and extradata say all that a new decoder must know


class Decoder:
    """Of one stream after the other, whichever a packet is of. One thread only; raises what PyAV raises."""

    def __init__(self) -> None:
        self._stream: VideoStream | None = None
        self._context: VideoCodecContext | None = None

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        return self._of(packet.stream).decode(packet)

    def drained(self, stream: VideoStream) -> list[VideoFrame]:
        """What is kept back to be put in order; it can be fed again afterwards."""
        context = self._of(stream)
        try:
            frames = list(context.decode(None))
        except (av.InvalidDataError, av.EOFError):
            frames = []
        context.flush_buffers()
        for frame in frames:
            if stream.time_base is not None:
                frame.time_base = stream.time_base  # PyAV takes it from a packet, and here is none
        return frames

    def flush(self, stream: VideoStream) -> None:
        """Forget the packets so far: the next one is a key frame."""
        self._of(stream).flush_buffers()

    def give_up(self) -> None:
        """The next packet, a key frame, meets a new one."""
        self._context = None

    def renew(self) -> bool:
        """Before a key frame: meet it with a new one, if no picture is kept back to be put in order. Was that done?"""
        if self._context is None or self._context.has_b_frames:
            return False
        self._context = None
        return True

    def _of(self, stream: VideoStream) -> VideoCodecContext:
        own = stream.codec_context
        if own.name not in ALONE:
            return own
        if self._context is None or stream is not self._stream:
            context = av.CodecContext.create(own.name, "r")
            assert isinstance(context, VideoCodecContext)
            context.extradata, context.thread_count = own.extradata, own.thread_count
            context.options = dict(own.options)
            self._stream, self._context = stream, context
        return self._context
