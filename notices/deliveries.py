"""Deliveries: a notice is claimed, sent and settled; one that a killed process had claimed is sent again.

A claim is a unit of work that checks the subject once more. Units of work are serial, so no notice is claimed after its
alert was acknowledged, however the two race.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from data.config.notices import NoticeSettings
from data.errors import IllegalMove, NotFound
from data.model.alert import Alert
from data.model.notice import Notice, NoticeState, notice_view
from data.model.people import Action, Actor
from data.model.record import AuditEntry, Change
from data.ports.store import Reader, Writer

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
ANSWER_LIMIT = 500  # characters


def alert_of(reader: Reader, subject: str) -> Alert | None:
    """The alert of `alert:12`; None for another kind of subject or an unknown alert."""
    topic, _, number = subject.partition(":")
    if topic != "alert" or not number.isdecimal():
        return None
    try:
        return reader.alert(int(number))
    except NotFound:
        return None


def is_settled(reader: Reader, alert: Alert, now: datetime) -> bool:
    """True if nobody needs to be notified: acknowledged, dismissed, shelved, inhibited, or the event is closed."""
    if not alert.calls_for_attention(now):
        return True
    return alert.event_id is not None and reader.event(alert.event_id).closed_at is not None


def claim(writer: Writer, notice_id: int, now: datetime, lease: timedelta, settings: NoticeSettings) -> Notice | None:
    """Claim the right to send this notice until `now` + `lease`; None if it must not be sent (any more)."""
    notice = writer.notice(notice_id)
    if notice.state is not NoticeState.WAITING or notice.next_try > now:
        return None
    alert = alert_of(writer, notice.subject)
    policy = settings.policy(notice.policy)
    over = alert is not None and not alert.is_open and (policy is None or not policy.when_over)
    again = alert is not None and alert.calls > notice.occurrence  # a newer notice replaces it
    if alert is not None and (over or again or is_settled(writer, alert, now)):
        save(writer, replace(notice, stopped_at=now), now)
        return None
    return writer.save_notice(replace(notice, attempts=notice.attempts + 1, next_try=now + lease))


def release(writer: Writer, notice: Notice, now: datetime) -> None:
    """Give back an unused claim, as if it had not been made."""
    writer.save_notice(replace(notice, attempts=notice.attempts - 1, next_try=now))


def delivered(writer: Writer, notice_id: int, now: datetime, result: str) -> Notice:
    """Mark the notice as accepted by the channel's peer; `result`: the peer's answer."""
    notice = writer.notice(notice_id)
    if notice.delivered_at is not None:
        return notice
    return save(writer, replace(notice, delivered_at=now, result=result, error=""), now)


def failed(
    writer: Writer, notice_id: int, now: datetime, error: str, *, permanent: bool, settings: NoticeSettings
) -> Notice:
    """Record a failed attempt: the next one comes after a pause, or the notice is given up."""
    notice = replace(writer.notice(notice_id), error=error)
    if notice.state is not NoticeState.WAITING:
        return notice
    if permanent or now - notice.created_at >= settings.give_up_after:
        return save(writer, replace(notice, failed_at=now), now)
    pause = PAUSES_S[min(notice.attempts, len(PAUSES_S)) - 1]
    return save(writer, replace(notice, next_try=now + timedelta(seconds=pause)), now)


def answer(writer: Writer, notice_id: int, actor: Actor, now: datetime, text: str = "") -> Notice:
    """Record that somebody has confirmed the call-out. Raises NotFound, Forbidden, IllegalMove."""
    actor.require(Action.ACKNOWLEDGE)
    notice = writer.notice(notice_id)
    if not notice.wants_answer:
        raise IllegalMove(f"notice {notice_id} asks for no answer")
    if notice.answered_at is not None:
        raise IllegalMove(
            f"notice {notice_id} was answered by {notice.answered_by} at {notice.answered_at.isoformat()}"
        )
    kept = replace(notice, answered_at=now, answered_by=actor.name, answer=text.strip()[:ANSWER_LIMIT])
    role = "" if actor.role is None else actor.role.value
    writer.record(
        AuditEntry(now, actor.name, role, "answer", notice.subject, {"notice": notice_id, "text": kept.answer})
    )
    return save(writer, kept, now)


def save(writer: Writer, notice: Notice, now: datetime) -> Notice:
    """Store the notice and publish the change to the screens."""
    stored = writer.save_notice(notice)
    writer.publish(Change("notice", f"notice:{notice.id}", now, {"notice": dict(notice_view(stored))}))
    return stored
