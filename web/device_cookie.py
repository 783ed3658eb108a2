"""The device cookie: a browser that has logged in as somebody keeps a signed sign of it, for its next logins only.

It lets nobody in. It only says that wrong passwords from elsewhere do not hold this browser back (OWASP: "Slow Down
Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from web.account_key import AccountKey

DEVICE_COOKIE = "yiping_device"
LASTS = timedelta(days=180)
_LONGEST = 600
_VERSION = "1"


class DeviceCookies:
    """Issues and checks device cookies."""

    def __init__(self, key: AccountKey) -> None:
        self._key = key

    def issue(self, user: str, now: datetime) -> str:
        """The cookie's value for a browser that has just logged in as `user`. Raises StoreClosed without a key."""
        name = base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")
        payload = f"{_VERSION}.{name}.{secrets.token_urlsafe(12)}.{int(now.timestamp())}"
        return f"{payload}.{self._signature(payload)}"

    def device_of(self, value: str | None, user: str, now: datetime) -> str:
        """The id of this browser; empty when the cookie is not ours, of somebody else, or too old."""
        if not value or len(value) > _LONGEST or not value.isascii():
            return ""
        payload, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(payload)):
            return ""
        _, name, device, issued = payload.split(".")
        owner = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        age_s = now.timestamp() - int(issued)
        return device if owner == user and age_s <= LASTS.total_seconds() else ""

    def _signature(self, payload: str) -> str:
        return hmac.new(self._key.derive("device cookie"), payload.encode(), hashlib.sha256).hexdigest()
