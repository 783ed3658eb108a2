"""What each role gets to see of stored things: the one place where the JSON of `data.model.views` is narrowed.

REST, the events socket and the pages give a task or a notice through these functions only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from data.model.people import Action, Actor, Role, may

_WORKERS = frozenset({Role.RESPONDER.value, Role.GRID_LEADER.value})
_OF_PEOPLE = frozenset({"recipients", "result", "error"})  # of a notice
_OF_OFFERS = frozenset({"ask_again", "send", "call"})  # steps that tell who else was asked, and what spoke against them
# Hashes and times of day, which stay; else what may be a telephone number.
_NUMBER = re.compile(r"(?P<kept>\b[0-9a-f]{40,64}\b|(?<!\d)[12]\d{7}T\d{6,12}(?!\d))|(?<!\d)(\+?\d[\d -]{5,}\d)(?!\d)")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")


def sees_whole_tasks(actor: Actor) -> bool:
    """May this actor know who else was considered for a task, at what cost, and why somebody refused?"""
    return actor.role is None or may(actor.role, Action.DISPATCH) or may(actor.role, Action.READ_AUDIT)


def sees_numbers(actor: Actor) -> bool:
    """May this actor know the telephone numbers and addresses by which people were called?"""
    return actor.role is None or may(actor.role, Action.ACKNOWLEDGE) or may(actor.role, Action.ADMINISTER)


def task_seen(task: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """The task as this actor may see it.

    Whoever works in the street sees of colleagues only who has a task now, not who else was asked, how far away they
    were, what sending them would have cost, or why they refused.
    """
    if sees_whole_tasks(actor):
        return dict(task)
    narrowed = dict(task)
    narrowed["candidates"] = [one for one in task.get("candidates", ()) if one["responder"] == actor.name]
    narrowed["also_offered"] = [name for name in task.get("also_offered", ()) if name == actor.name]
    narrowed["steps"] = [
        step
        for step in task.get("steps", ())
        if step["by"] == actor.name or (step["role"] not in _WORKERS and step["step"] not in _OF_OFFERS)
    ]
    if "offers" in task:
        narrowed["offers"] = [offer for offer in task["offers"] if offer["responder"] == actor.name]
    return narrowed


def notice_seen(notice: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """The notice; numbers and addresses of people are shortened for whoever calls nobody."""
    if sees_numbers(actor):
        return dict(notice)
    return {name: _shortened(value) if name in _OF_PEOPLE else value for name, value in notice.items()}


def detail_seen(detail: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """The detail of an entry of the audit trail, shortened likewise."""
    if sees_numbers(actor):
        return dict(detail)
    return {name: _shortened(value) for name, value in detail.items()}


def payload_seen(topic: str, payload: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
    """The payload of a change; the very same object where nothing in it is kept back."""
    if topic == "task" and "task" in payload and not sees_whole_tasks(actor):
        narrowed = {name: value for name, value in payload.items() if name != "shortfall"}  # says who refused, and why
        return {**narrowed, "task": task_seen(payload["task"], actor)}
    if topic == "notice" and "notice" in payload and not sees_numbers(actor):
        return {**payload, "notice": notice_seen(payload["notice"], actor)}
    return payload


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return _MAIL.sub(_first_sign, _NUMBER.sub(_last_digits, value))
    if isinstance(value, list | tuple):
        return [_shortened(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _shortened(one) for name, one in value.items()}
    return value


def _last_digits(found: re.Match[str]) -> str:
    if found["kept"] or re.match(r"\d{4}-\d\d-\d\d", found[0]):
        return found[0]
    digits = re.sub(r"\D", "", found[0])
    return f"···{digits[-2:]}"


def _first_sign(found: re.Match[str]) -> str:
    return f"{found[0][0]}···@···"
