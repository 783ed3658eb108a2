"""The reader. It lives as long as its transaction, so all its results are of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select, union

from data.model.geo import Box, Location
from data.model.observation import Reading
from data.model.people import Responder, TrackPoint
from data.model.record import AuditEntry, Change, Evidence, Timer
from data.model.task import Event, Offer, Task
from data.ports.requests import Request
from data.ports.store import Answered, TaskQuery
from data.sql import models, rows
from data.sql.accounts_read import AccountQueries
from data.sql.alarm_history import AlarmQueries
from data.sql.alerts import AlertQueries
from data.sql.audit_guards import AuditGuardQueries
from data.sql.clips_read import ClipQueries
from data.sql.handovers_read import HandoverQueries
from data.sql.inspections_read import InspectionQueries
from data.sql.notices import NoticeQueries
from data.sql.organisation_read import OrganisationQueries
from data.sql.page_checksums import PageChecksumQueries
from data.sql.plans_read import PlanQueries
from data.sql.readings_read import ReadingQueries
from data.sql.received_cases_read import ReceivedCaseQueries
from data.sql.rejects_read import RejectQueries
from data.sql.reviews_read import ReviewQueries
from data.sql.roll_calls_read import RollCallQueries
from data.sql.server_state import ServerStateQueries
from data.sql.settings_read import SettingsQueries
from data.sql.spans import SpanQueries
from data.sql.vehicles_read import VehicleQueries
from data.sql.warnings_read import WarningQueries
from data.sql.whole_rows import WholeRowQueries

ANSWERS = models.AnswerRow.table()
AUDIT = models.AuditRow.table()
EVENTS = models.EventRow.table()
EVIDENCE = models.EvidenceRow.table()
NEWEST = models.NewestReadingRow.table()
OFFERS = models.OfferRow.table()
OUTBOX = models.OutboxRow.table()
POSITIONS = models.PositionRow.table()
REQUESTS = models.RequestRow.table()
RESPONDERS = models.ResponderRow.table()
TASKS = models.TaskRow.table()
TIMERS = models.TimerRow.table()
VALUES = models.ValueRow.table()

OPEN_OFFER = and_(
    OFFERS.c.accepted_at.is_(None),
    OFFERS.c.declined_at.is_(None),
    OFFERS.c.expired_at.is_(None),
    OFFERS.c.withdrawn_at.is_(None),
)
OPEN_TASK = and_(TASKS.c.closed_at.is_(None), TASKS.c.cancelled_at.is_(None))

# Screens run these two statements many times a second, so they are built once, with parameters.
LAST_CHANGE = select(func.coalesce(func.max(OUTBOX.c.seq), 0))
CHANGES = select(OUTBOX).where(OUTBOX.c.seq > bindparam("after")).order_by(OUTBOX.c.seq).limit(bindparam("up_to"))
CHANGES_ABOUT = CHANGES.where(OUTBOX.c.topic.in_(bindparam("topics", expanding=True)))


TASK_CONDITIONS = MappingProxyType(
    {
        "event_id": TASKS.c.event_id == bindparam("event_id"),
        "alert_id": TASKS.c.alert_id == bindparam("alert_id"),
        "responder": or_(
            TASKS.c.offered_to == bindparam("responder"),
            TASKS.c.responder == bindparam("responder"),
            TASKS.c.id.in_(select(OFFERS.c.task_id).where(OFFERS.c.responder == bindparam("responder"), OPEN_OFFER)),
        ),
        "hidden": TASKS.c.site.not_in(bindparam("hidden", expanding=True)),
        "unit": TASKS.c.unit == bindparam("unit"),
        "since": TASKS.c.created_at >= bindparam("since"),
        "until": TASKS.c.created_at < bindparam("until"),
        "before_id": TASKS.c.id < bindparam("before_id"),
    }
)


@lru_cache(None)  # as many as there are combinations of conditions
def task_search(given: tuple[str, ...], *, open_only: bool) -> Select[Any]:
    """The statement for these fields of a TaskQuery. Every step of a task runs it: built once, with parameters."""
    found = select(TASKS).order_by(TASKS.c.id.desc()).limit(bindparam("up_to"))
    conditions = [TASK_CONDITIONS[name] for name in given]
    return found.where(*conditions, OPEN_TASK) if open_only else found.where(*conditions)


class SqlReader(
    AccountQueries,
    AlarmQueries,
    AlertQueries,
    AuditGuardQueries,
    ClipQueries,
    HandoverQueries,
    InspectionQueries,
    NoticeQueries,
    ReadingQueries,
    ReceivedCaseQueries,
    RejectQueries,
    WarningQueries,
    OrganisationQueries,
    PageChecksumQueries,
    ServerStateQueries,
    PlanQueries,
    ReviewQueries,
    RollCallQueries,
    SettingsQueries,
    SpanQueries,
    VehicleQueries,
    WholeRowQueries,
):
    """`data.ports.store.Reader` on one connection inside one transaction."""

    def event(self, event_id: int) -> Event:
        return self._one_whole(EVENTS, event_id, rows.event_of, "event")

    def events_of_kind(self, kind: str, *, since: datetime, box: Box) -> Sequence[Event]:
        west, south, east, north = box
        ended_late = or_(EVENTS.c.closed_at.is_(None), EVENTS.c.closed_at >= since)
        inside = and_(EVENTS.c.lon.between(west, east), EVENTS.c.lat.between(south, north))
        found = select(EVENTS).where(EVENTS.c.kind == kind, ended_late, inside)
        return self._all(found.order_by(EVENTS.c.id.desc()), rows.event_of)

    def events(
        self,
        *,
        open_only: bool = False,
        before_id: int | None = None,
        limit: int = 100,
        hidden: frozenset[str] = frozenset(),
    ) -> Sequence[Event]:
        found = select(EVENTS).order_by(EVENTS.c.id.desc()).limit(limit)
        if hidden:
            found = found.where(EVENTS.c.site.not_in(hidden))
        if open_only:
            found = found.where(EVENTS.c.closed_at.is_(None))
        if before_id is not None:
            found = found.where(EVENTS.c.id < before_id)
        return self._all(found, rows.event_of)

    def task(self, task_id: int) -> Task:
        return self._one_whole(TASKS, task_id, rows.task_of, "task")

    def tasks(self, query: TaskQuery) -> Sequence[Task]:
        given = {
            name: getattr(query, name) for name in TASK_CONDITIONS if getattr(query, name) not in {None, frozenset()}
        }
        statement = task_search(tuple(given), open_only=query.open_only)
        found = self._connection.execute(statement, {**given, "up_to": query.limit}).mappings()
        return [rows.task_of(row) for row in found]

    def offers(self, task_id: int) -> Sequence[Offer]:
        return self._all(select(OFFERS).where(OFFERS.c.task_id == task_id).order_by(OFFERS.c.id), rows.offer_of)

    def offer(self, offer_id: int) -> Offer:
        return self._one(OFFERS, offer_id, rows.offer_of, "offer")

    def open_offers_to(self, responder: str) -> Sequence[Offer]:
        found = select(OFFERS).where(OFFERS.c.responder == responder, OPEN_OFFER).order_by(OFFERS.c.id)
        return self._all(found, rows.offer_of)

    def responders(self) -> Sequence[Responder]:
        return self._all(select(RESPONDERS).order_by(RESPONDERS.c.id), rows.responder_of)

    def responder(self, responder_id: str) -> Responder:
        return self._one(RESPONDERS, responder_id, rows.responder_of, "responder")

    def track(self, responder_id: str, limit: int = 100, *, until: datetime | None = None) -> Sequence[TrackPoint]:
        found = (
            select(POSITIONS).where(POSITIONS.c.responder == responder_id).order_by(POSITIONS.c.at.desc()).limit(limit)
        )
        if until is not None:
            found = found.where(POSITIONS.c.at <= until)
        return [
            TrackPoint(row["at"], Location(lon=row["lon"], lat=row["lat"]), row["doubt"])
            for row in self._connection.execute(found).mappings()
        ]

    def busy_responders(self) -> frozenset[str]:
        # A unit's task may last weeks; its people can be sent elsewhere meanwhile.
        at_work = select(TASKS.c.responder).where(OPEN_TASK, TASKS.c.responder.is_not(None), TASKS.c.unit == "")
        asked = select(OFFERS.c.responder).where(OPEN_OFFER)
        return frozenset(self._connection.execute(union(at_work, asked)).scalars())

    def latest_readings(self, sites: Sequence[str] | None = None) -> Sequence[Reading]:
        found = select(NEWEST).order_by(*NEWEST.primary_key.columns)
        return self._all(found if sites is None else found.where(NEWEST.c.site.in_(sites)), rows.reading_of)

    def changes(self, after: int, limit: int = 1000, *, topics: Sequence[str] = ()) -> Sequence[Change]:
        asked: dict[str, Any] = {"after": after, "up_to": limit}
        statement = CHANGES_ABOUT if topics else CHANGES
        found = self._connection.execute(statement, asked | {"topics": list(topics)} if topics else asked).mappings()
        return [rows.change_of(row) for row in found]

    def last_change(self) -> int:
        return int(self._connection.execute(LAST_CHANGE).scalar_one())

    def audit(
        self, *, after: int = 0, subject: str | None = None, newest_first: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        seq = AUDIT.c.seq
        found = select(AUDIT).where(seq > after).order_by(seq.desc() if newest_first else seq).limit(limit)
        if subject is not None:
            found = found.where(AUDIT.c.subject == subject)
        return self._all(found, rows.audit_of)

    def timers_due(self, now: datetime, limit: int = 100, *, kinds: Sequence[str] = ()) -> Sequence[Timer]:
        due = select(TIMERS).where(TIMERS.c.done_at.is_(None), TIMERS.c.due_at <= now)
        if kinds:
            due = due.where(TIMERS.c.kind.in_(kinds))
        return self._all(due.order_by(TIMERS.c.due_at, TIMERS.c.id).limit(limit), rows.timer_of)

    def waiting_timer_kinds(self, limit: int = 100) -> Sequence[str]:
        # One index look-up for each kind; DISTINCT would scan every waiting timer.
        kinds: list[str] = []
        next_kind = select(TIMERS.c.kind).where(TIMERS.c.done_at.is_(None)).order_by(TIMERS.c.kind).limit(1)
        while len(kinds) < limit:
            after = next_kind.where(TIMERS.c.kind > kinds[-1]) if kinds else next_kind
            kind = self._connection.execute(after).scalar()
            if kind is None:
                break
            kinds.append(str(kind))
        return kinds

    def evidence(self, evidence_id: str) -> Evidence:
        return self._one(EVIDENCE, evidence_id, rows.evidence_of, "evidence")

    def answered(self, key: str, user: str) -> Answered | None:
        same = select(ANSWERS).where(ANSWERS.c.key == key, ANSWERS.c.user_name == user)
        return self._first(same, rows.answered_of)

    def request(self, request_id: int) -> Request:
        return self._one(REQUESTS, request_id, rows.request_of, "request")

    def unanswered_requests(self, limit: int = 20) -> Sequence[Request]:
        waiting = select(REQUESTS).where(REQUESTS.c.answered_at.is_(None)).order_by(REQUESTS.c.id)
        return self._all(waiting.limit(limit), rows.request_of)

    def value(self, name: str) -> Any:
        return self._connection.execute(select(VALUES.c.value).where(VALUES.c.name == name)).scalar()

    def values(self, names: Sequence[str]) -> Mapping[str, Any]:
        found = select(VALUES.c.name, VALUES.c.value).where(VALUES.c.name.in_(names))
        return {str(name): value for name, value in self._connection.execute(found)} if names else {}
