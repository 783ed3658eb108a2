"""The smaller stream of a camera, decoded in a thread of its own: while the main stream rests, or in its stead.

Looked at in its stead (`looks` of the camera), it is decoded always, and the main stream only where it is asked for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import av
from av.video.frame import VideoFrame

from data.local.stages import StageClock
from data.model.frame import Frame
from data.model.observation import Rejected
from monitors._feed import Feed
from monitors.video._arrival_clock import ArrivalClock
from monitors.video._main_pictures import THUMB, MainPictures, Small, SmallFrame
from monitors.video._same_view import difference
from monitors.video._video import AvFrame, Scalers, describe, open_video, seconds

log = logging.getLogger(__name__)

ALIVE_S = 1.5  # without a picture for longer the main stream is decoded again
RETRY_S = 10.0
SOON_S = 1.0  # the first attempt after a loss of what was looked at
_NEARLY = 1.02  # so much the model may see enlarged
_SAME_ASPECT = 0.03
_AFTER_S = 1.0  # a picture of the substream is compared when that of the main stream has arrived as well
_AGAIN_S = 600.0  # the view is compared now and then
_SOON_AGAIN_S = 60.0  # where it was another one


class HasWakeState(Protocol):
    """Tells whether the camera is awake: something goes on, so every picture of the main stream is decoded."""

    @property
    def awake(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """Look at the substream also while something goes on: at any one, or only if it is as large as what the model,
    whose input is `width` x `height` pixels, sees of a picture."""

    any_size: bool
    width: int
    height: int

    def accepts(self, width: int, height: int) -> bool:
        """Of a substream of so many pixels."""
        return self.any_size or min(self.width / max(1, width), self.height / max(1, height)) <= _NEARLY


class Substream:
    """`start` begins to read, `alive` tells whether pictures come. Connection loss is logged and retried."""

    def __init__(  # noqa: PLR0917 - what it is called and how it is reached
        self,
        site: str,
        name: str,
        address: str,
        options: Mapping[str, str],
        timeout_s: float,
        stages: StageClock,
        wish: Wish | None = None,
        monitor: str = "",
    ) -> None:
        """`wish`: it is to be looked at in the main stream's stead; only at rest when left out.

        `monitor`: the camera's name, for what is said of it.
        """
        self._site = site
        self._name = f"{name} (substream)"
        self._address = address
        self._options = options
        self._timeout_s = timeout_s
        self._stages = stages
        self._wish = wish
        self._monitor = monitor
        self._given_s = float("-inf")
        self.is_wanted = wish is not None
        """Is it to be looked at also while something goes on? Not if it is too small, or shows something else."""
        self.has_looked = False
        self._said = ""
        self._thumbs = Scalers()  # the frames' own are used by looks, in another thread
        self._proved = False
        self._trial: tuple[Small, float] | None = None  # a picture that is to be compared, and when
        self._compare_due_s = 0.0
        self.last_at = datetime.min.replace(tzinfo=UTC)
        """Of the newest picture that was given."""

    def alive(self) -> bool:
        return time.monotonic() - self._given_s < ALIVE_S

    def serves(self) -> bool:
        """Is it looked at in the main stream's stead now?"""
        return self.is_wanted and self._proved and self.alive()

    def start(self, feed: Feed[Frame | Rejected], attention: HasWakeState, main: MainPictures) -> None:
        """Give frames to `feed` until closed: always where it is looked at, else while nothing goes on."""

        def run() -> None:
            while not feed.closed.is_set():
                served = False
                try:
                    self._read(feed, attention, main)
                    log.warning("%s: the camera ended the stream", self._name)
                except (av.FFmpegError, ValueError) as error:
                    log.warning("%s: cannot read it: %s", self._name, describe(error))
                served = self.serves()
                feed.closed.wait(SOON_S if served else RETRY_S)

        threading.Thread(target=run, name=f"read {self._name}", daemon=True).start()

    def _read(self, feed: Feed[Frame | Rejected], attention: HasWakeState, main: MainPictures) -> None:
        container, stream = open_video(self._address, self._options, self._timeout_s)
        scalers, clock, whole = Scalers(), ArrivalClock(), False
        with container:
            if stream is None:
                return
            stream.thread_count = 1
            judged = False
            for packet in container.demux(stream):
                if feed.closed.is_set():
                    return
                whole = (self.is_wanted or not attention.awake) and (whole or packet.is_keyframe)
                if not whole:
                    continue
                arrived_s = time.time()
                with self._stages.measure(self._site, "decode"):
                    try:
                        frames = packet.decode()
                    except av.InvalidDataError:
                        continue
                for frame in frames:
                    if not judged:
                        self._judge(frame, main, feed)
                        judged = True
                    if not self.is_wanted and attention.awake:
                        break
                    self._give(feed, frame, clock.at(seconds(frame), arrived_s), scalers, main)

    def _judge(self, frame: VideoFrame, main: MainPictures, feed: Feed[Frame | Rejected]) -> None:
        """Is it to be looked at in the main stream's stead? Said once, where it was wished and is not."""
        wish = self._wish
        if wish is None:
            return
        width, height = frame.width, frame.height
        reason, self._proved, self._compare_due_s, self._trial = "", False, 0.0, None
        main.forget_distance()
        if not wish.accepts(width, height):
            reason = f"{width} x {height} pixels are less than what the model sees ({wish.width} x {wish.height})"
        elif main.size[1] and abs(width / height / (main.size[0] / main.size[1]) - 1) > _SAME_ASPECT:
            reason = f"{width} x {height} has another shape than {main.size[0]} x {main.size[1]}, so another view"
        self.is_wanted = not reason
        self._say(reason, feed)

    def _say(self, reason: str, feed: Feed[Frame | Rejected]) -> None:
        if reason and reason != self._said:
            text = f"{self._name}: the main stream is looked at: {reason}"
            log.warning("%s", text)
            feed.put(Rejected(self._site, self._monitor, datetime.now(UTC), text))
        self._said = reason

    def _compare(self, frame: AvFrame, main: MainPictures, feed: Feed[Frame | Rejected]) -> None:
        """Does it show the view of the main stream? Asked at the start of a connection, and now and then."""
        now_s = time.monotonic()
        if now_s < self._compare_due_s:
            return
        if self._trial is None:
            self._trial = Small.of(frame, self._thumbs), now_s + _AFTER_S
        small, due_s = self._trial
        if now_s < due_s:
            return
        self._trial = None
        full = main.picture(small, 0.0)
        if full is None:
            return  # the main stream has just begun, or is lost
        reason = difference(small.thumb, self._thumbs.scaled(full.raw, *THUMB, "gray"))
        self._compare_due_s = now_s + (_SOON_AGAIN_S if reason else _AGAIN_S)
        self._proved = not reason
        self._say(reason, feed)

    def _give(
        self,
        feed: Feed[Frame | Rejected],
        frame: VideoFrame,
        at: datetime,
        scalers: Scalers,
        main: MainPictures,
    ) -> None:
        self._given_s = time.monotonic()
        if not self.is_wanted:
            self.last_at = at
            feed.put(AvFrame(self._site, at, frame, scalers))
            return
        small = SmallFrame(self._site, at, frame, scalers, main)
        self._compare(small, main, feed)
        main.tidy()
        if not self._proved or at <= max(main.given_at, self.last_at):
            return  # it is seen in the main stream, or was while this one was away
        self.has_looked, self.last_at = True, at
        feed.put(small)
