"""A camera read over RTSP: H.264 and H.265, through PyAV with explicit time-outs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from data.local.stages import StageClock
from data.model.secrets import with_credentials
from data.ports.recipe import Context, Monitor
from monitors._address import login, require_plain_url
from monitors.video._camera import LiveCamera


class Recipe(LiveCamera):
    """An RTSP camera."""

    title: ClassVar[str] = "RTSP 摄像机 / RTSP camera"

    kind: Annotated[Literal["rtsp_camera"], Field(description="A camera read over RTSP.")] = "rtsp_camera"
    url: Annotated[str, Field(description="rtsp://host:port/path of the main stream, without user and password.")]
    substream: Annotated[
        str | None,
        Field(
            description="URL of a smaller stream of the same camera, looked at when nothing moves and as `looks` says."
        ),
    ] = None
    looks: Annotated[
        Literal["auto", "substream", "main"],
        Field(
            description="Which stream is looked at while something goes on. substream: the smaller one; the main "
            "stream is then recorded as it comes and decoded only where its detail is asked for: evidence, second "
            "looks, `closer` zones. auto: the same if the substream is as large as what the model sees of a picture "
            "(640 x 360 pixels unless set otherwise) and no detector has `closer` zones. main: the main stream. It is "
            "also looked at, and that is said, when the substream is lost or shows another view. Zones and boxes are "
            "fractions of the picture, the same in both."
        ),
    ] = "main"
    credentials: Annotated[
        str | None, Field(description="Name of the user and password in the secrets file; none when left out.")
    ] = None

    @field_validator("url", "substream")
    @classmethod
    def _plain(cls, url: str | None) -> str | None:
        return None if url is None else require_plain_url(url, ("rtsp", "rtsps"))

    @model_validator(mode="after")
    def _has_substream(self) -> Recipe:
        if self.looks == "substream" and self.substream is None:
            raise ValueError("looks: substream needs the address of the `substream`")
        return self

    @property
    def has_video(self) -> bool:
        return True

    def make(self, context: Context) -> Monitor:
        from monitors.video._live_video import LiveVideo  # noqa: PLC0415 (loads PyAV: only where a camera is opened)
        from monitors.video._substream import Wish  # noqa: PLC0415

        known, inference = login(context, self.credentials), context.inference
        wish = None
        if self.looks == "substream" or (self.looks == "auto" and not context.in_detail):
            wish = Wish(self.looks == "substream", inference.width, inference.height)
        address = with_credentials(self.url, known)
        return LiveVideo(
            context.site.id,
            self.url,
            address,
            transport=self.transport,
            timeout_s=self.timeout.total_seconds(),
            stages=StageClock.of(context),
            looks_per_second=self.looks_per_second(context) if wish is None else inference.per_second,
            loop_filter=self.loop_filter,
            name=self.name,
            recording=context.recording,
            substream=None if self.substream is None else with_credentials(self.substream, known),
            wish=wish,
        )
