"""A browser's subscription to web push messages (Push API)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

_BASE64URL = r"^[A-Za-z0-9_-]+$"


class PushSubscription(BaseModel):
    """A subscription: the address to send to, and the keys by which only that browser can decrypt the message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: Annotated[str, Field(max_length=1000, description="The address at the browser maker's service.")]
    p256dh: Annotated[
        str, Field(min_length=87, max_length=88, pattern=_BASE64URL, description="The browser's public key.")
    ]
    auth: Annotated[str, Field(min_length=22, max_length=24, pattern=_BASE64URL, description="Its shared secret.")]

    def is_at(self, services: Sequence[str]) -> bool:
        """True if its address is at one of these hosts or below. Else a client could make us request any address."""
        parts = urlsplit(self.endpoint)
        host = parts.hostname or ""
        safe = parts.scheme == "https" or host == "127.0.0.1"
        return safe and any(host == service or host.endswith(f".{service}") for service in services)
