"""Settings of drills 演练: within which times people and virtual responders are expected to act."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Priority
from data.model.durations import Duration


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DrillLimits(_Settings):
    """The times from an alert by which a shift is scored, by priority; without a value a step is not scored."""

    acknowledged: Annotated[
        dict[Priority, Duration], Field(description="Somebody has acknowledged it, or sent somebody.")
    ] = Field(
        default_factory=lambda: {
            Priority.P1: timedelta(seconds=60),
            Priority.P2: timedelta(minutes=3),
            Priority.P3: timedelta(minutes=15),
        }
    )
    dispatched: Annotated[dict[Priority, Duration], Field(description="It was offered to somebody.")] = Field(
        default_factory=lambda: {
            Priority.P1: timedelta(seconds=60),
            Priority.P2: timedelta(minutes=3),
            Priority.P3: timedelta(minutes=15),
        }
    )
    on_scene: Annotated[dict[Priority, Duration], Field(description="Somebody is on scene.")] = Field(
        default_factory=lambda: {Priority.P1: timedelta(minutes=4), Priority.P2: timedelta(minutes=7)}
    )
    handled: Annotated[dict[Priority, Duration], Field(description="The work was reported and verified.")] = Field(
        default_factory=lambda: {Priority.P1: timedelta(minutes=5), Priority.P2: timedelta(minutes=10)}
    )


class DrillSettings(_Settings):
    """Drills: a recorded span of time as a live exercise (`app.py drill`). Spans are of the recorded time's clock."""

    limits: Annotated[DrillLimits, Field(description="The times by which a shift is scored.")] = DrillLimits()
    accept_after: Annotated[
        Duration, Field(ge=timedelta(0), description="A virtual responder accepts an offer after this time.")
    ] = timedelta(seconds=20)
    work_for: Annotated[
        Duration, Field(ge=timedelta(0), description="How long a virtual responder works before the report.")
    ] = timedelta(minutes=2)
    unanswered: Annotated[
        float, Field(ge=0, le=1, description="Share of offers that virtual responders do not answer.")
    ] = 0.1
