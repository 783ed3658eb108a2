"""The Store port: everything that must survive is here, and only what is committed has happened.

A unit of work is a function. `Store.write` runs it inside one durable transaction together with others that
wait at the same moment (group commit), each behind its own savepoint: when the function raises, only its own
changes are undone and the error reaches its caller. Writers are serial: a unit of work sees every earlier one,
and `Change.seq` and `AuditEntry.seq` rise in commit order, whatever the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from data.model.alarm import AlarmColumns, AlarmRecord
from data.model.alert import Alert, AlertKey, Standing
from data.model.alert_life import TakenStep
from data.model.category import Category, CategoryVersion
from data.model.clip import Clip, ClipState
from data.model.geo import Box, Location
from data.model.handover import Handover
from data.model.inspection import Inspection
from data.model.notice import Notice, ScheduledEscalation
from data.model.observation import Position, Reading, Rejected
from data.model.organisation import Shift, Staffing, Unit, Upkeep
from data.model.people import AccountCode, Factor, FactorKind, Responder, Session, TrackPoint, User
from data.model.plan import PlanRun, PlanWork
from data.model.received_case import PersonalValue, ReceivedCase, ReceivedCount
from data.model.record import AuditEntry, Change, Evidence, Timer
from data.model.rejects import RejectGroup
from data.model.review import Review, ReviewComment, ReviewTopic, ReviewVersion
from data.model.roll_call import Called, RollCall
from data.model.settings_version import SettingsVersion
from data.model.spans import CitizenQuery, EvidenceKey, ReadingBucket, ReadingKey, ShiftKey
from data.model.task import Event, Offer, Task, TaskTimes
from data.model.warning import HazardWarning, WarningId, WarningStatus
from data.ports.requests import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Alerts, newest first. `of`: of these kinds or rule ids. `before_id`: continue a list. `hidden`: sites left out.

    Times bound `raised_at`/`ended_at` overlap.
    """

    site: str | None = None
    event_id: int | None = None
    inhibited_by: str | None = None
    of: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    open_only: bool = False
    unacknowledged_only: bool = False
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Tasks, newest first. `responder`: offered to or accepted by. Times bound `created_at`.

    `hidden`: sites left out.
    """

    event_id: int | None = None
    alert_id: int | None = None
    responder: str | None = None
    unit: str | None = None
    hidden: frozenset[str] = frozenset()
    open_only: bool = False
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer once given to a POST with this Idempotency-Key."""

    status: int
    body: Mapping[str, Any]
    request_hash: str


@dataclass(frozen=True, slots=True)
class PageChecksums:
    """Does a database server verify the checksum of every page it reads? `failures`: damaged pages that it found."""

    verified: bool
    failures: int


@dataclass(frozen=True, slots=True)
class ServerState:
    """A database server: its version, the database, and the connections taken of those that users may have."""

    version: str
    database: str
    connections: int
    limit: int


