"""Persons in water: found how often, by size, and how often where there is nobody.

Two passers-by of the ultralytics package's sample photo (those that are whole in it) stand to the hip in water: drawn
water of the demo's river cameras, and water of real photographs. All goes the way a worker goes: whole picture, tiles
over the water's zone, tracker, rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.model.alert import Raised
from data.model.frame import Image
from data.model.geo import Location
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.model.zone import Zone
from data.ports.recipe import Context
from detectors.yolo import Recipe as Yolo
from engine.demo.scene import Painter
from engine.demo.scenes import QUAY, STEPS
from engine.demo.script import Scene
from engine.demo.sprites import Sprite, cut_sprites, load_sprites
from engine.demo.water import moving
from engine.judging.pipeline import SitePipeline

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
WHOLE = ("person_2", "person_3")  # the other two are cut off by the photo's edge
HEIGHTS_PX = (16, 24, 32, 48)
PER_SECOND = 5
SWIMMERS = Yolo(labels=("person",), closer=("water",))
IN_WATER = Intrusion(zone="water", labels=("person",), pictures=5, of=8, median_confidence=0.3, max_height=0.5)
_LOOP = 12
_LEAST_WIDTH = 640  # of a picture of empty water, as a camera gives it
_APART = timedelta(seconds=10)  # so that no track goes on from one picture to the next

Area = tuple[int, int, int, int]
"""left, top, right, bottom, pixels: where somebody may stand in the water."""


@dataclass(frozen=True, slots=True, eq=False)
class Water:
    """`pictures`: of drawn water one loop, of a photograph one, uint8 (h, w, 3)."""

    name: str
    pictures: tuple[Image, ...]
    area: Area

    @property
    def drawn(self) -> bool:
        return len(self.pictures) > 1

    @property
    def zone(self) -> Zone:
        height, width = self.pictures[0].shape[:2]
        left, top, right, bottom = (v / s for v, s in zip(self.area, (width, height) * 2, strict=True))
        return Zone(id="water", polygon=((left, top), (right, top), (right, bottom), (left, bottom)))


# Water without anybody; the areas leave out the people, boats and banks of the photographs.
_PHOTOS: tuple[tuple[str, Area], ...] = (
    ("coco/val2017_water/images/000000002261.jpg", (60, 330, 580, 410)),
    ("coco/val2017_water/images/000000001490.jpg", (60, 150, 400, 300)),
    ("coco/val2017_water/images/000000007278.jpg", (330, 200, 600, 440)),
    ("coco/val2017_water/images/000000001268.jpg", (100, 120, 440, 190)),
    ("coco/val2017_water/images/000000006460.jpg", (60, 200, 580, 260)),
    ("water_level/grime2_2012-05/NRmarshDN-12-05-31-18-00.jpg", (60, 480, 500, 590)),
    ("water_level/grime2_2012-05/NRmarshDN-12-05-31-20-00.jpg", (60, 480, 500, 590)),
)
# Photographs that show nobody, or the part of one that does: left, top, right, bottom.
_EMPTY: tuple[tuple[str, Area], ...] = (
    ("coco/val2017_water/images/000000001490.jpg", (0, 0, 430, 315)),
    ("coco/val2017_water/images/000000007278.jpg", (320, 160, 640, 440)),
    ("water_level/grime2_2012-05/NRmarshDN-12-05-31-18-00.jpg", (0, 0, 800, 600)),
    ("water_level/grime2_2012-05/NRmarshDN-12-05-31-20-00.jpg", (0, 0, 800, 600)),
)


def drawn_waters() -> list[Water]:
    """The river cameras of the demo, without their people."""
    return [Water(scene.id, tuple(_loop(scene)), (180, 390, 1100, 560)) for scene in (QUAY, STEPS)]


def _loop(scene: Scene) -> Iterator[Image]:
    assert scene.river is not None
    painter = Painter(scene.view, scene.seed)
    scene.draw(painter)
    return moving(scene.view, painter.finished(scene.gain), scene.river, _LOOP)


def real_waters(shared: Path) -> list[Water]:
    return [Water(Path(name).stem, (_read(shared / name),), area) for name, area in _PHOTOS]


def empty_waters(shared: Path | None) -> list[Water]:
    """Drawn and real, all of it the zone."""
    found = drawn_waters()
    for name, (left, top, right, bottom) in _EMPTY if shared is not None else ():
        assert shared is not None
        part = np.ascontiguousarray(_read(shared / name)[top:bottom, left:right])
        if part.shape[1] < _LEAST_WIDTH:
            part = np.asarray(cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
        found.append(Water(Path(name).stem, (part,), (0, 0, part.shape[1], part.shape[0])))
    return found


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(image, np.uint8)


def standing_in(picture: Image, who: Sprite, at: tuple[int, int], height_px: int) -> tuple[Image, Area]:
    """A copy with somebody to the hip in water, `height_px` of him above it, at (x, y) of the waterline; his box."""
    x, y = at
    scale = 2 * height_px / who.height
    size = (max(2, round(who.width * scale)), 2 * height_px)
    bgr = cv2.resize(who.bgr, size, interpolation=cv2.INTER_AREA).astype(np.float32)[:height_px]
    alpha = (cv2.resize(who.alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255)[:height_px]
    alpha *= np.clip((height_px - np.arange(height_px)) / max(1.0, height_px / 12), 0, 1)[:, None]
    mirrored = cv2.GaussianBlur(np.ascontiguousarray(bgr[::-1]), (0, 0), sigmaX=height_px / 24, sigmaY=height_px / 12)
    left, whole = x - size[0] // 2, picture.copy()
    for part, weight, top in (
        (mirrored, alpha[::-1] * np.linspace(0.42, 0, height_px)[:, None], y),
        (bgr, alpha, y - height_px),
    ):
        rows = min(height_px, whole.shape[0] - top)
        spot = whole[top : top + rows, left : left + size[0]]
        cover = weight[:rows, :, None]
        spot[:] = (part[:rows] * cover + spot * (1 - cover)).clip(0, 255).astype(np.uint8)
    columns = np.flatnonzero(alpha.max(axis=0) > 0.5)
    return whole, (left + int(columns[0]), y - height_px, left + int(columns[-1]) + 1, y)


@dataclass(frozen=True, slots=True, eq=False)
class Lifeguard:
    """Looks for people in water as a worker does."""

    root: Path
    people: tuple[Sprite, ...]
    inference: InferenceSettings

    @classmethod
    def on_duty(cls, root: Path) -> Lifeguard:
        inference = InferenceSettings(threads=2)
        sprites = load_sprites(cut_sprites(root / inference.cache_dir))
        return cls(root, tuple(sprites[name] for name in WHOLE), inference)

    def _site(self, zone: Zone) -> SiteSettings:
        place = SiteSettings(id="quay-1", location=Location(lon=106.5, lat=29.6))
        return place.model_copy(update={"zones": (zone,), "detectors": (SWIMMERS,), "rules": (IN_WATER,)})

    def pipeline(self, water: Water, context: Context | None = None) -> SitePipeline:
        site = self._site(water.zone)
        return SitePipeline(site, context or self.context(water))

    def context(self, water: Water) -> Context:
        return Context(site=self._site(water.zone).place, inference=self.inference, base_dir=self.root)

    def recall(self, waters: Sequence[Water], each: int, seed: int = 3) -> dict[int, tuple[int, int]]:
        """By height in pixels: found in how many of how many pictures, `each` for every water and height."""
        chance = np.random.default_rng(seed)
        counts = dict.fromkeys(HEIGHTS_PX, (0, 0))
        for water in waters:
            detector = SWIMMERS.make(self.context(water))
            number = 0
            for height in HEIGHTS_PX:
                for k in range(each):
                    picture = water.pictures[int(chance.integers(len(water.pictures)))]
                    left, top, right, bottom = water.area
                    at = int(chance.integers(left, right)), int(chance.integers(max(top, height + 2), bottom))
                    picture, box = standing_in(picture, self._somebody(k, chance), at, height)
                    number += 1
                    (seen,) = detector.find(ArrayFrame("quay-1", NOON + number * _APART, picture))
                    hit, total = counts[height]
                    counts[height] = (hit + _found(list(getattr(seen, "xyxy", ())), box, picture), total + 1)
        return counts

    def labelled(self, shared: Path) -> tuple[int, int]:
        """Of the persons labelled in the water scenes of COCO val2017: found, all; the whole picture is the zone."""
        hits = total = 0
        for number, path in enumerate(sorted((shared / "coco" / "val2017_water" / "images").glob("*.jpg"))):
            picture = _read(path)
            height, width = picture.shape[:2]
            water = Water(path.stem, (picture,), (0, 0, width, height))
            (seen,) = SWIMMERS.make(self.context(water)).find(ArrayFrame("quay-1", NOON + number * _APART, picture))
            for x, y, w, h in _persons(path.parent.parent / "labels" / f"{path.stem}.txt"):
                left, top, right, bottom = (
                    (x - w / 2) * width,
                    (y - h / 2) * height,
                    (x + w / 2) * width,
                    (y + h / 2) * height,
                )
                total += 1
                hits += _found(
                    list(getattr(seen, "xyxy", ())), (round(left), round(top), round(right), round(bottom)), picture
                )
        return hits, total

    def _somebody(self, number: int, chance: np.random.Generator) -> Sprite:
        """One or the other, mirrored or not, in more or less light."""
        who = self.people[number % 2]
        bgr = (who.bgr * chance.uniform(0.6, 1.0)).astype(np.uint8)
        step = -1 if number & 2 else 1
        return Sprite(who.name, np.ascontiguousarray(bgr[:, ::step]), np.ascontiguousarray(who.alpha[:, ::step]))

    def alerts_over_empty(self, water: Water, minutes: float, looks: int = 10, every_s: float = 30.0) -> int:
        """Alerts while nobody is there: `looks` in a row at the real rate, every so often, through so many minutes."""
        pipeline, alerts = self.pipeline(water), 0
        for burst in range(int(minutes * 60 / every_s)):
            for look in range(looks):
                second = burst * every_s + look / PER_SECOND
                seen = pipeline.see(ArrayFrame("quay-1", NOON + timedelta(seconds=second), moving_water(water, second)))
                alerts += sum(isinstance(signal, Raised) and not signal.again for signal in seen.signals)
        return alerts


def _persons(labels: Path) -> list[tuple[float, float, float, float]]:
    """Centre x and y, width, height as fractions, from a label file in YOLO's format."""
    rows = [line.split() for line in labels.read_text(encoding="utf-8").splitlines()]
    return [(float(x), float(y), float(w), float(h)) for label, x, y, w, h in rows if label == "0"]


