"""What every camera whose stream is decoded has: when it is looked at, how it is decoded and, live, how it travels."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from data.model.durations import Duration
from data.ports.recipe import Context, MonitorRecipe


class CameraRecipe(MonitorRecipe):
    """Moving pictures."""

    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "frames"

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


class LiveCamera(CameraRecipe):
    """A stream played over RTSP."""

    connects: ClassVar[bool] = True

    model_config = ConfigDict(hide_input_in_errors=True)

    transport: Annotated[
        Literal["tcp", "udp"], Field(description="How the stream travels; tcp loses no packets and passes firewalls.")
    ] = "tcp"
    timeout: Annotated[Duration, Field(description="The camera is lost when nothing new comes for so long.")] = (
        timedelta(seconds=5)
    )

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: timedelta) -> timedelta:
        if not timedelta(milliseconds=500) <= timeout <= timedelta(minutes=2):
            raise ValueError("the time-out must lie between 500ms and 2min")
        return timeout

    def looks_per_second(self, context: Context) -> float | None:
        """While it is watched for activity; None when every picture may be looked at."""
        return context.inference.per_second if self.watch == "on_activity" else None
