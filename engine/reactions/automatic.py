"""Automatic dispatch: alerts such as a person in the river are offered to the nearest responder at once.

Follows the outbox behind a cursor that is stored in the same commit: each alert once, also after a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from data.config.settings import Settings
from data.errors import YipingError
from data.model.alert import Alert
from data.model.alert_life import Verification
from data.model.record import Change
from data.ports.store import Store, Writer
from data.stored.following import Follower
from dispatch.routing import Roads
from dispatch.tasks import send_automatically

log = logging.getLogger(__name__)

FOLLOWED_AT_ONCE = 500
FOLLOWER = Follower("dispatch:changes", ("alert",), timedelta(minutes=5))


class Automatic:
    """Call `poll` twice a second. A human still has to acknowledge the alert."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads

    def poll(self) -> None:
        """Dispatch the alerts raised since the last call. Raises the store's errors."""
        # The cursor moves even without rules: a rule added later must not apply to earlier alerts.
        FOLLOWER.catch_up(self._store, self._follow, FOLLOWED_AT_ONCE)

    def _follow(self, writer: Writer, changes: Sequence[Change], now: datetime) -> None:
        raised = dict.fromkeys(int(change.payload["alert"]["id"]) for change in changes)
        for alert_id in raised:
            alert = writer.alert(alert_id)
            if not _waits(alert, now) or not self._settings.dispatch.automatic.fits(alert):
                continue
            try:
                send_automatically(writer, alert, now, roads=self._roads, settings=self._settings)
            except YipingError as error:  # this one is left to a human, like any other alert
                log.error("alert %d is not dispatched automatically: %s", alert_id, error)


def _waits(alert: Alert, now: datetime) -> bool:
    """True if nobody works on the alert and it is neither suppressed nor dismissed."""
    left_alone = alert.is_suppressed(now) or alert.verification is Verification.DISMISSED
    return alert.is_open and alert.event_id is None and not left_alone
