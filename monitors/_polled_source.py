"""What every source that is asked over HTTP has: how often, how long it may take, and with which login."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, field_validator

from data.model.durations import Duration, format_duration
from data.ports.recipe import MonitorRecipe
from monitors._address import require_plain_url

_SHORTEST = timedelta(milliseconds=100)


class PolledSource(MonitorRecipe):
    """A URL asked every so often. Recipes add the `url` itself."""

    model_config = ConfigDict(hide_input_in_errors=True)

    longest: ClassVar[timedelta] = timedelta(days=1)
    """Between two questions, and until an answer is there."""

    every: Annotated[Duration, Field(description="How often it is asked.")] = timedelta(seconds=60)
    credentials: Annotated[
        str | None, Field(description="Name of the user and password, or of the bearer token, in the secrets file.")
    ] = None
    timeout: Annotated[Duration, Field(description="An answer must be there after so long.")] = timedelta(seconds=10)

    @field_validator("url", check_fields=False)
    @classmethod
    def _plain(cls, url: str | None) -> str | None:
        return None if url is None else require_plain_url(url, ("http", "https"))

    @field_validator("every", "timeout")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if not _SHORTEST <= value <= cls.longest:
            raise ValueError(f"it must lie between 100ms and {format_duration(cls.longest)}")
        return value
