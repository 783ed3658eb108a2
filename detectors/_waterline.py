"""Where a level water surface cuts an upright strip of a picture, or why that cannot be told.

Two independent cues must meet in one row. (1) Steps: each 8 px wide block of columns ranks its own brightness
steps, rising or falling, and gives its strongest ones a vote; a surface is a step in many blocks at one height.
(2) Mirror: what stands above a water surface is seen again below it, upside down and never richer in contrast.
Painted marks, stains and edges give one of the two; only the row that clearly outdoes every other row is given.

Rows are boundaries: row r lies between the picture rows r - 1 and r of the strip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from data.model.frame import Image

Floats = npt.NDArray[np.float64]

BLOCK = 8
_REACH = 5  # rows above and below that a step compares
_VOTES = (1.0, 0.7, 0.5, 0.4, 0.3, 0.2)  # of a block for its steps, the strongest first
_DEPTHS = (12, 24, 40)  # rows of reflection looked at; ripples hide the deep ones, plain walls need them
_MIRROR_REACH = 3  # the meniscus shifts the axis of the reflection a little
_MIRRORED = 0.15  # least correlation of a row that may be a surface; the upper edge of a board has about 0
_RICHER = 4.0  # times the variance above, at least; a reflection has less, painted marks come in part only
_NO_MIRROR = 0.15  # added to the mirror's correlation: strong steps count a little where nothing is reflected
_APART = 8  # rows nearer than this are the same place
_CHANCE = 1.1  # over the number of blocks: evidence that any picture gives somewhere
CLEARLY = 1.5
_NOISE = 3.0  # grey levels; keeps the logarithm of dark blocks calm
_CONTRAST = 12.0  # grey levels between the dark and the bright parts of a strip that shows anything
_SHARP = 0.4  # step within 2 rows / step within 8 rows: about 1 in focus, below 0.35 for a blur of 4 px
_FEWEST_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class Surface:
    """A waterline: its row in the strip and the row's standard deviation, both in rows."""

    row: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why there is no waterline to be read."""

    reason: str


def waterline(strip: Image, clearly: float = CLEARLY) -> Surface | Unseen:
    """The water surface in an upright, level strip of brightness, uint8 (rows, columns).

    `clearly`: how many times more evidence its row must have than any other place.
    """
    count = strip.shape[1] // BLOCK
    if count < _FEWEST_BLOCKS or strip.shape[0] < 3 * _DEPTHS[0]:
        return Unseen(f"the strip beside the line is too small: {strip.shape[1]} x {strip.shape[0]} pixels")
    means = strip[:, : count * BLOCK].reshape(len(strip), count, BLOCK).mean(axis=2, dtype=np.float64)
    dark, bright = np.percentile(means, (2, 98))
    if bright - dark < _CONTRAST:
        return Unseen(f"no contrast: dark and bright parts differ by {bright - dark:.0f} of 255 grey levels")
    blocks = np.log(means + _NOISE)
    steps = np.abs(_steps(blocks, _REACH))
    votes, peaks = _votes(steps)
    mirror = _mirror(blocks)
    beyond_chance = np.clip(votes - 2 * votes.mean(), 0, None)
    possible = (mirror >= _MIRRORED) & ~_richer_below(means)
    evidence = np.where(possible, beyond_chance * (mirror + _NO_MIRROR), 0.0)
    best, second = _two_best(evidence)
    if evidence[best] < clearly * (second + _CHANCE / count):
        return Unseen("no row stands out as the water's surface")
    near: npt.NDArray[np.bool_] = np.abs(peaks - best) <= _REACH
    sharpness = _sharpness(blocks, best, np.asarray(near.any(axis=1)))
    if sharpness < _SHARP:
        return Unseen("the picture is blurred")
    rows = peaks[near]
    return Surface(float(best), max(1.0, float(np.std(rows))) if len(rows) else 2.0)


def _steps(blocks: Floats, reach: int) -> Floats:
    """Mean of the `reach` rows below each boundary minus that of the rows above, (rows, blocks)."""
    total = np.vstack([np.zeros(blocks.shape[1]), np.cumsum(blocks, axis=0)])
    row = np.arange(reach, len(blocks) - reach)
    found = np.zeros_like(blocks)
    found[row] = (total[row + reach] - 2 * total[row] + total[row - reach]) / reach
    return found


def _votes(steps: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Share of votes for each row, and each block's strongest steps, int64 (blocks, votes), -1000 where none."""
    rows, count = steps.shape
    highest = cv2.dilate(steps.astype(np.float32), np.ones((7, 1), np.uint8))
    is_peak = (steps.astype(np.float32) >= highest) & (steps > 0)
    votes = np.zeros((rows, count))
    peaks = np.full((count, len(_VOTES)), -1000, dtype=np.int64)
    for block in range(count):
        found = np.flatnonzero(is_peak[:, block])
        found = found[np.argsort(-steps[found, block], kind="stable")][: len(_VOTES)]
        peaks[block, : len(found)] = found
        for vote, row in zip(_VOTES, found, strict=False):
            for off in range(max(-2, -int(row)), min(3, rows - int(row))):
                votes[row + off, block] = max(votes[row + off, block], vote * (1 - abs(off) / 6))
    return votes.mean(axis=1), peaks