def moving_water(water: Water, second: float) -> Image:
    """A picture of it at this second: the next of the loop, or the photograph in waves, with the sensor's noise."""
    number = round(second * PER_SECOND)
    chance = np.random.default_rng(number)
    picture = water.pictures[number % len(water.pictures)]
    if not water.drawn:
        picture = _in_waves(picture, second)
    noise = chance.normal(0, 2.0, picture.shape[:2]).astype(np.float32)[..., None]
    gain = 1 + 0.15 * np.sin(second / 40)
    noisy: Image = (picture.astype(np.float32) * gain + noise).clip(0, 255).astype(np.uint8)
    return noisy


def _in_waves(picture: Image, second: float) -> Image:
    """Shifted and shaded by waves that run across: what is seen moves, as water does, everywhere differently."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    shade = np.ones((height, width), np.float32)
    shift_x, shift_y = x.copy(), y.copy()
    for length, angle, period, strength in ((140, 0.4, 3.1, 3.0), (61, -0.7, 1.7, 1.6), (23, 1.2, 0.9, 0.8)):
        phase = 2 * np.pi * ((x * np.cos(angle) + y * np.sin(angle)) / length + second / period)
        shift_x += strength * np.sin(phase)
        shift_y += 0.6 * strength * np.cos(phase)
        shade += 0.03 * strength * np.sin(phase)
    moved = cv2.remap(picture, shift_x, shift_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return (moved.astype(np.float32) * shade[..., None]).clip(0, 255).astype(np.uint8)


def _found(boxes: Sequence[np.ndarray[tuple[int], np.dtype[np.float32]]], truth: Area, picture: Image) -> bool:
    """A box that overlaps the true one by 0.4: on 16 pixels two pixels of error are much."""
    height, width = picture.shape[:2]
    for box in boxes:
        left, top, right, bottom = (float(v) * s for v, s in zip(box, (width, height) * 2, strict=True))
        wide = min(right, truth[2]) - max(left, truth[0])
        high = min(bottom, truth[3]) - max(top, truth[1])
        both = max(0.0, wide) * max(0.0, high)
        union = (right - left) * (bottom - top) + (truth[2] - truth[0]) * (truth[3] - truth[1]) - both
        if both >= 0.4 * union:
            return True
    return False