class Reader(Protocol):
    """A consistent view. Methods that look up one thing raise NotFound."""

    def alert(self, alert_id: int) -> Alert: ...
    def alerts(self, query: AlertQuery) -> Sequence[Alert]: ...
    def open_alert(self, key: AlertKey) -> Alert | None: ...
    def last_alert(self, key: AlertKey) -> Alert | None:
        """The newest of this key, open or not."""
        ...

    def alert_steps(self, alert_id: int) -> Sequence[TakenStep]:
        """Oldest first."""
        ...

    def alert_steps_between(self, since: datetime, until: datetime, limit: int = 100_000) -> Sequence[TakenStep]:
        """Of all alerts, as they were taken: since <= at < until."""
        ...

    def pending_conditions(self, site: str | None = None) -> Sequence[Standing]:
        """What holds, but not yet for long enough to be an alert."""
        ...

    def alarms_after(self, step: int, limit: int = 10_000) -> Sequence[AlarmRecord]:
        """Alerts raised or firing again after this step, in order."""
        ...

    def alarms_before(self, step: int, limit: int = 1000) -> Sequence[AlarmRecord]:
        """The newest first."""
        ...

    def first_alarm_step(self, alert_id: int) -> int | None: ...
    def alarm_columns(self, since: datetime, until: datetime) -> AlarmColumns:
        """Those that came then, and older ones that held then; each occurrence by itself."""
        ...

    def suppressed_alerts(self, now: datetime, *, before_id: int | None = None, limit: int = 10_000) -> Sequence[Alert]:
        """The newest alert of each key that is shelved, suppressed by design or out of service; newest first."""
        ...

    def alarms_in_hand(self) -> frozenset[int]:
        """Alerts that hold, or wait for an acknowledgement, or have an open task."""
        ...

    def event(self, event_id: int) -> Event: ...
    def events(
        self,
        *,
        open_only: bool = False,
        before_id: int | None = None,
        limit: int = 100,
        hidden: frozenset[str] = frozenset(),
    ) -> Sequence[Event]:
        """Newest first, without those of the sites `hidden`."""
        ...

    def events_of_kind(self, kind: str, *, since: datetime, box: Box) -> Sequence[Event]:
        """Newest first: those inside the box that are open, or ended at or after `since`."""
        ...

    def task(self, task_id: int) -> Task: ...
    def tasks(self, query: TaskQuery) -> Sequence[Task]: ...
    def offers(self, task_id: int) -> Sequence[Offer]:
        """Oldest first."""
        ...

    def offer(self, offer_id: int) -> Offer: ...
    def open_offers_to(self, responder: str) -> Sequence[Offer]:
        """What waits for this responder's answer, oldest first."""
        ...

    def responders(self) -> Sequence[Responder]:
        """By id, each with its latest position."""
        ...

    def responder(self, responder_id: str) -> Responder: ...
    def track(self, responder_id: str, limit: int = 100, *, until: datetime | None = None) -> Sequence[TrackPoint]:
        """Positions until then, newest first, those that are not believed among them."""
        ...

    def busy_responders(self) -> frozenset[str]:
        """Who holds an open task or an open offer."""
        ...

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
        """Oldest first, since <= at < until; those after `after` where a page has ended there."""
        ...

    def reading_buckets(
        self, sites: Sequence[str], since: datetime, until: datetime, width: timedelta
    ) -> Sequence[ReadingBucket]:
        """The span's readings thinned by the database: one row for each site, series and `width`, oldest first."""
        ...

    def reading_versions(self, site: str, times: Sequence[datetime]) -> Sequence[Reading]:
        """What was measured at these times, with what has been corrected since."""
        ...

    def corrected_readings(
        self, sites: Sequence[str], *, since: datetime, until: datetime, limit: int = 500
    ) -> Sequence[Reading]:
        """Those whose value is no longer the first that was given for their time; oldest first."""
        ...

    def latest_readings(self, sites: Sequence[str] | None = None) -> Sequence[Reading]:
        """The newest of each (site, monitor, quantity); of these sites alone, where any are given."""
        ...

    def vehicle_track(self, vehicle: str, since: datetime, until: datetime, limit: int = 5000) -> Sequence[Position]:
        """Where a vehicle was, since <= at < until, oldest first; of more than `limit` the newest."""
        ...

    def newest_positions(self, since: datetime, limit: int = 5000) -> Sequence[Position]:
        """The newest position of each vehicle and source that told one since then, newest first."""
        ...

    def vehicle_alert_times(self, vehicle: str, since: datetime, until: datetime) -> Sequence[datetime]:
        """When alerts about this vehicle were raised: since <= at < until."""
        ...

    def changes(self, after: int, limit: int = 1000, *, topics: Sequence[str] = ()) -> Sequence[Change]:
        """Those after `after`, in order; of these topics only, where any are given."""
        ...

    def last_change(self) -> int:
        """The highest `seq`, 0 when there is none."""
        ...

    def audit(
        self, *, after: int = 0, subject: str | None = None, newest_first: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]: ...
    def missing_audit_guards(self) -> Sequence[str]:
        """The triggers that keep the audit trail from being changed and are gone, switched off or not as they were."""
        ...

    def server_state(self) -> ServerState | None:
        """None where the database has no server (SQLite)."""
        ...

    def page_checksums(self) -> PageChecksums | None:
        """None for SQLite, where rows have checksums instead."""
        ...

    def user(self, name: str) -> User: ...
    def users(self) -> Sequence[User]: ...
    def user_with_identity(self, identity: str) -> User | None:
        """Whom the identity provider knows under this issuer and subject."""
        ...

    def session(self, secret_hash: str) -> Session | None: ...
    def sessions(self, now: datetime, *, user: str | None = None) -> Sequence[Session]:
        """Sessions and tokens that are neither revoked nor expired, the newest first."""
        ...

    def sessions_at_provider(self, provider_session: str) -> Sequence[Session]:
        """Those opened in this session at the identity provider and not revoked."""
        ...

    def tokens_ending(self, after: datetime, before: datetime, limit: int = 100) -> Sequence[Session]:
        """Tokens that are not revoked and whose end lies between these times, the earliest first."""
        ...

    def login_addresses(self, since: datetime, limit: int = 10_000) -> Sequence[tuple[str, str]]:
        """Who logged in from where, the latest first; sessions that have ended count, too."""
        ...

    def factors(self, user: str) -> Sequence[Factor]:
        """Oldest first."""
        ...

    def factors_of_kind(self, kind: FactorKind) -> Sequence[Factor]: ...
    def users_with_factors(self) -> frozenset[str]:
        """Who has an authenticator app or a passkey."""
        ...

    def account_code(self, code_hash: str) -> AccountCode | None: ...
    def timers_due(self, now: datetime, limit: int = 100, *, kinds: Sequence[str] = ()) -> Sequence[Timer]:
        """The longest overdue first; of these kinds only, where any are given."""
        ...

    def waiting_timer_kinds(self, limit: int = 100) -> Sequence[str]:
        """The kinds of which a timer is not done yet, in alphabetical order."""
        ...

    def evidence(self, evidence_id: str) -> Evidence: ...
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
        """Oldest first, since <= at < until; those after `after` where a page has ended there.

        Without those that come from the sites `hidden`.
        """
        ...

    def evidence_thinned(
        self,
        since: datetime,
        until: datetime,
        width: timedelta,
        *,
        limit: int = 5000,
        hidden: frozenset[str] = frozenset(),
    ) -> Sequence[Evidence]:
        """The newest picture of each origin and `width`, oldest first; of more than `limit` the newest.

        Without those that come from the sites `hidden`.
        """
        ...

    def evidence_of(self, ids: Sequence[str]) -> Sequence[Evidence]:
        """These pictures, oldest first; ids that are not known are left out."""
        ...

    def tasks_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 1000) -> Sequence[Task]:
        """Newest first."""
        ...

    def tasks_with_picture(self, evidence_id: str, *, limit: int = 100) -> Sequence[Task]:
        """Tasks whose report, alert or event has this picture, newest first."""
        ...

    def events_with_picture(self, evidence_id: str, *, limit: int = 100) -> Sequence[Event]:
        """Events that somebody reported with this picture, newest first."""
        ...

    def clip(self, sha256: str) -> Clip | None:
        """The clip of this content: of several one that is ready, and then the newest."""
        ...

    def clips_of_alert(self, alert_id: int, *, limit: int = 100) -> Sequence[Clip]:
        """Oldest first."""
        ...

    def alerts_of_clip(self, clip_id: int, *, limit: int = 100) -> Sequence[int]: ...
    def pending_clips(self, sites: Sequence[str] | None = None, *, limit: int = 1000) -> Sequence[Clip]:
        """Those that are not cut yet, the longest waiting first; of these sites only, where any are given."""
        ...

    def clips_between(
        self, site: str | None, since: datetime, until: datetime, *, after_id: int = 0, limit: int = 1000
    ) -> Sequence[Clip]:
        """Those that touch this span, in the order of their ids; those after `after_id` where a page has ended."""
        ...

    def clip_bytes(self) -> int:
        """How much all clips together take on the disk."""
        ...

    def deletable_clips(self, before: datetime | None = None, *, limit: int = 100) -> Sequence[Clip]:
        """Oldest first, of those that ended before: none of an open or unacknowledged alert, of an open event,

        or of what somebody writes a report about.
        """
        ...

    def protected_clips(self, *, limit: int = 10_000) -> Sequence[Clip]:
        """Those for which `is_protected_clip` is true, whatever their state, the newest first."""
        ...

    def is_protected_clip(self, clip_id: int) -> bool:
        """Does it belong to an open or unacknowledged alert, to an open event, or to what a report is written about?"""
        ...

    def citizen_events(self, query: CitizenQuery) -> Sequence[Event]:
        """What citizens reported, newest first."""
        ...

    def answered(self, key: str, user: str) -> Answered | None: ...
    def request(self, request_id: int) -> Request: ...
    def unanswered_requests(self, limit: int = 20) -> Sequence[Request]: ...
    def escalations(self, subject: str) -> Sequence[ScheduledEscalation]:
        """Oldest first."""
        ...

    def escalations_due(self, now: datetime, limit: int = 100) -> Sequence[ScheduledEscalation]: ...
    def notice(self, notice_id: int) -> Notice: ...
    def notice_delivered_as(self, delivery_id: str) -> Notice | None: ...
    def notices(
        self, *, subject: str | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[Notice]:
        """Newest first."""
        ...

    def notices_due(self, now: datetime, limit: int = 100) -> Sequence[Notice]:
        """What is to be sent now, the longest waiting first."""
        ...

    def rejects(self, *, site: str | None = None, limit: int = 100) -> Sequence[Rejected]: ...
    def rejects_after(self, number: int, limit: int = 1000) -> Sequence[tuple[int, Rejected]]:
        """Those with a higher number, with their numbers, oldest first."""
        ...

    def reject_groups(self, since: datetime) -> Sequence[RejectGroup]:
        """Rejects since then, counted by source and reason."""
        ...

    def warning(self, warning_id: int) -> HazardWarning: ...
    def warning_by_key(self, key: WarningId) -> HazardWarning | None: ...
    def warnings(
        self, *, in_force_at: datetime | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[HazardWarning]:
        """Newest first; with `in_force_at` those neither expired then nor superseded or cancelled till now."""
        ...

    def warnings_about(self, key: WarningId) -> Sequence[HazardWarning]:
        """The messages that refer to this one."""
        ...

    def warning_chain(self, key: WarningId, limit: int) -> Sequence[WarningId]:
        """Every message that refers to this one, or that it refers to, over any number of steps, the first sent first.

        Also those that never arrived: they are known by name. Ends at `limit` or a little above.
        """
        ...

    def warnings_holding(
        self, keys: Sequence[WarningId], now: datetime, status: Sequence[WarningStatus], limit: int
    ) -> Sequence[HazardWarning]:
        """Those of these messages that have not ended, newest first; their blocks may have."""
        ...

    def warning_states(self, keys: Sequence[WarningId]) -> Sequence[tuple[WarningStatus, bool]]:
        """Of each of these messages that is stored: its status, and whether it was cancelled."""
        ...

    def warning_numbers(self, now: datetime, limit: int) -> Sequence[int]:
        """Of those that have not ended, newest first; their blocks may have."""
        ...

    def warnings_numbered(self, numbers: Sequence[int]) -> Sequence[HazardWarning]:
        """Those of these numbers that can be read."""
        ...

    def warnings_of_old(self, limit: int) -> Sequence[int]:
        """Numbers of warnings that were stored before areas were bounded."""
        ...

    def plan_run(self, run_id: int) -> PlanRun: ...
    def plan_run_of(self, plan: str, source: str) -> PlanRun | None: ...
    def plan_runs_of(self, sources: Sequence[str]) -> Sequence[PlanRun]:
        """Of any plan, oldest first."""
        ...

    def plan_runs(
        self, *, plan: str | None = None, open_only: bool = False, unsettled_only: bool = False, limit: int = 100
    ) -> Sequence[PlanRun]:
        """Newest first; `open_only`: proposed or in force."""
        ...

    def plan_works(self, run_id: int, *, live_only: bool = False) -> Sequence[PlanWork]:
        """Oldest first; `live_only`: without what was withdrawn."""
        ...

    def plan_tasks(self, run_id: int) -> Sequence[Task]:
        """The tasks of a run's work, by id."""
        ...

    def plan_works_alike(self, plan: str, place: str, step: str) -> Sequence[PlanWork]:
        """Of every run, oldest first, without what was withdrawn."""
        ...

    def plan_work(self, work_id: int) -> PlanWork: ...
    def units(self) -> Sequence[Unit]:
        """By id."""
        ...

    def units_of(self, person: str) -> Sequence[Unit]:
        """Those to which this person belongs, by id."""
        ...

    def staffing(self) -> Sequence[Staffing]:
        """All units, by id, with their people alone."""
        ...

    def unit(self, unit_id: str) -> Unit: ...
    def shifts(
        self,
        *,
        at: datetime | None = None,
        since: datetime | None = None,
        after: ShiftKey | None = None,
        limit: int = 100_000,
    ) -> Sequence[Shift]:
        """By their beginning; with `at` those that last then, with `since` those that had not ended then."""
        ...

    def categories(self) -> Sequence[CategoryVersion]:
        """By kind."""
        ...

    def category(self, kind: str) -> CategoryVersion: ...
    def newest_settings(self) -> int:
        """The number of the newest version of the settings; 0 when there is none. One look into an index."""
        ...

    def settings_version(self, number: int) -> SettingsVersion: ...
    def settings_versions(self, *, before: int | None = None, limit: int = 100) -> Sequence[SettingsVersion]:
        """Newest first, without their documents (empty text)."""
        ...

    def review(self, review_id: int) -> Review: ...
    def review_about(self, topic: ReviewTopic, number: int) -> Review | None: ...
    def reviews(
        self, *, before_id: int | None = None, limit: int = 100, hidden: frozenset[str] = frozenset()
    ) -> Sequence[Review]:
        """Newest first, without those about the sites `hidden`."""
        ...

    def review_version(self, review_id: int, number: int) -> ReviewVersion | None: ...
    def review_versions(self, review_id: int, *, limit: int = 100) -> Sequence[ReviewVersion]:
        """Newest first, without their documents (empty text)."""
        ...

    def review_versions_after(self, version_id: int, *, limit: int = 100) -> Sequence[ReviewVersion]:
        """Of all reviews, whole, in the order of their ids."""
        ...

    def review_comments(self, review_id: int, *, limit: int = 200) -> Sequence[ReviewComment]:
        """The newest so many, oldest first."""
        ...

    def events_opened(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Event]:
        """Opened then: the gravest first, then the oldest."""
        ...

    def events_in_hand(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 10_000
    ) -> Sequence[Event]:
        """Those that were open at some moment of the span, the newest first."""
        ...

    def task_times(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100_000
    ) -> Sequence[TaskTimes]:
        """Of the tasks made then, the newest first."""
        ...

    def events_nearby(
        self, kind: str, box: Box, since: datetime, until: datetime, *, limit: int = 50
    ) -> Sequence[Event]:
        """Of this kind, opened then inside the box; newest first."""
        ...

    def alert_counts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset()
    ) -> Mapping[str, int]:
        """How many were raised then, by priority; counted by the database."""
        ...

    def gravest_alerts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Alert]:
        """Raised then: the gravest first, then the oldest."""
        ...

    def alerts_standing(
        self, kinds: Sequence[str], since: datetime, until: datetime, *, site: str | None = None, limit: int = 100
    ) -> Sequence[Alert]:
        """Of these kinds, those that held at some time of the span; the oldest first.

        One that ended in it is found when it was raised at most 14 days before.
        """
        ...

    def gravest_tasks(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset(), limit: int = 100
    ) -> Sequence[Task]:
        """Made then: the gravest first, then the oldest."""
        ...

    def response_counts(
        self, since: datetime, until: datetime, *, hidden: frozenset[str] = frozenset()
    ) -> Mapping[str, int]:
        """Of what began then: alerts, acknowledged, ended; tasks, accepted, on_scene, reported, closed; events,

        events_closed. Counted by the database.
        """
        ...

    def site_counts(self, since: datetime, until: datetime) -> Mapping[str, Mapping[str, int]]:
        """By site: alerts raised and tasks made then, tasks_done (of these, closed), alerts_open and tasks_open of now.

        Sites without any are left out. Counted by the database.
        """
        ...

    def steps_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 1000) -> Sequence[TakenStep]:
        """In the order of time."""
        ...

    def clips_of_alerts(self, alert_ids: Sequence[int], *, limit: int = 200) -> Sequence[Clip]:
        """Oldest first."""
        ...

    def offers_of_tasks(self, task_ids: Sequence[int], *, limit: int = 1000) -> Sequence[Offer]:
        """Oldest first."""
        ...

    def notices_about(self, subjects: Sequence[str], *, limit: int = 200) -> Sequence[Notice]:
        """Oldest first."""
        ...

    def audit_about(self, subjects: Sequence[str], *, limit: int = 200) -> Sequence[AuditEntry]:
        """Oldest first."""

    def roll_call(self, roll_call_id: int) -> RollCall: ...
    def roll_calls(
        self, *, open_only: bool = False, before_id: int | None = None, limit: int = 100
    ) -> Sequence[RollCall]:
        """Newest first."""
        ...

    def called(self, roll_call_id: int, person: str | None = None) -> Sequence[Called]:
        """Whom it calls, in the order in which they were called; of this person only, where one is given."""
        ...

    def roll_calls_to(self, person: str) -> Sequence[Called]:
        """Of open roll-calls, the newest first."""
        ...

    def received_case(self, source: str, key: str) -> ReceivedCase | None:
        """The case of another system with this key (`data.model.received_case.key_of`)."""
        ...

    def received_case_of_event(self, event_id: int) -> ReceivedCase | None: ...
    def received_counts(self, since: datetime) -> Sequence[ReceivedCount]:
        """By source, of cases received since then."""
        ...

    def personal_values(self, event_id: int) -> Sequence[PersonalValue]:
        """Unmasked. Only `dispatch.personal_data` may give them to somebody, with an entry of the audit trail."""
        ...

    def inspection(self, inspection_id: int) -> Inspection: ...
    def open_inspections(
        self, place: str | None = None, *, grids: Collection[str] | None = None, listed_only: bool = False
    ) -> Sequence[Inspection]:
        """Neither done nor dropped, re-checks included; who is due first comes first.

        `grids`: in these grids only. `listed_only`: without those that wait for their time.
        """
        ...

    def last_inspected(self, place: str | None = None) -> Mapping[str, datetime]:
        """When each place was inspected last; re-checks do not count. Only places that were inspected."""
        ...

    def inspections_done(
        self, since: datetime, until: datetime, *, place: str | None = None, limit: int = 10_000
    ) -> Sequence[Inspection]:
        """Done in [since, until), re-checks included, the newest first."""
        ...

    def inspections(
        self, *, place: str | None = None, open_only: bool = False, before_id: int | None = None, limit: int = 100
    ) -> Sequence[Inspection]:
        """Newest first."""
        ...

    def handover(self, handover_id: int) -> Handover: ...
    def open_handover(self) -> Handover | None:
        """The one that is a draft or signed by one side."""
        ...

    def last_taken_handover(self) -> Handover | None: ...
    def handovers(self, *, words: str = "", before_id: int | None = None, limit: int = 100) -> Sequence[Handover]:
        """Newest first; those in which every one of these words was written, by whom it was or in which case."""
        ...

    def upkeeps(self, event_id: int | None = None) -> Sequence[Upkeep]: ...
    def upkeep(self, upkeep_id: int) -> Upkeep: ...
    def value(self, name: str) -> Any:
        """A small named JSON value (epoch, position of a reader in a file); None when absent."""
        ...

    def values(self, names: Sequence[str]) -> Mapping[str, Any]:
        """Several of them in one look; without those that are absent."""
        ...


