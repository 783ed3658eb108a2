"""Recordings that the network has looked at once: tracker and rules run over them again and again, at any frame rate.

What the network said to each picture is kept on the disk (`.cache/bench/films`), by the content of the recording, so
that a study of rules costs a second instead of a minute. Closer looks are made anew each time, by the real network on
the recording's own pictures: there are few.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from data.config.settings import SiteSettings
from data.model.frame import Frame, Image
from data.model.geo import Location
from data.model.observation import Rejected, Sensed
from data.model.picture import ArrayFrame, encode_jpeg
from data.model.place import InferenceSettings
from data.model.zone import Zone
from data.ports.recipe import Context, Resources, RuleRecipe
from detectors._backend import Model, load
from detectors._labels import COCO
from detectors._weights import configured_weights, sha256_of
from detectors.yolo import Recipe as Yolo
from engine.analyze import analyze_frames
from monitors.video.video_file import Recipe as VideoFile

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LABELS = ("person", "car", "truck", "bus")
SITE = SiteSettings(id="gate-3", location=Location(lon=106.5, lat=29.6))
SMALL_PX = 320  # width of the kept pictures: enough for how objects look
_LEAST = 0.05  # confidence of what is kept
_KEPT_AS = 1  # raise it when what is kept changes

Line = dict[str, Any]
Shown = Sequence[tuple[int, float]]
"""Pictures by number, each at its second."""


def clip_frames(
    root: Path, clip: Path, since_s: float = 0.0, until_s: float = float("inf"), per_second: float = float("inf")
) -> Iterator[Frame]:
    """The pictures of a part of a clip, at most so many a second, `NOON` + seconds of the clip."""
    due_s = since_s
    context = Context(site=SITE.place, base_dir=root)
    with closing(VideoFile(path=clip.resolve(), paced=False, start=NOON).make(context)) as recording:
        for frame in recording.observe():
            if frame is None or isinstance(frame, Sensed | Rejected):
                continue
            second = (frame.at - NOON).total_seconds()
            if second >= until_s:
                return
            if second >= due_s - 1e-3:
                due_s = max(due_s + 1 / per_second, second)
                yield frame


class _Listener:
    """A back end that lets the real one look, and notes what it said."""

    def __init__(self, model: Model) -> None:
        self.labels = model.labels
        self.windows: tuple[tuple[int, int], ...] = ()
        self.noted: list[npt.NDArray[np.float32]] = []
        self._model = model

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        found = self._model.infer(canvas)
        self.noted.append(found[found[:, 4] >= _LEAST])
        return found


class _Reciter:
    """A back end that says what was noted of the picture that is shown now, and looks itself where it is enlarged."""

    labels = COCO
    windows: tuple[tuple[int, int], ...] = ()

    def __init__(self, model: Callable[[], Model]) -> None:
        self.said = np.zeros((0, 6), np.float32)
        self.enlarged = False
        self._model = model

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        return self._model().infer(canvas) if self.enlarged else self.said


class _Originals:
    """The pictures of a recording by number, decoded when they are asked for."""

    def __init__(self, frames: Callable[[], Iterable[Frame]]) -> None:
        self._frames = frames
        self._reading: Iterator[tuple[int, Frame]] = iter(())
        self._number, self._picture = -1, np.zeros((0, 0, 3), np.uint8)

    def picture(self, number: int) -> Image:
        if number < self._number or self._number < 0:
            self._reading, self._number = enumerate(self._frames()), -1
        while self._number < number:
            self._number, frame = next(self._reading)
            if self._number == number:
                self._picture = frame.bgr(frame.width, frame.height)
        return self._picture


@dataclass(frozen=True, slots=True)
class _FilmFrame(ArrayFrame):
    """The kept, small picture; what is larger than the network's input comes from the recording itself."""

    number: int
    originals: _Originals
    reciter: _Reciter
    input_size: tuple[int, int]

    def bgr(self, width: int, height: int) -> Image:
        self.reciter.enlarged = width > self.input_size[0] or height > self.input_size[1]
        if not self.reciter.enlarged:
            return ArrayFrame.bgr(self, width, height)
        return ArrayFrame(self.site, self.at, self.originals.picture(self.number)).bgr(width, height)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """For each picture its second, what the network said (n, 6) in pixels of its input, and the picture, as JPEG."""

    context: Context
    seconds: npt.NDArray[np.float64]
    said: tuple[npt.NDArray[np.float32], ...]
    jpegs: tuple[bytes, ...]
    frames: Callable[[], Iterable[Frame]]

    @classmethod
    def of_clip(
        cls,
        root: Path,
        clip: Path,
        since_s: float = 0.0,
        until_s: float = float("inf"),
        per_second: float = float("inf"),
    ) -> Film:
        """A part of a clip, at most so many pictures a second, from the cache if it was looked at before."""
        name = f"{clip.stem}:{sha256_of(clip)}:{since_s}:{until_s}:{per_second}"
        return cls.of(root, name, lambda: clip_frames(root, clip, since_s, until_s, per_second))

    @classmethod
    def of(cls, root: Path, name: str, frames: Callable[[], Iterable[Frame]]) -> Film:
        """`name` says all that the pictures depend on."""
        inference = InferenceSettings(threads=2)
        weights = configured_weights(inference, root)
        depends = [_KEPT_AS, name, weights.sha256, inference.width, inference.height, inference.precision]
        key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:20]
        path = root / inference.cache_dir / "bench" / "films" / f"{key}.npz"
        context = Context(site=SITE.place, base_dir=root, inference=inference)
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            _keep(path, *_looked_at(context, frames()))
        with np.load(path) as kept:
            ends, jpeg_ends = kept["ends"], kept["jpeg_ends"]
            said = tuple(np.split(kept["said"], ends[:-1]))
            jpegs = tuple(part.tobytes() for part in np.split(kept["jpegs"], jpeg_ends[:-1]))
            return cls(context, kept["seconds"], said, jpegs, frames)

    @property
    def rate(self) -> float:
        return (len(self.seconds) - 1) / float(self.seconds[-1] - self.seconds[0])

    @property
    def whole(self) -> Shown:
        return [(i, float(second)) for i, second in enumerate(self.seconds)]

    def at_rate(self, per_second: float) -> Shown:
        """So many a second: the newest picture of each moment."""
        first, last = float(self.seconds[0]), float(self.seconds[-1])
        moments = [first + i / per_second for i in range(int((last - first) * per_second + 1e-6) + 1)]
        return [(int(np.searchsorted(self.seconds, moment + 1e-6)) - 1, moment) for moment in moments]

    def judged(self, shown: Shown, *rules: RuleRecipe, zone: Zone | None = None) -> list[Line]:
        """The alerts, as `engine.analyze` tells them, in seconds of the clip."""
        frames, site, context = self.replayed(shown, () if zone is None else (zone,), rules)
        return list(analyze_frames(frames, site, context, NOON))

    def replayed(
        self, shown: Shown, zones: Sequence[Zone], rules: Sequence[RuleRecipe]
    ) -> tuple[Iterator[Frame], SiteSettings, Context]:
        """Frames for a pipeline of this site, in this context."""
        more = {"zones": tuple(zones), "detectors": (Yolo(labels=LABELS),), "rules": tuple(rules)}
        site, resources = SITE.model_copy(update=more), Resources()
        own = self.context
        model = partial(own.resources.share, "closer", lambda: load(own.inference, own.base_dir))
        reciter = _Reciter(model)
        resources.share("yolo", lambda: reciter)
        inference = self.context.inference.model_copy(update={"per_second": 30})
        context = replace(self.context, site=site.place, inference=inference, resources=resources)
        return self._shown(shown, reciter), site, context

    def _shown(self, shown: Shown, reciter: _Reciter) -> Iterator[Frame]:
        originals = _Originals(self.frames)
        size = (self.context.inference.width, self.context.inference.height)
        for number, second in shown:
            reciter.said = self.said[number]
            image = cv2.imdecode(np.frombuffer(self.jpegs[number], np.uint8), cv2.IMREAD_COLOR)
            small = np.asarray(image, np.uint8)
            yield _FilmFrame(SITE.id, NOON + timedelta(seconds=second), small, number, originals, reciter, size)


