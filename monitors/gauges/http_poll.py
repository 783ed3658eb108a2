"""A gauge behind a web address that answers JSON, asked every so often."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors._polled_source import PolledSource
from monitors.gauges._json_source import JsonSource


class Recipe(PolledSource, JsonSource):
    """A gauge that is asked over HTTP and answers JSON, or one plain number."""

    title: ClassVar[str] = "HTTP 轮询传感器 / HTTP gauge, polled"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["http_poll"], Field(description="A gauge that is asked over HTTP.")] = "http_poll"
    url: Annotated[str, Field(description="http(s)://host/path of the answer, without user and password.")]

    def make(self, context: Context) -> Monitor:
        from monitors._http_poll import Poll  # noqa: PLC0415 (loads httpx: only where a gauge is opened)
        from monitors.gauges._polled_gauge import LARGEST_BYTES, PolledGauge  # noqa: PLC0415

        site = context.site.id
        # Without a time of its own an equal answer is a new value; with one it is the value known already.
        poll = Poll(
            f"{site}: {self.url}", self.url, login(context, self.credentials),
            every_s=self.every.total_seconds(), timeout_s=self.timeout.total_seconds(), most_bytes=LARGEST_BYTES,
            repeats=self.time is None,
        )  # fmt: skip
        return PolledGauge(self, poll, context, self.local_times(context))
