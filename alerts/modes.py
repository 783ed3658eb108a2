"""Settings of a rule that hold while a mode of the city is on: lower thresholds while a flood crest passes."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Priority
from data.model.durations import Duration


class IntrusionInMode(BaseModel):
    """A setting given here replaces the rule's own; one that is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: Annotated[
        float | None,
        Field(
            ge=0, lt=1, description="As the rule's. Detections reach it only if the detector's own limit is no higher."
        ),
    ] = None
    median_confidence: Annotated[float | None, Field(ge=0, lt=1, description="As the rule's.")] = None
    min_height: Annotated[float | None, Field(ge=0, le=1, description="As the rule's.")] = None
    at_least: Annotated[Duration | None, Field(ge=timedelta(0), description="As the rule's.")] = None
    pictures: Annotated[int | None, Field(ge=1, le=100, description="As the rule's.")] = None
    of: Annotated[int | None, Field(ge=1, le=100, description="As the rule's.")] = None
    priority: Annotated[Priority | None, Field(description="As the rule's.")] = None


def overrides(by_mode: Mapping[str, IntrusionInMode], modes: Set[str]) -> dict[str, Any]:
    """The settings of the first of the rule's modes that is on; none when no mode is."""
    for mode, settings in by_mode.items():
        if mode in modes:
            return settings.model_dump(exclude_none=True)
    return {}
