"""Who is on which alert just now: seen on every screen, so that two people do not do the same work, or opposite work.

Kept in this process only: it is the one process that all screens are connected to, a claim is worth nothing once its
screen has gone, and a screen says anew what it is on within seconds after a restart. What somebody *did* is in the
store. Everything runs on the event loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from data.errors import IllegalMove
from data.model.people import SYSTEM, User
from data.model.task import Task
from data.model.views import iso
from data.ports.store import TaskQuery
from web.deps import ServerDeps

SILENT_AFTER = timedelta(seconds=20)
"""Without a sign of whoever claimed it, others may take it over at once."""
FORGOTTEN_AFTER = timedelta(minutes=10)
MOST = 2000  # a page claims one at a time; nobody fills the memory with them


class Conflict(IllegalMove):
    """Somebody else is at work on it: the step is taken only when its author says so again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`subject`: "alert:12". `seen_at`: the last sign of the person at their screen."""

    subject: str
    by: str
    name: str
    since: datetime
    seen_at: datetime

    def is_silent(self, now: datetime) -> bool:
        return now - self.seen_at > SILENT_AFTER

    def view(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "by": self.by,
            "name": self.name,
            "since": iso(self.since),
            "seen_at": iso(self.seen_at),
        }


Tell = Callable[[str, str, str], None]
"""Gets a message, the thing that it is about (`alert:12`), and for whom alone it is (a user's name, or "" for all)."""


class ClaimBook:
    """One claim for each subject. `tell` passes what changed on to the screens."""

    def __init__(self, tell: Tell, now: Callable[[], datetime]) -> None:
        self._tell = tell
        self._now = now
        self._claims: dict[str, Claim] = {}

    def all(self) -> list[Claim]:
        """Those that count, the oldest first."""
        self._forget()
        return list(self._claims.values())

    def of(self, subject: str) -> Claim | None:
        """The claim while its author gives signs."""
        claim = self._claims.get(subject)
        return None if claim is None or claim.is_silent(self._now()) else claim

    def claim(self, subject: str, user: User, *, take_over: bool = False) -> Claim:
        """Claim it, or give a sign. Raises Conflict while somebody else is on it, unless it is taken over.

        Who is silent is superseded by whoever claims it next.
        """
        self._forget()
        now, before = self._now(), self._claims.get(subject)
        if before is not None and before.by != user.name and not before.is_silent(now) and not take_over:
            text = f"{before.by} is on {subject} since {iso(before.since)}"
            raise Conflict(text, key="claim.held", who=before.by, at=iso(before.since))
        if before is None or before.by != user.name:
            if before is None and len(self._claims) >= MOST:
                raise IllegalMove(f"more than {MOST} claims")
            claim = Claim(subject, user.name, user.display_name or user.name, now, now)
            if before is not None and not before.is_silent(now):
                self.say(before.by, subject, "claim.taken", user)
        else:
            claim = replace(before, seen_at=now)
        self._claims[subject] = claim
        self._tell(_message("claim", claim.view()), subject, "")
        return claim

    def _forget(self) -> None:
        oldest = self._now() - FORGOTTEN_AFTER
        for subject in [subject for subject, claim in self._claims.items() if claim.seen_at < oldest]:
            del self._claims[subject]

    def release(self, subject: str, user: User) -> None:
        """Not on it any more; nothing where it is somebody else's."""
        claim = self._claims.get(subject)
        if claim is not None and claim.by == user.name:
            del self._claims[subject]
            self._tell(_message("claim", {"subject": subject, "by": ""}), subject, "")

    def say(self, to: str, subject: str, key: str, by: User, **values: str | int) -> None:
        """Tell one person, in the words of `key`, what somebody else has just done about the thing they are on."""
        told = {"key": key, "values": {"who": by.name, "name": by.display_name or by.name, **values}}
        self._tell(_message("told", {"subject": subject, **told}), subject, to)


class Teamwork:
    """Asks before a step that crosses somebody else's work, and tells them of it."""

    def __init__(self, deps: ServerDeps, claims: ClaimBook) -> None:
        self._deps = deps
        self._claims = claims

    async def check(self, alert_id: int, user: User, *, anyway: bool, tasks: bool = True) -> list[str]:
        """Who else is at work on the alert: by a claim, or (`tasks`) by an open task that they dispatched.

        Raises Conflict where there is somebody, unless `anyway`.
        """
        claim = self._claims.of(f"alert:{alert_id}")
        holder = "" if claim is None or claim.by == user.name else claim.by
        query = TaskQuery(alert_id=alert_id, open_only=True, limit=10)
        open_tasks = await self._deps.read(lambda reader: reader.tasks(query)) if tasks else ()
        theirs = {task.created_by: task for task in open_tasks if task.created_by not in {user.name, SYSTEM.name}}
        if not anyway:
            _refuse(theirs, holder, alert_id)
        return list(dict.fromkeys([*theirs, *([holder] if holder else [])]))

    def tell(self, others: Sequence[str], alert_id: int, step: str, user: User) -> None:
        """Say it to each of them, on whatever screen they sit."""
        for who in others:
            self._claims.say(who, f"alert:{alert_id}", f"told.{step}", user, alert=alert_id)


def _refuse(theirs: Mapping[str, Task], holder: str, alert_id: int) -> None:
    for who, task in theirs.items():
        text = f"{who} has dispatched task {task.id} for alert {alert_id}: {task.state.value}"
        values: dict[str, str | int | None] = {
            "who": who,
            "alert": alert_id,
            "task": task.id,
            "task_state": task.state.value,
        }
        raise Conflict(text, key="conflict.dispatched", **values)
    if holder:
        raise Conflict(f"{holder} is on alert {alert_id}", key="conflict.claimed", who=holder, alert=alert_id)


def _message(kind: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data}, ensure_ascii=False, separators=(",", ":"))
