"""Tasks of somebody whose account ended are offered to the next responder: at once, with their history.

Disabled, or with a role that does no tasks, nobody can answer an offer or report any more: without this their task
would stay "accepted" until a dispatcher happens to look.
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
    """An open offer, or a task in somebody's hands, that `responder` can neither answer nor finish any more."""

    responder: str
    task: int
    offer: int | None = None


def abandoned_by(reader: Reader, name: str) -> Sequence[Abandoned]:
    """All that this user leaves behind: open offers, then tasks. Empty for who can work, or does not exist."""
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
    """End the offer, or take the task away, and offer it to others. False where that is no longer needed.

    One at a time is a unit of work: what fails leaves nothing half done, and stops no other. A unit's task goes back
    to the unit's people. What was reported already is verified as it is. With nobody left the task is a draft again
    and says why, as after any refusal.
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
    """Why this user can do no task; empty for who can, and for who does not exist."""
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
