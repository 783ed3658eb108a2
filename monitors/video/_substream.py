"""The smaller stream of a camera, decoded in a thread of its own while the main stream rests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import av

from data.local.stages import StageClock
from data.model.frame import Frame
from data.model.observation import Rejected
from monitors._feed import Feed
from monitors.video._video import AvFrame, Scalers, describe, open_video, seconds

log = logging.getLogger(__name__)

ALIVE_S = 1.5  # without a picture for longer the main stream is decoded again
RETRY_S = 10.0


class HasWakeState(Protocol):
    """Tells whether the camera is awake: something goes on, so every picture of the main stream is decoded."""

    @property
    def awake(self) -> bool: ...


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
    ) -> None:
        self._site = site
        self._name = f"{name} (substream)"
        self._address = address
        self._options = options
        self._timeout_s = timeout_s
        self._stages = stages
        self._given_s = float("-inf")

    def alive(self) -> bool:
        return time.monotonic() - self._given_s < ALIVE_S

    def start(
        self, feed: Feed[Frame | Rejected], at: Callable[[float | None, float], datetime], attention: HasWakeState
    ) -> None:
        """Give frames to `feed` while nothing goes on; `at` tells their time from place and arrival. Until closed."""

        def run() -> None:
            while not feed.closed.is_set():
                try:
                    self._read(feed, at, attention)
                    log.warning("%s: the camera ended the stream", self._name)
                except (av.FFmpegError, ValueError) as error:
                    log.warning("%s: cannot read it: %s", self._name, describe(error))
                feed.closed.wait(RETRY_S)

        threading.Thread(target=run, name=f"read {self._name}", daemon=True).start()

    def _read(
        self, feed: Feed[Frame | Rejected], at: Callable[[float | None, float], datetime], attention: HasWakeState
    ) -> None:
        container, stream = open_video(self._address, self._options, self._timeout_s)
        scalers, whole = Scalers(), False
        with container:
            if stream is None:
                return
            stream.thread_count = 1
            for packet in container.demux(stream):
                if feed.closed.is_set():
                    return
                whole = not attention.awake and (whole or packet.is_keyframe)
                if not whole:
                    continue
                with self._stages.measure(self._site, "decode"):
                    try:
                        frames = packet.decode()
                    except av.InvalidDataError:
                        continue
                for frame in frames:
                    self._given_s = time.monotonic()
                    feed.put(AvFrame(self._site, at(seconds(frame), time.time()), frame, scalers))
