"""What follows from an alert without anybody's click: it joins its event; a flapping sensor gets a task.

Follows the outbox behind a cursor that is stored with what was done: each alert once, also after a kill.
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
        """Look after what has changed since the last call. Raises what the store raises."""
        FOLLOWER.catch_up(self._store, self._follow, FOLLOWED_AT_ONCE, now)

    def _follow(self, writer: Writer, changes: Sequence[Change], now: datetime) -> None:
        for alert_id in dict.fromkeys(int(change.payload["alert"]["id"]) for change in changes):
            alert = writer.alert(alert_id)
            try:
                if alert.latched_since is not None:
                    maintain(writer, alert, now, roads=self._roads, settings=self._settings)
                if not self._settings.dispatch.automatic.fits(alert):  # that one gets a task of its own first
                    join_near(writer, alert, now, self._settings)
            except YipingError as error:  # this one waits for a human, like every other alert
                log.error("alert %d: %s", alert_id, error)
