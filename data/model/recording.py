"""Settings of video recording and of clips."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.model.durations import Duration

_SLACK = timedelta(seconds=30)  # a clip is cut out of the ring some seconds after its end


class RecordingSettings(BaseModel):
    """Recording of each camera's newest minutes, from which clips of alerts are cut. Nothing is encoded again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: Annotated[bool, Field(description="Record the cameras' video; without it alerts have pictures only.")] = (
        True
    )
    keep: Annotated[
        Duration,
        Field(
            ge=timedelta(minutes=1),
            le=timedelta(days=1),
            description="How much of each camera's newest video is kept on the disk.",
        ),
    ] = timedelta(minutes=2)
    total_mb: Annotated[
        int,
        Field(ge=10, le=100_000_000, description="Megabytes for the newest video of all cameras, in equal shares."),
    ] = 4096
    disk_reserve_mb: Annotated[
        int,
        Field(
            ge=0,
            le=100_000_000,
            description="Megabytes of the disk that video leaves free. Below that the newest video is kept for less "
            "long, below half of it none is recorded: alerts and pictures come first.",
        ),
    ] = 1024
    clip_before: Annotated[
        Duration, Field(ge=timedelta(0), le=timedelta(minutes=2), description="A clip begins so long before its alert.")
    ] = timedelta(seconds=10)
    clip_after: Annotated[
        Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=2), description="And ends so long after it.")
    ] = timedelta(seconds=20)
    clip_longest: Annotated[
        Duration,
        Field(
            le=timedelta(minutes=10),
            description="Alerts whose clips overlap share one, up to this length; then the next clip begins. The first "
            "alert waits for none of them: its part is cut in its time, and what follows is another clip.",
        ),
    ] = timedelta(minutes=1)
    clips_kept: Annotated[
        Duration,
        Field(
            ge=timedelta(hours=1),
            description="Clips older than this are deleted, unless an alert of theirs is open or not acknowledged, or "
            "its event is open.",
        ),
    ] = timedelta(days=30)
    clips_total_mb: Annotated[
        int,
        Field(ge=10, le=100_000_000, description="Megabytes for all clips; the oldest that may be deleted go first."),
    ] = 20_480

    motion_maps: Annotated[
        bool,
        Field(description="Keep where something moved, second by second, to be searched by a rectangle on a picture."),
    ] = True
    motion_kept: Annotated[
        Duration,
        Field(
            ge=timedelta(hours=1),
            description="Maps of motion older than this are deleted, unless they are of the time of a clip that is "
            "needed. A camera takes up to ten megabytes a day.",
        ),
    ] = timedelta(days=30)
    previews: Annotated[
        bool, Field(description="Keep a picture of 320 pixels' width a second of each camera, for scrubbing.")
    ] = True
    previews_kept: Annotated[
        Duration,
        Field(
            ge=timedelta(hours=1),
            description="Previews older than this are deleted, unless they are of the time of a clip that is needed.",
        ),
    ] = timedelta(days=1)
    previews_total_mb: Annotated[
        int,
        Field(
            ge=10,
            le=100_000_000,
            description="Megabytes for the previews of all cameras; the oldest go first. A camera takes 200 to "
            "1100 a day.",
        ),
    ] = 8192

    @model_validator(mode="after")
    def _spans_fit(self) -> RecordingSettings:
        if self.clip_before + self.clip_after > self.clip_longest:
            raise ValueError("`clip_longest` must be at least `clip_before` + `clip_after`")
        if self.enabled and self.clip_longest + _SLACK > self.keep:
            raise ValueError("`keep` must exceed `clip_longest` by 30 s: clips are cut out of the video that is kept")
        return self
