"""Queries of spans of time: pages by cursor, and spans thinned by the database."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, String, and_, bindparam, cast, func, literal, or_, select

from data.model.case import Origin
from data.model.observation import Quality, Reading
from data.model.organisation import Shift
from data.model.record import Evidence
from data.model.spans import CitizenQuery, EvidenceKey, ReadingBucket, ReadingKey, ShiftKey
from data.model.task import Event, Task
from data.sql import models, rows
from data.sql.alert_rows import AlertRow
from data.sql.base_queries import BaseQueries
from data.sql.columns import UtcDateTime
from data.sql.organisation_rows import ShiftRow, shift_of

ALERTS = AlertRow.table()
EVENTS = models.EventRow.table()
EVIDENCE = models.EvidenceRow.table()
NEWEST = models.NewestReadingRow.table()
READINGS = models.ReadingRow.table()
SHIFTS = ShiftRow.table()
TASKS = models.TaskRow.table()

_AT_ONCE = 500  # values of one IN list
_DAY_S = 86_400.0


class SpanQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about spans of time."""

    def readings(
        self,
        site: str,
        quantity: str | None = None,
        *,
        since: datetime,
        until: datetime,
        after: ReadingKey | None = None,
        limit: int = 100_000,
    ) -> Sequence[Reading]:
        at, key = READINGS.c.at, (READINGS.c.at, READINGS.c.monitor, READINGS.c.quantity)
        found = select(READINGS).where(READINGS.c.site == site, at < until)
        found = found.where(at >= since) if after is None else found.where(at >= after.at, _beyond(key, after))
        if quantity is None:
            return self._all(found.order_by(*key).limit(limit), rows.reading_of)
        # One quantity may be rare among many, so each series is read separately by the primary key and then merged.
        pages = [
            self._all(found.where(*series).order_by(at).limit(limit), rows.reading_of)
            for series in self._series_of(site, quantity)
        ]
        merged = heapq.merge(*pages, key=lambda reading: (reading.at, reading.monitor))
        return [reading for reading, _ in zip(merged, range(limit), strict=False)]

    def reading_buckets(
        self, sites: Sequence[str], since: datetime, until: datetime, width: timedelta
    ) -> Sequence[ReadingBucket]:
        at, value = READINGS.c.at, READINGS.c.value
        found: list[ReadingBucket] = []
        for site in sites:
            for series in self._series_of(site):
                bucket = self._bucket(since, width).label("bucket")
                quantity = READINGS.c.quantity
                statement = (
                    select(quantity, bucket, func.min(value), func.max(value), func.sum(value), func.count())
                    .where(READINGS.c.site == site, *series, at >= since, at < until)
                    .where(READINGS.c.quality.not_in([Quality.BAD.value, Quality.SUSPECT.value]))
                    .group_by(quantity, bucket)
                    .order_by(bucket)
                )
                for name, number, low, high, total, count in self._connection.execute(statement):
                    found.append(ReadingBucket(site, name, since + number * width, low, high, total, count))
        return found

    def evidence_between(
        self,
        site: str | None,
        since: datetime,
        until: datetime,
        *,
        after: EvidenceKey | None = None,
        limit: int = 100_000,
        hidden: frozenset[str] = frozenset(),
    ) -> Sequence[Evidence]:
        at, key = EVIDENCE.c.at, (EVIDENCE.c.at, EVIDENCE.c.id)
        found = select(EVIDENCE).where(at < until)
        found = found.where(at >= since) if after is None else found.where(at >= after.at, _beyond(key, after))
        if site is not None:
            found = found.where(EVIDENCE.c.origin == site)
        if hidden:
            found = found.where(*_not_of(hidden))
        return self._all(found.order_by(*key).limit(limit), rows.evidence_of)

    def evidence_thinned(
        self,
        since: datetime,
        until: datetime,
        width: timedelta,
        *,
        limit: int = 5000,
        hidden: frozenset[str] = frozenset(),
    ) -> Sequence[Evidence]:
        bucket = self._bucket(since, width, EVIDENCE.c.at)
        newest = func.row_number().over(partition_by=(EVIDENCE.c.origin, bucket), order_by=EVIDENCE.c.at.desc())
        # Only ids and times are sorted; whole rows are fetched only for the page shown.
        ranked = select(EVIDENCE.c.id, newest.label("place")).where(EVIDENCE.c.at >= since, EVIDENCE.c.at < until)
        if hidden:
            ranked = ranked.where(*_not_of(hidden))
        shown = ranked.subquery()
        ids = select(shown.c.id).where(shown.c.place == 1)
        found = select(EVIDENCE).where(EVIDENCE.c.id.in_(ids)).order_by(EVIDENCE.c.at.desc(), EVIDENCE.c.id.desc())
        return self._all(found.limit(limit), rows.evidence_of)[::-1]

    def evidence_of(self, ids: Sequence[str]) -> Sequence[Evidence]:
        found: list[Evidence] = []
        for part in _parts(list(dict.fromkeys(ids))):
            found += self._all(select(EVIDENCE).where(EVIDENCE.c.id.in_(part)), rows.evidence_of)
        return sorted(found, key=lambda one: (one.at, one.id))

    def tasks_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 1000) -> Sequence[Task]:
        found: list[Task] = []
        for part in _parts(list(dict.fromkeys(alert_ids))):
            statement = select(TASKS).where(TASKS.c.alert_id.in_(part)).order_by(TASKS.c.id.desc())
            found += self._all(statement.limit(limit - len(found)), rows.task_of)
            if len(found) >= limit:
                break
        return sorted(found, key=lambda task: task.id, reverse=True)

    def tasks_with_picture(self, evidence_id: str, *, limit: int = 100) -> Sequence[Task]:
        of_alerts = select(ALERTS.c.id).where(ALERTS.c.evidence == evidence_id)
        of_events = select(EVENTS.c.id).where(EVENTS.c.photo == evidence_id)
        shown = or_(
            TASKS.c.report_photo == evidence_id, TASKS.c.alert_id.in_(of_alerts), TASKS.c.event_id.in_(of_events)
        )
        return self._all(select(TASKS).where(shown).order_by(TASKS.c.id.desc()).limit(limit), rows.task_of)

    def events_with_picture(self, evidence_id: str, *, limit: int = 100) -> Sequence[Event]:
        found = select(EVENTS).where(EVENTS.c.photo == evidence_id).order_by(EVENTS.c.id.desc()).limit(limit)
        return self._all(found, rows.event_of)

    def citizen_events(self, query: CitizenQuery) -> Sequence[Event]:
        opened = EVENTS.c.opened_at
        found = select(EVENTS).where(EVENTS.c.origin == Origin.CITIZEN.value, opened.between(query.since, query.until))
        if query.kind is not None:
            found = found.where(EVENTS.c.kind == query.kind)
        if query.is_open is not None:
            found = found.where(EVENTS.c.closed_at.is_(None) if query.is_open else EVENTS.c.closed_at.is_not(None))
        return self._all(found.order_by(opened.desc(), EVENTS.c.id.desc()).limit(query.limit), rows.event_of)

    def shifts(
        self,
        *,
        at: datetime | None = None,
        since: datetime | None = None,
        after: ShiftKey | None = None,
        limit: int = 100_000,
    ) -> Sequence[Shift]:
        key = (SHIFTS.c.begins, SHIFTS.c.id)
        found = select(SHIFTS).order_by(*key).limit(limit)
        if at is not None:
            found = found.where(SHIFTS.c.begins <= at, SHIFTS.c.ends > at)
        if since is not None:
            found = found.where(SHIFTS.c.ends > since)
        if after is not None:
            found = found.where(_beyond(key, after))
        return self._all(found, shift_of)

    def _series_of(self, site: str, quantity: str | None = None) -> Sequence[tuple[ColumnElement[bool], ...]]:
        """The series of a site, each as a condition on the primary key of its readings."""
        found = select(NEWEST.c.monitor, NEWEST.c.quantity).where(NEWEST.c.site == site)
        if quantity is not None:
            found = found.where(NEWEST.c.quantity == quantity)
        names = self._connection.execute(found.order_by(NEWEST.c.monitor, NEWEST.c.quantity))
        return [(READINGS.c.monitor == monitor, READINGS.c.quantity == name) for monitor, name in names]

    def _bucket(self, since: datetime, width: timedelta, at: ColumnElement[Any] = READINGS.c.at) -> ColumnElement[int]:
        """The number of the bucket in which a time lies, counted from `since`."""
        begin, width_s = bindparam(None, since, UtcDateTime), literal(width.total_seconds(), Float)
        if self._connection.dialect.name == "sqlite":
            seconds = (func.julianday(at) - func.julianday(begin)) * _DAY_S
            # A Julian day is a float: adding half a millisecond keeps a bucket's first reading in it.
            return cast((seconds + 0.0005) / width_s, Integer)
        return cast(func.floor(func.extract("epoch", at - begin) / width_s), Integer)


def _beyond(columns: Sequence[ColumnElement[Any]], key: Sequence[Any]) -> ColumnElement[bool]:
    """The rows that come after this key in the order of these columns."""
    beyond: ColumnElement[bool] = columns[0] > key[0]
    if len(columns) == 1:
        return beyond
    return or_(beyond, and_(columns[0] == key[0], _beyond(columns[1:], key[1:])))


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(values), _AT_ONCE):
        yield values[begin : begin + _AT_ONCE]


def _not_of(sites: frozenset[str]) -> tuple[ColumnElement[bool], ...]:
    """Excludes pictures from cameras of these sites, and from reports of events and tasks there."""
    reports = select(literal("report:") + cast(TASKS.c.id, String)).where(TASKS.c.site.in_(sites))
    photos = select(EVENTS.c.photo).where(EVENTS.c.site.in_(sites), EVENTS.c.photo.is_not(None))
    return EVIDENCE.c.origin.not_in(sites), EVIDENCE.c.origin.not_in(reports), EVIDENCE.c.id.not_in(photos)
