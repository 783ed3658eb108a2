"""Generated scenes for the rules on stays: what a camera's network says, and what is true, by construction.

A scene is a street of three bays in which cars stand, with a lane in front of them. The truth comes from the script
alone, second by second, and needs neither tracking nor boxes: that is what the rules are compared with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.model.observation import Detection, Vectors

PER_SECOND = 5.0
BAYS = (0.2, 0.42, 0.64)  # left edges
GROUND = 0.5  # the lower edges of those in the bays
LANE = 0.62  # the lower edges of those that pass in front
WIDTH, HEIGHT = 0.16, 0.12
LABELS = ("car", "truck", "bus")
LOOKS = tuple(np.array(one, np.float32) for one in ((0.8, 0.1, 0.1), (0.0, 0.2, 0.8), (0.1, 0.8, 0.1)))
ENTER_S = 2.0
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Car:
    """Comes from the left end of its row, stands in a bay, drives on along the row until it is out of the zone.

    `appears`: it stands there when it is first seen. `vanishes`: it is not seen driving off.
    """

    bay: int
    stops_s: float
    leaves_s: float
    looks: int
    appears: bool = False
    vanishes: bool = False

    def box_at(self, second: float) -> Box | None:
        left = BAYS[self.bay]
        if second < self.stops_s:
            if self.appears or second < self.stops_s - ENTER_S:
                return None
            ground = GROUND - 0.25 * (self.stops_s - second) / ENTER_S  # from behind, down into its bay
        elif second < self.leaves_s:
            ground = GROUND
        else:
            if self.vanishes or second > self.leaves_s + ENTER_S:
                return None
            ground = GROUND - 0.25 * (second - self.leaves_s) / ENTER_S  # back out of it, and still in the zone
        return (left, ground - HEIGHT, left + WIDTH, ground)

    @property
    def stood_s(self) -> float:
        return self.leaves_s - self.stops_s


@dataclass(frozen=True)
class Passing:
    """Drives by in front of the bays, and hides those it is in front of."""

    from_s: float
    speed: float  # widths of the picture a second
    height: float

    def box_at(self, second: float) -> Box | None:
        left = -0.3 + self.speed * (second - self.from_s)
        if second < self.from_s or left > 1.0:
            return None
        return (max(0.0, left), LANE - self.height, min(1.0, left + 0.3), LANE)


@dataclass(frozen=True)
class Scene:
    cars: tuple[Car, ...]
    passing: tuple[Passing, ...]
    length_s: float
    seed: int
    trouble: frozenset[str]
    joined: tuple[float, float] | None = None  # from when to when neighbours are one box
    parted: tuple[float, float] | None = None  # the same: each is two boxes

    def pictures(self) -> Iterator[tuple[float, list[Detection]]]:
        """Second, and what the network says: no names, any label, any certainty."""
        chance = random.Random(self.seed)
        sure_until: dict[int, float] = {}
        for number in range(int(self.length_s * PER_SECOND)):
            second = number / PER_SECOND
            yield second, list(self._said(second, chance, sure_until))

    def _said(self, second: float, chance: random.Random, sure: dict[int, float]) -> Iterator[Detection]:
        covers = [box for box in (one.box_at(second) for one in self.passing) if box is not None]
        for cover in covers:
            yield Detection(_shaken(cover, chance), chance.uniform(0.5, 0.9), chance.choice(LABELS), None, LOOKS[0] * 0)
        shown: list[tuple[int, Car, Box]] = []
        for index, car in enumerate(self.cars):
            box = car.box_at(second)
            if box is not None and not any(_hidden(box, cover) for cover in covers):
                shown.append((index, car, box))
        standing = sorted((o for o in shown if o[1].stops_s + 3 <= second < o[1].leaves_s), key=lambda o: o[2][0])
        if self.joined and self.joined[0] <= second < self.joined[1] and len(standing) >= 2:
            left, right = standing[0][2], standing[1][2]
            both = (left[0], left[1], right[2], right[3])
            if standing[1][1].bay - standing[0][1].bay == 1:
                yield self._box(both, 0.5, chance, LOOKS[0] * 0)
                shown = [o for o in shown if o not in standing[:2]]
        for index, car, box in shown:
            first = sure.setdefault(index, second)
            confidence = self._confidence(second - first, second >= car.leaves_s, chance)
            if confidence < 0.1:
                continue
            looks = LOOKS[car.looks]
            if self.parted and self.parted[0] <= second < self.parted[1] and (index, car, box) in standing:
                middle = (box[0] + box[2]) / 2
                yield self._box((box[0], box[1], middle, box[3]), confidence, chance, looks)
                yield self._box((middle, box[1], box[2], box[3]), confidence, chance, looks)
                continue
            yield self._box(box, confidence, chance, looks)
            if "nested" in self.trouble and chance.random() < 0.4:
                taller = (box[0] - 0.01, box[1] - 0.15, box[2] + 0.01, box[3] + 0.005)
                yield self._box(taller, min(0.45, chance.uniform(0.1, 0.6)), chance, looks)

    def _confidence(self, seen_s: float, leaving: bool, chance: random.Random) -> float:
        if "flicker" not in self.trouble:
            return chance.uniform(0.6, 0.9)
        if seen_s < 0.6 or leaving:  # somebody must have been sure once that it is there
            return chance.uniform(0.35, 0.6)
        return chance.uniform(0.05, 0.6)

    def _box(self, box: Box, confidence: float, chance: random.Random, looks: Vectors) -> Detection:
        label = chance.choice(LABELS) if "labels" in self.trouble else "car"
        return Detection(_shaken(box, chance), confidence, label, None, looks)


def _shaken(box: Box, chance: random.Random) -> Box:
    left, top, right, bottom = (min(1.0, max(0.0, edge + chance.gauss(0, 0.002))) for edge in box)
    return (left, top, right, bottom)


def _hidden(box: Box, cover: Box) -> bool:
    """Is half of it or more behind the other?"""
    wide = max(0.0, min(box[2], cover[2]) - max(box[0], cover[0]))
    high = max(0.0, min(box[3], cover[3]) - max(box[1], cover[1]))
    return wide * high >= 0.5 * (box[2] - box[0]) * (box[3] - box[1])


TROUBLES = ("labels", "flicker", "nested", "joined", "parted", "passing", "replaced")


def scene_of(seed: int) -> Scene:
    """One to three cars, each in a bay of its own or one after the other, and some of the troubles."""
    chance = random.Random(seed)
    trouble = frozenset(one for one in TROUBLES if chance.random() < 0.4)
    cars: list[Car] = []
    for bay in chance.sample(range(3), chance.randint(1, 3)):
        stops_s = chance.uniform(2.5, 10.0)
        leaves_s = stops_s + chance.choice([chance.uniform(1.0, 8.0), chance.uniform(12.0, 25.0)])
        looks = chance.randrange(3)
        cars.append(Car(bay, stops_s, leaves_s, looks, appears=chance.random() < 0.2))
        if "replaced" in trouble and len(cars) < 3 and chance.random() < 0.7:
            stops_s = leaves_s + ENTER_S + chance.uniform(1.0, 4.0)
            cars.append(Car(bay, stops_s, stops_s + chance.uniform(12.0, 20.0), (looks + 1) % 3))
    length_s = max(car.leaves_s for car in cars) + 8.0
    when = chance.uniform(12.0, length_s)
    passing = tuple(
        Passing(chance.uniform(0.0, length_s), chance.uniform(0.3, 0.8), chance.uniform(0.15, 0.3))
        for _ in range(chance.randint(1, 3) if "passing" in trouble else 0)
    )
    return Scene(
        tuple(cars),
        passing,
        length_s,
        seed,
        trouble,
        joined=(when, when + chance.uniform(0.4, 6.0)) if "joined" in trouble else None,
        parted=(when + 7, when + 7 + chance.uniform(0.4, 4.0)) if "parted" in trouble else None,
    )
