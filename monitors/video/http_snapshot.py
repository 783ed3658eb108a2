"""A camera that gives single pictures over HTTP, asked for one every so often."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.model.durations import Duration
from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors._polled_source import PolledSource


class Recipe(PolledSource):
    """A picture behind a URL."""

    title: ClassVar[str] = "HTTP 抓图 / HTTP snapshot"
    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    connects: ClassVar[bool] = True

    kind: Annotated[Literal["http_snapshot"], Field(description="Single pictures over HTTP.")] = "http_snapshot"
    url: Annotated[str, Field(description="http(s)://host/path of a JPEG or PNG, without user and password.")]
    every: Annotated[Duration, Field(description="How often a picture is asked for.")] = timedelta(seconds=1)
    login_by: Annotated[
        Literal["basic", "digest"], Field(description="How user and password are sent; digest for many cameras.")
    ] = "basic"
    timeout: Annotated[Duration, Field(description="A picture must be there after so long.")] = timedelta(seconds=5)

    @property
    def picture_every(self) -> timedelta:
        return self.every

    def make(self, context: Context) -> Monitor:
        from monitors.video._snapshots import Snapshots  # noqa: PLC0415 (loads httpx: only where a camera is opened)

        return Snapshots(
            context.site.id,
            self.name,
            self.url,
            login(context, self.credentials),
            digest=self.login_by == "digest",
            every_s=self.every.total_seconds(),
            timeout_s=self.timeout.total_seconds(),
        )
