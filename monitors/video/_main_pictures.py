"""Pictures of a camera's main stream while its substream is looked at: decoded only where one is asked for.

The packets of the last seconds are kept anyway. Asked for the picture of an instant, they are decoded from the key
frame before it up to that instant, once; another one soon after goes on from there. Which picture is of the same
instant is told by the times of both streams, each anchored at its arrival, and where something moves by its content:
then the distance between the two clocks is learned, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import av
import numpy as np
from av.video.frame import VideoFrame

from data.local.stages import StageClock
from data.model.frame import Frame, Image
from monitors.video._decoder import ALONE, Decoder
from monitors.video._packet_ring import KeptPacket, PacketRing
from monitors.video._video import AvFrame, Scalers, seconds

THUMB = (160, 90)  # width and height, as it lies in the stream
FAR_S, NEAR_S = 1.0, 0.1  # around the expected place is searched, before and after the clocks' distance is known
_MOVES = 3.0  # grey levels: standard deviation of what differs between the pictures in question
_FEW = 6  # pixels of a thumb
_CLEARLY = 1.1  # times the error of the best one; less is one that looks alike
_BESIDE = 4  # pictures before and after it, which look alike where things move slowly
_LEARNS = 0.5
_POLL_S = 0.02
_SLACK_S = 0.002
KEPT_S = 3.0  # a decoder nobody has asked for so long is given up, with the memory of its pictures


@dataclass(frozen=True, slots=True)
class Small:
    """What is known of a picture of the substream: its time, its stamp in the stream (seconds), how it looks."""

    at: datetime
    stamp_s: float | None
    thumb: Image

    @classmethod
    def of(cls, frame: AvFrame, scalers: Scalers) -> Small:
        return cls(frame.at, seconds(frame.raw), scalers.scaled(frame.raw, *THUMB, "gray"))


@dataclass(frozen=True, slots=True)
class _Candidate:
    at_s: float
    thumb: Image
    frame: VideoFrame | None  # of those that are near; a picture has 3 MB


class MainPictures:
    """Of one camera. `size`: width and height of the main stream's pictures, zeros before it is open. `given_at`: time
    of the newest one that was given while this stream was looked at. `anchor_s`: epoch seconds of its time zero."""

    def __init__(self, site: str, stages: StageClock, ring: Callable[[], PacketRing]) -> None:
        """`ring`: the packets of the last seconds, their places in the stream as keys."""
        self.size = (0, 0)
        self.given_at = datetime.min.replace(tzinfo=UTC)
        self.anchor_s = 0.0
        self.distance_s: float | None = None
        """From a picture's stamp in the substream to that in the main stream, as its content tells: both clocks are the
        camera's. None until something has moved in a picture that was asked for."""
        self._site, self._stages, self._ring = site, stages, ring
        self._lock = threading.Lock()
        self._decoder = Decoder()
        self._fed: KeptPacket | None = None
        self._fed_s = float("-inf")  # place of the newest picture that came of it
        self._scalers = Scalers()
        self._asked_s = float("-inf")
        self._last: tuple[datetime, VideoFrame] | None = None

    def picture(self, small: Small, patience_s: float, most: int | None = None) -> AvFrame | None:
        """The main stream's picture of the instant of this one.

        Waits so long for its packet. None when it does not come, or was too long ago; when more than `most` packets
        would have to be decoded; or of a codec whose decoder cannot be made anew.
        """
        with self._lock, self._stages.measure(self._site, "detail"):
            self._asked_s = time.monotonic()
            if self._last is not None and self._last[0] == small.at:
                return AvFrame(self._site, small.at, self._last[1], Scalers())
            if small.stamp_s is None or self.distance_s is None:
                expected_s, reach_s = small.at.timestamp() - self.anchor_s, FAR_S
            else:
                expected_s, reach_s = small.stamp_s + self.distance_s, NEAR_S
            frame = self._search(small, expected_s, reach_s, time.monotonic() + patience_s, most)
            if frame is None:
                return None
            self._last = small.at, frame
            return AvFrame(self._site, small.at, frame, Scalers())  # whoever asked may read it in a thread of its own

    def tidy(self) -> None:
        """Call it now and then: gives up what has not been asked for lately."""
        if time.monotonic() - self._asked_s > KEPT_S and self._fed is not None and self._lock.acquire(blocking=False):
            try:
                self._decoder, self._fed, self._last, self._scalers = Decoder(), None, None, Scalers()
            finally:
                self._lock.release()

    def forget(self) -> None:
        """The stream begins anew, by another clock."""
        with self._lock:
            self._decoder, self._fed, self._last, self.distance_s = Decoder(), None, None, None

    def forget_distance(self) -> None:
        """The substream begins anew."""
        self.distance_s = None

    def _search(
        self, small: Small, expected_s: float, reach_s: float, ends_s: float, most: int | None
    ) -> VideoFrame | None:
        found = list(self._around(expected_s, reach_s, ends_s, most))
        if not found:
            return None
        place = same_picture(small.thumb, [one.thumb for one in found])
        if place is not None:
            at_s, known_s = found[place].at_s, self.distance_s
            if small.stamp_s is not None:
                off_s = at_s - small.stamp_s
                self.distance_s = off_s if known_s is None else known_s + _LEARNS * (off_s - known_s)
            if known_s is not None and len(found) > 1 and place in {0, len(found) - 1}:
                self.distance_s = None  # it may lie further away: the next one is searched for again
            if (frame := found[place].frame) is not None:
                return frame
            again = list(self._around(found[place].at_s, 0.0, ends_s, most))
            return min(again, key=lambda one: abs(one.at_s - found[place].at_s)).frame if again else None
        nearest = min(found, key=lambda one: abs(one.at_s - expected_s))
        return nearest.frame

    def _around(self, expected_s: float, reach_s: float, ends_s: float, most: int | None) -> Iterator[_Candidate]:
        """Pictures from `reach_s` before the expected place to as long after it."""
        wait_s = min(reach_s, NEAR_S)
        for kept in self._packets(expected_s - reach_s, expected_s + wait_s, expected_s + reach_s, ends_s, most):
            self._fed = kept
            for frame in self._decoded(kept):
                at_s = seconds(frame)
                if at_s is None:
                    continue
                self._fed_s = at_s
                if expected_s - reach_s - NEAR_S <= at_s:
                    near = abs(at_s - expected_s) <= NEAR_S
                    yield _Candidate(at_s, self._scalers.scaled(frame, *THUMB, "gray"), frame if near else None)

    def _packets(
        self, since_s: float, needed_s: float, until_s: float, ends_s: float, most: int | None
    ) -> Iterator[KeptPacket]:
        """From the key frame before, or from where decoding stands, until a picture of `until_s` has come of them.

        One of `needed_s` is waited for.
        """
        count = 0
        while True:
            packets = self._ring().since_key_before(since_s + _SLACK_S)
            if not packets or packets[0].stream.codec_context.name not in ALONE:
                return
            fed = next((i for i, one in enumerate(packets) if one is self._fed), -1)
            if count == 0 and (fed < 0 or self._fed_s >= since_s):
                self._decoder.flush(packets[0].stream)
                self._fed, self._fed_s, fed = None, float("-inf"), -1
            for packet in packets[fed + 1 :]:
                if most is not None and count >= most:
                    return
                count += 1
                yield packet
                if self._fed_s >= until_s:
                    return
            if self._fed_s >= needed_s or time.monotonic() >= ends_s:
                return
            time.sleep(_POLL_S)

    def _decoded(self, kept: KeptPacket) -> list[VideoFrame]:
        try:
            return self._decoder.decode(kept.packet())
        except av.InvalidDataError:
            return []


