"""A camera read over RTSP: H.264 and H.265, through PyAV with explicit time-outs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from data.durations import Duration
from data.recipe import Context, Monitor, MonitorRecipe
from data.secrets import with_credentials
from data.stages import StageClock
from monitors._address import login, require_plain_url


class Recipe(MonitorRecipe):
    """An RTSP camera."""

    model_config = ConfigDict(hide_input_in_errors=True)

    title: ClassVar[str] = "RTSP 摄像机 / RTSP camera"
    gives: ClassVar[Literal["frames", "readings"]] = "frames"

    kind: Annotated[Literal["rtsp_camera"], Field(description="A camera read over RTSP.")] = "rtsp_camera"
    url: Annotated[str, Field(description="rtsp://host:port/path of the main stream, without user and password.")]
    substream: Annotated[
        str | None, Field(description="URL of a smaller stream of the same camera, for the time when nothing moves.")
    ] = None
    watch: Annotated[
        Literal["always", "on_activity"],
        Field(
            description="always: every picture may be looked at. on_activity: only while something moves or stands "
            "there, and a rare one; a camera before which nothing happens then costs little."
        ),
    ] = "always"
    loop_filter: Annotated[
        bool,
        Field(
            description="Smooth the edges of the coder's blocks. Without it decoding costs about a seventh less and "
            "the detectors see a slightly coarser picture."
        ),
    ] = True
    credentials: Annotated[
        str | None, Field(description="Name of the user and password in the secrets file; none when left out.")
    ] = None
    transport: Annotated[
        Literal["tcp", "udp"], Field(description="How the stream travels; tcp loses no packets and passes firewalls.")
    ] = "tcp"
    timeout: Annotated[Duration, Field(description="The camera is lost when nothing new comes for so long.")] = (
        timedelta(seconds=5)
    )

    @field_validator("url", "substream")
    @classmethod
    def _plain(cls, url: str | None) -> str | None:
        return None if url is None else require_plain_url(url, ("rtsp", "rtsps"))

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: timedelta) -> timedelta:
        if not timedelta(milliseconds=500) <= timeout <= timedelta(minutes=2):
            raise ValueError("the time-out must lie between 500ms and 2min")
        return timeout

    def make(self, context: Context) -> Monitor:
        from monitors._live_video import LiveVideo  # noqa: PLC0415 (loads PyAV: only where a camera is opened)

        known = login(context, self.credentials)
        address = with_credentials(self.url, known)
        looks_per_second = context.inference.per_second if self.watch == "on_activity" else None
        return LiveVideo(
            context.site.id,
            self.url,
            address,
            transport=self.transport,
            timeout_s=self.timeout.total_seconds(),
            stages=StageClock.of(context),
            looks_per_second=looks_per_second,
            loop_filter=self.loop_filter,
            substream=None if self.substream is None else with_credentials(self.substream, known),
        )