def half_of(shown: Shown, seed: int) -> Shown:
    """Half of the pictures, at random."""
    chance = random.Random(seed)
    return [one for one in shown if chance.random() < 0.5]


def interval_at(shown: Shown, second: float) -> float:
    """Time between the two pictures around this second (the longer one at a picture itself)."""
    around = [b - a for (_, a), (_, b) in itertools.pairwise(shown) if a - 1e-6 <= second <= b + 1e-6]
    return max(around, default=0.0)


def _looked_at(
    context: Context, frames: Iterable[Frame]
) -> tuple[list[float], list[Image], list[npt.NDArray[np.float32]]]:
    listener, resources = _Listener(load(context.inference, context.base_dir)), Resources()
    resources.share("yolo", lambda: listener)
    detector = Yolo(labels=LABELS).make(replace(context, resources=resources))
    seconds, pictures = list[float](), list[Image]()
    for frame in frames:
        detector.find(frame)
        small = frame.bgr(SMALL_PX, round(frame.height * SMALL_PX / frame.width))
        pictures.append(np.frombuffer(encode_jpeg(small, None, 92), np.uint8))
        seconds.append((frame.at - NOON).total_seconds())
    return seconds, pictures, listener.noted


def _keep(path: Path, seconds: list[float], pictures: list[Image], said: list[npt.NDArray[np.float32]]) -> None:
    part = path.with_suffix(".part.npz")
    np.savez_compressed(
        part,
        seconds=np.array(seconds),
        said=np.concatenate(said),
        ends=np.cumsum([len(one) for one in said]),
        jpegs=np.concatenate(pictures),
        jpeg_ends=np.cumsum([len(one) for one in pictures]),
    )
    part.replace(path)
