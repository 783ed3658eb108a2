"""A Parquet file as rows that can be used and rows that cannot, judged as those of a CSV file are."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import DeviceLost, InputRejected
from monitors.gauges._series import BadRow, Columns, Row, rows_of


class ParquetFile:
    """Its rows are numbered from 1."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path = path
        self._columns = columns

    def more(self, *, whole_lines: bool) -> tuple[list[Row], list[BadRow]]:
        """All rows. Raises DeviceLost when the file cannot be read now, InputRejected when it never can."""
        del whole_lines  # a Parquet file does not grow
        try:
            with self.path.open("rb") as file:
                names = pq.read_schema(file).names
                for name in (self._columns.time, self._columns.value):
                    if name not in names:
                        raise InputRejected(f"{self.path} has no column {name!r}; it has {', '.join(names[:20])}")
                    if names.count(name) > 1:
                        raise InputRejected(f"{self.path} has the column {name!r} twice: rename all but one")
                file.seek(0)
                table = pq.read_table(file, columns=[self._columns.time, self._columns.value])
        except (pa.ArrowException, EOFError) as error:
            raise InputRejected(f"{self.path} is no Parquet file: {str(error)[:100]}") from error
        except OSError as error:
            raise DeviceLost(f"cannot read {self.path}: {error.strerror or error}") from error
        frame = table.to_pandas()
        times, values = frame[self._columns.time], frame[self._columns.value]
        # As text, as a CSV file has them: the same rules for what is a time and a value then hold for both.
        lines = [
            (number, [_text(at), _text(value)]) for number, (at, value) in enumerate(zip(times, values, strict=True), 1)
        ]
        return rows_of(lines, 0, 1, self._columns) if lines else ([], [])


def _text(cell: object) -> str:
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat()
    empty = cell is None or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))
    return "" if empty else str(cell)
