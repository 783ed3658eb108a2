"""A recorded video as a camera: paced like one, or as fast as it can be decoded."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, model_validator

from data.local.stages import StageClock
from data.ports.recipe import Context, Monitor
from monitors.video._camera import CameraRecipe


class Recipe(CameraRecipe):
    """A video file."""

    title: ClassVar[str] = "视频文件 / video file"

    kind: Annotated[Literal["video_file"], Field(description="A recorded video.")] = "video_file"
    path: Annotated[
        Path, Field(description="The video; a relative path starts at this file's folder, `var:…` in the var folder.")
    ]
    paced: Annotated[
        bool, Field(description="Give the frames at their own speed, as a camera would; else as fast as possible.")
    ] = True
    loop: Annotated[bool, Field(description="Begin again at the end, for ever; times go on by the video's length.")] = (
        False
    )
    start: Annotated[
        AwareDatetime | None,
        Field(description="Time of the first frame, with its offset from UTC; the moment it is read when left out."),
    ] = None

    pictures_per_second: Annotated[
        float | None,
        Field(gt=0, le=480, description="For a raw stream without time stamps (.h264, .h265) that does not tell it."),
    ] = None

    @model_validator(mode="after")
    def _an_end_or_a_pace(self) -> Recipe:
        if self.loop and not self.paced:
            raise ValueError("a video that loops without pace never lets anybody rest: set `paced: true`")
        return self

    @property
    def has_video(self) -> bool:
        """Read as fast as it goes, it is no camera, and lies on the disk already."""
        return self.paced

    def make(self, context: Context) -> Monitor:
        from monitors.video._recording import Recording  # noqa: PLC0415 (loads PyAV: only where a video is opened)

        start = None if self.start is None else self.start.astimezone(UTC)
        site, path = context.site.id, context.located(self.path)
        if self.watch == "on_activity" and self.paced:
            from monitors.video._watched_recording import WatchedRecording  # noqa: PLC0415 (likewise)

            per_second = context.inference.per_second
            return WatchedRecording(
                site,
                self.name,
                path,
                start,
                loop=self.loop,
                stages=StageClock.of(context),
                looks_per_second=per_second,
                loop_filter=self.loop_filter,
                rate=self.pictures_per_second,
                recording=context.recording,
            )
        return Recording(
            site,
            self.name,
            path,
            start,
            paced=self.paced,
            loop=self.loop,
            stages=StageClock.of(context),
            loop_filter=self.loop_filter,
            rate=self.pictures_per_second,
            recording=context.recording if self.paced else None,
        )
