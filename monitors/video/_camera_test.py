"""What a camera sends, measured in a process of its own: `python -P -m monitors.video._camera_test`.

FFmpeg has been seen to ignore its own time-outs, so the process that asks can end this one. It gets the pickled
members of a `CameraTest` on standard input and answers on standard output: one line of JSON, then the first picture as
JPEG.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.errors import DeviceLost, InputRejected, YipingError
from data.model.geo import Location
from data.model.loss import cause_of, without_address
from data.model.observation import Rejected, Sensed
from data.model.place import Place
from data.model.secrets import Secrets, redact, with_credentials
from data.net.outgoing import DestinationRefused, checked_addresses
from data.ports.recipe import Context, MonitorRecipe
from monitors._address import login
from monitors.video._live_video import ffmpeg_options
from monitors.video._video import AvFrame, Scalers, describe, open_video
from monitors.video.rtsp_camera import Recipe as RtspCamera
from monitors.video.video_file import Recipe as VideoFile

PICTURE_WIDTH = 960
PICTURE_QUALITY = 70
LEAST_S = 2.5  # of pictures, before their rate is told
MOST_PACKETS = 600  # of a file, which comes as fast as it can be read
SUBSTREAM_S = 2.5
CONNECT_S = 5.0
YIELDING = 5  # nice: cameras in service go first
NAME = "test"  # of the place in what the monitors say
NOWHERE = Location(lon=0, lat=90)  # 0/0 is refused as the place of one

_UNDECODABLE = "its video is in a codec that cannot be decoded here"


@dataclass(frozen=True)
class CameraTest:
    """What is tested. `limit_s`: the whole test, in seconds; soon afterwards the process ends by itself."""

    recipe: MonitorRecipe
    limit_s: float
    secrets: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()
    var_dir: Path = Path("var")

    @property
    def context(self) -> Context:
        place = Place(id=NAME, location=NOWHERE)
        return Context(place, secrets=self.secrets, base_dir=self.base_dir, var_dir=self.var_dir)


@dataclass
class Found:
    """What a camera sends. Times in seconds; None where it could not be measured."""

    codec: str = ""
    width: int = 0
    height: int = 0
    frames_per_second: float | None = None
    key_every_s: float | None = None
    key_over_s: float | None = None  # no second key picture came for so long
    audio: bool | None = None
    substream: dict[str, Any] | None = None
    jpeg: bytes = b""

    @property
    def told(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "jpeg"}


class _Undecodable(DeviceLost):
    """There is video, but nothing here decodes it."""


def failure(error: Exception) -> dict[str, Any]:
    """Why there is no result: a cause the screens have words for, and the reason in one line without addresses."""
    reason = redact(str(error))
    if "this address is refused" in reason:
        cause = "address_refused"
    elif isinstance(error, _Undecodable):
        cause = "codec"
    else:
        cause = cause_of(reason)
    return {"cause": cause, "reason": without_address(reason, NAME)}


def run(test: CameraTest) -> Found:
    """The camera as it is. Blocks for up to `limit_s`. Raises DeviceLost, InputRejected."""
    ends_s = time.monotonic() + test.limit_s - 1.0
    recipe, context = test.recipe, test.context
    if isinstance(recipe, RtspCamera):
        _look_up(recipe.url)
        known = login(context, recipe.credentials)
        timeout_s = min(recipe.timeout.total_seconds(), CONNECT_S)

        def opened(url: str, within_s: float) -> tuple[Any, VideoStream]:
            return _opened(with_credentials(url, known), ffmpeg_options(url, recipe.transport, within_s), within_s)

        found = _measured(*opened(recipe.url, timeout_s), ends_s - SUBSTREAM_S, live=True)
        found.substream = _substream(recipe.url, recipe.substream, opened, min(SUBSTREAM_S, ends_s - time.monotonic()))
        return found
    if isinstance(recipe, VideoFile):
        path = context.located(recipe.path)
        if not path.is_file():
            raise InputRejected(f"there is no file {path}")
        return _measured(*_opened(str(path), {}, CONNECT_S), ends_s, live=False)
    return _observed(recipe, context, ends_s)


def _look_up(url: str) -> None:
    """FFmpeg would call an unknown name an input/output error. Raises DeviceLost, InputRejected."""
    parts = urlsplit(url)
    try:
        checked_addresses(parts.hostname or "", parts.port or 554)
    except DestinationRefused as error:
        raise InputRejected(str(error)) from None
    except OSError as error:
        raise DeviceLost(f"{parts.hostname}: {error.strerror or error}") from None


def _opened(address: str, options: dict[str, str], within_s: float) -> tuple[Any, VideoStream]:
    """Raises DeviceLost without its cause, whose text holds the password."""
    began_s = time.monotonic()
    try:
        container, stream = open_video(address, options, within_s)
    except (av.FFmpegError, ValueError) as error:
        if time.monotonic() - began_s > 0.9 * within_s:  # FFmpeg calls it invalid data
            raise DeviceLost(f"cannot open it: no answer in {within_s:g} s") from None
        reason = describe(error) if isinstance(error, av.FFmpegError) else str(error)
        raise DeviceLost(f"cannot open it: {reason}") from None
    if stream is None:
        undecodable = bool(container.streams.video)
        container.close()
        raise _Undecodable(_UNDECODABLE) if undecodable else DeviceLost("it gives no video")
    return container, stream


class _Watched:
    """What has come of a stream so far. Times in seconds: of the pictures, and of their arrival (monotonic)."""

    def __init__(self, found: Found, *, live: bool) -> None:
        self.found = found
        self._live = live
        self._times: list[float] = []
        self._arrivals: list[float] = []
        self._keys: list[float] = []

    @property
    def has_begun(self) -> bool:
        return bool(self._arrivals)

    def take(self, packet: Packet[VideoStream]) -> None:
        self._arrivals.append(time.monotonic())
        at_s = _place(packet)
        if at_s is not None:
            self._times.append(at_s)
            if packet.is_keyframe:
                self._keys.append(at_s)
        if not self.found.jpeg:
            _take_picture(self.found, packet)

    def is_enough(self) -> bool:
        """Are the rate and the distance of key pictures known? A file ends that, too: it comes as fast as it goes."""
        if not self._live and len(self._arrivals) >= MOST_PACKETS:
            return True
        seen = self._arrivals if self._live else self._times
        spans_s = max(seen) - min(seen) if seen else 0.0
        return bool(self.found.jpeg) and len(self._keys) > 1 and spans_s >= LEAST_S

    def tell(self) -> Found:
        self.found.frames_per_second = _rate(self._times, self._arrivals, live=self._live)
        keys = self._keys
        if len(keys) > 1:
            self.found.key_every_s = round((keys[-1] - keys[0]) / (len(keys) - 1), 2)
        elif keys:
            self.found.key_over_s = round(max(self._times) - keys[0], 1)
        return self.found


def _measured(container: Any, stream: VideoStream, ends_s: float, *, live: bool) -> Found:
    """Reads until enough is known, or `ends_s` (monotonic) has come. Raises DeviceLost when no picture came."""
    watched = _Watched(Found(codec=stream.codec_context.name, audio=len(container.streams.audio) > 0), live=live)
    stream.thread_count = 1
    with container:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    watched.take(packet)
                if not packet.size or watched.is_enough() or time.monotonic() > ends_s:
                    break
        except av.FFmpegError as error:
            if not watched.found.jpeg:
                raise DeviceLost(f"cannot read on: {describe(error)}") from None
    if not watched.found.jpeg:
        raise _Undecodable(_UNDECODABLE) if watched.has_begun else DeviceLost("it could be opened, but no video came")
    return watched.tell()


def _place(packet: Packet[VideoStream]) -> float | None:
    """Its time in the stream, seconds."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)


