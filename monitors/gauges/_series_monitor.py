"""A series given as readings: at once with its own times, or replayed from now on."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected, Sensed
from monitors._feed import IDLE_S
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges._series import BadRow, Row


class RowFile(Protocol):
    """A file of rows."""

    @property
    def path(self) -> Path: ...
    def more(self, *, whole_lines: bool) -> tuple[list[Row], list[BadRow]]:
        """New rows in order of time and bad ones. Raises DeviceLost, InputRejected."""
        ...


class SeriesMonitor:
    """An open series. `pace`: speed and loop of a replay from now, None to give rows as recorded."""

    def __init__(
        self, site: str, recipe: GaugeRecipe, file: RowFile, *, pace: tuple[float, bool] | None, follow: bool
    ) -> None:
        self.site = site
        self.recipe = recipe
        self._file = file
        self._pace = pace
        self._follow = follow
        self._closed = threading.Event()
        self._newest: datetime | None = None
        if not file.path.is_file():
            raise DeviceLost(f"{site}: there is no file {file.path}")

    def observe(self) -> Iterator[Reading | Rejected | None]:
        rows, bad = self._read()
        yield from self._rejected(bad)
        if not self._follow and not rows:
            first = f"; line {bad[0].line}: {bad[0].reason}" if bad else ""
            raise InputRejected(f"{self.site}: {self._file.path} holds not one usable row{first}")
        if self._pace is not None:
            yield from self._replayed(rows, *self._pace)
            return
        yield from self._recorded(rows)
        while self._follow and not self._closed.wait(IDLE_S):
            rows, bad = self._read()
            if not rows and not bad:
                yield None
            yield from self._rejected(bad)
            yield from self._recorded(rows)

    def committed(self, reading: Sensed) -> None:
        """Rows of a file need no acknowledgement."""

    def close(self) -> None:
        self._closed.set()

    def _read(self) -> tuple[list[Row], list[BadRow]]:
        try:
            return self._file.more(whole_lines=self._follow)
        except (DeviceLost, InputRejected) as error:
            raise type(error)(f"{self.site}: {error}") from error

    def _recorded(self, rows: Sequence[Row]) -> Iterator[Reading | Rejected]:
        for row in rows:
            if self._closed.is_set():
                return
            if self._newest is not None and row.at < self._newest:
                late = f"it is older than the row of {self._newest.isoformat()} that was given before"
                yield from self._rejected([BadRow(row.line, late, "")])
                continue
            self._newest = row.at
            yield self._given(row, row.at)

    def _replayed(self, rows: Sequence[Row], speed: float, loop: bool) -> Iterator[Reading | Rejected | None]:
        steps = [(b.at - a.at).total_seconds() for a, b in pairwise(rows)]
        round_s = sum(steps) + (statistics.median(steps) if steps else 60.0)
        began, began_s = datetime.now(UTC), time.monotonic()
        shift_s = 0.0
        while not self._closed.is_set():
            for row in rows:
                due_s = (shift_s + (row.at - rows[0].at).total_seconds()) / speed
                while (wait_s := began_s + due_s - time.monotonic()) > 0:
                    if self._closed.wait(min(wait_s, IDLE_S)):
                        return
                    if wait_s > IDLE_S:
                        yield None
                if self._closed.is_set():
                    return
                yield self._given(row, began + timedelta(seconds=due_s))
            shift_s += round_s
            if not loop:
                return

    def _given(self, row: Row, at: datetime) -> Reading | Rejected:
        now = datetime.now(UTC)
        try:
            return self.recipe.reading(self.site, Measured(row.value, at, self.recipe.given_unit), now)
        except InputRejected as error:
            return Rejected(self.site, self.recipe.name, now, f"line {row.line}: {error}")

    def _rejected(self, bad: Sequence[BadRow]) -> Iterator[Rejected]:
        now = datetime.now(UTC)
        for row in bad:
            yield Rejected(self.site, self.recipe.name, now, f"line {row.line}: {row.reason}", row.excerpt)
