"""Official warnings in CAP 1.2: files dropped into a folder, or a URL that is asked every so often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from data.durations import Duration
from data.recipe import Context, Monitor
from monitors._address import login
from monitors._asked import Asked


class Recipe(Asked):
    """Warnings of a weather or water authority (CAP 1.2), from a folder or a URL.

    A file is taken once it has been left alone for half a second, and moved to `taken/` when its warning is stored, to
    `rejected/` when it cannot be used. A server can also send warnings to us: `POST /api/v1/warnings`.
    """

    title: ClassVar[str] = "CAP 预警信息 / CAP warnings"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "warnings"
    longest: ClassVar[timedelta] = timedelta(hours=1)

    kind: Annotated[Literal["cap_warnings"], Field(description="Official warnings in CAP 1.2.")] = "cap_warnings"
    folder: Annotated[
        Path | None, Field(description="Where .xml and .cap files are dropped; relative to this file, or `var:…`.")
    ] = None
    url: Annotated[str | None, Field(description="http(s)://host/path of a CAP document, asked every `every`.")] = None
    every: Annotated[Duration, Field(description="How often the folder or the URL is looked at.")] = timedelta(
        seconds=1
    )

    @model_validator(mode="after")
    def _one_source(self) -> Recipe:
        if (self.folder is None) == (self.url is None):
            raise ValueError("give either `folder` or `url`")
        return self

    def make(self, context: Context) -> Monitor:
        from monitors._cap import DropFolder, PolledWarnings  # noqa: PLC0415 (loads httpx)

        if self.folder is not None:
            return DropFolder(context.site.id, self.name, context.located(self.folder), self.every.total_seconds())
        return PolledWarnings(
            context.site.id,
            self.name,
            self.url or "",
            login(context, self.credentials),
            every_s=self.every.total_seconds(),
            timeout_s=self.timeout.total_seconds(),
        )
