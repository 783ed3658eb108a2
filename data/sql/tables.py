"""Our tables and indexes. Anything else in the same database is neither changed nor checked."""

from __future__ import annotations

from types import MappingProxyType

from data.sql import (
    alert_rows,
    clip_rows,
    handover_rows,
    inspection_rows,
    models,
    notice_rows,
    organisation_rows,
    plan_rows,
    received_case_rows,
    review_rows,
    roll_call_rows,
    settings_rows,
    vehicle_rows,
    warning_rows,
)

_DECLARE = (  # their import declares rows
    alert_rows,
    clip_rows,
    handover_rows,
    inspection_rows,
    models,
    notice_rows,
    organisation_rows,
    plan_rows,
    received_case_rows,
    review_rows,
    roll_call_rows,
    settings_rows,
    vehicle_rows,
    warning_rows,
)
DECLARED = models.Row.metadata
_TABLES = DECLARED.tables

OUR_TABLES = frozenset(_TABLES)
OUR_INDEXES = frozenset(str(index.name) for table in _TABLES.values() for index in table.indexes)
AUDIT = "audit"
APPEND_ONLY = MappingProxyType(
    {
        "alert_steps": "steps of alerts are never changed",
        "outbox": "published changes are never changed",
        "positions": "positions are never changed",
        "review_comments": "comments on reviews are never changed",
        "review_versions": "versions of reviews are never changed",
        "settings_versions": "versions of the settings are never changed",
        "superseded_readings": "superseded readings are never changed",
    }
)
"""Append-only tables besides the audit trail, with the message by which a trigger refuses changes."""
