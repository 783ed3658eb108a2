"""The scene a camera usually shows, learned from its own pictures, and how well a picture matches it.

Everything compares gradients of brightness, not brightness: switched lights, dusk, clouds and automatic exposure scale
gradients but keep their directions and places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.details import Details, FineView, compare, packed, unpacked
from data.model.camera_health import GRID, Grid, PictureFeatures

Mask = npt.NDArray[np.bool_]

_LEARN_PICTURES = 15
_ADAPT = 1 / 120  # share by which the scene moves towards each new picture of it
_MOST_SIZES = 3  # a camera's own picture and its substreams
_SHOWS_IT = 0.6
_FLOOR = 0.5  # levels a cell: gradients below are noise
_STRONG = 2.0  # levels a cell: gradients above are structure
_REACH = (8, 14)  # cells by which a turned view is searched for, up and down, left and right
_MIDDLE = slice(3, -3)  # rows without the camera's text overlay
_DUSK, _DARK, _DAZZLED = 60.0, 40.0, 225.0  # levels beyond which structure may be lost to the light alone


@dataclass(frozen=True, slots=True)
class Likeness:
    """A picture against the learned scene.

    match: correlation of the gradients, 1 the same, 0 nothing in common. turned: the best correlation with the view
    moved sideways or up and down. covered: share (0..1) of the scene's structure that is gone where the rest is there.
    new: share (0..1) of the picture's structure that the scene has not. contrast: structure now relative to the
    scene's. brighter: mean brightness less the scene's, levels. dark: it was and is so dark that little can be told.
    """

    match: float
    turned: float
    covered: float
    new: float
    contrast: float
    brighter: float
    dark: bool


def is_flat(scene: Grid) -> bool:
    """True for a picture without structure (apart from text overlays at the upper and lower edge)."""
    middle = scene[_MIDDLE]
    return float(middle.max() - middle.min()) < 6.0


def slopes(scene: Grid) -> Grid:
    """Gradient of brightness down and to the right, levels per cell, float32 (2, m, n)."""
    down, right = np.gradient(scene[_MIDDLE])
    return np.stack([down, right]).astype(np.float32)


def damped(field: Grid) -> tuple[Grid, Grid]:
    """Gradients damped so that a few lamps do not outweigh the rest (2, m, n), and their strength (m, n)."""
    strength = np.hypot(field[0], field[1])
    return field / np.sqrt(strength + _FLOOR), strength


def gradients(scene: Grid) -> Grid:
    """The damped slopes of a picture, to be correlated with another's."""
    return damped(slopes(scene))[0]


def correlation(a: Grid, b: Grid) -> float:
    """Of two fields of gradients, -1..1; 0 where one of them is empty."""
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-6 else 0.0


