"""The writer that a unit of work receives."""

from __future__ import annotations

from data.sql.alert_writing import AlertWriting
from data.sql.cases import CaseWriting
from data.sql.clips import ClipWriting
from data.sql.handovers import HandoverWriting
from data.sql.inspections import InspectionWriting
from data.sql.notice_writing import NoticeWriting
from data.sql.organisation import OrganisationWriting
from data.sql.people import PeopleWriting
from data.sql.plans import PlanWriting
from data.sql.readings import ReadingWriting
from data.sql.received_cases import ReceivedCaseWriting
from data.sql.records import RecordWriting
from data.sql.reviews import ReviewWriting
from data.sql.roll_calls import RollCallWriting
from data.sql.settings import SettingsWriting
from data.sql.vehicles import VehicleWriting
from data.sql.warnings import WarningWriting


class SqlWriter(
    AlertWriting,
    CaseWriting,
    ClipWriting,
    HandoverWriting,
    InspectionWriting,
    NoticeWriting,
    OrganisationWriting,
    PeopleWriting,
    PlanWriting,
    ReadingWriting,
    ReceivedCaseWriting,
    RecordWriting,
    ReviewWriting,
    RollCallWriting,
    SettingsWriting,
    VehicleWriting,
    WarningWriting,
):
    """`data.ports.store.Writer` on one connection, behind the savepoint of one unit of work."""
