"""What one responder sees, as cards, from what is stored. Pure: no store, no clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from data.model.task import Offer, Task, TaskState
from data.model.views import iso
from layouts.phone.route_map import RouteMap

WORK_STATES = (
    TaskState.ACCEPTED,
    TaskState.EN_ROUTE,
    TaskState.ON_SCENE,
    TaskState.REPORTED,
    TaskState.BLOCKED,
    TaskState.REWORK,
)
_NOTED = (TaskState.BLOCKED, TaskState.REWORK)


@dataclass(frozen=True, slots=True)
class Card:
    """A task with what its responder needs. `until`: when the offer ends, ISO 8601; empty for accepted work.

    `unit`: for its people, who take it among themselves. `description`: what was reported. `note`: why it is blocked
    or to be done again. `back`: the state in which blocked work goes on. `promised`: by which day.
    `personal_of`: the event whose personal data its responder may see; 0 for none.
    """

    id: int
    title: str
    place: str
    priority: str
    state: str
    picture: str | None
    checklist: tuple[str, ...]
    geo: str
    way: str
    map: RouteMap
    until: str = ""
    unit: str = ""
    description: str = ""
    note: str = ""
    back: str = ""
    promised: str = ""
    needs_photo: bool = False
    personal_of: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """A finished task in one line."""

    id: int
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class RollCallCard:
    """An open roll-call 叫应. `answer`: present, unable, or empty; `due`: until when to answer, ISO 8601.

    `stands_for`: whose deputy one is; empty where one is called oneself.
    """

    id: int
    title: str
    text: str
    due: str
    answer: str
    stands_for: str
    calls: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything on the page. `places`: how many are due for an inspection."""

    name: str
    known: bool
    on_shift: bool
    position: str
    offers: tuple[Card, ...]
    work: tuple[Card, ...]
    past: tuple[Past, ...]
    calls: tuple[RollCallCard, ...] = ()
    places: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A task of this responder as stored. `picture`: evidence of its alert or report. `site_name`: as configured."""

    task: Task
    offer: Offer | None = None
    picture: str | None = None
    site_name: str = ""
    unit_name: str = ""
    description: str = ""
    shows_personal: bool = False


def card_of(found: Found, route_map: RouteMap, way: str) -> Card:
    """The card of an offered or accepted task."""
    task = found.task
    return Card(
        id=task.id,
        title=task.title,
        place=found.site_name or task.site,
        priority=task.priority.value,
        state=task.state.value,
        picture=found.picture,
        checklist=task.checklist,
        geo=f"geo:{task.location.lat:.6f},{task.location.lon:.6f}?q={task.location.lat:.6f},{task.location.lon:.6f}",
        way=way,
        map=route_map,
        until=(iso(found.offer.expires_at) or "") if found.offer is not None else "",
        unit=found.unit_name,
        description=found.description,
        note=task.steps[-1].reason if task.state in _NOTED else "",
        back=replace(task, steps=()).state.value,
        promised="" if task.promised is None else task.promised.isoformat(),
        needs_photo=task.needs_photo,
        personal_of=task.event_id if found.shows_personal else 0,
    )


def way_text(words: Mapping[str, str], travel_s: float, distance_m: float, method: str) -> str:
    """`约 3 分钟 · 420 米`, with a remark where it is no way by road."""
    if method == "no position":
        return words["no position"]
    minutes = words["minutes"].format(n=max(1, math.ceil(travel_s / 60)))
    if distance_m < 1000:
        distance = words["metres"].format(n=round(distance_m / 10) * 10)
    else:
        distance = words["kilometres"].format(n=f"{distance_m / 1000:.1f}")
    remark = "" if method == "road" else f" · {words.get(method, method)}"
    return f"{minutes} · {distance}{remark}"


def is_offer_to(task: Task, responder: str) -> bool:
    """Does this task wait for the answer of this responder, or of one of their unit?"""
    if task.state is not TaskState.OFFERED:
        return False
    return bool(task.unit) or responder in (task.offered_to, *task.also_offered)


def is_work_of(task: Task, responder: str) -> bool:
    """Is this responder at it?"""
    return task.responder == responder and task.state in WORK_STATES


def is_past_of(task: Task, responder: str) -> bool:
    """Was it this responder's, and is over?"""
    return task.responder == responder and not task.is_open