class Writer(Reader, Protocol):
    """Changes inside one unit of work. Saving checks `version` (StaleVersion) and that set times stay set."""

    def add_alert(self, alert: Alert, *steps: TakenStep) -> Alert:
        """Stored with its id. Raises IllegalMove when an alert of this key is open already."""
        ...

    def save_alert(self, alert: Alert, *steps: TakenStep) -> Alert:
        """`steps` are appended. With one, `ended_at` and `acknowledged_at` may be taken away: it fires again."""
        ...

    def put_pending(self, standing: Standing) -> None: ...
    def remove_pending(self, key: AlertKey) -> bool: ...
    def add_event(self, event: Event) -> Event: ...
    def save_event(self, event: Event) -> Event: ...
    def add_task(self, task: Task) -> Task: ...
    def save_task(self, task: Task) -> Task: ...
    def add_offer(self, offer: Offer) -> Offer: ...
    def save_offer(self, offer: Offer) -> Offer: ...
    def put_responder(self, responder: Responder) -> None:
        """Insert or update everything but the position."""
        ...

    def put_position(self, responder_id: str, at: datetime, location: Location, doubt: str = "") -> bool:
        """Keep the newest; False when a newer one is known. The track is kept for replay.

        With a `doubt` the position only joins the track, marked with it, and moves nobody: False.
        """
        ...

    def add_readings(self, readings: Sequence[Reading]) -> int:
        """How many were new or corrected something.

        A repeated (site, monitor, quantity, at) is the same reading. With another value it is a correction: the
        newest value counts, the first one stays beside it, and what was replaced is kept.
        """
        ...

    def add_positions(self, positions: Sequence[Position], *, of_track: Sequence[Position] = ()) -> None:
        """Keep the newest of each vehicle, and those of `of_track` for good. One that comes again changes nothing."""
        ...

    def forget_positions_after(self, at: datetime) -> None:
        """As `forget_newest_after`, of vehicles."""
        ...

    def prune_positions(self, before: datetime) -> bool:
        """Remove some of the older ones; True while there are more."""
        ...

    def forget_newest_after(self, at: datetime) -> None:
        """Let no reading later than this count as the newest of its gauge: our clock has been put back."""
        ...

    def add_reject(self, rejected: Rejected) -> None: ...
    def prune_rejects(self, before: datetime, most_of_a_source: int) -> int:
        """Remove older ones, and of each source all but the newest; how many."""
        ...

    def add_warning(self, warning: HazardWarning) -> HazardWarning | None:
        """Stored with its id; None when this message is known. An Update or Cancel ends what it refers to,

        also when that arrives later. Use `data.stored.warnings_in.receive_warning`, which tells of it, too.
        """
        ...

    def quarantine_warning(self, warning_id: int, at: datetime) -> bool:
        """Put aside one that cannot be used: it starts nothing any more. False when it is put aside already."""
        ...

    def bound_warning(self, warning: HazardWarning) -> None:
        """Replace areas, blocks and notes of a stored warning."""
        ...

    def add_plan_run(self, run: PlanRun) -> PlanRun:
        """Raises IllegalMove when there is a run of this plan and source."""
        ...

    def save_plan_run(self, run: PlanRun) -> PlanRun: ...
    def add_plan_work(self, work: PlanWork) -> PlanWork | None:
        """Stored with its id; None when this work is there already and was not withdrawn."""
        ...

    def withdraw_plan_works(self, ids: Sequence[int], at: datetime) -> None: ...
    def put_unit(self, unit: Unit) -> Unit:
        """Insert (version 0) or change what was read. Raises StaleVersion."""
        ...

    def remove_unit(self, unit_id: str) -> None: ...
    def add_shift(self, shift: Shift) -> Shift: ...
    def remove_shift(self, shift_id: int) -> None: ...
    def put_category(self, category: Category, version: int = 0) -> CategoryVersion:
        """Insert (version 0) or change what was read. Raises StaleVersion."""
        ...

    def add_settings_version(self, version: SettingsVersion) -> None:
        """Raises StaleVersion unless its number is the one after the newest."""
        ...

    def add_review(self, review: Review) -> Review | None:
        """Stored with its id; None when there is one of this topic and number."""
        ...

    def add_review_version(self, version: ReviewVersion) -> ReviewVersion:
        """Raises IllegalMove once it is signed, StaleVersion unless its number is the one after the newest."""
        ...

    def sign_review(self, review_id: int, number: int, who: str, at: datetime, event_id: int | None) -> Review:
        """`event_id`: the event of its measures. Raises IllegalMove, StaleVersion unless this is the newest version."""
        ...

    def add_review_comment(self, comment: ReviewComment) -> ReviewComment: ...

    def add_roll_call(self, roll_call: RollCall) -> RollCall:
        """Stored with its id."""
        ...

    def save_roll_call(self, roll_call: RollCall) -> RollCall: ...
    def add_called(self, called: Called) -> Called | None:
        """Stored with its id; None when this person is called already."""
        ...

    def save_called(self, called: Called) -> None:
        """Raises NotFound, and IllegalMove when a time that is set would change."""
        ...

    def add_received_case(self, case: ReceivedCase, personal: Sequence[PersonalValue]) -> ReceivedCase:
        """Stored with its id. Raises IllegalMove when there is one of this source and key."""
        ...

    def delete_personal_values(self, event_id: int, at: datetime) -> int:
        """Delete those of the event, and note it at its case; how many there were."""
        ...

    def add_inspection(self, inspection: Inspection) -> Inspection:
        """Stored with its id. Raises IllegalMove when one that is no re-check is open at this place already."""
        ...

    def save_inspection(self, inspection: Inspection) -> Inspection:
        """Raises IllegalMove for one that is done or dropped, StaleVersion."""
        ...

    def add_handover(self, handover: Handover) -> Handover:
        """Stored with its id. Raises IllegalMove when there is an open one."""
        ...

    def save_handover(self, handover: Handover) -> Handover:
        """Raises IllegalMove for one that is taken or dropped, and when recorded steps or notes are not kept."""
        ...

    def add_upkeep(self, upkeep: Upkeep) -> Upkeep: ...
    def end_upkeep(self, upkeep_id: int, at: datetime) -> bool:
        """True for the one caller that ended it."""
        ...

    def add_evidence(self, evidence: Evidence) -> None:
        """The same picture twice is one row."""
        ...

    def add_clip(self, clip: Clip, alert_id: int) -> Clip:
        """Stored with its id, as a clip of this alert."""
        ...

    def link_clip(self, clip_id: int, alert_id: int) -> None:
        """It is also a clip of this alert. Twice is once."""
        ...

    def extend_clip(self, clip_id: int, until: datetime, asked_at: datetime) -> bool:
        """Let it end then. False when it is no longer pending."""
        ...

    def settle_clip(self, clip: Clip, *, was: ClipState) -> bool:
        """Save what has become of it. False when it was something else meanwhile, or was extended."""
        ...

    def add_user(self, user: User) -> None:
        """Raises IllegalMove when the name is taken."""
        ...

    def save_user(self, user: User) -> None:
        """Raises NotFound."""
        ...

    def add_session(self, session: Session) -> None: ...
    def revoke_session(self, secret_hash: str, at: datetime) -> None: ...
    def revoke_sessions_of(self, user: str, at: datetime, *, kept: str = "") -> int:
        """All but the one with the secret hash `kept`; how many."""
        ...

    def add_factor(self, factor: Factor) -> Factor:
        """Stored with its id."""
        ...

    def save_factor(self, factor: Factor) -> None: ...
    def remove_factor(self, factor_id: int) -> None: ...
    def add_account_code(self, code: AccountCode) -> None: ...
    def use_account_code(self, code_hash: str, at: datetime) -> bool:
        """True for the one caller that used it."""
        ...

    def end_account_codes_of(self, user: str, at: datetime) -> None: ...
    def prune_sessions(self, before: datetime, limit: int) -> int:
        """Remove sessions and tokens that ended before this time, `limit` at most; how many."""
        ...

    def prune_account_codes(self, before: datetime, limit: int) -> int:
        """Remove one-time codes that were used or expired before this time, `limit` at most; how many."""
        ...

    def add_timer(self, timer: Timer) -> Timer: ...
    def postpone_timer(self, timer_id: int, due_at: datetime) -> bool:
        """Due again at this moment; False when it is done already."""
        ...

    def finish_timer(self, timer_id: int, at: datetime) -> bool:
        """True for the one caller that finished it."""
        ...

    def finish_timers_of(self, kind: str, subject: int, at: datetime) -> int: ...
    def add_escalation(self, escalation: ScheduledEscalation) -> bool:
        """False when this step of this policy is known for this occurrence of the subject."""
        ...

    def end_escalation(self, escalation_id: int, *, fired_at: datetime | None, stopped_at: datetime | None) -> bool:
        """True for the one caller that ended it."""
        ...

    def add_notice(self, notice: Notice) -> Notice | None:
        """Stored with its id; None when there is one with this delivery id."""
        ...

    def save_notice(self, notice: Notice) -> Notice: ...
    def record(self, entry: AuditEntry) -> AuditEntry:
        """Append to the audit chain: `seq`, `previous_hash` and `hash` are filled in."""
        ...

    def publish(self, change: Change) -> Change:
        """Append to the outbox."""
        ...

    def publish_all(self, changes: Sequence[Change]) -> None:
        """Append many to the outbox, in this order."""
        ...

    def remember_answer(self, key: str, user: str, answered: Answered, at: datetime) -> None: ...
    def add_request(self, request: Request) -> Request: ...
    def answer_request(
        self, request_id: int, at: datetime, answer: Mapping[str, Any] | None, error: str = ""
    ) -> None: ...
    def put_value(self, name: str, value: Any) -> None: ...
    def put_values(self, values: Mapping[str, Any]) -> None: ...


