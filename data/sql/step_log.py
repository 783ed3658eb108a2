"""What was committed, in the log: a line for each step of the audit trail, with the ids of what it was done to.

An alert is raised in a worker, told by the notifier, acknowledged in the server and closed by the clock; each of them
writes through a store, so that this is the one place where an alert can be followed by its id through all processes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from structlog.contextvars import bound_contextvars, get_contextvars

from data.record import AuditEntry, Change

log = logging.getLogger(__name__)

_ID_OF = {"alert": "alert_id", "task": "task_id", "event": "event_id"}
_VIEWED = (("site", "site"), ("alert", "alert_id"), ("event", "event_id"))


@dataclass(slots=True)
class LoggedStep:
    """`actor` did `action` to `subject`; `ids` are those of the thing and of what it belongs to."""

    subject: str
    action: str
    actor: str
    ids: dict[str, Any] = field(default_factory=dict)


def step_of(entry: AuditEntry) -> LoggedStep:
    """With the ids that are bound just now: a unit of work may be a batch about many things."""
    topic, _, number = entry.subject.partition(":")
    own = {_ID_OF[topic]: int(number)} if topic in _ID_OF and number.isdecimal() else {}
    return LoggedStep(entry.subject, entry.action, entry.actor, get_contextvars() | own)


def add_ids(step: LoggedStep, change: Change) -> None:
    """What the change that follows a step tells of its thing: where it is, and which alert a task is for."""
    if change.subject != step.subject or change.topic not in _ID_OF:
        return
    view: Mapping[str, Any] = change.payload.get(change.topic, {})
    told = {name: view.get(key) for key, name in _VIEWED if key != change.topic}
    step.ids |= {name: value for name, value in told.items() if value not in (None, "")}


def log_steps(steps: Sequence[LoggedStep]) -> None:
    """After their commit, in the context of whoever submitted the unit of work."""
    for step in steps:
        with bound_contextvars(**step.ids):
            log.info("%s: %s by %s", step.subject, step.action, step.actor)
