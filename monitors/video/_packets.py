"""Decode by state: everything, or only key frames while nothing goes on; and back without losing the beginning.

The newest packets are kept in a ring. On waking they are decoded again from the key frame before the waking picture,
so that what began between two key frames is seen from its start, at its true times.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from monitors.video._decoder import Decoder
from monitors.video._packet_ring import PacketRing, VideoPacket
from monitors.video._video import seconds

log = logging.getLogger(__name__)

LONGEST_REST_S = 2.0  # key frames further apart miss what passes quickly
SUBSTREAM_LEAD_S = 0.6  # before the waking picture of the substream, the main stream is looked at again
_PATIENCE_S = 0.5  # a key frame may be late by so much before everything is decoded again
_SLACK_S = 0.001


class DecodeState(IntEnum):
    """What is decoded, as the gauge `yiping_decode_state` tells it. From FULL on every picture is given.

    3 is `engine.camera.camera.SPARING`.
    """

    KEYFRAMES = 0
    SUBSTREAM = 1
    FULL = 2
    BESIDE = 4  # the substream is looked at also while something goes on; of this stream only what is asked for
    INSTEAD = 5  # everything, since the substream that should be looked at cannot be
    WITHOUT_MAIN = 6  # the substream; the main stream is lost


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame and its place in the stream, seconds. `late`: it was kept back while resting."""

    frame: VideoFrame
    at_s: float
    late: bool = False


