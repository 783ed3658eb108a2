"""Follows what happens to accounts: tasks of who can work no more go on to others; what has ended long ago is removed.

Follows the outbox behind a cursor that is stored with what was done: each change once, also after a kill, and whoever
disabled the account (screen, command line, config.yaml).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from data.errors import YipingError
from data.following import Follower
from data.people import ENDED_SESSIONS_KEPT, USED_CODES_KEPT
from data.record import Change
from data.settings import Settings
from data.store import Store, Writer
from dispatch.handing_on import hand_on_tasks
from dispatch.routing import Roads

log = logging.getLogger(__name__)

FOLLOWED_AT_ONCE = 20
FOLLOWER = Follower("accounts:tasks", ("account",), timedelta(minutes=5))
PURGED_AT_ONCE = 500  # rows in one unit of work: other writers wait meanwhile


class AccountWatch:
    """`poll` twice a second, `purge` now and then."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads

    def poll(self, now: datetime | None = None) -> None:
        """Look after whose account has changed since the last call. Raises what the store raises."""
        FOLLOWER.catch_up(self._store, self._follow, FOLLOWED_AT_ONCE, now)

    def purge(self, now: datetime | None = None) -> int:
        """Remove sessions, tokens and one-time codes that ended long ago; how many. Raises what the store raises."""
        at, removed = now or datetime.now(UTC), 0
        while True:
            some = self._store.write(lambda writer: _purge_some(writer, at))
            removed += some
            if some < PURGED_AT_ONCE:
                break
        if removed:
            log.info("%d sessions and codes that had ended were removed", removed)
        return removed

    def _follow(self, writer: Writer, changes: Sequence[Change], now: datetime) -> None:
        for name in dict.fromkeys(change.subject.partition(":")[2] for change in changes):
            try:
                handed_on = hand_on_tasks(writer, name, now, roads=self._roads, settings=self._settings)
            except YipingError as error:  # the task waits for a human, who sees it
                log.error("the tasks of %s: %s", name, error)
            else:
                if handed_on:
                    log.info("%d tasks of %s go on to others", handed_on, name)


def _purge_some(writer: Writer, now: datetime) -> int:
    sessions = writer.prune_sessions(now - ENDED_SESSIONS_KEPT, PURGED_AT_ONCE)
    left = PURGED_AT_ONCE - sessions
    return sessions + (writer.prune_account_codes(now - USED_CODES_KEPT, left) if left else 0)
