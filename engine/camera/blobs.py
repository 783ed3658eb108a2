"""Coherent pieces of what moves, for the rare moment when somebody asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SMALLEST = 3  # cells; less is noise


@dataclass(frozen=True, slots=True)
class Blob:
    """Its middle, in cells, and how many cells it has."""

    row: float
    column: float
    cells: int

    def distance(self, other: Blob) -> float:
        return math.hypot(self.row - other.row, self.column - other.column)


def blobs(blocks: npt.NDArray[np.bool_], most: int) -> tuple[Blob, ...]:
    """Pieces of neighbouring cells, corners included; none when there are more than `most`, which is no object."""
    left = blocks.copy()
    found: list[Blob] = []
    while left.any():
        first = int(np.argmax(left))
        piece = np.zeros_like(left)
        piece.flat[first] = True
        size = 0
        while (grown := int(np.count_nonzero(piece))) > size:
            size = grown
            piece = _spread(piece) & left
        left &= ~piece
        if size < SMALLEST:
            continue
        rows, columns = np.nonzero(piece)
        found.append(Blob(float(rows.mean()), float(columns.mean()), size))
        if len(found) > most:
            return ()
    return tuple(found)


def _spread(piece: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(piece, 1)
    wide = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    spread: npt.NDArray[np.bool_] = wide[:-2] | wide[1:-1] | wide[2:]
    return spread
