"""Settings of the heartbeat to an external service."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.model.durations import Duration

LAST_HEARTBEAT = "heartbeat"
"""Name of the stored value with the result of the last heartbeat: {"at", "ok", "reason"}."""


class HeartbeatSettings(BaseModel):
    """Where a sign of life goes: a service that calls people when it stays out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[
        str,
        Field(
            description="http(s):// address that is asked by GET. A key in it goes into `credentials` (token) instead."
        ),
    ]
    credentials: Annotated[
        str | None, Field(description="Name of a token in the secrets file, put behind the address as `/token`.")
    ] = None
    every: Annotated[
        Duration, Field(ge=timedelta(seconds=10), le=timedelta(hours=1), description="How often it is sent.")
    ] = timedelta(minutes=1)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("write http:// or https:// and a host, without a password in it")
        return url
