"""The demo city's cameras in the streets: a school gate, a market lane, an underpass, a tunnel mouth."""

from __future__ import annotations

import numpy as np

from engine.demo.scene import Painter, View, World
from engine.demo.scenery import (
    ASPHALT,
    CONCRETE,
    GLASS_DARK,
    PAVING,
    WHITE,
    YELLOW,
    dashes,
    facade,
    floor,
    hatching,
    hill,
    lamp,
    railing,
    skyline,
    tiles,
    tree,
)
from engine.demo.script import Actor, Scene
from engine.demo.water import Bowl

_DAY = (0.98, 0.96, 0.93)
_RAIN = (0.90, 0.84, 0.78)


def _school(painter: Painter) -> None:
    painter.sky((190, 170, 150), (205, 202, 198))
    hill(painter, 160, (-160, 160), 52, (110, 124, 104))
    facade(painter, ((-26, 30, 0), (26, 30, 0)), 11, (150, 178, 196), storeys=3, windows=16, lit=0.12, base_m=1.0)
    floor(painter, (-26, 26), (19, 30), (120, 136, 130), 6)
    for x in (-17, -11, 11.5, 18):
        tree(painter, x, 22, 6.0)
    floor(painter, (-26, 26), (15, 19), PAVING, 6)
    tiles(painter, (-20, 20), (15.4, 19), 0.9, (116, 122, 126))
    for left, right in ((-22, -3.4), (3.4, 22)):
        painter.polygon([(left, 19, 0), (right, 19, 0), (right, 19, 0.7), (left, 19, 0.7)], (132, 150, 172), 5)
        railing(painter, [(left, 19, 0.7), (right, 19, 0.7)], 1.2, 0.6)
    for x in (-3.4, 3.4):
        painter.polygon(
            [(x - 0.4, 19, 0), (x + 0.4, 19, 0), (x + 0.4, 19, 2.8), (x - 0.4, 19, 2.8)], (118, 140, 170), 4
        )
    painter.text(
        [(-3.6, 18.9, 3.7), (3.6, 18.9, 3.7), (3.6, 18.9, 2.7), (-3.6, 18.9, 2.7)],
        "望江小学",
        (40, 40, 190),
        (225, 232, 235),
    )
    railing(painter, [(-3.0, 19.1, 0), (3.0, 19.1, 0)], 1.5, 0.35)
    floor(painter, (-30, 30), (4, 15), ASPHALT, 6)
    painter.polygon([(-30, 15, 0), (30, 15, 0), (30, 15.25, 0.12), (-30, 15.25, 0.12)], (168, 172, 174), 3)
    dashes(painter, (-20, 9.4, 0), (20, 9.4, 0))
    painter.line((-30, 5.9, 0), (30, 5.9, 0), WHITE, 0.12)
    hatching(painter, (-6.5, 6.5), (11.2, 14.6))
    lamp(painter, -9.2, 15.6, 6.2, 1.2, on=False)


def _market(painter: Painter) -> None:
    painter.sky((128, 108, 96), (150, 146, 150))
    hill(painter, 220, (-120, 120), 60, (90, 92, 84))
    skyline(painter, 96, (-34, 34), (18, 40))
    floor(painter, (-14, 14), (3, 95), ASPHALT, 7)
    for side in (-1, 1):
        floor(painter, tuple(sorted((side * 4.6, side * 9)))[:2], (3, 95), PAVING, 6)  # type: ignore[arg-type]
        painter.line((side * 4.6, 3, 0.1), (side * 4.6, 95, 0.1), (170, 174, 176), 0.2)
    signs = ("老街小面", "鲜果行", "便民药房", "五金店", "茶馆", "理发", "文具", "渔具")
    for i in range(7):
        near, far = 9.0 + i * 9.5, 9.0 + (i + 1) * 9.5
        for side in (-1, 1):
            shade = painter.random.integers(-16, 16, 3)
            colour = (int(118 + shade[0]), int(132 + shade[1]), int(146 + shade[2]))
            x = side * 8.6
            facade(painter, ((x, near, 0), (x, far - 0.3, 0)), 12.5, colour, storeys=3, windows=3, lit=0.4, base_m=3.6)
            painter.polygon(
                [(x, near + 0.4, 0), (x, far - 0.8, 0), (x, far - 0.8, 2.6), (x, near + 0.4, 2.6)], (116, 178, 226), 10
            )
            hue = [(190, 60, 40), (40, 40, 190), (60, 130, 30), (30, 120, 200)][(i + side) % 4]
            word = signs[(2 * i + (side > 0)) % len(signs)]
            y0, y1 = (near + 0.3, far - 0.7) if side < 0 else (far - 0.7, near + 0.3)
            painter.text([(x, y0, 3.6), (x, y1, 3.6), (x, y1, 2.6), (x, y0, 2.6)], word, (235, 240, 245), hue)
            painter.light((x - side * 0.4, near + 4, 2.4), (50, 95, 130), 2.2)
    hatching(painter, (0.9, 4.4), (9.0, 19.0))
    painter.text(
        [(1.2, 21.6, 0.01), (4.2, 21.6, 0.01), (4.2, 19.4, 0.01), (1.2, 19.4, 0.01)], "消防通道", YELLOW, ASPHALT
    )
    dashes(painter, (0, 5, 0), (0, 80, 0))
    lamp(painter, -5.0, 18, 6.2, 1.2)
    lamp(painter, 5.0, 34, 6.2, -1.2)


