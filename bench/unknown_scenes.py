"""Scenes for the detection of unknown objects: empty ones made bad, and objects that the network cannot name.

Everything is generated from a seed, on still pictures of real and drawn places; nobody looks at the seeds from
`HELD_BACK` on before a measurement is made for publication.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bench.degraded import Change
from bench.films import clip_frames
from data.model.frame import Image
from engine.demo.sprites import Sprite

PER_SECOND = 5.0
HELD_BACK = 1000
WARM_UP_S = 30.0
WIDTH = 640

Scene = Callable[[float], Image]
"""The picture (BGR) at a second."""

Box = tuple[float, float, float, float]
"""left, top, right, bottom as fractions of the picture."""


@dataclass(frozen=True, slots=True)
class Empty:
    """A place where nothing happens: `picture` for each second."""

    name: str
    picture: Scene


def still(root: Path, clip: Path, since_s: float = 0.0, until_s: float = 30.0) -> Image:
    """The median of a clip's pictures: the place without whoever passes."""
    pictures = [
        frame.bgr(WIDTH, round(frame.height * WIDTH / frame.width))
        for frame in clip_frames(root, clip, since_s, until_s, per_second=1.0)
    ]
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def looped(pictures: Sequence[Image], per_second: float = PER_SECOND) -> Scene:
    """There and back again, so that nothing jumps where the loop closes."""
    last = len(pictures) - 1

    def picture(second: float) -> Image:
        number = round(second * per_second) % max(1, 2 * last)
        return pictures[number if number <= last else 2 * last - number]

    return picture


def degraded(place: Scene, change: Change, seed: int) -> Scene:
    """The place made bad, every picture anew."""
    return lambda second: change(place(second), seed * 100_000 + round(second * PER_SECOND))


def leaves(picture: Image, seed: int, share: float = 0.35) -> Scene:
    """Plants along the edges and in the middle of the picture, in gusts: twigs swing, and leaves flutter on them."""
    chance = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    twigs = []
    for _ in range(60):
        x = chance.uniform(0, share * width) * (1 if chance.random() < 0.5 else -1) % width
        y = chance.uniform(0.1, 1.0) * height
        length, angle = chance.uniform(0.08, 0.25) * height, chance.uniform(-0.9, 0.9)
        twigs.append((x, y, length, angle, chance.uniform(0.7, 2.2), chance.uniform(0, 6.28), chance.uniform(0.3, 1.2)))
    greens = [tuple(int(v) for v in chance.integers((10, 40, 10), (70, 140, 70))) for _ in twigs]
    gusts = chance.uniform(0, 6.28, 3)

    def at(second: float) -> Image:
        drawn = picture.copy()
        gust = 0.35 + 0.65 * max(
            0.0, float(sum(np.sin(second / t + p) for t, p in zip((3.1, 7.7, 19.0), gusts, strict=True))) / 3
        )
        flutter = np.random.default_rng(seed * 7919 + round(second * 50))
        for (x, y, length, angle, rate, phase, swing), green in zip(twigs, greens, strict=True):
            now = angle + swing * gust * 0.5 * np.sin(rate * second + phase)
            tip = np.array([x + length * np.sin(now), y - length * np.cos(now)])
            cv2.line(drawn, (int(x), int(y)), (int(tip[0]), int(tip[1])), green, 2, cv2.LINE_AA)
            for part in (0.4, 0.6, 0.8, 1.0):
                centre = np.array([x, y]) + part * (tip - [x, y]) + flutter.normal(0, 1.2 * gust, 2)
                axes = (int(length / 5) + 2, int(length / 11) + 1)
                turn = float(np.degrees(now) + 60 * np.sin(rate * 2 * second + phase + part * 5) * gust)
                cv2.ellipse(drawn, (int(centre[0]), int(centre[1])), axes, turn, 0, 360, green, -1, cv2.LINE_AA)
        return drawn

    return at


