"""Is live recall true? The share of canary targets found against the share of real people found, in degraded footage.

`python -m bench.canary [--kinds NAME ...] [--write]` (`make canaries`). Every kind of degradation, at several
strengths, is laid over the COCO photographs with labelled people and over the clips with people in them. Real people
count as found by a detection of at least 0.3 that overlaps by half; in the clips those are real people whom the network
finds surely in the clear picture. Targets are put in by the product's own code, after the degradation, as large as the
people there. Kinds are kept in .cache/bench/canary for a day, so that a run goes on where it was. Ends with one line of
JSON; exit status 1 when the correlation over the kinds is below 0.9.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.accuracy import photos
from bench.average_precision import overlaps
from bench.degraded import exposure_jumps, headlights, jpeg_blocks
from bench.films import NOON, SITE, clip_frames
from bench.page import write_section
from data.model.frame import Image
from data.model.live_recall import CanaryTarget, Cutout
from data.model.observation import Detections
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.ports.recipe import Context, Resources
from detectors.yolo import Recipe as Yolo
from detectors.yolo import Yolo as LiveYolo
from engine.canary_cutting import own_cutouts
from tests.conftest import ROOT, shared_folder

Change = Callable[[Image, int], Image]
"""The picture (BGR) made bad; the number of the picture, so that two of one place differ as a camera's do."""

Box = tuple[float, float, float, float]

ASKED = 0.9
KEPT_FOR_S = 86_400.0
KEPT_AS = 2  # raise it when scenes, targets or the detector change
CLIPS = {"vtest_12s.mp4": 1.0, "intel_one-by-one-person.mp4": 0.2, "intel_person-bicycle-car.mp4": 0.5}
"""Clips with people, and how many pictures of a second are taken."""
CLIP_WIDTH = 768
_LOW_PX = 20  # lower people, in pixels of the model's input, are left out: of them nobody would put in a target
_INPUT = (640, 384)
_SURE = 0.6  # a detection in the clear picture of a clip that is taken for a real person
_TARGETS = 3  # in one picture at most


def _fields(number: int, shape: tuple[int, ...], sigma: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    chance = np.random.default_rng(number)
    return (chance.standard_normal(shape, np.float32) * np.float32(sigma)).astype(np.float32)


def night(light: float, sigma: float, picture: Image, number: int) -> Image:
    """So much of the light, colours nearly gone, amplified noise."""
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32)
    dark = light * (0.35 * picture + 0.65 * grey) + 14
    return np.asarray((dark + _fields(number, picture.shape, sigma)).clip(0, 255), np.uint8)


