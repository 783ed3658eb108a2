"""Moving pictures through PyAV: frames that convert no more than asked, and errors that hold no password.

Imported where a camera is opened, not where its recipe is read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import av
import numpy as np
from av.buffer import Buffer
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from data.model.frame import Image
from data.model.secrets import redact
from data.net.outgoing import DestinationRefused, checked_addresses

ENCODER_LASTS_S = 0.7  # shorter than between two previews


class Turn(NamedTuple):
    """How a picture is to be turned so that it stands upright: mirrored left to right, then turned clockwise."""

    quarters: int = 0  # of a circle, 0..3
    mirrored: bool = False

    def upright(self, picture: Image) -> Image:
        """A view of the picture, uint8 (h, w) or (h, w, 3), as it is to be seen."""
        flipped = picture[:, ::-1] if self.mirrored else picture
        return np.rot90(flipped, -self.quarters) if self.quarters else flipped


AS_IT_IS = Turn()


def turn_of(frame: VideoFrame) -> Turn:
    """From the frame's display matrix: phones and bullet cameras film lying or head down, and say so."""
    try:
        matrix = np.frombuffer(bytes(_side_data(frame)[SideDataType.DISPLAYMATRIX]), np.int32)
    except KeyError:
        return AS_IT_IS
    except ValueError:  # beside it there is something that PyAV does not know
        return Turn(round(-frame.rotation / 90) % 4)
    return turn_of_matrix(*(int(matrix[i]) for i in (0, 1, 3, 4))) if matrix.size == 9 else AS_IT_IS


def _side_data(frame: VideoFrame) -> Mapping[SideDataType, Buffer]:
    """What the decoder put beside the picture. Raises ValueError when it holds something that PyAV does not know.

    Not `frame.side_data`: that keeps what it returns, which refers to the frame, and such a reference cycle holds the
    picture (3 MB at 1080p) until the garbage collector passes.
    """
    read = cast("Callable[[VideoFrame], Mapping[SideDataType, Buffer]]", SideDataContainer)
    return read(frame)


def turn_of_matrix(a: int, b: int, c: int, d: int) -> Turn:
    """Of the display matrix (a b; c d), by which (x, y) is shown at (ax + cy, bx + dy), y downwards.

    Angles between quarters are rounded to the nearest one; a matrix that shows nothing is none.
    """
    if a * d == b * c:
        return AS_IT_IS
    mirrored = a * d - b * c < 0
    if mirrored:  # first mirrored, x to -x, then turned
        a, b = -a, -b
    return Turn(round(math.degrees(math.atan2(b, a)) / 90) % 4, mirrored)


@dataclass(slots=True)
class _Encoder:
    """Of JPEG pictures of one size and quality: 6 MiB at 1280 x 720, made anew in 0.3 ms."""

    used_s: float
    context: VideoCodecContext | None = None


