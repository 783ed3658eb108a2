"""What the idle gating is tried on: the reference clips, and slow walkers, small swimmers and slowly stopping vehicles.

The made films are cut-outs (of the demo city) on moving backgrounds: the quiet pictures of two reference clips, and the
drawn river of the demo's quay. Each is given by day and by night (dark, colourless, grainy) with its own sensor noise,
in constant or variable bit rate and with a key frame every 25, 50 or 250 pictures, and as a substream of half its size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import cv2
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from data.model.frame import Image
from engine.demo.compose import Film as DemoFilm
from engine.demo.scenes import QUAY
from engine.demo.sprites import Sprite, cut_sprites, load_sprites

RATE = 25
WIDTH = 768
_VERSION = 3  # raise it when films are made in another way
_GRAINS = 8
_DAY, _NIGHT = 2.0, 7.0  # standard deviation of the sensor's noise, grey levels
_DARKER = 0.4

Keys = tuple[tuple[float, float, float], ...]
VEHICLES = ("car", "truck", "bus")


@dataclass(frozen=True)
class Passage:
    """A cut-out on its way: `way` is (seconds, x, y) of its foot, `tall` its height, as parts of the picture.

    `shown`: the upper part of it that is above the water.
    """

    sprite: str
    way: Keys
    tall: float
    shown: float = 1.0


@dataclass(frozen=True)
class Film:
    """`source`: a clip's file name or `quay`; `quiet`: its pictures in which nothing happens, played to and fro."""

    name: str
    labels: tuple[str, ...]
    source: str
    seconds: float
    quiet: tuple[int, int] | None = None
    passages: tuple[Passage, ...] = ()
    stays_s: float = 5.0
    """What the dwell rule of this film asks for."""
    standing: bool = field(default=False)
    """Does it ask for standing, or only for presence?"""


@dataclass(frozen=True)
class Variant:
    """How a film is recorded."""

    night: bool
    constant: bool
    gop: int

    @property
    def name(self) -> str:
        return f"{'night' if self.night else 'day'}-{'cbr' if self.constant else 'vbr'}-gop{self.gop}"


def _stopping(begin_s: float, stop_s: float, stand_x: float, y: float) -> Keys:
    """Comes from the left and brakes gently over the whole way (constant deceleration), sampled twice a second."""
    steps = np.arange(begin_s, stop_s + 0.1, 0.5)
    left = (stop_s - steps) / (stop_s - begin_s)
    return tuple(
        (float(t), float(stand_x - (stand_x + 0.35) * part**2), y) for t, part in zip(steps, left, strict=True)
    )


FILMS: Mapping[str, Film] = MappingProxyType(
    {
        film.name: film
        for film in (
            Film("one-by-one", ("person",), "intel_one-by-one-person.mp4", 139.4, stays_s=10),
            Film("cars-from-above", VEHICLES, "intel_car-detection.mp4", 30.2, standing=True),
            Film("car-park", (*VEHICLES, "person", "bicycle"), "intel_person-bicycle-car.mp4", 38.9, standing=True),
            Film("walkers", ("person", *VEHICLES), "vtest_12s.mp4", 12.0),
            Film(
                "slow-walker",
                ("person",),
                "intel_one-by-one-person.mp4",
                50,
                quiet=(707, 738),
                passages=(
                    Passage("person_1", ((10.3, 1.06, 0.86), (42.3, 0.45, 0.88), (42.4, 0.45, 0.88)), 0.34),
                    Passage("person_3", ((14.7, -0.06, 0.8), (46.7, 0.3, 0.8)), 0.26),
                ),
            ),
            Film(
                "small-swimmer",
                ("person",),
                "quay",
                56,
                passages=(
                    Passage("person_2", ((10.4, 1.03, 0.66), (34.4, 0.6, 0.63), (44.4, 0.45, 0.64)), 0.2, 0.45),
                    Passage("person_3", ((24.9, -0.03, 0.72), (51.9, 0.3, 0.7)), 0.22, 0.45),
                ),
            ),
            Film(
                "stopping-vehicle",
                VEHICLES,
                "intel_person-bicycle-car.mp4",
                60,
                quiet=(176, 290),
                passages=(
                    Passage("bus", (*_stopping(8.3, 22.3, 0.5, 0.86), (46.3, 0.5, 0.86), (54.3, 1.4, 0.86)), 0.36),
                ),
                standing=True,
            ),
        )
    }
)


@dataclass(frozen=True)
class Small:
    """A substream as cameras are usually set to: so many pixels wide, in constant bit rate, bits a second."""

    width: int
    bit_rate: int

    @property
    def name(self) -> str:
        return f"sub{self.width}-{self.bit_rate // 1000}k"


def recorded(film: Film, variant: Variant, shared: Path, cache: Path, *, small: bool | Small = False) -> Path:
    """The film's file; made on first use. `small`: as a substream, of half its size unless told."""
    key = hashlib.sha256(f"{_VERSION} {film} {variant} {small}".encode()).hexdigest()[:10]
    kind = f"-{small.name}" if isinstance(small, Small) else "-sub" if small else ""
    path = cache / "gating" / f"{film.name}-{variant.name}{kind}-{key}.mp4"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            part = path.with_suffix(".part.mp4")
            _encode(_seen(_pictures(film, shared, cache), variant), part, variant, small=small)
            part.replace(path)
    return path


