"""Notices of events' escalations: those of the clocks (50, 80, 100, 150 % of a limit) and those by hand.

Follows the events' changes behind a cursor of its own. A notice's delivery id is made from the recorded step and is
stored once, so that each escalation is sent once on each channel, whichever process is killed when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from data.config.notices import ClockSettings
from data.config.settings import Settings
from data.errors import NotFound
from data.model.case import Recorded
from data.model.notice import Notice
from data.model.task import Event
from data.ports.store import Reader, Writer
from data.stored.following import Follower
from notices.deliveries import save

POLICY, BY_HAND = "case-clock", "case-escalation"
FOLLOWED_AT_ONCE = 200
_ESCALATE = "escalate"
_CLOCK_ZH = MappingProxyType({"handling": "处置时限", "intake": "受理时限"})


def follower(settings: Settings) -> Follower:
    """The follower of changes of events."""
    return Follower("notices:case_clocks", ("event",), settings.notices.give_up_after)


def follow(writer: Writer, settings: Settings, now: datetime) -> int:
    """Write the notices of the escalations recorded since the last call; returns how many are new."""
    changes = follower(settings).take(writer, now, FOLLOWED_AT_ONCE)
    told = 0
    for subject in dict.fromkeys(change.subject for change in changes):
        event = writer.event(int(subject.rpartition(":")[2]))
        for number, step in enumerate(event.steps):
            fresh = now - step.at <= settings.notices.give_up_after
            if step.step == _ESCALATE and "to" in step.detail and fresh:
                told += _tell(writer, event, number, step, settings, now)
    return told


def _tell(writer: Writer, event: Event, number: int, step: Recorded, settings: Settings, now: datetime) -> int:  # noqa: PLR0917
    posts: Mapping[str, Sequence[str]] = step.detail["to"]
    policy = POLICY if "percent" in step.detail else BY_HAND
    stored = 0
    for place, wanted in enumerate(settings.notices.clocks):
        people = _people(wanted, posts)
        if not people:
            continue
        recipients = tuple(dict.fromkeys(reached_at(writer, person) for person in people))
        for channel in wanted.channels:
            notice = Notice(
                delivery_id=f"event:{event.id}/{policy}.{place}/{number}/{channel}",
                subject=f"event:{event.id}",
                policy=policy,
                step=int(step.detail.get("percent", 0)),
                channel=channel,
                recipients=recipients,
                priority=event.priority,
                title=_title(event, step, settings),
                text=_text(event, step, people, settings),
                created_at=now,
                next_try=now,
            )
            kept = writer.add_notice(notice)
            if kept is not None:
                save(writer, kept, now)
                stored += 1
    return stored


def _people(wanted: ClockSettings, posts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    chosen = [post for post in posts if not wanted.posts or post in wanted.posts]
    return tuple(dict.fromkeys(person for post in chosen for person in posts[post]))


def reached_at(reader: Reader, who: str) -> str:
    """The telephone number of a person or a unit, if known; else the name itself."""
    try:
        phone = reader.responder(who).phone
    except NotFound:
        phone = ""
    if phone:
        return phone
    try:
        contact = reader.unit(who).contact
    except NotFound:
        return who
    return contact.get("phone") or next(iter(contact.values()), who)


def _title(event: Event, step: Recorded, settings: Settings) -> str:
    if "unaccepted_s" in step.detail:
        minutes = round(step.detail["unaccepted_s"] / 60)
        zh, en = f"无人接单已 {minutes} 分钟，请接手", f"nobody has accepted for {minutes} min"
        return f"{zh}：{event.title}" if settings.language == "zh" else f"{en}: {event.title}"
    if "call_out_s" in step.detail:
        minutes = max(1, round(step.detail["call_out_s"] / 60))
        zh, en = f"{minutes} 分钟内未完成，请接手", f"not done within {minutes} min"
        return f"{zh}：{step.detail['title']}" if settings.language == "zh" else f"{en}: {step.detail['title']}"
    if "percent" not in step.detail:
        return f"升级，请接手：{event.title}" if settings.language == "zh" else f"escalated to you: {event.title}"
    percent, clock = step.detail["percent"], str(step.detail["clock"])
    if settings.language == "zh":
        over = "已超时" if percent >= 100 else "将超时"
        return f"{_CLOCK_ZH.get(clock, clock)}已用 {percent} %（{over}）：{event.title}"
    return f"{percent} % of the {clock} limit is used: {event.title}"


def _text(event: Event, step: Recorded, people: Sequence[str], settings: Settings) -> str:
    said = "" if "call_out_s" in step.detail else step.reason  # that of the ladder is a word for screens
    due = step.detail.get("due")
    until = "" if not due else datetime.fromisoformat(due).astimezone(settings.zone_info).strftime("%m-%d %H:%M")
    if settings.language == "zh":
        parts = [f"事件 {event.id}", until and f"截止 {until}", f"网格 {event.grid}" if event.grid else ""]
        parts += [said and f"{step.by}：{said}", f"通知 {'、'.join(people)}"]
        return "，".join(part for part in parts if part)
    parts = [f"event {event.id}", until and f"due {until}", f"grid {event.grid}" if event.grid else ""]
    parts += [said and f"{step.by}: {said}", f"to {', '.join(people)}"]
    return ", ".join(part for part in parts if part)
