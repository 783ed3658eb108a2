"""A small dark part of a kept picture made visible: with what is around it, cleaned of noise, brightened, enlarged.

Made when somebody looks; the kept picture stays as it is. Denoising: non-local means (Buades, Coll and Morel 2005).
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from data.errors import InputRejected

_CONTEXT = 2.5  # sides of the object that are shown around and with it
_LEAST_PART = 0.08  # of the picture's width
_SHAPE = 4 / 3
_SHOWN = (640, 480)
_WORKED = (400, 300)  # what is larger is shrunk before the noise is taken away
_MOST_PIXELS = 40_000_000
_DARKEST, _BRIGHTEST = 0.1, 99.9  # percentiles of brightness that become black and white
_MIDDLE = 0.42  # the median brightness is brought up to it, never down
_GAMMA = 0.35
_MOST_GAIN = 6.0  # of contrast
_NOISY = 1.5  # levels: less noise is left as it is
_SEARCH, _PATCH = 4, 2  # pixels to either side

Plane = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]
"""left, top, right, bottom, fractions of the picture."""


def box_of(text: str) -> Box:
    """From left,top,right,bottom. Raises InputRejected."""
    try:
        left, top, right, bottom = (float(side) for side in text[:100].split(","))
    except ValueError:
        raise InputRejected("closer is left,top,right,bottom") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputRejected("closer is a box within the picture, in fractions of it")
    return left, top, right, bottom


def closer_picture(content: bytes, box: Box) -> bytes:
    """JPEG, 640 x 480, of what is in and around the box. Raises InputRejected."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise InputRejected("the picture is too large to be shown closer")
            part = picture.convert("RGB").crop(_part(box, picture.width, picture.height)).convert("YCbCr")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        raise InputRejected("the picture cannot be read") from None
    part.thumbnail(_WORKED)
    light, *colours = part.split()
    visible = Image.fromarray(_brightened(np.asarray(light, np.float32)))
    whole = Image.merge("YCbCr", (visible, *colours)).resize(_SHOWN, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    whole.convert("RGB").save(file, "JPEG", quality=88)
    return file.getvalue()


def _part(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    wide = max(_CONTEXT * (right - left) * width, _CONTEXT * (bottom - top) * height * _SHAPE, _LEAST_PART * width)
    wide = max(1.0, min(wide, width, height * _SHAPE))
    across, down = max(1, round(wide)), max(1, min(height, round(wide / _SHAPE)))
    x = round(min(max((left + right) / 2 * width - across / 2, 0), width - across))
    y = round(min(max((top + bottom) / 2 * height - down / 2, 0), height - down))
    return x, y, x + across, y + down


def _brightened(light: Plane) -> npt.NDArray[np.uint8]:
    """Noise taken away that the rest would raise, its own range of brightness spread, and a dark middle raised."""
    noise = _noise_of(light)
    if noise >= _NOISY:
        light = _denoised(light, noise)
    low, high = (float(value) for value in np.percentile(light, (_DARKEST, _BRIGHTEST)))
    spread = ((light - low) * min(1 / max(high - low, 1.0), _MOST_GAIN / 255)).clip(0, 1)
    middle = min(max(float(np.median(spread)), 1e-3), 0.999)
    gamma = min(1.0, max(_GAMMA, float(np.log(_MIDDLE) / np.log(middle))))
    return np.asarray(255 * spread**gamma, np.uint8)


def _noise_of(light: Plane) -> float:
    """Standard deviation of single pixels, levels, by how far the middle one of them lies off its four neighbours."""
    if min(light.shape) < 3:
        return 0.0
    around = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:]
    return float(np.median(np.abs(around - 4 * light[1:-1, 1:-1]))) / (0.6745 * 20**0.5)


def _denoised(light: Plane, noise: float) -> Plane:
    """Each pixel as the mean of those around whose neighbourhoods look alike."""
    reach = _SEARCH + _PATCH
    wide = np.pad(light, reach, mode="reflect") if min(light.shape) > reach else np.pad(light, reach, mode="edge")
    own = wide[_SEARCH : wide.shape[0] - _SEARCH, _SEARCH : wide.shape[1] - _SEARCH]
    total, weights = np.zeros_like(light), np.zeros_like(light)
    steps: Sequence[int] = range(-_SEARCH, _SEARCH + 1)
    for down in steps:
        for across in steps:
            other = wide[_SEARCH + down : wide.shape[0] - _SEARCH + down, _SEARCH + across :][:, : own.shape[1]]
            unlike = _mean_around((other - own) ** 2) - np.float32(
                2 * noise**2
            )  # of noise alone they differ by so much
            weight = np.exp(-np.maximum(unlike, 0) / np.float32((0.9 * noise) ** 2))
            total += weight * other[_PATCH:-_PATCH, _PATCH:-_PATCH]
            weights += weight
    return np.asarray(total / weights, np.float32)


def _mean_around(plane: Plane) -> Plane:
    """Mean over each pixel's patch; smaller by the patch's reach on all sides."""
    side = 2 * _PATCH + 1
    rows = np.add.reduce([plane[i : plane.shape[0] - side + 1 + i] for i in range(side)])
    both = np.add.reduce([rows[:, i : plane.shape[1] - side + 1 + i] for i in range(side)])
    return np.asarray(both / np.float32(side * side), np.float32)
