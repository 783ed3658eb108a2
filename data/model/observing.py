"""Settings for storing observations of detectors and gauges for replay."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.durations import Duration


class ObservationSettings(BaseModel):
    """Storage of the rules' input for replay: boxes, values and ticks, without pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: Annotated[
        bool, Field(description="Keep what the rules are given; without it nothing can be replayed.")
    ] = True
    kept: Annotated[Duration, Field(ge=timedelta(hours=1), description="Observations older than this are deleted.")] = (
        timedelta(days=30)
    )
    total_mb: Annotated[
        int, Field(ge=10, le=100_000_000, description="Megabytes for all observations; the oldest go first.")
    ] = 20_480
