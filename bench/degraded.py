"""Footage made bad as nights, rain and cheap cameras make it: false alerts, and how many persons are lost.

`python -m bench.degraded [--minutes 10] [--write]`. The clips in which nothing stands still are looped, every pass
degraded anew, through camera health, parking and intrusion rules; every alert is a false one. Persons are those
labelled in the COCO photographs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from bench.accuracy import Photo, photos
from bench.average_precision import overlaps
from bench.films import NOON, SITE, clip_frames
from bench.page import write_section
from data.model.alert import Raised
from data.model.frame import Image
from data.model.observation import Detections, Tick
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.model.zone import Zone
from data.ports.recipe import Context, Resources
from detectors.yolo import Recipe as Yolo
from engine.judging.health import HealthWatch
from engine.judging.pipeline import SitePipeline
from tests.conftest import ROOT, shared_folder

PER_SECOND = 5.0
WIDTH = 768
_VEHICLES = ("car", "truck", "bus")
_LAWN = Zone(id="lawn", polygon=((0.078, 0.139), (0.299, 0.069), (0.299, 0.255), (0.078, 0.324)))
_CAR_PARK = "intel_person-bicycle-car.mp4"
CLIPS = ("intel_car-detection.mp4", _CAR_PARK)
_LEFT_OUT_S = (24.0, 31.0)  # of the car park: there somebody really walks over the lawn

Change = Callable[[Image, int], Image]
"""The picture (BGR) made bad; the number of the picture, five a second."""


@cache
def _noise() -> npt.NDArray[np.int16]:
    """One field of a sensor's noise at night, of which every picture takes another part."""
    field = np.random.default_rng(0).normal(0, 14, (1600, 2400, 3)).round()
    return field.astype(np.int16)


def night_noise(picture: Image, number: int) -> Image:
    """Less than half of the light, amplified noise, colours nearly gone."""
    height, width = picture.shape[:2]
    chance = np.random.default_rng(number)
    top, left = int(chance.integers(0, 1600 - height)), int(chance.integers(0, 2400 - width))
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    dark = cv2.addWeighted(picture, 0.16, grey, 0.29, 16)
    noise = np.ascontiguousarray(_noise()[top : top + height, left : left + width])
    return np.asarray(cv2.add(dark, noise, dtype=cv2.CV_8U), np.uint8)


