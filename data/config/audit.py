"""Destinations of signed checkpoints of the audit trail besides VAR/audit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.durations import Duration


class AuditSettings(BaseModel):
    """Signed checkpoints of the audit trail: how often, and to which other machines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_every: Annotated[
        Duration,
        Field(
            ge=timedelta(seconds=1),
            le=timedelta(hours=1),
            description="How often the end of the trail is signed, when it has grown. What came after the newest "
            "checkpoint could be cut off unnoticed.",
        ),
    ] = timedelta(minutes=1)
    syslog: Annotated[
        str,
        Field(
            pattern=r"^$|^\[?[A-Za-z0-9._:-]+\]?:\d{1,5}$",
            description="Syslog server (UDP, `host:514`) that gets each checkpoint; empty: none.",
        ),
    ] = ""
    webhook: Annotated[
        str,
        Field(
            pattern=r"^$|^https?://",
            description="Address that gets each checkpoint as JSON by POST; empty: none.",
        ),
    ] = ""