def _portal(painter: Painter, y: float, half_m: float, colour: tuple[int, int, int], sign: str) -> None:
    """A road going down between walls into a portal at `y`."""
    for side in (-1, 1):
        x = side * (half_m + 1.1)
        painter.polygon([(x, 3, 0), (x, y, 0), (x, y, 5.6), (x, 3, 3.2)], CONCRETE, 8)
        for step in np.arange(5, y, 4.0):
            painter.line((x, float(step), 0), (x, float(step), 4.2), (96, 102, 104), 0.06)
        railing(painter, [(x, 4, 3.3), (x, y, 5.6)], 1.0, 1.5)
    wide = half_m + 9
    painter.polygon([(-wide, y, 0), (wide, y, 0), (wide, y, 8.2), (-wide, y, 8.2)], colour, 7)
    arch: list[World] = [
        (half_m * float(np.cos(a)), y, 4.0 + 1.1 * float(np.sin(a))) for a in np.linspace(0, np.pi, 17)
    ]
    painter.polygon([(half_m, y, 0), *arch, (-half_m, y, 0)], (44, 42, 40), 3)
    painter.polygon([(-0.5, y, 0), (0.5, y, 0), (0.5, y, 5.2), (-0.5, y, 5.2)], colour, 6)
    for edge in (-0.5, 0.5):
        painter.line((edge, y, 0), (edge, y, 5.0), YELLOW, 0.12)
    painter.text(
        [(-4.2, y - 0.1, 7.4), (4.2, y - 0.1, 7.4), (4.2, y - 0.1, 5.8), (-4.2, y - 0.1, 5.8)],
        sign,
        (235,) * 3,
        (120, 80, 30),
    )
    painter.text(
        [(half_m - 1.9, y - 0.1, 5.3), (half_m, y - 0.1, 5.3), (half_m, y - 0.1, 4.7), (half_m - 1.9, y - 0.1, 4.7)],
        "限高4.5米",
        (30,) * 3,
        YELLOW,
    )


def _staff(painter: Painter, x: float, y: float) -> None:
    """A road water gauge: a white board of one metre with a mark every 10 cm."""
    for i in range(10):
        colour = (235, 235, 235) if i % 2 else (40, 40, 200)
        low, high = i / 10, (i + 1) / 10
        painter.polygon([(x, y, low), (x + 0.34, y, low), (x + 0.34, y, high), (x, y, high)], colour)
    painter.line((x, y, 0), (x, y, 1.05), (60, 60, 60), 0.03)


def _underpass(painter: Painter) -> None:
    painter.sky((140, 126, 116), (172, 170, 170))
    skyline(painter, 70, (-60, 60), (14, 34))
    floor(painter, (-20, 20), (3, 26), ASPHALT, 7)
    _portal(painter, 26, 5.2, (122, 128, 132), "下穿通道")
    dashes(painter, (0, 4, 0), (0, 26, 0))
    for side in (-1, 1):
        painter.line((side * 5.0, 3, 0), (side * 5.0, 26, 0), WHITE, 0.12)
        painter.polygon([(side * 5.3, 3, 0), (side * 6.3, 3, 0), (side * 6.3, 26, 0), (side * 5.3, 26, 0)], PAVING, 5)
    _staff(painter, 4.9, 15.5)


def _tunnel(painter: Painter) -> None:
    painter.sky((150, 138, 128), (180, 178, 176))
    hill(painter, 60, (-90, 90), 30, (76, 104, 82))
    floor(painter, (-24, 24), (3, 34), ASPHALT, 7)
    painter.polygon([(-24, 3, 0), (-6.6, 3, 0), (-6.6, 30, 0), (-24, 30, 0)], (86, 118, 96), 10)
    hill(painter, 30.5, (-60, 60), 17, (70, 98, 78))
    for x in (-12, -15, 13, 17, -19):
        tree(painter, x, 28, 7)
    _portal(painter, 30, 6.0, (112, 122, 130), "望江隧道")
    painter.line((-0.12, 3, 0), (-0.12, 30, 0), YELLOW, 0.1)
    painter.line((0.12, 3, 0), (0.12, 30, 0), YELLOW, 0.1)
    for side in (-1, 1):
        dashes(painter, (side * 3.2, 4, 0), (side * 3.2, 30, 0))
        painter.line((side * 6.0, 3, 0), (side * 6.0, 30, 0), WHITE, 0.12)
    _staff(painter, -6.2, 15.0)
    painter.polygon([(-9.5, 20, 0), (-8.6, 20, 0), (-8.6, 20, 1.5), (-9.5, 20, 1.5)], GLASS_DARK)


