"""Automatic follow-up of alerts: an alert is linked to its event; a flapping sensor gets a maintenance task.

Follows the outbox behind a cursor that is stored in the same commit: each alert once, also after a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from data.config.settings import Settings
from data.errors import YipingError
from data.model.record import Change
from data.ports.store import Store, Writer
from data.stored.following import Follower
from dispatch.grouping import join_near
from dispatch.maintenance import maintain
from dispatch.routing import Roads

log = logging.getLogger(__name__)

FOLLOWED_AT_ONCE = 100
FOLLOWER = Follower("aftermath:changes", ("alert",), timedelta(minutes=5))


class Aftermath:
    """`poll` twice a second."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads

    def poll(self, now: datetime | None = None) -> None:
        """Process the alerts that changed since the last call. Raises the store's errors."""
        FOLLOWER.catch_up(self._store, self._follow, FOLLOWED_AT_ONCE, now)

    def _follow(self, writer: Writer, changes: Sequence[Change], now: datetime) -> None:
        for alert_id in dict.fromkeys(int(change.payload["alert"]["id"]) for change in changes):
            alert = writer.alert(alert_id)
            try:
                if alert.latched_since is not None:
                    maintain(writer, alert, now, roads=self._roads, settings=self._settings)
                if not self._settings.dispatch.automatic.fits(
                    alert
                ):  # an automatically dispatched alert first gets a task of its own
                    join_near(writer, alert, now, self._settings)
            except YipingError as error:  # this one is left to a human, like any other alert
                log.error("alert %d: %s", alert_id, error)
