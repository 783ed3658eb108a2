"""Official warnings in CAP 1.2: files dropped into a folder, or a URL that is asked every so often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from data.durations import Duration
from data.recipe import Context, Monitor, MonitorRecipe
from monitors._address import login, require_plain_url


class Recipe(MonitorRecipe):
    """Warnings of a weather or water authority (CAP 1.2), from a folder or a URL.

    A file is taken once it has been left alone for half a second, and moved to `taken/` when its warning is stored, to
    `rejected/` when it cannot be used. A server can also send warnings to us: `POST /api/v1/warnings`.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    title: ClassVar[str] = "CAP 预警信息 / CAP warnings"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "warnings"

    kind: Annotated[Literal["cap_warnings"], Field(description="Official warnings in CAP 1.2.")] = "cap_warnings"
    folder: Annotated[
        Path | None, Field(description="Where .xml and .cap files are dropped; relative to this file, or `var:…`.")
    ] = None
    url: Annotated[str | None, Field(description="http(s)://host/path of a CAP document, asked every `every`.")] = None
    every: Annotated[Duration, Field(description="How often the folder or the URL is looked at.")] = timedelta(
        seconds=1
    )
    credentials: Annotated[
        str | None, Field(description="Name of the user and password, or of the bearer token, in the secrets file.")
    ] = None
    timeout: Annotated[Duration, Field(description="An answer must be there after so long.")] = timedelta(seconds=10)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str | None) -> str | None:
        return None if url is None else require_plain_url(url, ("http", "https"))

    @field_validator("every", "timeout")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if not timedelta(milliseconds=100) <= value <= timedelta(hours=1):
            raise ValueError("it must lie between 100ms and 1h")
        return value

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