class Scalers:
    """One swscale context per target size of a stream; making one costs more than using it. One thread only.

    Encoders are kept while they are used several times a second: for tiles somebody looks at, not for previews and
    evidence.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: dict[tuple[int, int, str], VideoReformatter] = {}
        self._encoders: dict[tuple[int, int, int], _Encoder] = {}
        self.stream_turn = AS_IT_IS  # of frames that do not tell it themselves
        self._turn: tuple[int, Turn] | None = None  # of the last frame: its rotation in degrees, and the turn

    def turn(self, frame: VideoFrame) -> Turn:
        """How the frame is to be turned. Its matrix is read again when its rotation changes."""
        degrees = frame.rotation
        known = self._turn
        if known is None or known[0] != degrees:
            told = turn_of(frame)
            self._turn = known = (degrees, self.stream_turn if told == AS_IT_IS else told)
        return known[1]

    @property
    def encoders(self) -> int:
        """How many are kept."""
        return sum(1 for one in self._encoders.values() if one.context is not None)

    def scaled(self, frame: VideoFrame, width: int, height: int, pixel_format: str) -> Image:
        """uint8 (height, width, 3) for bgr24, (height, width) for gray."""
        return np.asarray(self._reformatted(frame, width, height, pixel_format).to_ndarray(), dtype=np.uint8)

    def jpeg(self, frame: VideoFrame, width: int, height: int, quality: int) -> bytes:
        """From brightness and colour planes as they are: no BGR picture is made. `quality` as libjpeg's, 1 to 100."""
        planes = self._reformatted(frame, width, height, "yuvj420p")
        planes.pts, planes.time_base, planes.color_range = None, Fraction(1, 25), ColorRange.JPEG
        planes.pict_type = PictureType.NONE  # as given by the camera's encoder, JPEG's would refuse a P picture
        encoder = self._encoder(width, height, quality)
        return b"".join(bytes(packet) for packet in encoder.encode(planes))

    def _encoder(self, width: int, height: int, quality: int) -> VideoCodecContext:
        key, now_s = (width, height, quality), self._clock()
        self._encoders = {k: one for k, one in self._encoders.items() if now_s - one.used_s < ENCODER_LASTS_S}
        known = self._encoders.get(key)
        if known is None:
            self._encoders[key] = _Encoder(now_s)
            return _jpeg_encoder(width, height, quality)
        known.used_s = now_s
        known.context = known.context or _jpeg_encoder(width, height, quality)
        return known.context

    def _reformatted(self, frame: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
        scaler = self._made.setdefault((width, height, pixel_format), VideoReformatter())
        # The mean of the covered pixels: for 1080p to 640x360 two thirds of the price of the wider bilinear filter.
        how = "AREA" if 2 * width <= frame.width and 2 * height <= frame.height else "BILINEAR"
        return scaler.reformat(frame, width, height, pixel_format, interpolation=how, threads=1)


def _jpeg_encoder(width: int, height: int, quality: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, VideoCodecContext):
        raise TypeError("mjpeg is no video codec")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base, encoder.color_range, encoder.thread_count = Fraction(1, 25), ColorRange.JPEG, 1
    encoder.qmin = encoder.qmax = min(31, max(2, round(2 + (95 - quality) / 12)))  # about as large as libjpeg's
    return encoder


@dataclass(frozen=True, slots=True, eq=False)
class AvFrame:
    """A decoded frame in its own pixel format (implements `data.model.frame.Frame`).

    Read it in one thread at a time: the frames of a stream share their scalers.
    """

    site: str
    at: datetime
    raw: VideoFrame
    scalers: Scalers

    @property
    def width(self) -> int:
        return self.raw.height if self.scalers.turn(self.raw).quarters % 2 else self.raw.width

    @property
    def height(self) -> int:
        return self.raw.width if self.scalers.turn(self.raw).quarters % 2 else self.raw.height

    def luma(self) -> Image:
        """The Y plane itself where it is 8 bit (a read-only strided view), else converted."""
        return self.scalers.turn(self.raw).upright(self._luma())

    def bgr(self, width: int, height: int) -> Image:
        turn = self.scalers.turn(self.raw)
        if turn == AS_IT_IS:
            return self.scalers.scaled(self.raw, width, height, "bgr24")
        lying = (height, width) if turn.quarters % 2 else (width, height)
        return np.ascontiguousarray(turn.upright(self.scalers.scaled(self.raw, *lying, "bgr24")))

    def jpeg(self, width: int | None = None, quality: int = 80) -> bytes:
        full_width, full_height = self.width, self.height
        if width is None or width >= full_width:
            width, height = full_width, full_height
        else:
            height = max(1, round(full_height * width / full_width))
        if self.scalers.turn(self.raw) == AS_IT_IS:
            return self.scalers.jpeg(self.raw, width, height, quality)
        from data.model.picture import encode_jpeg  # noqa: PLC0415 (loads OpenCV: only for a camera that lies)

        return encode_jpeg(self.bgr(width, height), None, quality)

    def _luma(self) -> Image:
        layout = self.raw.format
        if not layout.is_planar or layout.is_rgb or layout.components[0].bits != 8:
            return self.scalers.scaled(self.raw, self.raw.width, self.raw.height, "gray")
        plane = self.raw.planes[0]
        content = memoryview(plane).toreadonly()  # the decoder still refers to it
        rows: Image = np.frombuffer(content, np.uint8, count=plane.line_size * plane.height)
        return rows.reshape(plane.height, plane.line_size)[: self.raw.height, : self.raw.width]


def describe(error: Exception) -> str:
    """What went wrong in one line, without file name or URL: PyAV's own text holds user and password."""
    said = getattr(error, "strerror", None)
    return redact(str(said)) if said else type(error).__name__


def _check_host(source: str) -> None:
    """Raises ValueError for a stream at an address that is refused; an unknown name is left to the library."""
    host = urlsplit(source).hostname if "://" in source else None
    try:
        if host:
            checked_addresses(host, 554)
    except DestinationRefused as error:
        raise ValueError(str(error)) from None
    except OSError:
        return


def open_video(
    source: str, options: Mapping[str, str], timeout_s: float | None, *, loop_filter: bool = True
) -> tuple[InputContainer, VideoStream | None]:
    """The container and its first video stream, None when there is none. Raises av.FFmpegError, ValueError.

    Without `loop_filter` the decoder leaves blocks' edges unsmoothed in all but key frames: a seventh cheaper.
    """
    _check_host(source)
    limits = None if timeout_s is None else (timeout_s, timeout_s)
    container = av.open(source, "r", options=dict(options), timeout=limits)
    videos = [s for s in container.streams.video if s.codec_context is not None]
    if videos and not loop_filter:
        videos[0].codec_context.options = {**videos[0].codec_context.options, "skip_loop_filter": "nokey"}
    return container, videos[0] if videos else None


def seconds(frame: VideoFrame) -> float | None:
    """The frame's presentation time in its stream, seconds; None where the stream does not say."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)