def _take_picture(found: Found, packet: Packet[VideoStream]) -> None:
    try:
        frames = packet.decode()
    except av.FFmpegError:  # of a picture whose key picture was before our time
        return
    for raw in frames[:1]:
        frame = AvFrame(NAME, datetime.now(UTC), raw, Scalers())
        found.width, found.height = frame.width, frame.height
        found.jpeg = frame.jpeg(PICTURE_WIDTH, PICTURE_QUALITY)


def _rate(times: Sequence[float], arrivals: Sequence[float], *, live: bool) -> float | None:
    """Pictures a second: by their stamps; by their arrival where a live camera's stamps tell another pace."""
    stamped = _per_second(times)
    arrived = _per_second(arrivals) if live else None
    if stamped is None or (arrived is not None and not 0.5 < stamped / arrived < 2.0):
        return arrived
    return stamped


def _per_second(times: Sequence[float]) -> float | None:
    span_s = max(times) - min(times) if len(times) > 1 else 0.0
    return round((len(times) - 1) / span_s, 2) if span_s > 0 else None


# How makers name main and substream (ISAPI, Dahua, Uniview, TP-Link, Reolink, generic), as path and query.
_SUBSTREAMS = (
    (re.compile(r"(/[Ss]treaming/[Cc]hannels/\d+0)1\b"), r"\g<1>2"),
    (re.compile(r"\b(subtype=)0\b"), r"\g<1>1"),
    (re.compile(r"(/media/video)1\b"), r"\g<1>2"),
    (re.compile(r"(/stream)1\b"), r"\g<1>2"),
    (re.compile(r"(_|/|-)main\b"), r"\g<1>sub"),
    (re.compile(r"(/ch\d+/)0\b"), r"\g<1>1"),
)


