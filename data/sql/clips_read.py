"""Queries of alerts' clips, and of those that are no longer needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, exists, func, or_, select

from data.model.clip import Clip, ClipState
from data.model.review import ReviewTopic
from data.sql.alert_rows import AlertRow
from data.sql.base_queries import BaseQueries
from data.sql.clip_rows import ClipAlertRow, ClipRow
from data.sql.models import EventRow
from data.sql.review_rows import ReviewRow

ALERTS = AlertRow.table()
CLIPS = ClipRow.table()
EVENTS = EventRow.table()
OF_ALERT = ClipAlertRow.table()
REVIEWS = ReviewRow.table()

PENDING = CLIPS.c.state == ClipState.PENDING.value


def clip_of(row: RowMapping) -> Clip:
    values = dict(row)
    return Clip(state=ClipState(values.pop("state")), **values)


def _protected() -> ColumnElement[bool]:
    """Is one of its alerts open or not acknowledged, the event of one open, or a report about one being written?"""
    open_alert = or_(ALERTS.c.ended_at.is_(None), ALERTS.c.acknowledged_at.is_(None))
    joined = OF_ALERT.join(ALERTS, ALERTS.c.id == OF_ALERT.c.alert_id).outerjoin(
        EVENTS, EVENTS.c.id == ALERTS.c.event_id
    )
    open_event = and_(EVENTS.c.id.is_not(None), EVENTS.c.closed_at.is_(None))
    about = (REVIEWS.c.newest > 0, REVIEWS.c.signed.is_(None))
    reviewed = or_(
        *(
            exists(select(REVIEWS.c.id).where(REVIEWS.c.topic == topic, REVIEWS.c.number == number, *about))
            for topic, number in ((ReviewTopic.EVENT.value, ALERTS.c.event_id), (ReviewTopic.ALERT.value, ALERTS.c.id))
        )
    )
    return exists(
        select(OF_ALERT.c.clip_id)
        .select_from(joined)
        .where(OF_ALERT.c.clip_id == CLIPS.c.id, or_(open_alert, open_event, reviewed))
        .correlate(CLIPS)
    )


class ClipQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about clips."""

    def clip(self, sha256: str) -> Clip | None:
        ready_first = (CLIPS.c.state == ClipState.READY.value).desc()
        found = select(CLIPS).where(CLIPS.c.sha256 == sha256).order_by(ready_first, CLIPS.c.id.desc()).limit(1)
        return self._first(found, clip_of)

    def clips_of_alert(self, alert_id: int, *, limit: int = 100) -> Sequence[Clip]:
        of_it = select(OF_ALERT.c.clip_id).where(OF_ALERT.c.alert_id == alert_id)
        newest = select(CLIPS).where(CLIPS.c.id.in_(of_it)).order_by(CLIPS.c.id.desc()).limit(limit)
        return self._all(newest, clip_of)[::-1]

    def alerts_of_clip(self, clip_id: int, *, limit: int = 100) -> Sequence[int]:
        found = select(OF_ALERT.c.alert_id).where(OF_ALERT.c.clip_id == clip_id).order_by(OF_ALERT.c.alert_id.desc())
        return sorted(self._connection.execute(found.limit(limit)).scalars())

    def pending_clips(self, sites: Sequence[str] | None = None, *, limit: int = 1000) -> Sequence[Clip]:
        found = select(CLIPS).where(PENDING).order_by(CLIPS.c.asked_at, CLIPS.c.id).limit(limit)
        return self._all(found if sites is None else found.where(CLIPS.c.site.in_(sites)), clip_of)

    def clips_between(
        self, site: str | None, since: datetime, until: datetime, *, after_id: int = 0, limit: int = 1000
    ) -> Sequence[Clip]:
        found = select(CLIPS).where(CLIPS.c.since < until, CLIPS.c.until >= since, CLIPS.c.id > after_id)
        if site is not None:
            found = found.where(CLIPS.c.site == site)
        return self._all(found.order_by(CLIPS.c.id).limit(limit), clip_of)

    def clip_bytes(self) -> int:
        total = select(func.coalesce(func.sum(CLIPS.c.size), 0)).where(CLIPS.c.state == ClipState.READY.value)
        return int(self._connection.execute(total).scalar_one())

    def deletable_clips(self, before: datetime | None = None, *, limit: int = 100) -> Sequence[Clip]:
        found = select(CLIPS).where(CLIPS.c.state == ClipState.READY.value, ~_protected())
        if before is not None:
            found = found.where(CLIPS.c.until < before)
        return self._all(found.order_by(CLIPS.c.until, CLIPS.c.id).limit(limit), clip_of)

    def is_protected_clip(self, clip_id: int) -> bool:
        found = select(CLIPS.c.id).where(CLIPS.c.id == clip_id, _protected())
        return self._connection.execute(found).first() is not None

    def protected_clips(self, *, limit: int = 10_000) -> Sequence[Clip]:
        return self._all(select(CLIPS).where(_protected()).order_by(CLIPS.c.id.desc()).limit(limit), clip_of)
