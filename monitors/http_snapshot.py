"""A camera that gives single pictures over HTTP, asked for one every so often."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from data.durations import Duration
from data.recipe import Context, Monitor, MonitorRecipe
from monitors._address import login, require_plain_url


class Recipe(MonitorRecipe):
    """A picture behind a URL."""

    model_config = ConfigDict(hide_input_in_errors=True)

    title: ClassVar[str] = "HTTP 抓图 / HTTP snapshot"
    gives: ClassVar[Literal["frames", "readings"]] = "frames"

    kind: Annotated[Literal["http_snapshot"], Field(description="Single pictures over HTTP.")] = "http_snapshot"
    url: Annotated[str, Field(description="http(s)://host/path of a JPEG or PNG, without user and password.")]
    every: Annotated[Duration, Field(description="How often a picture is asked for.")] = timedelta(seconds=1)
    credentials: Annotated[
        str | None, Field(description="Name of the user and password, or of the bearer token, in the secrets file.")
    ] = None
    login_by: Annotated[
        Literal["basic", "digest"], Field(description="How user and password are sent; digest for many cameras.")
    ] = "basic"
    timeout: Annotated[Duration, Field(description="A picture must be there after so long.")] = timedelta(seconds=5)

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
        from monitors._snapshots import Snapshots  # noqa: PLC0415 (loads httpx: only where a camera is opened)

        return Snapshots(
            context.site.id,
            self.name,
            self.url,
            login(context, self.credentials),
            digest=self.login_by == "digest",
            every_s=self.every.total_seconds(),
            timeout_s=self.timeout.total_seconds(),
        )
