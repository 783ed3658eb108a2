"""Between reading and decoding: what was kept back is decoded as there is room for its pictures, and reading goes on.

A picture takes 3 MB, and a decoder keeps the memory of as many as were ever in use at once; a packet takes 20 kB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from monitors.video._packet_ring import VideoPacket
from monitors.video._packets import Decoded

MOST_WAITING = 150  # packets, six seconds; a detector slower than that has fallen behind for good


class Backlog:
    """Of one stream, in its reading thread."""

    def __init__(
        self,
        decode: Callable[[VideoPacket, float], Iterator[Decoded]],
        give: Callable[[Decoded, float], None],
        has_room: Callable[[], bool],
    ) -> None:
        """`decode`: the frames of a packet and its place; `give` takes one, with what came with the packet."""
        self._decode = decode
        self._give = give
        self._has_room = has_room
        self._waiting: deque[tuple[VideoPacket, float, float]] = deque()
        self._frames: Iterator[Decoded] = iter(())
        self._with = 0.0
        self._catching_up = False

    def add(self, packet: VideoPacket, at_s: float, with_it: float) -> None:
        """Decode this packet and those before it, as far as there is room now."""
        self._waiting.append((packet, at_s, with_it))
        while not self._catching_up or self._has_room() or len(self._waiting) > MOST_WAITING:
            if not self._step():
                return

    def finish(self) -> None:
        """Nothing more will be read: decode all."""
        while self._step():
            pass

    def _step(self) -> bool:
        """One frame further; False when all is done."""
        frame = next(self._frames, None)
        while frame is None:
            self._catching_up = False
            if not self._waiting:
                return False
            packet, at_s, self._with = self._waiting.popleft()
            self._frames = self._decode(packet, at_s)
            frame = next(self._frames, None)
        self._catching_up = frame.late
        self._give(frame, self._with)
        return True