class Store(Protocol):
    """SQLite or PostgreSQL behind one contract."""

    def read(self, look: Callable[[Reader], T], *, within_s: float | None = None) -> T:
        """Run `look` on a consistent view, in the caller's thread.

        `within_s`: the database gives up a statement that goes on after so long. Raises TookTooLong then.
        """
        ...

    def write(self, work: Callable[[Writer], T]) -> T:
        """Run `work`; return when it is durable. Raises what `work` raised, or StoreClosed."""
        ...

    def submit(self, work: Callable[[Writer], T]) -> Future[T]:
        """Like `write`, without waiting."""
        ...

    @property
    def failure(self) -> str | None:
        """Why it takes no writes any more: its disk failed. Only a new process that opens it again helps."""
        ...

    def tell_of_changes(self, woken: Callable[[], None]) -> bool:
        """Call `woken`, on a thread of the store, after commits of any process; it must not wait.

        It says only that something may have come, and is a saving: a commit may go untold while the database is away.
        False where the database tells of nothing (SQLite): then the outbox has to be polled.
        """
        ...

    def close(self) -> None:
        """Commit what was submitted, then stop. Idempotent."""
        ...


class EvidenceVault(Protocol):
    """Pictures and clips on disk, by content. Written and flushed to disk before the row that names them."""

    def keep(self, content: bytes, media_type: str, at: datetime, origin: str) -> Evidence: ...

    def open(self, evidence: Evidence) -> bytes:
        """Raises NotFound when the file is gone."""
        ...

    def keep_clip(self, file: Path, at: datetime) -> tuple[str, str]:
        """Take a finished clip from where it was written: its SHA-256, and its path in the vault."""
        ...

    def clip_path(self, digest: str, path: str) -> Path:
        """Where the clip should lie. Raises NotFound for a path outside the vault."""
        ...

    def clip_file(self, digest: str, path: str) -> Path:
        """Where it lies, as it was kept. Raises NotFound when it is gone or was changed."""
        ...

    def delete_clip(self, digest: str, path: str) -> None: ...

    def clip_files(self) -> Iterator[tuple[str, str, float]]:
        """Every clip that lies there: its SHA-256 by its name, its path, and when it was written, epoch seconds."""
        ...

    def delete_unfinished(self, before_s: float) -> int:
        """Delete what a killed process left half written before then; how many files."""
        ...
