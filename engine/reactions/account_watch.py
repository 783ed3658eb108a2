"""Follows accounts: reassigns the tasks of users who can no longer work; removes ended sessions and codes.

Reads the outbox behind a cursor, each change once, also after a crash, wherever the account was disabled (screen,
command line, config.yaml). The users whose tasks are still to be reassigned are stored together with that cursor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from data.config.settings import Settings
from data.errors import StoreClosed
from data.model.people import ENDED_SESSIONS_KEPT, USED_CODES_KEPT
from data.model.record import Change
from data.model.secrets import redact
from data.ports.store import Reader, Store, Writer
from data.stored.following import Follower
from dispatch.reassign_abandoned import Abandoned, abandoned_by, reassign_abandoned
from dispatch.routing import Roads

log = logging.getLogger(__name__)

FOLLOWED_AT_ONCE = 20
FOLLOWER = Follower("accounts:tasks", ("account",), timedelta(minutes=5))
LEAVING = "accounts:leaving"
"""Named value in the store: users whose account changed and whose tasks are not all reassigned yet."""
RETRY_S = 60.0
PURGED_AT_ONCE = 500  # rows per unit of work, since other writers wait meanwhile
PURGE_EVERY_S = 600.0


class AccountWatch:
    """`poll` twice a second, on one thread."""

    def __init__(
        self, store: Store, settings: Settings, roads: Roads, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads
        self._monotonic_s = monotonic_s
        self._again_s: dict[Abandoned, float] = {}  # failed reassignments, and when each is tried again

    def poll(self, now: datetime | None = None) -> None:
        """Reassign the tasks of users whose account has changed. Raises the store's errors when it takes no writes."""
        FOLLOWER.catch_up(self._store, _note_leaving, FOLLOWED_AT_ONCE, now)
        leaving = self._store.read(_leaving)
        for name in leaving:
            self._reassign(name, now or datetime.now(UTC))
        if not leaving:
            self._again_s.clear()

    def _reassign(self, name: str, now: datetime) -> None:
        """Reassign each offer and task in a unit of work of its own; the user is forgotten when all are done."""
        left = self._store.read(lambda reader: abandoned_by(reader, name))
        due = [one for one in left if self._again_s.get(one, 0.0) <= self._monotonic_s()]
        done = sum(self._reassign_one(one, now) for one in due)
        if done:
            log.info("%d tasks of %s are reassigned", done, name)
        if not left:
            self._store.write(lambda writer: _forget_leaving(writer, name))

    def _reassign_one(self, abandoned: Abandoned, now: datetime) -> bool:
        work = self._store.submit(
            lambda writer: reassign_abandoned(writer, abandoned, now, roads=self._roads, settings=self._settings)
        )
        error = work.exception()
        if error is None:
            return work.result()
        if isinstance(error, StoreClosed):
            raise error
        if abandoned not in self._again_s:
            what = f"task {abandoned.task} of {abandoned.responder}"
            log.error("%s could not be reassigned and is tried again: %s", what, redact(str(error)))
        self._again_s[abandoned] = self._monotonic_s() + RETRY_S
        return False


class EndedSessions:
    """Removes sessions, tokens and one-time codes that ended long ago. `poll` every second or so."""

    def __init__(self, store: Store, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic_s = monotonic_s
        self._due_s = monotonic_s()

    def poll(self, now: datetime | None = None) -> int:
        """Remove ended sessions and codes when it is time; returns how many. Raises the store's errors.

        Removes at most 500 rows, so that neither other writers nor other polls wait. If there are more the next call
        continues; else ten minutes pass.
        """
        if self._monotonic_s() < self._due_s:
            return 0
        at = now or datetime.now(UTC)
        removed = self._store.write(lambda writer: _purge_some(writer, at))
        if removed < PURGED_AT_ONCE:
            self._due_s = self._monotonic_s() + PURGE_EVERY_S
        if removed:
            log.info("%d ended sessions and codes were removed", removed)
        return removed


def _leaving(reader: Reader) -> Sequence[str]:
    return [str(name) for name in reader.value(LEAVING) or ()]


def _note_leaving(writer: Writer, changes: Sequence[Change], _now: datetime) -> None:
    names = dict.fromkeys([*_leaving(writer), *(change.subject.partition(":")[2] for change in changes)])
    writer.put_value(LEAVING, list(names))


def _forget_leaving(writer: Writer, name: str) -> None:
    """Forget the user unless there is a new offer, made while the account was being disabled."""
    if not abandoned_by(writer, name):
        writer.put_value(LEAVING, [other for other in _leaving(writer) if other != name])


def _purge_some(writer: Writer, now: datetime) -> int:
    sessions = writer.prune_sessions(now - ENDED_SESSIONS_KEPT, PURGED_AT_ONCE)
    left = PURGED_AT_ONCE - sessions
    return sessions + (writer.prune_account_codes(now - USED_CODES_KEPT, left) if left else 0)
