"""A gauge's series in a CSV file: history as recorded, a growing log, or a replay that begins now."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from data.ports.recipe import Context, Monitor
from monitors.gauges._gauge import GaugeRecipe
from monitors.gauges._values import WrittenValue


class Recipe(WrittenValue, GaugeRecipe):
    """A CSV file with a time and a value in each row."""

    title: ClassVar[str] = "CSV 水位雨量序列 / CSV gauge series"
    gives: ClassVar[Literal["frames", "readings"]] = "readings"

    kind: Annotated[Literal["csv_gauge"], Field(description="A series in a CSV file.")] = "csv_gauge"
    path: Annotated[
        Path, Field(description="The file; a relative path starts at this file's folder, `var:…` in the var folder.")
    ]
    time: Annotated[str, Field(description="Name of the column with the time.")]
    value: Annotated[str, Field(description="Name of the column with the value.")]
    time_format: Annotated[
        str | None,
        Field(
            description="How times are written, e.g. %m/%d/%y %H:%M, or excel for its day numbers; ISO 8601 when left "
            "out.",
        ),
    ] = None
    separator: Annotated[str, Field(min_length=1, max_length=1, description="What stands between the cells.")] = ","
    encoding: Annotated[str, Field(description="Encoding of the text, e.g. utf-8 or gb18030.")] = "utf-8"
    skip_lines: Annotated[
        tuple[int, ...], Field(description="Numbers of lines that are neither header nor rows, counted from 1.")
    ] = ()
    replay: Annotated[
        Literal["as_recorded", "from_now"],
        Field(
            description="as_recorded: every row at once, with its own time, in order of time. from_now: the first row "
            "is now and the others follow at their own pace, times `speed`."
        ),
    ] = "as_recorded"
    speed: Annotated[float, Field(gt=0, le=100_000, description="With from_now: how much faster than recorded.")] = 1.0
    loop: Annotated[bool, Field(description="With from_now: begin again at the end, for ever.")] = False
    follow: Annotated[
        bool,
        Field(
            description="With as_recorded: wait for rows that are appended. Rows read together are put in order of "
            "time; one that is older than what was given before is rejected."
        ),
    ] = False

    @field_validator("encoding")
    @classmethod
    def _one_byte_lines(cls, name: str) -> str:
        try:
            if "\n".encode(codecs.lookup(name).name) == b"\n":
                return name
        except LookupError:
            raise ValueError(f"no encoding {name!r}; write utf-8 or gb18030") from None
        raise ValueError(f"lines cannot be told apart in {name}; save the file as utf-8")

    @model_validator(mode="after")
    def _ways_that_go_together(self) -> Recipe:
        if self.replay == "as_recorded" and (self.loop or self.speed != 1.0):
            raise ValueError("`loop` and `speed` belong to `replay: from_now`")
        if self.replay == "from_now" and self.follow:
            raise ValueError("`follow` belongs to `replay: as_recorded`")
        return self

    @property
    def is_recording(self) -> bool:
        return self.replay == "as_recorded" and not self.follow

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._series import Columns, SeriesFile  # noqa: PLC0415 (loads pandas: only where a file is opened)
        from monitors.gauges._series_monitor import SeriesMonitor  # noqa: PLC0415

        columns = Columns(self.time, self.value, self.time_format, self.timezone, self.decimal, self.missing_words)
        path = context.located(self.path)
        file = SeriesFile(path, columns, self.separator, self.encoding, frozenset(self.skip_lines))
        pace = (self.speed, self.loop) if self.replay == "from_now" else None
        return SeriesMonitor(context.site.id, self, file, pace=pace, follow=self.follow)
