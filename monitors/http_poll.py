"""A gauge behind a web address that answers JSON, asked every so often."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.durations import Duration
from data.recipe import Context, Monitor
from monitors._address import login, require_plain_url
from monitors._json_source import JsonSource


class Recipe(JsonSource):
    """A gauge that is asked over HTTP and answers JSON, or one plain number."""

    title: ClassVar[str] = "HTTP 轮询传感器 / HTTP gauge, polled"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"

    kind: Annotated[Literal["http_poll"], Field(description="A gauge that is asked over HTTP.")] = "http_poll"
    url: Annotated[str, Field(description="http(s)://host/path of the answer, without user and password.")]
    every: Annotated[Duration, Field(description="How often it is asked.")] = timedelta(seconds=60)
    credentials: Annotated[
        str | None, Field(description="Name of the user and password, or of the bearer token, in the secrets file.")
    ] = None
    timeout: Annotated[Duration, Field(description="An answer must be there after so long.")] = timedelta(seconds=10)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        return require_plain_url(url, ("http", "https"))

    @field_validator("every", "timeout")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if not timedelta(milliseconds=100) <= value <= timedelta(days=1):
            raise ValueError("it must lie between 100ms and 1d")
        return value

    def make(self, context: Context) -> Monitor:
        from monitors._polled_gauge import PolledGauge  # noqa: PLC0415 (loads httpx: only where a gauge is opened)

        return PolledGauge(
            self,
            context.site.id,
            self.url,
            login(context, self.credentials),
            every_s=self.every.total_seconds(),
            timeout_s=self.timeout.total_seconds(),
        )
