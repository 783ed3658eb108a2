"""Each step of an event as its REST operation takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from data.config.settings import Settings
from data.errors import InputRejected
from data.model.people import Actor
from data.model.task import Event
from data.ports.store import Writer
from dispatch import convening
from dispatch.case_table import TABLE, EventStep
from dispatch.case_work import dispatch_units, judge, resume
from dispatch.cases import Given, take
from dispatch.clocks import calendar_of
from dispatch.convening import Topic
from dispatch.escalating import escalate
from dispatch.upkeep import hand_over
from web.api.case_bodies import StepBody

Take = Callable[[Writer, int, Actor, datetime, StepBody, Settings], Event]

OPEN_STEPS = tuple(step.value for step, move in TABLE.items() if move.action is not None)
"""The steps that people take."""


def take_step(  # noqa: PLR0917 - who takes which step, when, and what is said with it
    writer: Writer, event_id: int, step: EventStep, actor: Actor, now: datetime, body: StepBody, settings: Settings
) -> Event:
    """Raises NotFound, Forbidden, IllegalMove, InputRejected."""
    special = _SPECIAL.get(step)
    if special is not None:
        return special(writer, event_id, actor, now, body, settings)
    given = Given(reason=body.reason, more_time=body.more, detail=_detail(step, body))
    return take(writer, event_id, step, actor, now, given, calendar=calendar_of(settings))


def _detail(step: EventStep, body: StepBody) -> Mapping[str, Any]:
    if step is EventStep.CALL_BACK:
        if body.reached and body.satisfied is None:
            raise InputRejected("say whether the reporter is satisfied, or that nobody was reached")
        return {"reached": body.reached, "satisfied": body.satisfied, "score": body.score}
    if step is EventStep.EXTEND and body.more is not None:
        return {"more_s": body.more.total_seconds()}
    return {}


def _judge(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    changes: dict[str, Any] = {}
    for name in ("section", "lead", "priority"):
        if getattr(body, name) is not None:
            changes[name] = getattr(body, name)
    for name in ("co_handlers", "cooperating"):
        if getattr(body, name) is not None:
            changes[name] = tuple(getattr(body, name))
    return judge(writer, event_id, actor, now, changes=changes, limit=body.limit, reason=body.reason)


def _dispatch(writer: Writer, event_id: int, actor: Actor, now: datetime, _body: StepBody, settings: Settings) -> Event:
    return dispatch_units(writer, event_id, actor, now, settings=settings)


def _resume(  # noqa: PLR0917
    writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, settings: Settings
) -> Event:
    return resume(writer, event_id, actor, now, body.reason, settings)


def _convene(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    topics = [Topic(one.title, one.department, one.promised, one.part) for one in body.topics]
    return convening.convene(writer, event_id, actor, now, minutes=body.minutes, topics=topics)


def _share(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    return convening.share(writer, event_id, actor, now, body.district, body.reason)


def _hold(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    return convening.hold(writer, event_id, actor, now, body.district)


def _split(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    return convening.split(writer, event_id, actor, now, body.shares, body.reason)


def _hand_over(
    writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings
) -> Event:
    if body.every is None or not body.unit:
        raise InputRejected("say which unit keeps it up, and how often")
    return hand_over(writer, event_id, actor, now, body.unit, body.title, body.every)


def _escalate(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    return escalate(writer, event_id, actor, now, body.reason)


def _link(writer: Writer, event_id: int, actor: Actor, now: datetime, body: StepBody, _settings: Settings) -> Event:
    if body.event is None or body.event == event_id:
        raise InputRejected("say which other event this one repeats")
    writer.event(body.event)
    given = Given(reason=body.reason, detail={"event": body.event}, changes={"recurs": body.event})
    return take(writer, event_id, EventStep.LINK, actor, now, given)


_SPECIAL: Mapping[EventStep, Take] = MappingProxyType(
    {
        EventStep.JUDGE: _judge,
        EventStep.DISPATCH: _dispatch,
        EventStep.RESUME: _resume,
        EventStep.CONVENE: _convene,
        EventStep.SHARE: _share,
        EventStep.HOLD: _hold,
        EventStep.SPLIT: _split,
        EventStep.HAND_OVER: _hand_over,
        EventStep.LINK: _link,
        EventStep.ESCALATE: _escalate,
    }
)
