"""A camera behind a GB/T 28181 platform: WVP is asked for the channel's address, which is then played over RTSP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.local.stages import StageClock
from data.model.durations import Duration
from data.ports.recipe import Context, Monitor
from monitors._address import login, require_host, require_plain_url
from monitors.video._camera import LiveCamera


class Recipe(LiveCamera):
    """A channel of a WVP (ZLMediaKit) platform, how most municipal cameras arrive (GB/T 28181)."""

    title: ClassVar[str] = "国标平台摄像机（WVP） / GB28181 camera through WVP"

    kind: Annotated[Literal["wvp_camera"], Field(description="A GB/T 28181 channel of a WVP platform.")] = "wvp_camera"
    url: Annotated[str, Field(description="http(s)://host:port of the platform, without user and password.")]
    device: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$", description="GB/T 28181 number of the device.")]
    channel: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$", description="GB/T 28181 number of its channel.")]
    credentials: Annotated[
        str | None, Field(description="Name of the platform's user and password, or of its API key as token.")
    ] = None
    media_host: Annotated[
        str | None,
        Field(description="host or host:port to play from, where the platform names one that only it can reach."),
    ] = None
    timeout: Annotated[
        Duration, Field(description="The platform must answer, and the camera give something new, within so long.")
    ] = timedelta(seconds=15)

    @field_validator("media_host")
    @classmethod
    def _host_only(cls, host: str | None) -> str | None:
        return None if host is None else require_host(host)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        return require_plain_url(url, ("http", "https")).rstrip("/")

    @property
    def has_video(self) -> bool:
        return True

    def make(self, context: Context) -> Monitor:
        from monitors.video._live_video import LiveVideo  # noqa: PLC0415 (loads PyAV: only where a camera is opened)
        from monitors.video._wvp import Platform  # noqa: PLC0415 (loads httpx)

        shown = f"{self.url} {self.device}/{self.channel}"
        known = login(context, self.credentials)
        platform: Platform = context.resources.share(f"wvp {self.url} {self.credentials}", Platform)
        playing = platform.play(self, f"{context.site.id}: {shown}", known)
        return LiveVideo(
            context.site.id,
            shown,
            playing.address,
            doubt=playing.doubt,
            transport=self.transport,
            timeout_s=self.timeout.total_seconds(),
            stages=StageClock.of(context),
            looks_per_second=self.looks_per_second(context),
            loop_filter=self.loop_filter,
            name=self.name,
            recording=context.recording,
        )
