"""Queries of reviews, and the bounded reads of what a review tells: never more rows than asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, and_, func, or_, select

from data.model.alert import Alert, Priority
from data.model.alert_life import TakenStep
from data.model.clip import Clip
from data.model.geo import Box
from data.model.notice import Notice
from data.model.record import AuditEntry
from data.model.review import Review, ReviewComment, ReviewTopic, ReviewVersion
from data.model.task import Event, Offer, Task, TaskTimes
from data.sql import models, rows
from data.sql.alert_rows import AlertRow
from data.sql.alerts import STEPS, step_of
from data.sql.clips_read import CLIPS, OF_ALERT, clip_of
from data.sql.notices import NOTICES, notice_of
from data.sql.review_rows import ReviewCommentRow, ReviewRow, ReviewVersionRow
from data.sql.whole_rows import WholeRowQueries

LOOKED_BACK = timedelta(days=14)
"""How long before a span an alert may have been raised that ended in it."""

ALERTS = AlertRow.table()
AUDIT = models.AuditRow.table()
COMMENTS = ReviewCommentRow.table()
EVENTS = models.EventRow.table()
OFFERS = models.OfferRow.table()
TASKS = models.TaskRow.table()
REVIEWS = ReviewRow.table()
VERSIONS = ReviewVersionRow.table()
_FUNNEL = (
    (ALERTS, "raised_at", {"acknowledged": "acknowledged_at", "ended": "ended_at"}),
    (
        TASKS,
        "created_at",
        {"accepted": "accepted_at", "on_scene": "on_scene_at", "reported": "reported_at", "closed": "closed_at"},
    ),
    (EVENTS, "opened_at", {"events_closed": "closed_at"}),
)
_WITHOUT_DOCUMENT = select(*(column for column in VERSIONS.c if column.name != "document"))


def review_of(row: RowMapping) -> Review:
    values = dict(row)
    topic, priority = ReviewTopic(values.pop("topic")), values.pop("priority")
    return Review(topic=topic, priority=None if priority is None else Priority(priority), **values)


def _version_of(row: RowMapping) -> ReviewVersion:
    return ReviewVersion(**{"document": "", **row})


def _comment_of(row: RowMapping) -> ReviewComment:
    return ReviewComment(**row)


class ReviewQueries(WholeRowQueries):
    """The part of `data.ports.store.Reader` about reviews."""

    def review(self, review_id: int) -> Review:
        return self._named([self._one_whole(REVIEWS, review_id, review_of, "review")])[0]

    def review_about(self, topic: ReviewTopic, number: int) -> Review | None:
        same = select(REVIEWS).where(REVIEWS.c.topic == topic.value, REVIEWS.c.number == number)
        found = self._first(same, review_of)
        return None if found is None else self._named([found])[0]

    def reviews(
        self, *, before_id: int | None = None, limit: int = 100, hidden: frozenset[str] = frozenset()
    ) -> Sequence[Review]:
        found = select(REVIEWS).order_by(REVIEWS.c.id.desc()).limit(limit)
        if hidden:
            found = found.where(REVIEWS.c.site.not_in(hidden))
        return self._named(self._all(found if before_id is None else found.where(REVIEWS.c.id < before_id), review_of))

    def _named(self, reviews: Sequence[Review]) -> Sequence[Review]:
        """The reviews, those of alerts with the label and the rule by which the alert is called."""
        numbers = [one.number for one in reviews if one.topic is ReviewTopic.ALERT and one.number is not None]
        if not numbers:
            return reviews
        wanted = select(ALERTS.c.id, ALERTS.c.label, ALERTS.c.rule).where(ALERTS.c.id.in_(numbers))
        called = {number: (label, rule) for number, label, rule in self._connection.execute(wanted)}
        return [
            replace(one, label=called[one.number][0], rule=called[one.number][1])
            if one.topic is ReviewTopic.ALERT and one.number in called
            else one
            for one in reviews
        ]

    def review_version(self, review_id: int, number: int) -> ReviewVersion | None:
        same = select(VERSIONS).where(VERSIONS.c.review_id == review_id, VERSIONS.c.number == number)
        return self._first(same, _version_of)

    def review_versions(self, review_id: int, *, limit: int = 100) -> Sequence[ReviewVersion]:
        found = _WITHOUT_DOCUMENT.where(VERSIONS.c.review_id == review_id).order_by(VERSIONS.c.number.desc())
        return self._all(found.limit(limit), _version_of)

    def review_versions_after(self, version_id: int, *, limit: int = 100) -> Sequence[ReviewVersion]:
        found = select(VERSIONS).where(VERSIONS.c.id > version_id).order_by(VERSIONS.c.id).limit(limit)
        return self._all(found, _version_of)

    def review_comments(self, review_id: int, *, limit: int = 200) -> Sequence[ReviewComment]:
        newest = select(COMMENTS).where(COMMENTS.c.review_id == review_id).order_by(COMMENTS.c.id.desc()).limit(limit)
        return self._all(newest, _comment_of)[::-1]

    def events_opened(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Event]:
        inside = select(EVENTS).where(EVENTS.c.opened_at >= since, EVENTS.c.opened_at < until)
        if hidden:
            inside = inside.where(EVENTS.c.site.not_in(hidden))
        gravest = inside.order_by(EVENTS.c.priority, EVENTS.c.opened_at, EVENTS.c.id).limit(limit)
        return self._all(gravest, rows.event_of)

    def events_in_hand(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 10_000
    ) -> Sequence[Event]:
        lasted = or_(EVENTS.c.closed_at.is_(None), EVENTS.c.closed_at >= since)
        found = select(EVENTS).where(EVENTS.c.opened_at < until, lasted)
        if hidden:
            found = found.where(EVENTS.c.site.not_in(hidden))
        return self._all(found.order_by(EVENTS.c.id.desc()).limit(limit), rows.event_of)

    def task_times(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100_000
    ) -> Sequence[TaskTimes]:
        wanted = select(*(TASKS.c[name] for name in TaskTimes._fields))
        made = wanted.where(TASKS.c.created_at >= since, TASKS.c.created_at < until, TASKS.c.cancelled_at.is_(None))
        if hidden:
            made = made.where(TASKS.c.site.not_in(hidden))
        newest = made.order_by(TASKS.c.created_at.desc()).limit(limit)
        return [TaskTimes(*row) for row in self._connection.execute(newest)]

    def events_nearby(
        self, kind: str, box: Box, since: datetime, until: datetime, *, limit: int = 50
    ) -> Sequence[Event]:
        west, south, east, north = box
        found = select(EVENTS).where(
            EVENTS.c.kind == kind,
            EVENTS.c.opened_at >= since,
            EVENTS.c.opened_at < until,
            EVENTS.c.lon.between(west, east),
            EVENTS.c.lat.between(south, north),
        )
        return self._all(found.order_by(EVENTS.c.opened_at.desc(), EVENTS.c.id.desc()).limit(limit), rows.event_of)

    def alert_counts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset()
    ) -> Mapping[str, int]:
        raised = select(ALERTS.c.priority, func.count()).where(ALERTS.c.raised_at >= since, ALERTS.c.raised_at < until)
        if hidden:
            raised = raised.where(ALERTS.c.site.not_in(hidden))
        counted = self._connection.execute(raised.group_by(ALERTS.c.priority))
        return {str(priority): int(number) for priority, number in counted}

    def gravest_alerts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Alert]:
        raised = select(ALERTS).where(ALERTS.c.raised_at >= since, ALERTS.c.raised_at < until)
        if hidden:
            raised = raised.where(ALERTS.c.site.not_in(hidden))
        return self._all(
            raised.order_by(ALERTS.c.priority, ALERTS.c.raised_at, ALERTS.c.id).limit(limit), rows.alert_of
        )

    def alerts_standing(
        self, kinds: Sequence[str], since: datetime, until: datetime, *, site: str | None = None, limit: int = 100
    ) -> Sequence[Alert]:
        of_kind = ALERTS.c.kind.in_(kinds)
        # Without a bound below every alert ever raised would be looked at; what still lasts has an index of its own.
        recent = select(ALERTS).where(
            of_kind,
            ALERTS.c.raised_at >= since - LOOKED_BACK,
            ALERTS.c.raised_at < until,
            or_(ALERTS.c.ended_at.is_(None), ALERTS.c.ended_at >= since),
        )
        older = select(ALERTS).where(of_kind, ALERTS.c.ended_at.is_(None), ALERTS.c.raised_at < since - LOOKED_BACK)
        found = []
        for statement in (older, recent):
            of_site = statement if site is None else statement.where(ALERTS.c.site == site)
            found += self._all(of_site.order_by(ALERTS.c.raised_at, ALERTS.c.id).limit(limit), rows.alert_of)
        return found[:limit]

    def gravest_tasks(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Task]:
        made = select(TASKS).where(TASKS.c.created_at >= since, TASKS.c.created_at < until)
        if hidden:
            made = made.where(TASKS.c.site.not_in(hidden))
        gravest = made.order_by(TASKS.c.priority, TASKS.c.created_at, TASKS.c.id).limit(limit)
        return self._all(gravest, rows.task_of)

    def response_counts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset()
    ) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for table, begun, reached in _FUNNEL:
            columns = [func.count(), *(func.count(table.c[name]) for name in reached.values())]
            inside = select(*columns).where(table.c[begun] >= since, table.c[begun] < until)
            row = self._connection.execute(inside.where(table.c.site.not_in(hidden)) if hidden else inside).one()
            found |= dict(zip((table.name, *reached), map(int, row), strict=True))
        return found

    def site_counts(self, since: datetime, until: datetime) -> Mapping[str, Mapping[str, int]]:
        raised = and_(ALERTS.c.raised_at >= since, ALERTS.c.raised_at < until)
        made = and_(TASKS.c.created_at >= since, TASKS.c.created_at < until)
        wanted = (
            ("alerts", ALERTS, raised),
            ("alerts_open", ALERTS, ALERTS.c.ended_at.is_(None)),
            ("tasks", TASKS, made),
            ("tasks_done", TASKS, and_(made, TASKS.c.closed_at.is_not(None))),
            ("tasks_open", TASKS, and_(TASKS.c.closed_at.is_(None), TASKS.c.cancelled_at.is_(None))),
        )
        found: dict[str, dict[str, int]] = {}
        for name, table, condition in wanted:
            counted = select(table.c.site, func.count()).where(condition).group_by(table.c.site)
            for site, number in self._connection.execute(counted):
                found.setdefault(str(site), {})[name] = int(number)
        return found

    def steps_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 1000) -> Sequence[TakenStep]:
        found = select(STEPS).where(STEPS.c.alert_id.in_(alert_ids)).order_by(STEPS.c.at, STEPS.c.id).limit(limit)
        return self._all(found, step_of) if alert_ids else []

    def clips_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 200) -> Sequence[Clip]:
        of_them = select(OF_ALERT.c.clip_id).where(OF_ALERT.c.alert_id.in_(alert_ids))
        found = select(CLIPS).where(CLIPS.c.id.in_(of_them)).order_by(CLIPS.c.since, CLIPS.c.id).limit(limit)
        return self._all(found, clip_of) if alert_ids else []

    def offers_of_tasks(self, task_ids: Sequence[int], *, limit: int = 1000) -> Sequence[Offer]:
        found = select(OFFERS).where(OFFERS.c.task_id.in_(task_ids)).order_by(OFFERS.c.id).limit(limit)
        return self._all(found, rows.offer_of) if task_ids else []

    def notices_about(self, subjects: Sequence[str], *, limit: int = 200) -> Sequence[Notice]:
        found = select(NOTICES).where(NOTICES.c.subject.in_(subjects)).order_by(NOTICES.c.id).limit(limit)
        return self._all(found, notice_of) if subjects else []

    def audit_about(self, subjects: Sequence[str], *, limit: int = 200) -> Sequence[AuditEntry]:
        found = select(AUDIT).where(AUDIT.c.subject.in_(subjects)).order_by(AUDIT.c.seq).limit(limit)
        return self._all(found, rows.audit_of) if subjects else []