def same_picture(thumb: Image, others: Sequence[Image]) -> int | None:
    """Which of these pictures of one view shows the moment of `thumb`; None where too little moves to tell.

    uint8 (h, w) all of one size. Only what differs between them is compared.
    """
    if len(others) < 2:
        return None
    stack = np.stack(others).astype(np.float32)
    stack -= stack.mean(axis=(1, 2), keepdims=True)
    moves = stack.std(axis=0) > _MOVES
    if np.count_nonzero(moves) < _FEW:
        return None
    own = thumb.astype(np.float32) - thumb.mean()
    errors = np.abs(stack[:, moves] - own[moves]).mean(axis=1)
    best = int(np.argmin(errors))
    away = np.abs(np.arange(len(errors)) - best) > _BESIDE
    alike = errors[away].min() if away.any() else errors.max()
    return None if alike < _CLEARLY * errors[best] else best


@dataclass(frozen=True, slots=True, eq=False)
class SmallFrame(AvFrame):
    """A picture of the substream, of which the main stream's can be had (implements `data.model.frame.Detailed`).

    Its width and height are its own; places in it are told as fractions, which are the same in the main picture.
    """

    main: MainPictures

    def full(self) -> Callable[[float, int | None], Frame | None]:
        main, small = self.main, Small.of(self, self.scalers)
        return lambda patience_s, most: main.picture(small, patience_s, most)
