"""Escalation: a policy's steps, which fall due one after the other unless somebody acknowledges.

Escalations begin from the outbox, behind a cursor that is stored in the same commit, so that none is missed and none
begins twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import Settings, SiteSettings
from data.errors import NotFound
from data.model.alert import Alert
from data.model.notice import Notice, NoticeState, ScheduledEscalation
from data.model.record import Change
from data.ports.store import Reader, Writer
from data.stored.following import Follower
from notices.deliveries import alert_of, is_settled, save
from notices.wording import Wording

FOLLOWED_AT_ONCE = 500
FIRED_AT_ONCE = 50


def follow(writer: Writer, settings: Settings, now: datetime) -> int:
    """Begin and stop escalations for alerts changed since the last call; returns how many changes were read."""
    changes = follower(settings).take(writer, now, FOLLOWED_AT_ONCE)
    for change in _newest_of_alerts(changes):
        alert = alert_of(writer, change.subject)
        if alert is None:
            continue
        if is_settled(writer, alert, now):
            stop(writer, change.subject, now)
        else:
            _begin(writer, alert, settings.notices, change.at)
    return len(changes)


def follower(settings: Settings) -> Follower:
    """The follower of changes of alerts."""
    return Follower("notices:changes", ("alert",), settings.notices.give_up_after)


def fire_due(writer: Writer, settings: Settings, now: datetime) -> int:
    """Turn due steps into notices, each once; returns how many steps were checked."""
    due = writer.escalations_due(now, FIRED_AT_ONCE)
    for escalation in due:
        alert = alert_of(writer, escalation.subject)
        policy = settings.notices.policy(escalation.policy)
        step = None if policy is None or escalation.step >= len(policy.steps) else policy.steps[escalation.step]
        if alert is None or policy is None or step is None or _needless(writer, escalation, alert, policy, now):
            writer.end_escalation(escalation.id, fired_at=None, stopped_at=now)
            continue
        if writer.end_escalation(escalation.id, fired_at=now, stopped_at=None):
            _write_notices(
                writer, escalation, alert, step, settings=settings, wording=Wording(settings, alert), now=now
            )
    return len(due)


def stop(writer: Writer, subject: str, now: datetime) -> int:
    """Stop the waiting steps and unsent notices of a subject that needs none any more; returns how many."""
    stopped = sum(
        writer.end_escalation(escalation.id, fired_at=None, stopped_at=now)
        for escalation in writer.escalations(subject)
        if escalation.fired_at is None and escalation.stopped_at is None
    )
    for notice in writer.notices(subject=subject):
        if notice.state is NoticeState.WAITING:
            save(writer, replace(notice, stopped_at=now), now)
            stopped += 1
    return stopped


def overdue(reader: Reader, settings: NoticeSettings, now: datetime) -> list[ScheduledEscalation | Notice]:
    """Steps and notices that have been due for longer than `late_after`: the notifier does not work on them."""
    limit = now - settings.late_after
    return [*reader.escalations_due(limit), *reader.notices_due(limit)]


def _newest_of_alerts(changes: Sequence[Change]) -> Iterator[Change]:
    """The newest change of each alert, in order: only the alert's present state matters."""
    newest: dict[str, Change] = {}
    for change in changes:
        newest.pop(change.subject, None)
        newest[change.subject] = change
    yield from newest.values()


def _begin(writer: Writer, alert: Alert, settings: NoticeSettings, at: datetime) -> None:
    for policy in settings.policies:
        if not policy.fits(alert) or (not alert.is_open and not policy.when_over):
            continue
        # A flapping alert is notified once; after that the sensor's maintenance task takes over.
        steps = policy.steps if alert.latched_since is None else policy.steps[:1]
        for number, step in enumerate(steps):
            subject, times = f"alert:{alert.id}", occurrence_of(alert)
            writer.add_escalation(ScheduledEscalation(subject, policy.id, number, at + step.after, times))


def occurrence_of(alert: Alert) -> int:
    """How many times this alert has called people; each time begins the steps anew."""
    return alert.calls


def _needless(
    reader: Reader, escalation: ScheduledEscalation, alert: Alert, policy: PolicySettings, now: datetime
) -> bool:
    """True if the alert is settled, over or has fired anew since, or a call-out of this policy was answered."""
    if is_settled(reader, alert, now) or (not alert.is_open and not policy.when_over):
        return True
    if occurrence_of(alert) != escalation.occurrence:
        return True
    told = reader.notices(subject=escalation.subject)
    return any(
        notice.answered_at is not None
        for notice in told
        if notice.policy == policy.id and notice.occurrence == escalation.occurrence
    )


def _write_notices(
    writer: Writer,
    escalation: ScheduledEscalation,
    alert: Alert,
    step: StepSettings,
    *,
    settings: Settings,
    wording: Wording,
    now: datetime,
) -> None:
    site = alert.key.site
    for channel in step.channels:
        place = f"{escalation.subject}.{escalation.occurrence}/{escalation.policy}/{escalation.step}"
        notice = Notice(
            delivery_id=f"{place}/{channel}",
            subject=escalation.subject,
            policy=escalation.policy,
            step=escalation.step,
            occurrence=escalation.occurrence,
            channel=channel,
            recipients=_who_may_know(writer, step.to, channel, site, settings),
            priority=alert.priority,
            title=wording.title,
            text=wording.text(step.text),
            created_at=now,
            next_try=now,
            wants_answer=step.answer,
        )
        stored = writer.add_notice(notice)
        if stored is not None:
            save(writer, stored, now)


def _who_may_know(
    reader: Reader, names: tuple[str, ...], channel: str, site: str, settings: Settings
) -> tuple[str, ...]:
    """The recipients; for web push, only those users who may know of the site.

    If none remains the notice fails with that reason. Numbers and addresses of other channels are not users, so the
    author of the policy is responsible for them.
    """
    by_user = any(one.id == channel and one.kind == "web_push" for one in settings.notices.channels)
    place = next((one for one in settings.sites if one.id == site and one.visible_to), None)
    if not by_user or place is None:
        return names
    return tuple(name for name in names if not _is_hidden_from(reader, name, place))


def _is_hidden_from(reader: Reader, name: str, place: SiteSettings) -> bool:
    try:
        return place.is_hidden_from(reader.user(name).role)
    except NotFound:
        return False
