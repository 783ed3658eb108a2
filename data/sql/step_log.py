"""A log line for each committed step of the audit trail, with the ids of its subjects.

An alert is raised in a worker, sent by the notifier, acknowledged in the web process and closed by the clock. All of
them write through a store, so this is the one place where an alert can be traced by its id through all processes.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from structlog.contextvars import bound_contextvars, get_contextvars

from data.model.record import AuditEntry, Change

log = logging.getLogger(__name__)

_ID_OF = {"alert": "alert_id", "task": "task_id", "event": "event_id"}
_VIEWED = (("site", "site"), ("alert", "alert_id"), ("event", "event_id"))


@dataclass(slots=True)
class LoggedStep:
    """`actor` took `action` on `subject`; `ids` are those of the subject and of what it belongs to."""

    subject: str
    action: str
    actor: str
    ids: dict[str, Any] = field(default_factory=dict)


def step_of(entry: AuditEntry) -> LoggedStep:
    """The step with the ids bound to the log now, since a unit of work may be a batch about many subjects."""
    topic, _, number = entry.subject.partition(":")
    own = {_ID_OF[topic]: int(number)} if topic in _ID_OF and number.isdecimal() else {}
    return LoggedStep(entry.subject, entry.action, entry.actor, get_contextvars() | own)


def add_ids(step: LoggedStep, change: Change) -> None:
    """Add ids from the change that follows a step: the site, and the alert of a task."""
    if change.subject != step.subject or change.topic not in _ID_OF:
        return
    view: Mapping[str, Any] = change.payload.get(change.topic, {})
    told = {name: view.get(key) for key, name in _VIEWED if key != change.topic}
    step.ids |= {name: value for name, value in told.items() if value not in (None, "")}


class StepLog:
    """Logs steps on a thread of its own, so that a log that nobody reads does not block writers of the store.

    At most `room` units of work wait; steps of further ones are dropped, and a line gives their number later.
    """

    def __init__(self, room: int = 2_000) -> None:
        self._waiting: queue.Queue[tuple[Context, Sequence[LoggedStep]] | None] = queue.Queue(room)
        self._dropped = 0  # changed only by the thread that calls `put`
        self._told = 0
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many steps were dropped since the beginning."""
        return self._dropped

    def put(self, context: Context, steps: Sequence[LoggedStep]) -> None:
        """Queue committed steps, in the context in which the unit of work was submitted. Never waits."""
        if not steps:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="step-log", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((context, steps))
        except queue.Full:
            self._dropped += len(steps)

    def close(self, within_s: float = 2.0) -> None:
        """Log the waiting steps; gives up after `within_s` if the log takes nothing."""
        if self._thread is None:
            return
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=within_s)
            self._thread.join(within_s)

    def _run(self) -> None:
        while (taken := self._waiting.get()) is not None:
            context, steps = taken
            context.run(_log_steps, steps)
            if (dropped := self._dropped) > self._told:
                log.warning("%d steps were not logged, since this log is read too slowly", dropped - self._told)
                self._told = dropped


def _log_steps(steps: Sequence[LoggedStep]) -> None:
    for step in steps:
        with bound_contextvars(**step.ids):
            log.info("%s: %s by %s", step.subject, step.action, step.actor)
