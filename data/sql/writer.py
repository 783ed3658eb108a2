"""The writer: what a unit of work gets."""

from __future__ import annotations

from data.sql.cases import CaseWriting
from data.sql.people import PeopleWriting
from data.sql.records import RecordWriting


class SqlWriter(CaseWriting, PeopleWriting, RecordWriting):
    """`data.store.Writer` on one connection, behind the savepoint of one unit of work."""
