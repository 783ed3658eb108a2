"""The newest packets of one stream, kept undecoded so that what was passed over can be decoded after all.

They are copied into blocks of memory of their own. A packet of the demuxer is a block of 20 kB in the heap that all
cameras share; hundreds of them, freed in turn, leave gaps there that nothing else fits into.
"""

from __future__ import annotations

import mmap
import threading
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, cast

from av.packet import Packet, PacketSideData
from av.video.stream import VideoStream

KEEP_S = 4.0  # a camera is woken from up to two seconds before a picture, and that may be said two seconds late
RING_S = 10.0
RING_BYTES = 24_000_000
_BLOCK_BYTES = 1 << 18  # the first of a ring's blocks holds packets that have gone; it is half of one, on average
_SLACK_S = 0.001

VideoPacket: TypeAlias = "Packet[VideoStream]"


@dataclass(frozen=True, slots=True, eq=False)
class KeptPacket:
    """Where a packet lies in its block, and what is known of it. `at_s`: its time in its stream."""

    at_s: float
    block: mmap.mmap
    begin: int
    size: int
    stream: VideoStream
    time_base: Fraction
    pts: int | None
    dts: int | None
    is_keyframe: bool
    is_corrupt: bool
    side_data: tuple[PacketSideData, ...]
    discarded: VideoPacket | None  # itself where its picture is not to be shown: PyAV cannot mark a copy so

    def packet(self) -> VideoPacket:
        """A copy with the zeros behind it that FFmpeg's readers of bits may touch."""
        if self.discarded is not None:
            return self.discarded
        restored = cast("VideoPacket", Packet(self.size))
        restored.update(self.block[self.begin : self.begin + self.size])
        restored.stream, restored.time_base = self.stream, self.time_base
        restored.pts, restored.dts = self.pts, self.dts
        restored.is_keyframe, restored.is_corrupt = self.is_keyframe, self.is_corrupt
        for one in self.side_data:
            restored.set_sidedata(one)
        return restored


class PacketRing:
    """The newest packets, from a key frame on. Thread-safe.

    The first one is the last key frame that is at least `keep_s` old, so that what is asked for so late can be decoded;
    it is a later one where that would be more than `most_s` or `most_bytes`.
    """

    def __init__(self, keep_s: float = KEEP_S, most_s: float = RING_S, most_bytes: int = RING_BYTES) -> None:
        self._lock = threading.Lock()
        self._keep_s, self._most_s, self._most_bytes = keep_s, most_s, most_bytes
        self._kept: deque[KeptPacket] = deque()
        self._keys_s: deque[float] = deque()  # of those that are kept
        self._block: mmap.mmap | None = None  # the one that is being filled
        self._filled = 0
        self.bytes = 0
        self.key_interval_s: float | None = None  # the longest of the last three; None until two keys were seen
        self._intervals: deque[float] = deque(maxlen=3)
        self.key_s: float | None = None

    def add(self, at_s: float, packet: VideoPacket) -> None:
        """`at_s`: the packet's time in its stream, seconds. The packet itself is not kept."""
        if packet.is_keyframe:
            if self.key_s is not None and at_s > self.key_s:
                self._intervals.append(at_s - self.key_s)
                self.key_interval_s = max(self._intervals)
            self.key_s = at_s
        with self._lock:
            if not packet.is_keyframe and not self._kept:
                return
            self._kept.append(self._stored(at_s, packet))
            self.bytes += packet.size
            if packet.is_keyframe:
                self._keys_s.append(at_s)
            while len(self._keys_s) > 1 and self._keys_s[1] <= at_s - self._keep_s:
                self._drop_first_group()
            while self._kept and (at_s - self._kept[0].at_s > self._most_s or self.bytes > self._most_bytes):
                self._drop_first_group()

    def since_key_before(self, at_s: float) -> list[KeptPacket]:
        """All from the last key frame earlier than `at_s` on, from the oldest one when there is none."""
        with self._lock:
            kept = list(self._kept)
        keys = [i for i, one in enumerate(kept) if one.is_keyframe and one.at_s < at_s - _SLACK_S]
        return kept[keys[-1] if keys else 0 :]

    def __len__(self) -> int:
        return len(self._kept)

    def _stored(self, at_s: float, packet: VideoPacket) -> KeptPacket:
        size = packet.size
        if self._block is None or self._filled + size > len(self._block):
            self._block = mmap.mmap(-1, max(_BLOCK_BYTES, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self._filled = 0
        begin, self._filled = self._filled, self._filled + size
        self._block[begin : begin + size] = bytes(packet)
        base = packet.time_base or packet.stream.time_base or Fraction(1, 90_000)
        return KeptPacket(
            at_s=at_s,
            block=self._block,
            begin=begin,
            size=size,
            stream=packet.stream,
            time_base=base,
            pts=packet.pts,
            dts=packet.dts,
            is_keyframe=packet.is_keyframe,
            is_corrupt=packet.is_corrupt,
            side_data=tuple(packet.iter_sidedata()),
            discarded=packet if packet.is_discard else None,
        )

    def _drop_first_group(self) -> None:
        """A key frame and all up to the next one."""
        self.bytes -= self._kept.popleft().size
        self._keys_s.popleft()
        while self._kept and not self._kept[0].is_keyframe:
            self.bytes -= self._kept.popleft().size
