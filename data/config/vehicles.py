"""Settings of vehicles that tell their positions: how long tracks are kept, how far back an offence counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.durations import Duration


class VehicleSettings(BaseModel):
    """Positions that gateways send, and alerts about the same vehicle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kept: Annotated[
        Duration, Field(ge=timedelta(hours=1), description="Positions older than this are deleted; alerts stay.")
    ] = timedelta(days=30)
    repeat_within: Annotated[
        Duration,
        Field(ge=timedelta(hours=1), description="Alerts about the same plate so long ago count as earlier ones."),
    ] = timedelta(days=90)
