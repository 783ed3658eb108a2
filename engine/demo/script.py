"""What happens in a scene: who walks where and when, and how high the water stands. Pure data and interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from engine.demo.scene import Painter, View, World
from engine.demo.water import Bowl, River

PERIOD_S = 240.0
"""Every video and every gauge series of the demo comes back to its beginning after this time."""

Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Actor:
    """A sprite on its way: `way` is (seconds, x, y, z) in metres, seen from the first key to the last.

    `wet`: (seconds, share of the height under water). `hue`: shift of the colours in OpenCV's half degrees.
    """

    sprite: str
    way: tuple[tuple[float, float, float, float], ...]
    height_m: float = 1.75
    mirrored: bool = False
    hue: int = 0
    wet: Keys = ((0.0, 0.0),)
    walks: bool = True

    @property
    def from_s(self) -> float:
        return self.way[0][0]

    @property
    def until_s(self) -> float:
        return self.way[-1][0]

    def place(self, at_s: float) -> World | None:
        """Where the feet (or the cut at the waterline) are; None while not in the picture."""
        if not self.from_s <= at_s < self.until_s:
            return None
        x, y, z = (interpolated([(key[0], key[i]) for key in self.way], at_s) for i in (1, 2, 3))
        return x, y, z

    def moving(self, at_s: float) -> bool:
        """Does it move at this moment?"""
        here, soon = self.place(at_s), self.place(at_s + 0.25)
        return here is not None and soon is not None and abs(here[0] - soon[0]) + abs(here[1] - soon[1]) > 0.05


@dataclass(frozen=True, slots=True)
class Scene:
    """One camera of the demo city; its id is the site's id and the name of its video."""

    id: str
    title: str
    latin: str
    view: View
    draw: Callable[[Painter], None]
    seed: int
    gain: tuple[float, float, float] = (0.92, 0.88, 0.84)
    actors: tuple[Actor, ...] = ()
    river: River | None = None
    bowl: Bowl | None = None
    depth_cm: Keys = ((0.0, 0.0),)
    rain: float = 0.0
    zones: dict[str, tuple[World, ...]] = field(default_factory=dict)


def interpolated(keys: Sequence[tuple[float, float]], at_s: float) -> float:
    """Straight lines between the keys; the first and last value beyond them."""
    if at_s <= keys[0][0]:
        return keys[0][1]
    for (t0, v0), (t1, v1) in pairwise(keys):
        if at_s < t1:
            return v0 + (v1 - v0) * (at_s - t0) / (t1 - t0)
    return keys[-1][1]


def eased(keys: Sequence[tuple[float, float]], at_s: float) -> float:
    """Like `interpolated`, but starting and arriving gently, as water rises and falls."""
    if at_s <= keys[0][0]:
        return keys[0][1]
    for (t0, v0), (t1, v1) in pairwise(keys):
        if at_s < t1:
            share = (at_s - t0) / (t1 - t0)
            return v0 + (v1 - v0) * share * share * (3 - 2 * share)
    return keys[-1][1]