class Scene:
    """The usual scene, learned from the first pictures with structure, then adapted slowly."""

    def __init__(self) -> None:
        self._first: list[PictureFeatures] = []
        self._slopes: Grid | None = None
        self._scale = 1.0
        self._brightness = 0.0
        self._fine: dict[tuple[int, ...], FineView] = {}

    @property
    def learned(self) -> bool:
        return self._slopes is not None

    def fine(self, picture: PictureFeatures) -> FineView:
        """The fine view for pictures of this size."""
        if picture.sample.shape not in self._fine and len(self._fine) >= _MOST_SIZES:
            del self._fine[next(iter(self._fine))]
        return self._fine.setdefault(picture.sample.shape, FineView())

    def learn(self, picture: PictureFeatures) -> None:
        """Learn from one of the first pictures; those without structure are ignored."""
        if self.learned or is_flat(picture.scene):
            return
        self._first.append(picture)
        self.fine(picture).follow(picture)
        if len(self._first) == _LEARN_PICTURES:
            fields = [slopes(p.scene) for p in self._first]
            scales = [_scale(field) for field in fields]  # to the same light: else the median mixes exposures
            self._scale = float(np.median(scales))
            evened = [field * (self._scale / scale) for field, scale in zip(fields, scales, strict=True)]
            self._slopes = np.median(evened, axis=0).astype(np.float32)
            self._brightness = float(np.median([p.scene.mean() for p in self._first]))
            self._first = []

    def adapt(self, picture: PictureFeatures, likeness: Likeness) -> None:
        """Adapt to a picture of the scene: shadows move with the sun, trees grow."""
        if self._slopes is None or likeness.match < _SHOWS_IT:
            return
        field = slopes(picture.scene)
        scale = _scale(field)
        self._slopes = self._slopes + np.float32(_ADAPT) * (field * np.float32(self._scale / scale) - self._slopes)
        self._brightness += _ADAPT * (float(picture.scene.mean()) - self._brightness)
        self.fine(picture).follow(picture)

    def details(self, picture: PictureFeatures) -> Details | None:
        """Its fine structure against that of the scene; None for a size that is not learned. About 3 ms."""
        view = self.fine(picture).view
        return None if view is None else compare(view, picture.sample)

    def snapshot(self) -> Any:
        """As JSON; None before it is learned."""
        if self._slopes is None:
            return None
        fine = [state for view in self._fine.values() if (state := view.snapshot()) is not None]
        return {
            "slopes": packed(self._slopes.astype(np.float16)),
            "scale": self._scale,
            "brightness": self._brightness,
            "fine": fine,
        }

    @classmethod
    def restored(cls, state: Any) -> Scene:
        """Raises ValueError for a state that cannot be read."""
        scene = cls()
        try:
            field = unpacked(state["slopes"]).astype(np.float32)
            if field.shape != (2, GRID[0] + _MIDDLE.stop - _MIDDLE.start, GRID[1]):
                raise ValueError(f"slopes of shape {field.shape}")
            scene._slopes, scene._scale = field, float(state["scale"])
            scene._brightness = float(state["brightness"])
            for one in state["fine"]:
                view = FineView.restored(one)
                assert view.view is not None
                scene._fine[view.view.shape] = view
        except (KeyError, TypeError) as error:
            raise ValueError(f"a scene that cannot be read: {error!r}") from error
        return scene

    def likeness(self, picture: PictureFeatures) -> Likeness:
        """Raises ValueError before the scene is learned."""
        if self._slopes is None:
            raise ValueError("the scene is not learned yet")
        known, known_strength = damped(self._slopes)
        seen, seen_strength = damped(slopes(picture.scene))
        match = correlation(known, seen)
        same = _same_direction(known, seen)
        return Likeness(
            match=match,
            turned=match if match >= _SHOWS_IT else _best_turn(known, seen),
            covered=_covered(same, known_strength, seen_strength, picture.scene[_MIDDLE]),
            new=float(seen_strength[~same].sum() / max(_FLOOR, float(seen_strength.sum()))),
            contrast=float(seen_strength.mean() / max(_FLOOR, float(known_strength.mean()))),
            brighter=float(picture.scene.mean()) - self._brightness,
            dark=float(picture.scene.mean()) < _DARK and self._brightness < _DUSK,
        )


def _same_direction(known: Grid, seen: Grid) -> Mask:
    lengths = np.sqrt((known * known).sum(axis=0) * (seen * seen).sum(axis=0))
    return np.asarray((known * seen).sum(axis=0) > 0.7 * lengths)


def _covered(same_direction: Mask, known_strength: Grid, seen_strength: Grid, brightness: Grid) -> float:
    """Share of the scene's structure that is gone; darkened cells count half, since a lamp may have gone out."""
    there = known_strength >= max(_STRONG, float(np.median(known_strength)))
    total = float(known_strength[there].sum())
    if total < 1e-6:
        return 0.0
    same = there & same_direction & (seen_strength > _FLOOR)
    gain = float(np.median(seen_strength[same] / known_strength[same])) if int(same.sum()) >= 10 else 1.0
    gone = there & (seen_strength < 0.2 * gain * known_strength) & (gain * known_strength > 2 * _FLOOR)
    weight = np.where(brightness < _DARK, 0.5, np.where(brightness > _DAZZLED, 0.0, 1.0))
    return float((known_strength * weight)[gone].sum()) / total


def _best_turn(known: Grid, seen: Grid) -> float:
    """The best correlation of the overlap over all shifts within reach, by the convolution theorem."""
    rows, columns = known.shape[1:]
    size = (rows + _REACH[0], columns + _REACH[1])
    inside = np.fft.rfft2(np.ones((rows, columns), np.float32), size)
    both = (np.fft.rfft2(known, size) * np.conj(np.fft.rfft2(seen, size))).sum(axis=0)
    energy_known = np.fft.rfft2((known * known).sum(axis=0), size) * np.conj(inside)
    energy_seen = inside * np.conj(np.fft.rfft2((seen * seen).sum(axis=0), size))
    product, a, b = (np.fft.irfft2(spectrum, size) for spectrum in (both, energy_known, energy_seen))
    score = product / np.sqrt(np.maximum(a, 1e-3) * np.maximum(b, 1e-3))
    down = np.arange(-_REACH[0], _REACH[0] + 1)[:, None]
    right = np.arange(-_REACH[1], _REACH[1] + 1)[None, :]
    return float(score[down, right].max())


def _scale(field: Grid) -> float:
    """Strength of the structure that fills the picture, whatever moves through a part of it."""
    return max(0.05, float(np.median(np.hypot(field[0], field[1]))))
