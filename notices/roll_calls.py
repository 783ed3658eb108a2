"""Notices of roll-calls 叫应: one to each person on each channel, again with each call, none to who has answered.

Follows the changes of roll-calls behind a cursor of its own, as the clocks of events do. A notice's delivery id is made
of the person's row and the number of the call and is stored once, so that nobody is called twice by one call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from data.config.settings import Settings
from data.model.alert import Priority
from data.model.notice import Notice, NoticeState
from data.model.roll_call import Called, RollCall
from data.ports.store import Writer
from data.stored.following import Follower
from notices.case_clocks import reached_at
from notices.deliveries import save

POLICY = "roll-call"
FOLLOWED_AT_ONCE = 500
_MOST_NOTICES = 20_000


def follower(settings: Settings) -> Follower:
    """The follower of changes of roll-calls."""
    return Follower("notices:roll_calls", ("roll_call",), settings.notices.give_up_after)


def follow(writer: Writer, settings: Settings, now: datetime) -> int:
    """Write the notices of calls made since the last time, stop those that nobody needs; how many are new."""
    changes = follower(settings).take(writer, now, FOLLOWED_AT_ONCE)
    told = 0
    for subject in dict.fromkeys(change.subject for change in changes):
        roll_call = writer.roll_call(int(subject.rpartition(":")[2]))
        called = writer.called(roll_call.id)
        known = {one.delivery_id: one for one in writer.notices(subject=subject, limit=_MOST_NOTICES)}
        waiting = {one.person for one in called if one.answered_at is None} if roll_call.is_open else set()
        for one in called:
            if one.person in waiting:
                told += sum(
                    _tell(writer, roll_call, one, channel, known, settings, now) for channel in roll_call.channels
                )
        by_person = {one.id: one.person for one in called}
        for notice in known.values():
            if notice.state is NoticeState.WAITING and by_person.get(notice.step) not in waiting:
                save(writer, replace(notice, stopped_at=now), now)
    return told


def delivery_id(called: Called, channel: str) -> str:
    """`roll_call:12/7/1/sms`: the person's row and the number of the call."""
    return f"roll_call:{called.roll_call_id}/{called.id}/{called.calls}/{channel}"


def _tell(  # noqa: PLR0917
    writer: Writer,
    roll_call: RollCall,
    called: Called,
    channel: str,
    known: dict[str, Notice],
    settings: Settings,
    now: datetime,
) -> int:
    key = delivery_id(called, channel)
    if key in known:
        return 0
    by_user = any(one.id == channel and one.kind == "web_push" for one in settings.notices.channels)
    notice = Notice(
        delivery_id=key,
        subject=f"roll_call:{roll_call.id}",
        policy=POLICY,
        step=called.id,
        occurrence=called.calls,
        channel=channel,
        recipients=(called.person if by_user else reached_at(writer, called.person),),
        priority=Priority.P2,
        title=roll_call.title,
        text=roll_call.text or roll_call.title,
        created_at=now,
        next_try=now,
    )
    stored = writer.add_notice(notice)
    if stored is None:
        return 0
    save(writer, stored, now)
    return 1
