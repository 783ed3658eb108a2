"""How an object looks, in 26 numbers: enough to tell one parked car from the next in the same place.

A colour histogram (Swain and Ballard, 1991) of the upper and the lower half of the box: hues by how colourful each
pixel is, and greys relative to the brightness of the whole picture, so that dusk and auto-exposure do not change it.
Values are spread over neighbouring bins, so that noise at a bin's edge does not either.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from data.model.frame import Image
from data.model.observation import Detection, Vectors
from detectors._area import shrunk

Matrix = npt.NDArray[np.floating]

HUES, GREYS = 8, 5
LENGTH = 2 * (HUES + GREYS)
_INSET = 0.12  # of width and height at every side: what lies at a box's edge is background
_GRID = 12  # pixels each way
_LEAST_PX = 6  # narrower or lower boxes show no colour that can be trusted
_DARKEST, _BRIGHTEST = -2.0, 1.5  # powers of two of the picture's mean brightness
_COLOURLESS = 3.0  # mean spread of the three channels, of 255: an infrared picture
_COLOURFUL = 0.4  # saturation that counts as all colour, no grey


def described(found: list[Detection], picture: Image) -> list[Detection]:
    """The detections with their `appearance`, float32 (26,), which sums to 1.

    All 0, which is like everything, where the box is too small and in a picture without colour: what an infrared
    lamp shows at night does not compare with what the sun showed. `picture`: uint8 (h, w, 3) BGR of any size, to
    which the boxes' fractions refer.
    """
    if not found:
        return found
    sample = picture[::16, ::16].astype(np.int16)
    if float((sample.max(axis=2) - sample.min(axis=2)).mean()) < _COLOURLESS:
        return [replace(detection, appearance=np.zeros(LENGTH, np.float32)) for detection in found]
    patches = [_patch(detection, picture) for detection in found]
    usable = np.array([patch is not None for patch in patches], np.float32)
    stacked = np.stack([np.zeros((_GRID, _GRID, 3), np.uint8) if patch is None else patch for patch in patches])
    looks = _histograms(stacked, max(1.0, float(sample.mean()))) * usable[:, None]
    return [replace(detection, appearance=look) for detection, look in zip(found, looks, strict=True)]


def _patch(detection: Detection, picture: Image) -> Image | None:
    """The inner part of the box, (12, 12, 3); None where it is too small."""
    height, width = picture.shape[:2]
    left, top, right, bottom = detection.xyxy
    inset_x, inset_y = _INSET * (right - left), _INSET * (bottom - top)
    x0, x1 = round((left + inset_x) * width), round((right - inset_x) * width)
    y0, y1 = round((top + inset_y) * height), round((bottom - inset_y) * height)
    if min(x1 - x0, y1 - y0) < _LEAST_PX:
        return None
    return shrunk(picture[y0:y1, x0:x1], _GRID, _GRID)


def _histograms(patches: Image, mean: float) -> Vectors:
    """Of patches (n, 12, 12, 3): (n, 26)."""
    n = len(patches)
    hue, saturation, brightest = _hsv(patches.reshape(2 * n, -1, 3).astype(np.float32))
    value = np.maximum(brightest, 1.0)
    colour = np.clip(saturation / _COLOURFUL, 0, 1) * np.clip(value / mean, 0, 1)
    stops = (np.log2(value / mean) - _DARKEST) / (_BRIGHTEST - _DARKEST) * (GREYS - 1)
    hues = _spread(hue * HUES, colour, HUES, around=True)
    greys = _spread(np.clip(stops, 0, GREYS - 1), 1 - colour, GREYS)
    together: Vectors = np.concatenate([hues, greys], axis=1).reshape(n, LENGTH).astype(np.float32)
    shares: Vectors = together / together.sum(axis=1, keepdims=True)
    return shares


def _hsv(bgr: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    """Hue and saturation, 0 to 1, and value, 0 to 255, of colours (..., 3)."""
    blue, green, red = bgr[..., 0], bgr[..., 1], bgr[..., 2]
    value = bgr.max(axis=-1)
    spread = value - bgr.min(axis=-1)
    divisor = np.maximum(spread, 1.0)
    sixths = np.where(
        value == red,
        (green - blue) / divisor,
        np.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    return (sixths / 6.0) % 1.0, spread / np.maximum(value, 1.0), value


def _spread(place: Matrix, weight: Matrix, bins: int, *, around: bool = False) -> Vectors:
    """Histograms (m, bins) of (m, pixels), each value shared by the two bins beside it.

    `around`: the last bin is beside the first.
    """
    below = np.floor(place)
    share = place - below
    first = below.astype(np.int64)
    second = (first + 1) % bins if around else np.minimum(first + 1, bins - 1)
    rows = np.arange(len(place))[:, None] * bins
    counts = np.bincount((rows + first % bins).ravel(), (weight * (1 - share)).ravel(), len(place) * bins)
    counts += np.bincount((rows + second).ravel(), (weight * share).ravel(), len(place) * bins)
    spread: Vectors = counts.reshape(len(place), bins).astype(np.float32)
    return spread