SCHOOL = Scene(
    id="school-3",
    title="望江小学门口 3 号机",
    latin="School gate 3",
    view=View(5.6, 15.0, 900),
    draw=_school,
    seed=41,
    gain=_DAY,
    actors=(
        Actor("person_3", ((6, -8.8, 16.6, 0.1), (32, 8.8, 16.8, 0.1))),
        Actor(
            "bus",
            (
                (16, 14.5, 13.3, 0),
                (23, 1.4, 13.1, 0),
                (25, 0.2, 13.1, 0),
                (112, 0.2, 13.1, 0),
                (114, -1.0, 13.1, 0),
                (120, -14.5, 12.9, 0),
            ),
            2.9,
            walks=False,
        ),
        Actor("person_2", ((60, 8.8, 16.3, 0.1), (86, -8.8, 16.5, 0.1)), mirrored=True),
        Actor("bus", ((160, 14.5, 13.0, 0), (169, -14.5, 12.8, 0)), 2.9, hue=70, walks=False),
        Actor("person_3", ((190, 8.8, 16.6, 0.1), (216, -8.8, 16.8, 0.1)), mirrored=True, hue=40),
    ),
    zones={"gate": ((-6.7, 11.0, 0), (6.7, 11.0, 0), (6.7, 14.9, 0), (-6.7, 14.9, 0))},
)

MARKET = Scene(
    id="market-4",
    title="老街消防通道 4 号机",
    latin="Market lane 4",
    view=View(5.0, 13.0, 900),
    draw=_market,
    seed=53,
    gain=_RAIN,
    rain=0.5,
    actors=(
        Actor("person_2", ((10, -6.2, 30, 0.1), (46, -5.6, 7.2, 0.1), (50, -5.4, 5, 0.1))),
        Actor("person_3", ((70, 6.3, 26, 0.1), (104, 5.9, 8.0, 0.1), (110, 5.6, 5, 0.1)), hue=50),
        Actor(
            "bus",
            (
                (84, 2.6, 62, 0),
                (98, 2.5, 16.6, 0),
                (101, 2.5, 14.6, 0),
                (196, 2.5, 14.6, 0),
                (199, 2.0, 11.5, 0),
                (204, -0.6, 1.5, 0),
            ),
            2.5,
            hue=-72,
            walks=False,
        ),
        Actor("person_2", ((150, -5.4, 6, 0.1), (190, -6.2, 30, 0.1)), mirrored=True, hue=80),
    ),
    zones={"fire-lane": ((0.7, 8.4, 0), (4.6, 8.4, 0), (4.6, 19.6, 0), (0.7, 19.6, 0))},
)

UNDERPASS = Scene(
    id="underpass-5",
    title="滨江下穿 5 号机",
    latin="Underpass 5",
    view=View(4.6, 12.0, 900),
    draw=_underpass,
    seed=67,
    gain=_RAIN,
    rain=1.0,
    bowl=Bowl((0.0, 17.0), (9.0, 14.0), ((-6.3, 3, 0), (6.3, 3, 0), (6.3, 26, 0), (-6.3, 26, 0)), mirror_y=26),
    depth_cm=((0, 0), (32, 0), (96, 40), (126, 40), (186, 3), (204, 0)),
    actors=(Actor("bus", ((6, 2.5, 25.0, 0), (16, 2.4, 5.0, 0), (18, 2.2, 1.0, 0)), 2.7, walks=False),),
)

TUNNEL = Scene(
    id="tunnel-6",
    title="望江隧道口 6 号机",
    latin="Tunnel mouth 6",
    view=View(4.8, 12.0, 860),
    draw=_tunnel,
    seed=71,
    gain=_RAIN,
    rain=0.8,
    bowl=Bowl((-1.5, 17.0), (11.0, 13.0), ((-6.6, 3, 0), (7.1, 3, 0), (7.1, 30, 0), (-6.6, 30, 0)), mirror_y=30),
    depth_cm=((0, 0), (92, 0), (166, 33), (184, 33), (226, 2), (236, 0)),
    actors=(Actor("bus", ((50, 3.0, 29.0, 0), (60, 2.8, 6.0, 0), (62, 2.4, 1.0, 0)), 2.7, hue=-45, walks=False),),
)
