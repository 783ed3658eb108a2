"""Tasks of somebody whose account ended go on to the next: at once, with their history.

Disabled, or with a role that does no tasks, nobody can answer an offer or report any more: without this their task
would stay "accepted" until a dispatcher happens to look.
"""

from __future__ import annotations

from datetime import datetime

from data.errors import NotFound
from data.people import SYSTEM
from data.settings import Settings
from data.store import Reader, TaskQuery, Writer
from data.task import EventState, Task, TaskState
from dispatch.case_work import reassign
from dispatch.offers import expire_offer
from dispatch.responders import account_reason
from dispatch.routing import Roads

_AT_WORK = frozenset({TaskState.ACCEPTED, TaskState.EN_ROUTE, TaskState.ON_SCENE, TaskState.BLOCKED, TaskState.REWORK})
_GOES_ON = frozenset({EventState.JUDGING, EventState.DISPATCHED, EventState.HANDLING, EventState.SUSPENDED})
_MOST_TASKS = 100


def hand_on_tasks(writer: Writer, name: str, now: datetime, *, roads: Roads, settings: Settings) -> int:
    """End the open offers of this user, and offer what they had accepted to others; how many. 0 for who can work.

    A unit's task goes back to the unit's people. What was reported already is verified as it is. With nobody left
    the task is a draft again and says why, as after any refusal.
    """
    try:
        reason = account_reason(writer.user(name))
    except NotFound:
        return 0
    if not reason:
        return 0
    offers = writer.open_offers_to(name)
    for offer in offers:
        expire_offer(writer, offer, reason, now, roads=roads, settings=settings)
    held = writer.tasks(TaskQuery(responder=name, open_only=True, limit=_MOST_TASKS))
    left = [task for task in held if _is_stuck(writer, task, name)]
    for task in left:
        reassign(writer, task.id, SYSTEM, now, f"{name}: {reason}", roads=roads, settings=settings, unit=task.unit)
    return len(offers) + len(left)


def _is_stuck(reader: Reader, task: Task, name: str) -> bool:
    at_work = task.responder == name and task.state in _AT_WORK
    return at_work and reader.event(task.event_id).state in _GOES_ON
