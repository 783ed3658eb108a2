"""A heartbeat to an external service, which calls people when it stops (dead man's switch).

Sent only while timers are in time, so that a hanging system falls silent. The last result is a stored value that the
page Health shows.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import httpx

from data.config.heartbeat import LAST_HEARTBEAT, HeartbeatSettings
from data.model.secrets import redact
from data.model.views import iso
from data.net.guarded_http import GuardedTransport, RefusedByUs
from data.ports.store import Store

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0


class Heartbeat:
    """Call `poll` as often as the settings say."""

    def __init__(self, store: Store, settings: HeartbeatSettings, url: str) -> None:
        """`url`: may contain a key, so it is never logged or stored."""
        self._store = store
        self._settings = settings
        self._url = url
        self._was_ok: bool | None = None

    def poll(self) -> None:
        """Send one heartbeat and store the result. Raises the store's errors."""
        reason = self._send()
        if (reason == "") is not self._was_ok:
            self._was_ok = reason == ""
            log.log(logging.INFO if self._was_ok else logging.WARNING, "heartbeat: %s", reason or "received")
        told = {"at": iso(datetime.now(UTC)), "ok": reason == "", "reason": reason}
        self._store.write(lambda writer: writer.put_value(LAST_HEARTBEAT, told))

    def _send(self) -> str:
        """Send it; returns why it was not received, empty on success."""
        try:
            with httpx.Client(timeout=TIMEOUT_S, trust_env=False, transport=GuardedTransport()) as client:
                answer = client.get(self._url)
        except RefusedByUs as error:
            return str(error)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return redact(type(error).__name__)
        return "" if answer.is_success else f"answered {answer.status_code}"