def infrared(light: float, reach: float, picture: Image, number: int) -> Image:
    """Grey, lit by a lamp at the camera: bright in the middle, dark at the edges; noise."""
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    y, x = np.mgrid[-1 : 1 : complex(0, height), -1 : 1 : complex(0, width)].astype(np.float32)
    lamp = np.exp(-(x * x + y * y) / (2 * reach * reach))
    lit = light * grey * lamp + 12 + _fields(number, (height, width), 6.0)
    return np.asarray(cv2.cvtColor(lit.clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)


def blur(share: float, picture: Image, _number: int) -> Image:
    """Out of focus, or wet: sigma as a share of the picture's width."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * picture.shape[1]), np.uint8)


def rain(streaks: int, veil: float, picture: Image, number: int) -> Image:
    """So many streaks, others in every picture, and less contrast."""
    chance = np.random.default_rng(number)
    height, width = picture.shape[:2]
    drops = np.zeros((height, width), np.uint8)
    for x, y, length, bright in zip(
        chance.integers(0, width, streaks),
        chance.integers(-20, height, streaks),
        chance.integers(15, 60, streaks),
        chance.integers(40, 140, streaks),
        strict=True,
    ):
        end = (int(x - length // 5), int(y + length))
        cv2.line(drops, (int(x), int(y)), end, int(bright), 1 + int(bright > 100), cv2.LINE_AA)
    veiled = cv2.convertScaleAbs(picture, alpha=1 - veil, beta=160 * veil)
    soft = cv2.cvtColor(cv2.GaussianBlur(drops, (3, 3), 0), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.add(veiled, soft), np.uint8)


def fog(share: float, picture: Image, _number: int) -> Image:
    """So much of the contrast is gone, towards a light grey."""
    return np.asarray(cv2.convertScaleAbs(picture, alpha=1 - share, beta=190 * share), np.uint8)


def exposure(gain: float, picture: Image, number: int) -> Image:
    """Another gain, cut off at white, a little noise."""
    return np.asarray((gain * picture.astype(np.float32) + _fields(number, picture.shape, 2.0)).clip(0, 255), np.uint8)


def clear(picture: Image, _number: int) -> Image:
    return picture


KINDS: dict[str, tuple[str, Change]] = {
    "clear": ("clear", clear),
    **{
        f"night-{n}": (f"night, {light:.0%} of the light, noise {sigma:g}", partial(night, light, sigma))
        for n, (light, sigma) in enumerate([(0.45, 8.0), (0.4, 16.0), (0.3, 22.0), (0.22, 28.0), (0.15, 28.0)], 1)
    },
    **{
        f"infrared-{n}": (f"infrared, light {light:g}, reach {reach:g}", partial(infrared, light, reach))
        for n, (light, reach) in enumerate([(0.9, 1.0), (0.6, 0.6), (0.35, 0.45), (0.2, 0.4)], 1)
    },
    **{
        f"blur-{n}": (f"blur, sigma {share:.1%} of the width", partial(blur, share))
        for n, share in enumerate([0.003, 0.006, 0.010, 0.016, 0.025], 1)
    },
    **{
        f"rain-{n}": (f"rain, {streaks} streaks, veil {veil:.0%}", partial(rain, streaks, veil))
        for n, (streaks, veil) in enumerate([(300, 0.25), (900, 0.4), (2000, 0.55), (4000, 0.7)], 1)
    },
    **{
        f"fog-{n}": (f"fog, {share:.0%} gone", partial(fog, share))
        for n, share in enumerate([0.5, 0.75, 0.88, 0.94], 1)
    },
    **{
        f"exposure-{n}": (f"exposure x {gain:g}", partial(exposure, gain))
        for n, gain in enumerate([0.25, 0.08, 0.04, 3.0, 6.0], 1)
    },
    "headlights": ("headlights sweeping at night", headlights),
    "jpeg_blocks": ("JPEG blocks, lost rows", jpeg_blocks),
    "exposure_jumps": ("exposure jumps", exposure_jumps),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Real people and targets: how many there were, and how many were found."""

    people: int = 0
    people_found: int = 0
    targets: int = 0
    targets_found: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.people + other.people,
            self.people_found + other.people_found,
            self.targets + other.targets,
            self.targets_found + other.targets_found,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture with people. boxes: theirs, as fractions. others: where no target may be put beside these."""

    source: str
    picture: Image
    boxes: tuple[Box, ...]
    others: tuple[Box, ...] = ()


def detector(resources: Resources) -> LiveYolo:
    made = Yolo(labels=("person",)).make(
        Context(site=SITE.place, inference=InferenceSettings(threads=2), base_dir=ROOT, resources=resources)
    )
    assert isinstance(made, LiveYolo)
    return made


def _tall(box: Box, picture: Image) -> bool:
    scale = min(_INPUT[0] / picture.shape[1], _INPUT[1] / picture.shape[0])
    return bool((box[3] - box[1]) * picture.shape[0] * scale >= _LOW_PX)


def photographs(shared: Path) -> Iterator[Scene]:
    """With at least one labelled person who is not too low."""
    for photo in photos(shared):
        size = np.array([photo.frame.width, photo.frame.height] * 2, np.float64)
        people = [tuple(float(v) for v in box / size) for box in photo.truth.xyxy[photo.truth.classes == 0]]
        tall = tuple(box for box in people if _tall(box, photo.frame.image))  # type: ignore[arg-type]
        if tall:
            yield Scene("photographs", photo.frame.image, tall, tuple(people))  # type: ignore[arg-type]


def of_clips(shared: Path, look: LiveYolo) -> Iterator[Scene]:
    """Pictures of the clips in which the network surely sees somebody while they are clear."""
    for name, per_second in CLIPS.items():
        for number, frame in enumerate(clip_frames(ROOT, shared / "clips" / name, per_second=per_second)):
            picture = frame.bgr(CLIP_WIDTH, round(frame.height * CLIP_WIDTH / frame.width)).copy()
            (seen,) = look.find(ArrayFrame(SITE.id, NOON + timedelta(minutes=number), picture))
            assert isinstance(seen, Detections)
            sure = tuple(d.xyxy for d in seen if d.confidence >= _SURE and _tall(d.xyxy, picture))
            if sure:
                yield Scene(name, picture, sure, tuple(d.xyxy for d in seen))


def placed(scene: Scene, cutouts: Sequence[Cutout], chance: random.Random) -> list[CanaryTarget]:
    """Some targets, each as high as one of the people in the picture, apart from all of them and from each other."""
    height, width = scene.picture.shape[:2]
    taken = [*scene.boxes, *scene.others]
    targets: list[CanaryTarget] = []
    for _ in range(min(_TARGETS, len(scene.boxes))):
        _, top, _, bottom = chance.choice(scene.boxes)
        cutout, high = chance.choice(cutouts), min(bottom - top, 0.9)
        wide = high * cutout.aspect * height / width
        for _ in range(40):
            x = chance.uniform(0, max(0.0, 1 - wide))
            y = min(max(bottom + chance.uniform(-0.1, 0.1), high), 1.0)
            box = (x, y - high, x + wide, y)
            if wide < 1 and not any(_overlap(box, other) > 0.05 for other in taken):
                targets.append(CanaryTarget(cutout, box, mirrored=chance.random() < 0.5))
                taken.append(box)
                break
    return targets


def _overlap(a: Box, b: Box) -> float:
    """Share of the smaller of two boxes that the other covers."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def counted(scene: Scene, number: int, change: Change, look: LiveYolo, cutouts: Sequence[Cutout]) -> Counts:
    """One picture: real people in it as it is, targets in a copy."""
    image, earlier = change(scene.picture, 2 * number + 1), change(scene.picture, 2 * number)
    frame = ArrayFrame(SITE.id, NOON + timedelta(minutes=number), image)
    (seen,) = look.find(frame)
    assert isinstance(seen, Detections)
    found = _pairs(overlaps(np.array(scene.boxes, np.float64), seen.xyxy.astype(np.float64)))
    before = look.canary_picture(ArrayFrame(SITE.id, frame.at - timedelta(seconds=1), earlier))
    targets = placed(scene, cutouts, random.Random(number))
    there = look.find_canaries(frame, targets, before) if targets else ()
    return Counts(len(scene.boxes), found, len(targets), sum(there))


def _pairs(overlap: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """Greedy pairs of at least 0.5, the greatest first."""
    overlap, count = overlap.copy(), 0
    while overlap.size and overlap.max() >= 0.5:
        i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[i, :] = overlap[:, j] = 0.0
        count += 1
    return count


@cache
def _scenes(shared: Path) -> tuple[Scene, ...]:
    return (*photographs(shared), *of_clips(shared, detector(_resources())))


@cache
def _resources() -> Resources:
    return Resources()


def measured(shared: Path, kind: str) -> dict[str, list[int]]:
    """By source (photographs, or the clip): the four counts."""
    kept = ROOT / ".cache" / "bench" / "canary" / f"{KEPT_AS}-{kind}.json"
    if kept.is_file() and time.time() - kept.stat().st_mtime < KEPT_FOR_S:
        found: dict[str, list[int]] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    people = [one for one in own_cutouts(ROOT / ".cache") if one.kind == "person"]
    look, sums = detector(_resources()), dict[str, Counts]()
    for number, scene in enumerate(_scenes(shared)):
        counts = counted(scene, number, KINDS[kind][1], look, people)
        sums[scene.source] = sums.get(scene.source, Counts()) + counts
    result = {source: [one.people, one.people_found, one.targets, one.targets_found] for source, one in sums.items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


def correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Pearson's, of pairs; 0 for fewer than three, of which nothing can be said."""
    if len(pairs) < 3:
        return 0.0
    return statistics.correlation([real for real, _ in pairs], [live for _, live in pairs])


def _shares(counts: Sequence[int]) -> tuple[float, float]:
    people, people_found, targets, targets_found = counts
    return people_found / max(1, people), targets_found / max(1, targets)


def summary(found: dict[str, dict[str, list[int]]]) -> dict[str, Any]:
    """Each kind over all footage, and the correlations: of all, of the photographs, and of the clips alone."""
    rows = {
        kind: {
            "of_all": [int(v) for v in np.sum(list(by_source.values()), axis=0)],
            "photographs": by_source["photographs"],
            "clips": [int(v) for v in np.sum([c for s, c in by_source.items() if s != "photographs"], axis=0)],
        }
        for kind, by_source in found.items()
    }
    parts = ("of_all", "photographs", "clips")
    return {
        "kinds": rows,
        "correlation": {part: round(correlation([_shares(row[part]) for row in rows.values()]), 3) for part in parts},
    }


def page(result: dict[str, Any]) -> str:
    """The table of docs/ACCURACY.md."""
    whole, photo, clips = (result["correlation"][part] for part in ("of_all", "photographs", "clips"))
    first = next(iter(result["kinds"].values()))["of_all"]
    lines = [
        f"{first[0]} real people and {first[2]} canary targets in each kind. Correlation (Pearson) of the two shares "
        f"over {len(result['kinds'])} kinds: **{whole:.2f}** (photographs alone {photo:.2f}, clips alone {clips:.2f}; "
        f"asked: {ASKED}).",
        "",
        "| footage | real people found | targets found |",
        "|---|---|---|",
    ]
    for kind, row in result["kinds"].items():
        people, people_found, targets, targets_found = row["of_all"]
        real, live = _shares(row["of_all"])
        of_targets = f"{targets_found} of {targets} ({live:.0%})"
        lines.append(f"| {KINDS[kind][0]} | {people_found} of {people} ({real:.0%}) | {of_targets} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.canary", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS], metavar="KIND")
    parser.add_argument("--write", action="store_true", help="put the table into docs/ACCURACY.md")
    options = parser.parse_args(arguments)
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    found = {}
    for kind in options.kinds:
        found[kind] = measured(shared, kind)
        print(f"{kind}: {found[kind]}", flush=True)
    result = summary(found)
    print(page(result))
    if options.write:
        write_section("bench.canary", page(result))
    print(json.dumps(result))
    return 0 if result["correlation"]["of_all"] >= ASKED else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
