"""A gauge's series in a Parquet file, read once, every row with its own time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.recipe import Context, Monitor
from monitors.gauges._gauge import GaugeRecipe
from monitors.gauges._values import WrittenValue


class Recipe(WrittenValue, GaugeRecipe):
    """A Parquet file with a time and a value in each row, given at once in order of time."""

    title: ClassVar[str] = "Parquet 历史序列 / Parquet gauge series"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"

    kind: Annotated[Literal["parquet_gauge"], Field(description="A series in a Parquet file.")] = "parquet_gauge"
    path: Annotated[
        Path, Field(description="The file; a relative path starts at this file's folder, `var:…` in the var folder.")
    ]
    time: Annotated[str, Field(description="Name of the column with the time: timestamps, or ISO 8601 text.")]
    value: Annotated[str, Field(description="Name of the column with the value.")]

    @property
    def is_recording(self) -> bool:
        return True

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._parquet import ParquetFile  # noqa: PLC0415 (loads pandas: only where a file is opened)
        from monitors.gauges._series import Columns  # noqa: PLC0415
        from monitors.gauges._series_monitor import SeriesMonitor  # noqa: PLC0415

        columns = Columns(self.time, self.value, None, self.timezone, self.decimal, self.missing_words)
        file = ParquetFile(context.located(self.path), columns)
        return SeriesMonitor(context.site.id, self, file, pace=None, follow=False)
