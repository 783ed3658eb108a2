"""Objects that the network cannot name: how many are found, how soon, and how often something is where nothing is.

`python -m bench.unknown [--part NAME] [--minutes 10] [--write]` (`make unknown`). People in the dark and vehicles from
straight above are composed on still pictures of real places, those that the network names (0.1 or more) left out; real
are the vehicles of the car-detection clip and the person of the infrared yard. Empty are these places made bad, in
wind, with insects and clouds, the empty waters, and the stretches of real clips in which nobody is. Parts are kept in
.cache/bench/unknown for a day. Ends with one line of JSON; exit status 1 when a figure misses what is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from alerts.unknown_object import Recipe as UnknownObject
from bench.degraded import DEGRADED
from bench.films import NOON, SITE, clip_frames
from bench.page import write_section
from bench.swimmers import Water, empty_waters, moving_water
from bench.unknown_scenes import (
    HELD_BACK,
    PER_SECOND,
    WARM_UP_S,
    WIDTH,
    Box,
    Empty,
    Visit,
    cloud_shadows,
    degraded,
    from_above,
    insects,
    leaves,
    looped,
    night,
    still,
    visited,
)
from data.model.alert import Raised
from data.model.camera_health import HealthSettings
from data.model.frame import Image
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.ports.recipe import Context, Resources
from detectors.foreground import Recipe as Foreground
from detectors.yolo import Recipe as Yolo
from detectors.yolo import Yolo as LiveYolo
from engine.demo.sprites import cut_sprites, load_sprites
from engine.judging.pipeline import SitePipeline
from tests.conftest import ROOT, shared_folder

LEAST_FOUND = 0.9
WITHIN_S = 10.0
EACH = 20
"""Visits of each kind that are scored."""
_OVERLAP = 0.3  # of the smaller box
_LOOKS_OF_NETWORK = 4
_VEHICLE_AREA, _PERSON_AREA = 0.05, 0.004  # of the picture: a third of the smallest true ones
_LOOP_S = 30.0
_DAY_S = 86_400.0
_WATER_WIDTH = 480
_LABELS = ("person", "car", "truck", "bus", "motorcycle", "bicycle")


@dataclass(frozen=True, slots=True)
class Found:
    """One kind of visits: of how many found within 10 s, after how many seconds each, named by the network, wrong."""

    name: str
    of: int
    seconds: tuple[float, ...]
    named: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Nothing:
    """One empty scene: minutes, and the seconds at which something was raised."""

    name: str
    minutes: float
    raised: tuple[float, ...]


def pipeline() -> SitePipeline:
    """The detector and the rule by their defaults, the whole picture the zone."""
    site = SITE.model_copy(
        update={
            "detectors": (Foreground(),),
            "rules": (UnknownObject(),),
            "health": HealthSettings(enabled=False),
        }
    )
    return SitePipeline(site, Context(site=site.place))


def raised_in(picture: Callable[[float], Image], until_s: float, since_s: float = 0.0) -> list[tuple[float, Box]]:
    """Second and box of each alert."""
    live, told = pipeline(), list[tuple[float, Box]]()
    for number in range(round((until_s - since_s) * PER_SECOND)):
        second = since_s + number / PER_SECOND
        seen = live.see(ArrayFrame(SITE.id, NOON + timedelta(seconds=second), picture(second)))
        told += [(second, one.xyxy) for one in seen.signals if isinstance(one, Raised) and one.xyxy is not None]
    return told


def score_of(visit: Visit, network: LiveYolo) -> float:
    """The best score of the network for anything in the visitor's place, over some pictures; below 0.1 it says 0."""
    best = 0.0
    shown = [s for s in np.arange(visit.since_s, visit.since_s + WITHIN_S, 0.2) if visit.box(float(s))]
    for second in shown[:: max(1, len(shown) // _LOOKS_OF_NETWORK)]:
        box = visit.box(float(second))
        frame = ArrayFrame(SITE.id, NOON + timedelta(seconds=float(second)), visit.picture(float(second)))
        for one in network.glance(frame):
            if box is not None and overlap(one.xyxy, box) >= _OVERLAP:
                best = max(best, one.confidence)
    return best


def scored(visit: Visit) -> tuple[float | None, int]:
    """Seconds until its alert, None where there was none within 10 s; and how many alerts were of something else."""
    told = raised_in(visit.picture, min(visit.until_s, visit.since_s + WITHIN_S + 6))
    moments = np.arange(visit.since_s, visit.until_s, 1 / PER_SECOND)
    came_s = next((float(second) for second in moments if visit.box(float(second))), None)
    if came_s is None:
        return None, len(told)
    right = []
    for second, box in told:
        true = visit.box(second)
        if true is not None and overlap(box, true) >= _OVERLAP:
            right.append(second)
    late_s = right[0] - came_s if right else None
    return (late_s if late_s is not None and late_s <= WITHIN_S else None), len(told) - len(right)


def found_of(name: str, visits: Callable[[int], Visit], first: int, each: int = EACH) -> Found:
    """Visits of the seeds from `first` on until so many that the network does not name have been scored."""
    inference = InferenceSettings(threads=2)
    context = Context(site=SITE.place, inference=inference, base_dir=ROOT, resources=_resources())
    network = Yolo(labels=_LABELS, confidence=0.1).make(context)
    assert isinstance(network, LiveYolo)
    of = named = wrong = 0
    seconds = list[float]()
    for seed in range(first, first + 6 * each):
        visit = visits(seed)
        if score_of(visit, network) >= 0.1:
            named += 1
            continue
        late_s, others = scored(visit)
        of, wrong = of + 1, wrong + others
        seconds += [] if late_s is None else [round(late_s, 1)]
        if of == each:
            break
    return Found(name, of, tuple(seconds), named, wrong)


@cache
def _resources() -> Resources:
    return Resources()


@dataclass(frozen=True, slots=True)
class Places:
    """The reference material."""

    shared: Path

    def stills(self) -> list[Image]:
        clips = self.shared / "clips"
        return [
            still(ROOT, clips / "vtest_12s.mp4", 0, 12),
            still(ROOT, clips / "intel_person-bicycle-car.mp4", 0, 38),
            still(ROOT, clips / "intel_one-by-one-person.mp4", 0, 139),
        ]

    def person(self, seed: int) -> Visit:
        """In the dark, 24 to 110 pixels high, of little contrast."""
        chance = np.random.default_rng(seed)
        sprites = load_sprites(cut_sprites(ROOT / InferenceSettings().cache_dir))
        stills = self.stills_once()
        return visited(
            stills[seed % len(stills)], sprites[("person_2", "person_3")[int(chance.integers(2))]], seed,
            height_px=int(chance.integers(24, 110)), contrast=float(chance.uniform(0.2, 0.8)),
            stops=bool(chance.random() < 0.5), light=float(chance.uniform(0.2, 0.5)),
            noise=float(chance.uniform(4, 10)),
        )  # fmt: skip

    def vehicle(self, seed: int) -> Visit:
        """From straight above, by day and at dusk, 24 to 90 pixels long."""
        chance, stills = np.random.default_rng(seed), self.stills_once()
        return from_above(
            stills[seed % len(stills)], seed, length_px=int(chance.integers(24, 90)),
            light=float(chance.uniform(0.3, 1.0)), noise=float(chance.uniform(1, 6)),
        )  # fmt: skip

    def stills_once(self) -> list[Image]:
        return _stills(self)

    def empties(self, first: int) -> list[Empty]:
        """Each degraded kind, plants, insects and clouds at each place, with seeds from `first` on."""
        scenes = list[Empty]()
        for number, picture in enumerate(self.stills_once()):
            place, seed, dark = partial(_same, picture), first + number, partial(night, seed=first + number)
            scenes += [Empty(f"degraded, {kind}", degraded(place, DEGRADED[kind], seed)) for kind in DEGRADED]
            scenes += [
                Empty("plants in gusts", leaves(picture, seed)),
                Empty("plants in gusts, at night", dark(leaves(picture, seed + 500))),
                Empty("insects before an infrared lamp", insects(dark(place), seed)),
                Empty("clouds and shadows", cloud_shadows(place, seed)),
            ]
        return scenes

    def waters(self) -> list[Empty]:
        """Half a minute of waves, there and back, with other noise in each picture."""
        return [Empty(f"water, {one.name}", _waves(one)) for one in empty_waters(self.shared)]

    def stretches(self) -> list[Empty]:
        """Real pictures in which nobody is, there and back again."""
        clips = self.shared / "clips"
        spans = (
            ("real, car park without cars", clips / "intel_car-detection.mp4", 9.4, 14.0),
            ("real, plants in the wind", clips / "unseen" / "tamper_garden_panned.mp4", 0.0, 12.6),
            ("real, infrared yard without people", clips / "unseen" / "night_ir_yard_person.mp4", 7.8, 11.8),
        )
        return [Empty(name, looped(_pictures(clip, *span))) for name, clip, *span in spans]

    def real_vehicles(self) -> Found:
        """Three drive through the car-detection clip after a stretch without any, which is shown first."""
        clip = self.shared / "clips" / "intel_car-detection.mp4"
        told = _after(looped(_pictures(clip, 9.4, 14.0)), _pictures(clip, 14.0, 30.0), 16.0, 14.0)
        return _of_spans("real vehicles from above", [(14.4, 19.3), (14.4, 19.3), (25.1, 29.4)], told, _VEHICLE_AREA)

    def real_person(self) -> Found:
        """The infrared yard: first its end, in which nobody is, then its beginning, in which somebody is."""
        clip = self.shared / "clips" / "unseen" / "night_ir_yard_person.mp4"
        told = _after(looped(_pictures(clip, 7.8, 11.8)), _pictures(clip, 0.0, 7.4), 7.0)
        return _of_spans("real person in infrared", [(0.0, 7.0)], told, _PERSON_AREA)


@cache
def _stills(places: Places) -> list[Image]:
    return places.stills()


def _after(
    quiet: Callable[[float], Image], film: Sequence[Image], for_s: float, begins_s: float = 0.0
) -> list[tuple[float, Box]]:
    """The alerts of a film after its quiet stretch, by its own seconds."""

    def picture(second: float) -> Image:
        number = round((second - WARM_UP_S) * PER_SECOND)
        return quiet(second) if number < 0 else film[min(number, len(film) - 1)]

    return [(second - WARM_UP_S + begins_s, box) for second, box in raised_in(picture, WARM_UP_S + for_s)]


def _of_spans(
    name: str, spans: Sequence[tuple[float, float]], told: Sequence[tuple[float, Box]], least_area: float
) -> Found:
    """Each alert belongs to the first span around it that has none yet; one of a smaller box is of something else."""
    left, seconds = list(spans), list[float]()
    wrong = 0
    for second, box in told:
        span = next((one for one in left if one[0] <= second <= one[1] + 1), None)
        if span is None or (box[2] - box[0]) * (box[3] - box[1]) < least_area:
            wrong += 1
        else:
            left.remove(span)
            seconds.append(round(second - span[0], 1))
    return Found(name, len(spans), tuple(seconds), 0, wrong)


def _same(picture: Image, _: float) -> Image:
    return picture


def _pictures(clip: Path, since_s: float, until_s: float) -> list[Image]:
    frames = clip_frames(ROOT, clip, since_s, until_s, per_second=PER_SECOND)
    return [frame.bgr(WIDTH, round(frame.height * WIDTH / frame.width)) for frame in frames]


def _waves(one: Water) -> Callable[[float], Image]:
    small = replace(one, pictures=tuple(_narrow(picture) for picture in one.pictures))
    loop: list[Image] = []

    def picture(second: float) -> Image:
        if not loop:
            loop.extend(moving_water(small, number / PER_SECOND) for number in range(round(_LOOP_S * PER_SECOND)))
        clear = looped(loop)(second)
        chance = np.random.default_rng(round(second * 1000))
        return cv2.add(clear, chance.integers(0, 5, (*clear.shape[:2], 1), np.uint8).repeat(3, axis=2))  # type: ignore[return-value]

    return picture


def _narrow(picture: Image) -> Image:
    height = round(picture.shape[0] * _WATER_WIDTH / picture.shape[1])
    return np.asarray(cv2.resize(picture, (_WATER_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def overlap(a: Box, b: Box) -> float:
    """Share of the smaller box that lies in the other."""
    across, down = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))


def nothing_in(scenes: Sequence[Empty], minutes: float) -> list[Nothing]:
    """So many minutes in all, the same share of each."""
    found, share = list[Nothing](), minutes / len(scenes)
    for one in scenes:
        told = raised_in(one.picture, share * 60)
        found.append(Nothing(one.name, share, tuple(second for second, _ in told)))
    return found


def parts_of(shared: Path, minutes: float, first: int) -> dict[str, Callable[[], list[Found] | list[Nothing]]]:
    """Everything that is measured, by name."""
    places = Places(shared)
    parts: dict[str, Callable[[], list[Found] | list[Nothing]]] = {
        "persons": lambda: [found_of("people in the dark, composed", places.person, first)],
        "vehicles": lambda: [found_of("vehicles from above, composed", places.vehicle, first)],
        "real": lambda: [places.real_vehicles(), places.real_person()],
        **{one.name: partial(nothing_in, [one], minutes) for one in places.stretches()},
    }
    for name in sorted({one.name for one in places.empties(first)}):
        parts[name] = lambda name=name: nothing_in(  # type: ignore[misc]
            [one for one in places.empties(first) if one.name == name], minutes
        )
    for water in empty_waters(shared):
        parts[f"water-{water.name}"] = lambda water=water: nothing_in(  # type: ignore[misc]
            [Empty(f"water, {water.name}", _waves(water))], minutes
        )
    return parts


def page(found: Sequence[Found], nothing: Sequence[Nothing]) -> str:
    lines = [
        "| objects without a name | found within 10 s | after, median / largest | alerts of something else "
        "| left out: the network names them |",
        "|---|---|---|---|---|",
    ]
    for kind in found:
        after = f"{np.median(kind.seconds):.1f} / {max(kind.seconds):.1f} s" if kind.seconds else ""
        lines.append(f"| {kind.name} | {len(kind.seconds)} of {kind.of} | {after} | {kind.wrong} | {kind.named} |")
    lines += ["", "| nothing there | minutes | alerts |", "|---|---|---|"]
    for name in dict.fromkeys(one.name for one in nothing):
        own = [one for one in nothing if one.name == name]
        lines.append(f"| {name} | {sum(one.minutes for one in own):g} | {sum(len(one.raised) for one in own)} |")
    return "\n".join(lines)


def summary(found: Sequence[Found], nothing: Sequence[Nothing]) -> dict[str, float]:
    seconds = [second for kind in found for second in kind.seconds]
    return {
        "unknown_found": len(seconds),
        "unknown_of": sum(kind.of for kind in found),
        "unknown_found_s_p90": round(float(np.percentile(seconds, 90)), 1) if seconds else float("nan"),
        "false_in_empty": sum(len(one.raised) for one in nothing),
        "minutes_empty": round(sum(one.minutes for one in nothing), 1),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.unknown", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of each empty scene")
    parser.add_argument("--first", type=int, default=HELD_BACK, help="first seed; those from 1000 on are held back")
    parser.add_argument("--part", action="append", help="measure this part, and keep it; may be given several times")
    parser.add_argument("--kept", action="store_true", help="only parts that were measured within a day")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/unknown-objects.md")
    options = parser.parse_args(arguments)
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    folder = ROOT / InferenceSettings().cache_dir / "bench" / "unknown"
    folder.mkdir(parents=True, exist_ok=True)
    parts = parts_of(shared, options.minutes, options.first)
    found, nothing = list[Found](), list[Nothing]()
    for name in options.part or parts:
        path = folder / f"{name}-{options.minutes:g}-{options.first}.json"
        fresh = path.exists() and time.time() - path.stat().st_mtime < _DAY_S
        if options.kept and not fresh:
            print(f"{name}: not measured")
            continue
        if not options.kept:
            begun_s = time.monotonic()
            path.write_text(json.dumps([asdict(one) for one in parts[name]()]), encoding="utf-8")
            print(f"{name}: {time.monotonic() - begun_s:.0f} s", flush=True)
        for one in json.loads(path.read_text(encoding="utf-8")):
            if "minutes" in one:
                nothing.append(Nothing(**one))
            else:
                found.append(Found(**one))
    print(page(found, nothing))
    if options.write:
        write_section("bench.unknown", page(found, nothing), ROOT / "docs" / "unknown-objects.md")
    told = summary(found, nothing)
    print(json.dumps(told))
    return int(told["unknown_found"] < LEAST_FOUND * told["unknown_of"] or told["false_in_empty"] > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