class StateDecoder:
    """One stream's packets as frames. `rest` and `wake` may come from another thread and act at the next packet."""

    def __init__(
        self,
        name: str,
        looks_per_second: float,
        substream_alive: Callable[[], bool] = lambda: False,
        looked_beside: Callable[[], bool] = lambda: False,
        beside_until_s: Callable[[], float] = lambda: float("-inf"),
    ) -> None:
        """`looks_per_second`: of what was kept back no more frames are given than can be looked at.

        `substream_alive`: while it is, nothing of this stream is decoded at rest. `looked_beside`: while the substream
        is looked at, nothing of this one is decoded at all; `beside_until_s`: the place of its last picture, after
        which this stream is looked at again when it is lost.
        """
        self._substream_alive = substream_alive
        self._looked_beside = looked_beside
        self._beside_until_s = beside_until_s
        self.state = DecodeState.FULL
        self.ring = PacketRing()
        self._decoder = Decoder()
        self._name = name
        self._step_s = 1 / looks_per_second
        self._wanted: tuple[bool, float | None] = (True, None)  # awake, and the place of the waking picture
        self._quiet = False
        self._given_s: deque[float] = deque(maxlen=4)
        self._caught_up = False  # its decoder has had more pictures in use at once than it will need
        self.refused = False  # key frames are too far apart to rest on

    def rest(self, *, quiet: bool = False) -> None:
        """Nothing goes on: decode key frames only, if they come often enough.

        From the next one on; `quiet`: from now on, nothing will be missed until then.
        """
        self._wanted, self._quiet = (False, None), quiet

    def wake(self, at_s: float) -> bool:
        """Something goes on since before the picture at `at_s`. True: that picture and those before it come again."""
        if self.state is DecodeState.BESIDE:  # all that happened was seen
            self._wanted = (True, None)
            return False
        resting = self.state is not DecodeState.FULL
        awake, since_s = self._wanted
        if resting and awake and since_s is not None:
            at_s = min(at_s, since_s)
        self._wanted = (True, at_s if resting else None)
        return resting

    @property
    def awake(self) -> bool:
        """Does something go on, as far as is known?"""
        return self._wanted[0]

    def feed(self, packet: VideoPacket, at_s: float) -> Iterator[Decoded]:
        """Frames, in the order of their times but for those that come again. A broken packet gives none."""
        self.ring.add(at_s, packet)
        awake, since_s = self._wanted
        if self._looked_beside():
            if self.state is not DecodeState.BESIDE:
                self.state = DecodeState.BESIDE
                self._decoder.give_up()
            return
        if self.state is DecodeState.BESIDE:
            self.state, self._wanted = DecodeState.FULL, (awake, None)
            until_s = self._beside_until_s()
            yield from self._again(min(at_s, until_s), packet.stream, until_s)
            return
        yield from self._fed(packet, at_s, since_s, awake=awake)

    def _fed(self, packet: VideoPacket, at_s: float, since_s: float | None, *, awake: bool) -> Iterator[Decoded]:
        """While this stream is the one that is looked at."""
        if self.state is DecodeState.FULL:
            if not awake and self._substream_alive():
                self.state = DecodeState.SUBSTREAM
                self._decoder.give_up()
                return
            if not awake and (packet.is_keyframe or self._quiet) and self._may_rest():
                self.state = DecodeState.KEYFRAMES
                self._decoder.give_up()
            else:
                if self._caught_up and packet.is_keyframe:
                    self._caught_up = not self._decoder.renew()
                yield from self._given(self._decoded(packet))
                return
        elif awake or (self.state is DecodeState.SUBSTREAM and not self._substream_alive()):
            seen_until_s = float("-inf") if self.state is DecodeState.KEYFRAMES else -SUBSTREAM_LEAD_S
            self.state = DecodeState.FULL
            since_s = at_s if since_s is None else since_s
            yield from self._again(since_s, packet.stream, since_s + seen_until_s)
            return
        elif self.state is DecodeState.SUBSTREAM:
            return
        elif self.ring.key_s is not None and at_s - self.ring.key_s > LONGEST_REST_S + _PATIENCE_S:
            log.info("%s: key frames have become rare; everything is decoded", self._name)
            self.state = DecodeState.FULL
            yield from self._again(at_s, packet.stream, float("-inf"))
            return
        if packet.is_keyframe:
            self._decoder.flush(packet.stream)
            key = [*self._decoded(packet), *self._decoder.drained(packet.stream)]
            self._decoder.give_up()  # 8 MB for two seconds; the next one takes half a millisecond to make
            yield from self._given(key)

    def release(self) -> None:
        """The stream begins from its start, with another decoder: what was kept is of no use any more."""
        interval_s = self.ring.key_interval_s
        self.ring = PacketRing()
        self.ring.key_interval_s = interval_s
        self._decoder = Decoder()
        self._given_s.clear()

    def _may_rest(self) -> bool:
        interval_s = self.ring.key_interval_s
        if interval_s is None:
            return False
        if interval_s > LONGEST_REST_S + _SLACK_S:
            if not self.refused:
                log.warning(
                    "%s: key frames come every %.1f s, more than %g s apart; everything is decoded although nothing "
                    "moves. Set a shorter key frame interval at the camera, or give its substream",
                    self._name,
                    interval_s,
                    LONGEST_REST_S,
                )
            self.refused = True
            return False
        return True

    def _again(self, since_s: float, stream: VideoStream, seen_until_s: float) -> Iterator[Decoded]:
        """All since the key frame before `since_s`, but what was seen before it; no more often than looked at.

        On the grid of whole steps, so that it is the pictures that a camera would look at that never rests; but one at
        least: it is waited for.
        """
        floor_s = max([seen_until_s, *(given_s for given_s in self._given_s if given_s < since_s - _SLACK_S)])
        self._decoder.flush(stream)
        due_s, given_s = self._next_step_s(floor_s), float("-inf")
        if due_s > since_s + _SLACK_S:
            due_s = floor_s
        for kept in self.ring.since_key_before(since_s):
            for frame in self._decoded(kept.packet()):
                at_s = seconds(frame)
                if at_s is None or at_s <= floor_s + _SLACK_S or at_s < due_s - _SLACK_S:
                    continue
                due_s = self._next_step_s(at_s)
                given_s = at_s
                yield Decoded(frame, at_s, late=True)
        self._caught_up = True
        if given_s > float("-inf"):
            self._given_s.append(given_s)

    def _next_step_s(self, at_s: float) -> float:
        return (math.floor((at_s + _SLACK_S) / self._step_s) + 1) * self._step_s if at_s > float("-inf") else at_s

    def _given(self, frames: list[VideoFrame]) -> Iterator[Decoded]:
        for frame in frames:
            at_s = seconds(frame)
            if at_s is not None:
                self._given_s.append(at_s)
                yield Decoded(frame, at_s)

    def _decoded(self, packet: VideoPacket) -> list[VideoFrame]:
        try:
            return self._decoder.decode(packet)
        except av.InvalidDataError:
            return []  # the next key frame mends the picture
