"""Scheduled escalation 升级: due when nobody acknowledges. Notice 通知: one message on one channel.

A notice is delivered at least once. Both are rows: a killed process forgets none, and what is overdue at its restart
is done once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from data.model.alert import Priority


@dataclass(frozen=True, slots=True)
class ScheduledEscalation:
    """A step of a policy for one subject, due at `due_at`. At most one of `fired_at` and `stopped_at` is set.

    `subject`: "alert:12". `occurrence`: how many times the alert has called people, this one included; each occurrence
    begins the steps anew.
    """

    subject: str
    policy: str
    step: int
    due_at: datetime
    occurrence: int = 1
    fired_at: datetime | None = None
    stopped_at: datetime | None = None
    id: int = 0


class NoticeState(StrEnum):
    """Derived from recorded times."""

    WAITING = "waiting"  # to be sent, or to be sent again
    DELIVERED = "delivered"  # the channel's peer took it
    ANSWERED = "answered"  # somebody confirmed that they heard 叫应
    STOPPED = "stopped"  # no longer needed
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for one channel. `delivery_id` is the same at every attempt, so that a peer can tell repeats.

    `next_try`: when it may be sent (again). `wants_answer`: a call-out; somebody must confirm that they heard.
    """

    delivery_id: str
    subject: str
    policy: str
    step: int
    channel: str
    recipients: tuple[str, ...]
    priority: Priority
    title: str
    text: str
    created_at: datetime
    next_try: datetime
    wants_answer: bool = False
    occurrence: int = 1
    attempts: int = 0
    error: str = ""
    result: str = ""
    delivered_at: datetime | None = None
    stopped_at: datetime | None = None
    failed_at: datetime | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None
    answer: str = ""
    id: int = 0

    @property
    def state(self) -> NoticeState:
        reached = (
            (self.answered_at, NoticeState.ANSWERED),
            (self.delivered_at, NoticeState.DELIVERED),
            (self.stopped_at, NoticeState.STOPPED),
            (self.failed_at, NoticeState.FAILED),
        )
        return next((state for at, state in reached if at is not None), NoticeState.WAITING)

    @property
    def subject_id(self) -> int:
        """The number in `subject`."""
        return int(self.subject.rpartition(":")[2])


def notice_view(notice: Notice) -> Mapping[str, Any]:
    """A notice as JSON. `state` is waiting, delivered, answered, stopped or failed."""
    times = ("created_at", "next_try", "delivered_at", "stopped_at", "failed_at", "answered_at")
    plain = ("id", "delivery_id", "subject", "policy", "step", "channel", "title", "text", "wants_answer", "attempts")
    return {
        **{name: getattr(notice, name) for name in (*plain, "error", "result", "answered_by", "answer")},
        **{name: at.isoformat(timespec="milliseconds") if (at := getattr(notice, name)) else None for name in times},
        "recipients": list(notice.recipients),
        "priority": notice.priority.value,
        "state": notice.state.value,
    }