def substream_of(url: str) -> str | None:
    """The address at which cameras with such a main stream usually have a smaller one; None for an unknown form."""
    parts = urlsplit(url)
    named = f"{parts.path}?{parts.query}" if parts.query else parts.path
    for pattern, replacement in _SUBSTREAMS:
        changed, count = pattern.subn(replacement, named, count=1)
        if count:
            path, _, query = changed.partition("?")
            return urlunsplit(parts._replace(path=path, query=query))
    return None


def _substream(
    url: str, configured: str | None, opened: Callable[[str, float], tuple[Any, VideoStream]], within_s: float
) -> dict[str, Any] | None:
    """`{"url", "answers", "width", "height"}` of the substream that is configured, else of the one to be expected."""
    other = configured or substream_of(url)
    if other is None or within_s < 0.5:
        return None
    try:
        container, stream = opened(other, within_s)
    except DeviceLost:
        return {"url": other, "answers": False, "width": None, "height": None}
    with container:
        size = stream.codec_context
        return {"url": other, "answers": True, "width": size.width or None, "height": size.height or None}


def _observed(recipe: MonitorRecipe, context: Context, ends_s: float) -> Found:
    """By what the live camera gives, for kinds that are no stream of one address."""
    found, times, refused = Found(), [], ""
    every_s = (recipe.picture_every or timedelta(0)).total_seconds()
    wanted_s = max(LEAST_S, 3 * every_s)
    monitor = recipe.make(context)
    began_s = time.monotonic()
    try:
        for item in monitor.observe():
            now_s = time.monotonic()
            if isinstance(item, Rejected):
                refused = item.reason
            elif item is not None and not isinstance(item, Sensed):
                times.append(now_s)
                if not found.jpeg:
                    found.width, found.height = item.width, item.height
                    found.jpeg = item.jpeg(PICTURE_WIDTH, PICTURE_QUALITY)
            if (found.jpeg and now_s - times[0] > wanted_s) or now_s > ends_s:
                break
    finally:
        monitor.close()
    if not found.jpeg:
        waited_s = time.monotonic() - began_s
        raise DeviceLost(refused or f"nothing new for {waited_s:.0f} s")
    found.frames_per_second = _per_second(times)
    return found


def main() -> None:
    """Answer on standard output; the exit status is 0 unless the system ended the process."""
    os.nice(YIELDING)
    test = CameraTest(**pickle.load(sys.stdin.buffer))  # noqa: S301 # nosec B301 - written by our own parent
    signal.setitimer(signal.ITIMER_REAL, test.limit_s + 2.0)  # also when the parent has gone: the default ends us
    jpeg = b""
    try:
        found = run(test)
        answer, jpeg = {"ok": True, **found.told}, found.jpeg
    except (YipingError, OSError, ValueError) as error:
        answer = {"ok": False, **failure(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + jpeg)
    sys.stdout.flush()
    os._exit(0)  # a thread stuck in a device's library must not hold up the end


if __name__ == "__main__":
    main()
