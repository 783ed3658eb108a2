"""The demo city's cameras by the river: a quay, a bank, steps into the water."""

from __future__ import annotations

import numpy as np

from engine.demo.scene import Painter, View, World
from engine.demo.scenery import (
    CONCRETE,
    LEAVES,
    PAVING,
    floor,
    hill,
    lamp,
    railing,
    skyline,
    stairs,
    tiles,
    tree,
)
from engine.demo.script import Actor, Scene
from engine.demo.water import River

_DUSK = (0.86, 0.76, 0.70)
_GREY = (0.95, 0.92, 0.88)


def _quay(painter: Painter) -> None:
    painter.sky((150, 128, 112), (176, 176, 182))
    hill(painter, 210, (-190, 190), 62, (104, 104, 92))
    skyline(painter, 92, (-75, 80), (9, 34))
    floor(painter, (-90, 90), (84, 92), (96, 104, 100), 6)
    painter.polygon([(-90, 84, 0), (90, 84, 0), (90, 84, -2), (-90, 84, -2)], (92, 100, 102), 5)
    painter.polygon([(-40, 8.4, -1.2), (40, 8.4, -1.2), (120, 84, -1.2), (-120, 84, -1.2)], (100, 112, 112))
    floor(painter, (-12, 12), (4, 8.4), PAVING, 6)
    tiles(painter, (-12, 12), (4.0, 8.2), 1.0, (112, 118, 124))
    painter.polygon([(-12, 8.2, 0), (12, 8.2, 0), (12, 8.45, 0), (-12, 8.45, 0)], (160, 166, 170), 3)
    railing(painter, [(-12, 8.3, 0), (0.2, 8.3, 0)])
    railing(painter, [(3.6, 8.3, 0), (12, 8.3, 0)])
    lamp(painter, -5.4, 8.6, 5.2, 1.0)
    for x in np.arange(-60, 60, 13):
        painter.light((float(x), 84, 3), (40, 110, 150), 3.0)


def _bank(painter: Painter) -> None:
    painter.sky((158, 142, 128), (186, 186, 186))
    hill(painter, 300, (-260, 260), 60, (112, 112, 102))
    hill(painter, 160, (-170, 30), 26, (84, 98, 84))
    skyline(painter, 120, (-110, -20), (8, 26))
    floor(painter, (-90, 60), (2, 110), (84, 112, 96), 10)
    floor(painter, (3.2, 5.6), (2, 110), PAVING, 6)
    tiles(painter, (3.2, 5.6), (4, 40), 1.2, (116, 122, 126))
    shore: list[World] = [(0.4, 2, 0), (0.9, 8, 0), (0.2, 14, 0), (1.2, 25, 0), (-2, 60, 0), (-8, 110, 0)]
    painter.polygon([*shore, (-80, 110, 0), (-40, 2, 0)], (96, 108, 106))
    pebbles: list[World] = [(x + 1.5, y, 0) for x, y, _ in shore]
    painter.polygon([*shore, *reversed(pebbles)], (126, 134, 138), 8)
    for x, y in ((7.8, 13), (8.4, 20), (7.6, 29), (9, 42), (8, 60)):
        tree(painter, x, y, 6.5, LEAVES)
    lamp(painter, 6.1, 16, 5.4, -1.0)
    lamp(painter, 6.1, 38, 5.4, -1.0)
    painter.polygon([(2.3, 11, 0.9), (3.1, 11, 0.9), (3.1, 11, 1.5), (2.3, 11, 1.5)], (235, 235, 235))
    painter.line((2.7, 11, 0), (2.7, 11, 0.9), (120, 120, 120), 0.07)
    painter.text(
        [(2.32, 11, 1.48), (3.08, 11, 1.48), (3.08, 11, 0.92), (2.32, 11, 0.92)], "禁泳", (30, 30, 200), (235,) * 3
    )