def insects(place: Scene, seed: int) -> Scene:
    """Bright moths right before an infrared lamp, on ways of their own, and a spider's thread that sways."""

    def at(second: float) -> Image:
        drawn = place(second).copy()
        height, width = drawn.shape[:2]
        layer = np.zeros((height, width), np.uint8)
        for number in range(3):
            start = np.random.default_rng(seed * 31 + number + 1000 * int(second // 6))
            if start.random() < 0.4:
                continue
            x0, y0, a, b, c, d = start.uniform(0, 6.28, 6)
            t = second * start.uniform(2.0, 5.0)
            x = width * (0.5 + 0.4 * np.sin(t + x0) + 0.15 * np.sin(2.7 * t + a) + 0.05 * np.sin(9 * t + c))
            y = height * (0.5 + 0.35 * np.sin(0.8 * t + y0) + 0.2 * np.sin(3.1 * t + b) + 0.05 * np.sin(11 * t + d))
            cv2.circle(layer, (int(x), int(y)), int(start.integers(4, 16)), 170, -1, cv2.LINE_AA)
        swing = 12 * np.sin(second * 1.3 + seed)
        cv2.line(layer, (int(0.7 * width), 0), (int(0.75 * width + swing), height), 60, 3, cv2.LINE_AA)
        soft = cv2.GaussianBlur(layer, (0, 0), 4)
        return np.asarray(cv2.add(drawn, cv2.cvtColor(soft, cv2.COLOR_GRAY2BGR)), np.uint8)

    return at


def cloud_shadows(place: Scene, seed: int) -> Scene:
    """Clouds pass, and twice a minute a hard-edged shadow of something outside of the picture crosses it."""
    chance = np.random.default_rng(seed)
    speed, tilt = chance.uniform(0.02, 0.06), chance.uniform(-0.5, 0.5)

    def at(second: float) -> Image:
        drawn = place(second).astype(np.float32)
        height, width = drawn.shape[:2]
        y, x = np.mgrid[0:1:45j, 0:1:80j].astype(np.float32)
        way = x + tilt * y - speed * second
        light = 0.78 + 0.22 * np.tanh(4 * np.sin(2 * np.pi * way * 0.8) + 1)
        light = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
        along = (second % 30) / 8
        if along < 1:
            mask = np.zeros((height, width), np.float32)
            left = int((1.3 * along - 0.2) * width)
            corners = np.array([[left, int(0.45 * height)], [left + 70, int(0.42 * height)],
                                [left + 110, int(0.75 * height)], [left + 25, int(0.8 * height)]])  # fmt: skip
            cv2.fillPoly(mask, [corners], (1.0,))
            light = light * (1 - 0.45 * cv2.GaussianBlur(mask, (0, 0), 1.0))
        return np.asarray((drawn * light[..., None]).clip(0, 255), np.uint8)

    return at


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody or something in the scene. box: where it is at a second, fractions; None while it is not there."""

    name: str
    picture: Scene
    box: Callable[[float], Box | None]
    since_s: float
    until_s: float


def night(place: Scene, seed: int, light: float = 0.35, noise: float = 7.0) -> Scene:
    """Grey, dark, noisy, as an infrared camera without enough light gives it."""

    def at(second: float) -> Image:
        chance = np.random.default_rng(seed * 77_777 + round(second * 25))
        grey = cv2.cvtColor(place(second), cv2.COLOR_BGR2GRAY).astype(np.float32) * light + 14
        grey += chance.normal(0, noise, grey.shape).astype(np.float32)
        return np.asarray(cv2.cvtColor(grey.clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)

    return at


def visited(
    place: Image, who: Sprite, seed: int, *, height_px: int, contrast: float, stops: bool, light: float, noise: float
) -> Visit:
    """Somebody walks into a dark place, `contrast` of its own look kept, and stops there or goes through."""
    chance = np.random.default_rng(seed)
    height, width = place.shape[:2]
    scale = height_px / who.height
    size = (max(3, round(who.width * scale)), height_px)
    bgr = cv2.resize(who.bgr, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    alpha = cv2.resize(who.alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    foot_y = int(chance.uniform(0.45, 0.95) * height)
    side = 1 if chance.random() < 0.5 else -1
    speed = height_px * chance.uniform(0.35, 0.8)  # 0.6 to 1.4 m/s
    begin = -size[0] if side > 0 else width
    rest = float(chance.uniform(0.25, 0.75) * width)
    since_s = WARM_UP_S
    shade = contrast * float(chance.choice([-1, 1])) * 60  # brighter or darker than the ground behind

    def middle(second: float) -> float:
        gone = begin + side * speed * (second - since_s)
        if stops and (gone - rest) * side > 0:
            return rest
        return gone

    def box(second: float) -> Box | None:
        x = middle(second)
        left, right = max(0.0, x), min(float(width), x + size[0])
        if second < since_s or right - left < 0.5 * size[0]:
            return None
        return left / width, max(0, foot_y - height_px) / height, right / width, foot_y / height

    def clear(second: float) -> Image:
        if second < since_s:
            return place
        drawn, x = place.copy(), round(middle(second))
        bob = round(0.02 * height_px * np.sin(second * 9)) if middle(second) != rest else 0
        top = foot_y - height_px + bob
        left, right, above = max(0, x), min(width, x + size[0]), max(0, top)
        if right <= left:
            return place
        spot = drawn[above : foot_y + bob, left:right]
        rows, columns = np.s_[above - top : above - top + spot.shape[0]], np.s_[left - x : left - x + spot.shape[1]]
        cover = alpha[rows, columns, None]
        look = spot.mean(axis=(0, 1)) + contrast * (bgr[rows, columns] - bgr.mean(axis=(0, 1))) + shade
        spot[:] = (look * cover + spot * (1 - cover)).clip(0, 255).astype(np.uint8)
        return drawn

    return Visit(f"person {height_px} px, seed {seed}", night(clear, seed, light, noise), box, since_s, since_s + 40.0)


@cache
def _roof(seed: int) -> Image:
    """A vehicle from straight above: body, two windows, lamps; uint8 (30, 64, 3)."""
    chance = np.random.default_rng(seed)
    body = chance.integers(25, 235, 3)
    drawn = np.zeros((30, 64, 3), np.uint8)
    drawn[:] = body
    cv2.rectangle(drawn, (0, 0), (63, 29), tuple(int(v) for v in body * 0.7), 2)
    for left, right in ((16, 24), (44, 51)):
        cv2.rectangle(drawn, (left, 4), (right, 25), (38, 34, 30), -1)
    cv2.rectangle(drawn, (24, 5), (44, 24), tuple(int(v) for v in (body * 0.9 + 20).clip(0, 255)), -1)
    return drawn


def from_above(place: Image, seed: int, *, length_px: int, light: float = 1.0, noise: float = 2.0) -> Visit:
    """A car from straight above drives in, and on, or stops."""
    chance = np.random.default_rng(seed)
    height, width = place.shape[:2]
    roof = cv2.resize(_roof(seed), (length_px, round(length_px * 0.45)), interpolation=cv2.INTER_AREA)
    row = int(chance.uniform(0.1, 0.85) * (height - roof.shape[0]))
    side = 1 if chance.random() < 0.5 else -1
    if side < 0:
        roof = np.ascontiguousarray(roof[:, ::-1])
    speed = length_px * chance.uniform(0.5, 1.6)  # 8 to 26 km/h
    stops, rest = chance.random() < 0.5, float(chance.uniform(0.2, 0.6) * width)
    since_s = WARM_UP_S
    begin = -length_px if side > 0 else width

    def middle(second: float) -> float:
        gone = begin + side * speed * (second - since_s)
        return rest if stops and (gone - rest) * side > 0 else gone

    def box(second: float) -> Box | None:
        x = middle(second)
        left, right = max(0.0, x), min(float(width), x + length_px)
        if second < since_s or right - left < 0.5 * length_px:
            return None
        return left / width, row / height, right / width, (row + roof.shape[0]) / height

    def clear(second: float) -> Image:
        if second < since_s:
            return place
        drawn, x = place.copy(), round(middle(second))
        left, right = max(0, x), min(width, x + length_px)
        if right > left:
            drawn[row : row + roof.shape[0], left:right] = roof[:, left - x : right - x]
        return drawn

    def at(second: float) -> Image:
        grains = np.random.default_rng(seed * 55_555 + round(second * 25)).normal(0, noise, (height, width, 1))
        return (clear(second).astype(np.float32) * light + grains).clip(0, 255).astype(np.uint8)

    return Visit(f"car {length_px} px from above, seed {seed}", at, box, since_s, since_s + 40.0)