def _mirror(blocks: Floats) -> Floats:
    """Correlation of what is above each row with what is below it, upside down: -1..1, best of the rows beside."""
    smooth = np.asarray(cv2.GaussianBlur(blocks, (1, 3), 0), dtype=np.float64)
    mean = np.mean([_correlation(smooth, depth) for depth in _DEPTHS], axis=0)
    padded = np.pad(mean, _MIRROR_REACH, mode="edge")
    best: Floats = np.lib.stride_tricks.sliding_window_view(padded, 2 * _MIRROR_REACH + 1).max(axis=1)
    return best


def _richer_below(means: Floats) -> npt.NDArray[np.bool_]:
    """Rows below which there is more contrast than above: water gives back less light than it gets."""
    richer = np.zeros(len(means), dtype=np.bool_)
    for depth in _DEPTHS:  # the deepest that fits decides
        if len(means) <= 2 * depth:
            break
        variance = np.lib.stride_tricks.sliding_window_view(means, depth, axis=0).var(axis=2).sum(axis=1)
        rows = np.arange(depth, len(means) - depth)
        richer[rows] = variance[rows] > _RICHER * variance[rows - depth]
    return richer


def _correlation(blocks: Floats, depth: int) -> Floats:
    """Normalised over all blocks at once, each block's own mean removed: what is upright everywhere says nothing."""
    found = np.zeros(len(blocks))
    rows = np.arange(depth, len(blocks) - depth + 1)
    if len(rows) == 0:
        return found
    above = blocks[rows[:, None] - 1 - np.arange(depth)]
    below = blocks[rows[:, None] + np.arange(depth)]
    above = above - above.mean(axis=1, keepdims=True)
    below = below - below.mean(axis=1, keepdims=True)
    both = np.einsum("rdb,rdb->r", above, below)
    energy = np.einsum("rdb,rdb->r", above, above) * np.einsum("rdb,rdb->r", below, below)
    found[rows[rows < len(found)]] = (both / np.sqrt(energy + 1e-9))[rows < len(found)]
    return found


def _two_best(evidence: Floats) -> tuple[int, float]:
    """The best row, and the evidence for the best row anywhere else."""
    best = int(np.argmax(evidence))
    rest = evidence.copy()
    rest[max(0, best - _APART) : best + _APART + 1] = 0
    return best, float(rest.max())


def _sharpness(blocks: Floats, row: int, supporting: npt.NDArray[np.bool_]) -> float:
    """How much of the step at a row happens within two rows: the median of the blocks that voted for it."""
    if not supporting.any():
        return 0.0
    beside = slice(max(0, row - 2), row + 3)
    narrow = np.abs(_steps(blocks, 2))[beside].max(axis=0)[supporting]
    wide = np.abs(_steps(blocks, 8))[beside].max(axis=0)[supporting]
    return float(np.median(narrow / np.maximum(wide, 1e-6)))