def _pictures(film: Film, shared: Path, cache: Path) -> Iterator[Image]:
    """BGR, 25 a second."""
    background = _quay(cache) if film.source == "quay" else _clip(shared / "clips" / film.source, film.quiet)
    sprites = load_sprites(cut_sprites(cache)) if film.passages else {}
    for number in range(round(film.seconds * RATE)):
        picture = background(number / RATE)
        if picture is None:
            return
        for passage in film.passages:
            picture = _with(picture, passage, sprites[passage.sprite], number / RATE)
        yield picture


def _clip(path: Path, quiet: tuple[int, int] | None) -> Callable[[float], Image | None]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or RATE)
        pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(stream)]

    def at(second: float) -> Image | None:
        number = int(second * rate + 1e-6)
        if quiet is not None:
            length = quiet[1] - quiet[0]
            place = number % (2 * length - 2)
            number = quiet[0] + (place if place < length else 2 * length - 2 - place)
        return pictures[number] if number < len(pictures) else None

    return at


def _quay(cache: Path) -> Callable[[float], Image | None]:
    film = DemoFilm(QUAY, load_sprites(cut_sprites(cache)))
    loop: dict[int, Image] = {}

    def at(second: float) -> Image:
        number = int(second * 12 + 1e-6) % 48  # the water's own loop
        if number not in loop:
            loop[number] = np.asarray(cv2.resize(film.picture(number), (WIDTH, 432), interpolation=cv2.INTER_AREA))
        return loop[number]

    return at


def _with(picture: Image, passage: Passage, sprite: Sprite, at_s: float) -> Image:
    times = [key[0] for key in passage.way]
    if not times[0] <= at_s <= times[-1]:
        return picture
    height, width = picture.shape[:2]
    x, y = (float(np.interp(at_s, times, [key[axis] for key in passage.way])) for axis in (1, 2))
    tall = max(4, round(passage.tall * height))
    wide = max(4, round(tall * sprite.width / sprite.height))
    shown = max(2, round(tall * passage.shown))
    bgr = cv2.resize(sprite.bgr, (wide, tall), interpolation=cv2.INTER_AREA)[:shown]
    alpha = cv2.resize(sprite.alpha, (wide, tall), interpolation=cv2.INTER_AREA)[:shown, :, None] / np.float32(255)
    left, top = x * width - wide / 2, y * height - shown
    moved = np.array([[1, 0, left], [0, 1, top]], np.float32)  # between whole pixels too: slow motion stays smooth
    laid = cv2.warpAffine((bgr * alpha).astype(np.float32), moved, (width, height))
    weight = cv2.warpAffine(np.ascontiguousarray(alpha), moved, (width, height))[:, :, None]
    return np.asarray(np.rint(picture * (1 - weight) + laid), np.uint8)


def _seen(pictures: Iterator[Image], variant: Variant) -> Iterator[Image]:
    """As the camera's sensor gives it."""
    random = np.random.default_rng(7)
    grains: list[npt.NDArray[np.float32]] = []
    for picture in pictures:
        height, width = picture.shape[:2]
        if not grains:
            spread = _NIGHT if variant.night else _DAY
            fields = random.standard_normal((_GRAINS, height, width, 1), np.float32) * np.float32(spread)
            grains = list(fields)
        lit = picture.astype(np.float32)
        if variant.night:
            lit = np.repeat(lit.mean(axis=2, keepdims=True) * _DARKER, 3, axis=2)
        rows, columns = (int(random.integers(n)) for n in (height, width))
        grain = np.roll(grains[int(random.integers(_GRAINS))], (rows, columns), (0, 1))
        yield np.asarray(np.clip(lit + grain, 0, 255), np.uint8)


def _encode(pictures: Iterator[Image], path: Path, variant: Variant, *, small: bool | Small) -> None:
    first = next(pictures)
    bit_rate = 300_000 if small else 1_500_000
    if isinstance(small, Small):
        scale, bit_rate = small.width / first.shape[1], small.bit_rate
        height, width = (2 * round(n * scale / 2) for n in first.shape[:2])
    else:
        height, width = ((n // 2 // (2 if small else 1)) * 2 for n in first.shape[:2])
    options = {"preset": "veryfast", "sc_threshold": "0", "keyint_min": str(variant.gop), "refs": "1"}
    if variant.constant:
        options |= {
            "x264-params": "nal-hrd=cbr",
            "maxrate": str(bit_rate),
            "minrate": str(bit_rate),
            "bufsize": str(bit_rate),
        }
    else:
        options |= {"crf": "24", "maxrate": str(4 * bit_rate), "bufsize": str(4 * bit_rate)}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size, stream.max_b_frames = variant.gop, 0
        stream.thread_count = 1
        if variant.constant:
            stream.bit_rate = bit_rate
        stream.time_base = Fraction(1, RATE)
        for number, picture in enumerate([first]):
            _put(container, stream, picture, number, (width, height))
        for number, picture in enumerate(pictures, start=1):
            _put(container, stream, picture, number, (width, height))
        container.mux(stream.encode(None))


def _put(
    container: av.container.OutputContainer,
    stream: av.video.stream.VideoStream,
    picture: Image,
    number: int,
    size: tuple[int, int],
) -> None:
    if (picture.shape[1], picture.shape[0]) != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    frame.pts = number
    container.mux(stream.encode(frame))
