"""升级 by hand: the step names the next post on the ladder, which is notified as by the clocks (notices/)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

from data.errors import IllegalMove
from data.model.people import Actor, Role
from data.model.task import Event
from data.ports.store import Reader, Writer
from dispatch.case_clocks import people_at
from dispatch.case_table import EventStep
from dispatch.cases import Given, check_standing, take

POSTS = ("responder", "grid_leader", "section_head", "duty_officer", "commander", "district")
"""The posts, from the responder upwards."""
_STANDS_AT: Mapping[Role | None, int] = MappingProxyType(
    {Role.SECTION_HEAD: 2, Role.DUTY_OFFICER: 3, Role.COMMANDER: 4}
)


def escalate(writer: Writer, event_id: int, actor: Actor, now: datetime, reason: str) -> Event:
    """Escalate to the lowest post above the actor and above all posts told so far; at the end, to the highest again.

    Raises as `dispatch.cases.take` does, and IllegalMove when nobody holds such a post.
    """
    event = writer.event(event_id)
    check_standing(event, EventStep.ESCALATE, actor)
    to = next_above(writer, event, actor)
    if not to:
        raise IllegalMove(f"escalate of event {event_id}: nobody holds a post above {actor.name}")
    return take(writer, event_id, EventStep.ESCALATE, actor, now, Given(reason=reason, detail={"to": to}))


def next_above(reader: Reader, event: Event, actor: Actor) -> dict[str, list[str]]:
    """The next post to tell, with its people; empty when nobody else holds a post above the actor."""
    own = _STANDS_AT.get(actor.role, 0)
    told = [POSTS.index(post) for post, people in _told(event) if people and post in POSTS]
    held = {post: sorted(people_at(reader, event, post) - {actor.name}) for post in POSTS[own + 1 :]}
    filled = [post for post, people in held.items() if people]
    higher = [post for post in filled if POSTS.index(post) > max(told, default=0)]
    chosen = higher[:1] or filled[-1:]
    return {post: held[post] for post in chosen}


def next_post(reader: Reader, event: Event, told: Collection[str]) -> dict[str, list[str]]:
    """The lowest held post above the responder and above all posts told so far; else empty."""
    above = max((POSTS.index(post) for post in told if post in POSTS), default=0)
    held = {post: sorted(people_at(reader, event, post)) for post in POSTS[above + 1 :]}
    filled = [post for post, people in held.items() if people]
    return {post: held[post] for post in filled[:1]}


def _told(event: Event) -> list[tuple[str, list[str]]]:
    steps = (step for step in event.steps if step.step == EventStep.ESCALATE.value)
    return [(post, list(people)) for step in steps for post, people in step.detail.get("to", {}).items()]
