"""Offers the tasks of responders whose account ended to others, at once and with their history.

A user who is disabled, or whose role does no tasks, can neither answer an offer nor report: without this the task would
stay "accepted" until a dispatcher happens to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from data.config.settings import Settings
from data.errors import NotFound
from data.model.people import SYSTEM
from data.model.task import EventState, Offer, Task, TaskState
from data.ports.store import Reader, TaskQuery, Writer
from dispatch.case_work import reassign
from dispatch.offers import expire_offer
from dispatch.responders import account_reason
from dispatch.routing import Roads

_AT_WORK = frozenset({TaskState.ACCEPTED, TaskState.EN_ROUTE, TaskState.ON_SCENE, TaskState.BLOCKED, TaskState.REWORK})
_GOES_ON = frozenset({EventState.JUDGING, EventState.DISPATCHED, EventState.HANDLING, EventState.SUSPENDED})
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Abandoned:
    """An open offer that `responder` can no longer answer, or a task that they can no longer finish."""

    responder: str
    task: int
    offer: int | None = None


def abandoned_by(reader: Reader, name: str) -> Sequence[Abandoned]:
    """This user's open offers, then tasks; empty for a user who can work or does not exist."""
    if not _account_reason(reader, name):
        return ()
    offers = [Abandoned(name, offer.task_id, offer.id) for offer in reader.open_offers_to(name)]
    tasks: list[Abandoned] = []
    before_id: int | None = None
    while page := reader.tasks(TaskQuery(responder=name, open_only=True, before_id=before_id, limit=_PAGE)):
        tasks += [Abandoned(name, task.id) for task in page if _is_stuck(reader, task, name)]
        before_id = page[-1].id
    return (*offers, *tasks)


def reassign_abandoned(
    writer: Writer, abandoned: Abandoned, now: datetime, *, roads: Roads, settings: Settings
) -> bool:
    """End the offer, or take the task away, and offer it to others. False when that is no longer needed.

    Each is a unit of work of its own: a failure leaves nothing half done and stops no other. A unit's task goes back to
    the unit's people. A reported task is verified as it is. If nobody is left the task is a draft again with the
    reason, as after any refusal.
    """
    name = abandoned.responder
    reason = _account_reason(writer, name)
    if not reason:
        return False
    if abandoned.offer is not None:
        offer = _open_offer(writer, abandoned)
        if offer is None:
            return False
        expire_offer(writer, offer, reason, now, roads=roads, settings=settings)
        return True
    task = writer.task(abandoned.task)
    if not _is_stuck(writer, task, name):
        return False
    reassign(writer, task.id, SYSTEM, now, f"{name}: {reason}", roads=roads, settings=settings, unit=task.unit)
    return True


def _account_reason(reader: Reader, name: str) -> str:
    """Why this user can do no tasks; empty if they can, or do not exist."""
    try:
        return account_reason(reader.user(name))
    except NotFound:
        return ""


def _open_offer(reader: Reader, abandoned: Abandoned) -> Offer | None:
    offers = [offer for offer in reader.offers(abandoned.task) if offer.id == abandoned.offer]
    return offers[0] if offers and offers[0].is_open else None


def _is_stuck(reader: Reader, task: Task, name: str) -> bool:
    at_work = task.responder == name and task.state in _AT_WORK
    return at_work and reader.event(task.event_id).state in _GOES_ON