def rain_streaks(picture: Image, number: int) -> Image:
    """Three hundred streaks, others in every picture, and less contrast."""
    chance = np.random.default_rng(number)
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    for x, y, length, bright in zip(
        chance.integers(0, width, 300),
        chance.integers(-20, height, 300),
        chance.integers(15, 60, 300),
        chance.integers(40, 120, 300),
        strict=True,
    ):
        end = (int(x - length // 5), int(y + length))
        cv2.line(streaks, (int(x), int(y)), end, int(bright), 1 + int(bright > 100), cv2.LINE_AA)
    veiled = cv2.convertScaleAbs(picture, alpha=0.75, beta=40)
    return np.asarray(cv2.add(veiled, cv2.cvtColor(cv2.GaussianBlur(streaks, (3, 3), 0), cv2.COLOR_GRAY2BGR)), np.uint8)


def headlights(picture: Image, number: int) -> Image:
    """Night, and every four seconds a pair of headlights sweeps through, with its glare on the ground."""
    height, width = picture.shape[:2]
    phase = (number % 20) / 20
    y, x = np.mgrid[0:1:90j, 0:1:160j].astype(np.float32)
    light = np.zeros((90, 160), np.float32)
    row = 0.3 + 0.2 * ((number // 20) % 3)
    for lamp in (-0.03, 0.03):
        column = 1.4 * phase - 0.2 + lamp
        light += 240 * np.exp(-(((x - column) / 0.03) ** 2) - ((y - row) / 0.035) ** 2)
        light += 90 * np.exp(-(((x - column) / 0.14) ** 2) - ((y - row - 0.12) / 0.10) ** 2)
    shine = cv2.resize(light.clip(0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    dark = night_noise(picture, number)
    return np.asarray(cv2.add(dark, cv2.cvtColor(shine, cv2.COLOR_GRAY2BGR)), np.uint8)


def jpeg_blocks(picture: Image, number: int) -> Image:
    """Compressed until the blocks show, and now and then some rows of them come from elsewhere, as packets are lost."""
    chance = np.random.default_rng(number)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 9])
    blocky = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if chance.random() < 0.3:
        top = 16 * int(chance.integers(0, picture.shape[0] // 16 - 3))
        band = blocky[top : top + 48]
        band[:] = np.roll(band, 16 * int(chance.integers(1, 20)), axis=1)
    return blocky


def exposure_jumps(picture: Image, number: int) -> Image:
    """Automatic exposure that hunts: another gain every second and a half, clipped at both ends."""
    gain = float(np.random.default_rng(number // 8).choice([0.35, 0.6, 1.0, 1.6, 2.4]))
    return np.asarray(cv2.convertScaleAbs(picture, alpha=gain), np.uint8)


DEGRADED: dict[str, Change] = {
    "night_noise": night_noise,
    "rain_streaks": rain_streaks,
    "headlights": headlights,
    "jpeg_blocks": jpeg_blocks,
    "exposure_jumps": exposure_jumps,
}
TITLES = {
    "night_noise": "night, noise",
    "rain_streaks": "rain streaks",
    "headlights": "headlights sweeping at night",
    "jpeg_blocks": "JPEG blocks, lost rows",
    "exposure_jumps": "exposure jumps",
}


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Pictures of a clip in which nothing happens, with their seconds."""

    pictures: tuple[tuple[float, Image], ...]

    @classmethod
    def read(cls, root: Path, path: Path, until_s: float = float("inf")) -> Clip:
        left_out = _LEFT_OUT_S if path.name == _CAR_PARK else (0.0, 0.0)
        frames = clip_frames(root, path, until_s=until_s, per_second=PER_SECOND)
        found = []
        for frame in frames:
            second = (frame.at - NOON).total_seconds()
            if not left_out[0] <= second < left_out[1]:
                found.append((second, frame.bgr(WIDTH, round(frame.height * WIDTH / frame.width))))
        return cls(tuple(found))

    @property
    def length_s(self) -> float:
        return len(self.pictures) / PER_SECOND


@dataclass(frozen=True, slots=True)
class Alarms:
    """What was raised though nothing happened."""

    seconds: float
    raised: tuple[str, ...]


def false_alarms(root: Path, clips: Sequence[Clip], change: Change, minutes: float, resources: Resources) -> Alarms:
    """Passes through the clips in turn until so many minutes of pictures have been judged."""
    inference = InferenceSettings(threads=2)
    site = SITE.model_copy(
        update={
            "zones": (_LAWN,),
            "detectors": (Yolo(labels=("person", *_VEHICLES)),),
            "rules": (
                Dwell(id="parking", labels=_VEHICLES, at_least="5s"),
                Intrusion(id="lawn", zone="lawn", labels=("person",), pictures=5, of=8),
            ),
        }
    )
    context = Context(site=site.place, inference=inference, base_dir=root, resources=resources)
    raised: list[str] = []
    number, judged_s = 0, 0.0
    while judged_s < minutes * 60:
        clip = clips[number % len(clips)]
        pipeline, health = SitePipeline(site, context), HealthWatch(site.health, site.id, ())
        for count, (second, picture) in enumerate(clip.pictures):
            at = NOON + timedelta(seconds=second)
            frame = ArrayFrame(site.id, at, change(picture, number * 1000 + count))
            signals = [*health.see(frame), *pipeline.see(frame).signals]
            if count % int(PER_SECOND) == 0:
                tick = Tick(site.id, at)
                signals += [*health.tick(tick), *pipeline.tick(tick)]
            raised += [
                f"{signal.key.rule} {signal.label}"
                for signal in signals
                if isinstance(signal, Raised) and not signal.again
            ]
        number, judged_s = number + 1, judged_s + clip.length_s
    return Alarms(judged_s, tuple(raised))


def persons_found(root: Path, pictures: Sequence[Photo], change: Change | None, resources: Resources) -> int:
    """How many labelled persons a detection of at least 0.3 overlaps by half."""
    detector = Yolo(labels=("person",)).make(
        Context(site=SITE.place, inference=InferenceSettings(threads=2), base_dir=root, resources=resources)
    )
    hits = 0
    for number, photo in enumerate(pictures):
        true = photo.truth.xyxy[photo.truth.classes == 0]
        if not len(true):
            continue
        image = photo.frame.image if change is None else change(photo.frame.image, number)
        at = NOON + timedelta(seconds=10 * number)  # no track goes on
        (seen,) = detector.find(ArrayFrame(SITE.id, at, image))
        assert isinstance(seen, Detections)
        size = np.array([photo.frame.width, photo.frame.height] * 2, np.float64)
        hits += _pairs(overlaps(true, seen.xyxy.astype(np.float64) * size))
    return hits


def _pairs(overlap: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """Greedy pairs of at least 0.5, the greatest first."""
    overlap, count = overlap.copy(), 0
    while overlap.size and overlap.max() >= 0.5:
        i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[i, :] = overlap[:, j] = 0.0
        count += 1
    return count


def measure(root: Path, shared: Path, minutes: float, kinds: Sequence[str] = tuple(DEGRADED)) -> dict[str, Any]:
    """False alerts of each kind, and persons found without and with it."""
    resources = Resources()
    clips = [Clip.read(root, shared / "clips" / name) for name in CLIPS]
    pictures = photos(shared)
    people = sum(int((photo.truth.classes == 0).sum()) for photo in pictures)
    found: dict[str, Any] = {"persons": people, "clear": persons_found(root, pictures, None, resources), "kinds": {}}
    for kind in kinds:
        alarms = false_alarms(root, clips, DEGRADED[kind], minutes, resources)
        persons = persons_found(root, pictures, DEGRADED[kind], resources)
        found["kinds"][kind] = {
            "minutes": round(alarms.seconds / 60, 1),
            "false_alerts": len(alarms.raised),
            "of": list(alarms.raised),
            "persons_found": persons,
            "recall_lost": round((found["clear"] - persons) / max(1, found["clear"]), 3),
        }
        print(f"{kind}: {found['kinds'][kind]}", flush=True)
    return found


def page(found: dict[str, Any]) -> str:
    share = found["clear"] / found["persons"]
    lines = [
        f"Of {found['persons']} labelled persons {found['clear']} ({share:.0%}) are found in the clear pictures.",
        "",
        "| footage | minutes | false alerts | persons found | lost against clear |",
        "|---|---|---|---|---|",
    ]
    for kind, one in found["kinds"].items():
        lines.append(
            f"| {TITLES[kind]} | {one['minutes']} | {one['false_alerts']} | {one['persons_found']} "
            f"| {one['recall_lost']:.0%} |"
        )
    return "\n".join(lines)


def holds(found: dict[str, Any]) -> bool:
    return all(one["false_alerts"] == 0 for one in found["kinds"].values())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.degraded", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--write", action="store_true", help="put the table into docs/ACCURACY.md")
    options = parser.parse_args(arguments)
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    found = measure(ROOT, shared, options.minutes)
    print(page(found))
    if options.write:
        write_section("bench.degraded", page(found))
    print(json.dumps(found))
    return 0 if holds(found) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
