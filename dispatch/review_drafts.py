"""Drafts of reviews: one for each event and alert of P1 or P2, and for each run of a plan, when it has ended.

A draft is only the subject: its contents are read when somebody looks, so a later correction is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from data.config.settings import Settings
from data.errors import NotFound
from data.model.alert import Priority
from data.model.people import SYSTEM, Actor
from data.model.plan import RunState
from data.model.record import AuditEntry
from data.model.review import Review, ReviewTopic
from data.ports.store import Reader, Writer

GRAVE = frozenset({Priority.P1, Priority.P2})
_FOLLOWED = frozenset({"event", "alert", "plan"})


def subject_of(  # noqa: PLR0917 - what is reviewed, and who asks
    reader: Reader, topic: ReviewTopic, number: int, by: str, now: datetime, settings: Settings
) -> Review:
    """The review of this, not stored yet. Raises NotFound."""
    if topic is ReviewTopic.EVENT:
        event = reader.event(number)
        return Review(topic, number, event.title, event.kind, event.site, event.priority, now, by)
    if topic is ReviewTopic.ALERT:
        alert = reader.alert(number)
        return Review(
            topic,
            number,
            "",
            alert.kind,
            alert.key.site,
            alert.priority,
            now,
            by,
            label=alert.label,
            rule=alert.key.rule,
        )
    run = reader.plan_run(number)
    plan = next((one for one in settings.plans.plans if one.id == run.plan), None)
    title = run.plan if plan is None else plan.zh if settings.language == "zh" else plan.en
    return Review(topic, number, title, run.plan, "", None, now, by)


def drafted(  # noqa: PLR0917 - what is reviewed, and who asks
    writer: Writer, topic: ReviewTopic, number: int, actor: Actor, now: datetime, settings: Settings
) -> Review:
    """The review of this: the one that there is, or a new draft. Raises NotFound."""
    known = writer.review_about(topic, number)
    if known is not None:
        return known
    review = subject_of(writer, topic, number, actor.name, now, settings)
    added = writer.add_review(review)
    assert added is not None  # writers are serial: nobody has added one since it was looked for
    role = "" if actor.role is None else actor.role.value
    detail = {"subject": added.subject}
    writer.record(AuditEntry(now, actor.name, role, "draft_review", f"review:{added.id}", detail))
    return added


def ended_of(reader: Reader, entries: Iterable[AuditEntry]) -> list[tuple[ReviewTopic, int]]:
    """What these entries of the audit trail have ended and what deserves a draft, without those that have one."""
    found: dict[tuple[ReviewTopic, int], None] = {}
    for entry in entries:
        topic, _, number = entry.subject.partition(":")
        if topic in _FOLLOWED and number.isdecimal():
            about = _ended(reader, topic, int(number), entry.action)
            if about is not None and reader.review_about(about, int(number)) is None:
                found[about, int(number)] = None
    return list(found)


def draft_all(writer: Writer, subjects: Iterable[tuple[ReviewTopic, int]], now: datetime, settings: Settings) -> int:
    """Draft the reviews of these by the system; how many."""
    return len([drafted(writer, topic, number, SYSTEM, now, settings) for topic, number in subjects])


def _ended(reader: Reader, topic: str, number: int, action: str) -> ReviewTopic | None:
    try:
        if topic == "event" and action in {"close", "submit", "void"}:
            event = reader.event(number)
            return ReviewTopic.EVENT if event.priority in GRAVE and not event.is_open else None
        if topic == "alert" and action == "end":
            alert = reader.alert(number)
            lonely = alert.event_id is None and not alert.is_open
            return ReviewTopic.ALERT if alert.priority in GRAVE and lonely else None
        if topic == "plan" and action == "plan_end":
            return ReviewTopic.PLAN_RUN if reader.plan_run(number).state is RunState.ENDED else None
    except NotFound:
        return None
    return None
