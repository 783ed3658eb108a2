"""Things that stand in the drawn scenes: houses, hills, trees, lamps, railings, steps, road markings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from engine.demo.scene import Colour, Painter, World

CONCRETE: Colour = (128, 134, 136)
PAVING: Colour = (138, 146, 152)
ASPHALT: Colour = (86, 84, 82)
WHITE: Colour = (215, 220, 222)
YELLOW: Colour = (60, 190, 225)
GLASS_DARK: Colour = (78, 66, 58)
GLASS_LIT: Colour = (120, 200, 250)
LEAVES: Colour = (62, 96, 66)
STEEL: Colour = (150, 146, 140)

Wall = tuple[World, World]


def floor(painter: Painter, x: tuple[float, float], y: tuple[float, float], colour: Colour, grain: float = 5) -> None:
    """A rectangle of ground."""
    corners = [(x[0], y[0], 0.0), (x[1], y[0], 0.0), (x[1], y[1], 0.0), (x[0], y[1], 0.0)]
    painter.polygon(corners, colour, grain)


def tiles(painter: Painter, x: tuple[float, float], y: tuple[float, float], step_m: float, colour: Colour) -> None:
    """Joints of paving slabs."""
    for along in np.arange(x[0], x[1] + 0.01, step_m):
        painter.line((along, y[0], 0), (along, y[1], 0), colour, 0.02)
    for across in np.arange(y[0], y[1] + 0.01, step_m):
        painter.line((x[0], across, 0), (x[1], across, 0), colour, 0.02)


def facade(
    painter: Painter,
    foot: Wall,
    height_m: float,
    colour: Colour,
    *,
    storeys: int,
    windows: int,
    lit: float = 0.3,
    base_m: float = 0.0,
) -> None:
    """An upright wall over the ground line `foot` with rows of windows, a share `lit` of them lit."""
    (x0, y0, z0), (x1, y1, z1) = foot

    def at(share: float, up: float) -> World:
        return (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, z0 + (z1 - z0) * share + up)

    painter.polygon([at(0, 0), at(1, 0), at(1, height_m), at(0, height_m)], colour, 4)
    tall = (height_m - base_m) / max(storeys, 1)
    for storey in range(storeys):
        for number in range(windows):
            left, right = (number + 0.22) / windows, (number + 0.78) / windows
            low, high = base_m + (storey + 0.25) * tall, base_m + (storey + 0.82) * tall
            shine = painter.random.random()
            warm = GLASS_LIT if shine < lit else GLASS_DARK
            fade = 0.75 + 0.35 * painter.random.random()
            pane = (int(warm[0] * fade), int(warm[1] * fade), int(min(warm[2] * fade, 255)))
            painter.polygon([at(left, low), at(right, low), at(right, high), at(left, high)], pane)
    ledge = (max(colour[0] - 34, 0), max(colour[1] - 34, 0), max(colour[2] - 34, 0))
    for storey in range(storeys + 1):
        painter.line(at(0, base_m + storey * tall), at(1, base_m + storey * tall), ledge, 0.09)


def skyline(painter: Painter, y: float, x: tuple[float, float], heights: tuple[float, float], z: float = 0.0) -> None:
    """A far row of towers of different heights, grey with the distance."""
    left = x[0]
    while left < x[1]:
        wide = painter.random.uniform(7, 16)
        high = painter.random.uniform(*heights)
        shade = int(painter.random.uniform(92, 132))
        foot = ((left, y, z), (left + wide * 0.9, y, z))
        facade(
            painter,
            foot,
            high,
            (shade + 6, shade + 1, shade - 5),
            storeys=max(3, int(high / 3.4)),
            windows=max(3, int(wide / 2.4)),
            lit=0.22,
        )
        left += wide


def hill(painter: Painter, y: float, x: tuple[float, float], height_m: float, colour: Colour) -> None:
    """A ridge as a far backdrop."""
    steps = np.linspace(x[0], x[1], 40)
    phases = painter.random.uniform(0, 6, 3)
    ridge = height_m * (
        0.65
        + 0.2 * np.sin(steps / 31 + phases[0])
        + 0.1 * np.sin(steps / 11 + phases[1])
        + 0.05 * np.sin(steps / 4 + phases[2])
    )
    top: list[World] = [(float(a), y, float(b)) for a, b in zip(steps, ridge, strict=True)]
    painter.polygon([*top, (x[1], y, 0.0), (x[0], y, 0.0)], colour, 5)


def tree(painter: Painter, x: float, y: float, height_m: float, colour: Colour = LEAVES) -> None:
    """A trunk and a cloud of leaf clumps."""
    painter.line((x, y, 0), (x, y, height_m * 0.55), (52, 62, 74), 0.22)
    for _ in range(110):
        angle = painter.random.uniform(0, 6.283)
        out = painter.random.uniform(0, 1) ** 0.5 * height_m * 0.30
        middle = (x + out * float(np.cos(angle)), y, height_m * 0.70 + out * 0.85 * float(np.sin(angle)))
        size = painter.random.uniform(0.025, 0.065) * height_m
        light = painter.random.uniform(0.7, 1.25)
        shade = (int(colour[0] * light), int(min(colour[1] * light, 255)), int(colour[2] * light))
        ring = [
            (middle[0] + size * float(np.cos(a)), y, middle[2] + size * float(np.sin(a)))
            for a in np.linspace(0, 6.283, 9)
        ]
        painter.polygon(ring, shade)


def lamp(painter: Painter, x: float, y: float, height_m: float, reach_m: float, *, on: bool = True) -> None:
    """A street lamp whose arm reaches to the side by `reach_m`."""
    painter.line((x, y, 0), (x, y, height_m), (92, 92, 90), 0.14)
    painter.line((x, y, height_m), (x + reach_m, y, height_m + 0.25), (92, 92, 90), 0.1)
    head = (x + reach_m, y, height_m + 0.2)
    painter.line(head, (head[0] + 0.5, y, head[2]), (190, 225, 240) if on else (120, 120, 120), 0.16)
    if on:
        painter.light(head, (70, 130, 170), 2.6)


def railing(painter: Painter, points: Sequence[World], height_m: float = 1.05, every_m: float = 1.2) -> None:
    """Posts and two rails along a line."""
    for start, end in pairwise(points):
        long = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        for share in np.linspace(0, 1, max(2, int(long / every_m) + 1)):
            x, y, z = (start[i] + (end[i] - start[i]) * float(share) for i in range(3))
            painter.line((x, y, z), (x, y, z + height_m), STEEL, 0.06)
        for up in (height_m, height_m * 0.55):
            painter.line((start[0], start[1], start[2] + up), (end[0], end[1], end[2] + up), STEEL, 0.06)


def stairs(
    painter: Painter, x: tuple[float, float], foot: tuple[float, float], head: tuple[float, float], steps: int
) -> None:
    """Steps from (y, z) `foot` to (y, z) `head`, facing the camera or away from it."""
    ys, zs = np.linspace(foot[0], head[0], steps + 1), np.linspace(foot[1], head[1], steps + 1)
    order = range(steps - 1, -1, -1) if head[0] > foot[0] else range(steps)
    for i in order:
        near, far, low, high = float(ys[i]), float(ys[i + 1]), float(zs[i]), float(zs[i + 1])
        shade = int(painter.random.uniform(-5, 5))
        tread = (136 + shade, 143 + shade, 148 + shade)
        riser = (96 + shade, 102 + shade, 106 + shade)
        painter.polygon([(x[0], near, high), (x[1], near, high), (x[1], far, high), (x[0], far, high)], tread, 3)
        painter.polygon([(x[0], near, low), (x[1], near, low), (x[1], near, high), (x[0], near, high)], riser, 3)


def hatching(painter: Painter, x: tuple[float, float], y: tuple[float, float], colour: Colour = YELLOW) -> None:
    """The yellow box of a no-parking place: an outline with crossing diagonals."""
    corners: list[World] = [(x[0], y[0], 0.0), (x[1], y[0], 0.0), (x[1], y[1], 0.0), (x[0], y[1], 0.0)]
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        painter.line(start, end, colour, 0.13)
    deep = y[1] - y[0]
    for left in np.arange(x[0] - deep, x[1], 1.5):
        first, last = max(left, x[0]), min(left + deep, x[1])
        for lean in (1, -1):
            y_first, y_last = y[0] + first - left, y[0] + last - left
            if lean < 0:
                y_first, y_last = y[1] - (first - left), y[1] - (last - left)
            painter.line((first, y_first, 0), (last, y_last, 0), colour, 0.07)


def dashes(painter: Painter, start: World, end: World, colour: Colour = WHITE, dash_m: float = 2.0) -> None:
    """A broken lane line."""
    long = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    count = max(1, int(long / (2 * dash_m)))
    for i in range(count):
        a, b = i / count, (i + 0.5) / count
        first = tuple(start[k] + (end[k] - start[k]) * a for k in range(3))
        last = tuple(start[k] + (end[k] - start[k]) * b for k in range(3))
        painter.line((first[0], first[1], first[2]), (last[0], last[1], last[2]), colour, 0.12)
