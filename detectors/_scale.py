"""From a row of the picture to a height, by marks that the user gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Scale:
    """height = (a row + b) / (1 + c row): points of a straight line in perspective keep their cross-ratio."""

    a: float
    b: float
    c: float
    residual_cm: float
    top: float
    bottom: float

    @classmethod
    def fit(cls, marks: Sequence[tuple[float, float]], first: float, last: float) -> Scale:
        """Least squares through marks (row, cm): linear through two, projective through three or more.

        Raises ValueError when two marks share a row, or heights do not grow upwards between rows `first` and `last`.
        """
        rows = np.array([row for row, _ in marks], dtype=np.float64)
        cm = np.array([height for _, height in marks], dtype=np.float64)
        if len(np.unique(rows)) < len(rows):
            raise ValueError("two marks have the same row")
        order = np.argsort(rows)
        if (np.diff(cm[order]) >= 0).any():
            raise ValueError("cm must grow upwards: a mark further up needs the larger height")
        columns = [rows, np.ones_like(rows)]
        if len(rows) >= 3:
            columns.append(-rows * cm)
        found = np.linalg.lstsq(np.stack(columns, axis=1), cm, rcond=None)[0]
        a, b = float(found[0]), float(found[1])
        c = float(found[2]) if len(rows) >= 3 else 0.0
        ends = np.array([min(first, rows.min()), max(last, rows.max())])
        if (1 + c * ends <= 0).any() or a - b * c >= 0:
            raise ValueError("they do not fit one line in perspective; check rows and heights")
        left_over = (a * rows + b) / (1 + c * rows) - cm
        freedom = max(1, len(rows) - len(columns))
        residual = float(np.sqrt(np.sum(left_over**2) / freedom))
        return cls(a, b, c, residual, float(rows.min()), float(rows.max()))

    def cm(self, row: float) -> float:
        return (self.a * row + self.b) / (1 + self.c * row)

    def cm_per_row(self, row: float) -> float:
        """Centimetres for a change of the row by 1 (the picture's height), without sign."""
        return abs(self.a - self.b * self.c) / (1 + self.c * row) ** 2

    def covers(self, row: float) -> bool:
        """Is the row between marks, or beyond them by less than a fifth of their span?"""
        beyond = (self.bottom - self.top) / 5
        return self.top - beyond <= row <= self.bottom + beyond