def _steps(painter: Painter) -> None:
    painter.sky((150, 134, 120), (182, 180, 180))
    hill(painter, 180, (-170, 170), 58, (98, 106, 94))
    skyline(painter, 74, (-70, 70), (7, 24))
    painter.polygon([(-120, 13.4, -1.6), (120, 13.4, -1.6), (160, 70, -1.6), (-160, 70, -1.6)], (100, 112, 112))
    floor(painter, (-14, 14), (3, 8.2), PAVING, 6)
    tiles(painter, (-14, 14), (4.2, 8.2), 1.0, (112, 118, 124))
    for side in (-1, 1):
        near, far = side * 3.2, side * 16
        painter.polygon([(far, 8.2, 0), (near, 8.2, 0), (near, 13.6, -1.7), (far, 13.6, -1.7)], CONCRETE, 8)
    stairs(painter, (-3.2, 3.2), (8.2, 0.0), (14.6, -2.0), 11)
    railing(painter, [(-3.2, 8.2, 0), (-3.2, 13.6, -1.6)])
    railing(painter, [(3.2, 8.2, 0), (3.2, 13.6, -1.6)])
    railing(painter, [(-14, 8.2, 0), (-3.2, 8.2, 0)])
    railing(painter, [(3.2, 8.2, 0), (14, 8.2, 0)])
    lamp(painter, 6.4, 8.6, 5.4, -1.0)
    painter.text(
        [(-5.5, 8.1, 1.0), (-3.5, 8.1, 1.0), (-3.5, 8.1, 0.42), (-5.5, 8.1, 0.42)],
        "洪水期关闭",
        (40,) * 3,
        (70, 205, 240),
    )


QUAY = Scene(
    id="quay-1",
    title="临江码头 1 号机",
    latin="Quay 1",
    view=View(4.6, 12.0, 900),
    draw=_quay,
    seed=11,
    gain=_DUSK,
    river=River(((-40, 8.45, 0), (40, 8.45, 0), (120, 84, -1.2), (-120, 84, -1.2)), -1.2, mirror_y=84),
    actors=(
        Actor(
            "person_2",
            (
                (20, -6.6, 7.6, 0),
                (34, 1.6, 7.6, 0),
                (37, 2.2, 8.6, -0.5),
                (43, 1.8, 11.2, -1.2),
                (75, -2.6, 12.4, -1.2),
                (104, 1.4, 11.2, -1.2),
                (110, 2.2, 8.6, -0.5),
                (114, 2.0, 7.6, 0),
                (128, 8.6, 7.4, 0),
            ),
            wet=((36, 0), (41, 0.38), (105, 0.38), (109, 0)),
        ),
        Actor("person_3", ((164, 7.4, 7.3, 0), (186, -7.2, 7.3, 0)), mirrored=True, hue=30),
    ),
    zones={"river": ((-9, 10.4, -1.2), (9, 10.4, -1.2), (14, 24, -1.2), (-14, 24, -1.2))},
)

BANK = Scene(
    id="bank-2",
    title="河滩步道 2 号机",
    latin="Riverbank 2",
    view=View(4.4, 13.0, 900),
    draw=_bank,
    seed=23,
    gain=_GREY,
    river=River(
        ((0.4, 2, 0), (0.9, 8, 0), (0.2, 14, 0), (1.2, 25, 0), (-2, 60, 0), (-8, 110, 0), (-90, 110, 0), (-40, 2, 0)),
        0.0,
        mirror_y=110,
    ),
    actors=(
        Actor("person_2", ((14, 4.4, 24, 0), (44, 4.1, 7.2, 0), (48, 3.9, 4.6, 0)), hue=90),
        Actor(
            "person_3",
            (
                (126, 4.6, 20, 0),
                (138, 4.0, 11.5, 0),
                (142, 2.0, 10.6, 0),
                (148, -1.6, 10.2, 0),
                (172, -3.4, 11.4, 0),
                (196, -1.8, 10.6, 0),
                (202, 2.2, 10.4, 0),
                (214, 5.0, 5.0, 0),
            ),
            wet=((143, 0), (147, 0.38), (197, 0.38), (200, 0)),
        ),
    ),
    zones={"river": ((-0.2, 6.2, 0), (-0.2, 14, 0), (-0.2, 26, 0), (-16, 26, 0), (-9, 6.2, 0))},
)

STEPS = Scene(
    id="steps-7",
    title="望江梯坎 7 号机",
    latin="Water steps 7",
    view=View(5.2, 16.0, 980),
    draw=_steps,
    seed=37,
    gain=_DUSK,
    river=River(((-120, 13.3, -1.6), (120, 13.3, -1.6), (160, 70, -1.6), (-160, 70, -1.6)), -1.6, mirror_y=70),
    rain=0.35,
    actors=(
        Actor("person_3", ((30, -6.4, 7.6, 0), (50, 6.4, 7.8, 0))),
        Actor(
            "person_2",
            (
                (84, 6.4, 7.8, 0),
                (92, 1.0, 7.9, 0),
                (100, 0.6, 12.0, -1.2),
                (128, -0.6, 12.3, -1.26),
                (136, 0.8, 7.9, 0),
                (146, 6.4, 7.8, 0),
            ),
            mirrored=True,
            hue=60,
        ),
    ),
    zones={"closed": ((-3.1, 9.8, -0.5), (3.1, 9.8, -0.5), (3.1, 14.2, -1.7), (-3.1, 14.2, -1.7))},
)
