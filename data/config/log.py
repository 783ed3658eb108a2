"""Settings of the log."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LogFormat(StrEnum):
    """`text`: a line for people. `json`: a JSON object on each line, for a log collector."""

    TEXT = "text"
    JSON = "json"


class LogSettings(BaseModel):
    """The log of every process, on standard error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[
        LogFormat,
        Field(
            description="text: readable lines. json: one JSON object a line with time, level, process, logger, event "
            "and the ids of what it is about (docs/operations.md)."
        ),
    ] = LogFormat.TEXT
