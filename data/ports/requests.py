"""Requests: the screens ask the running side for something; the engine answers in the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class RequestKind(StrEnum):
    """What can be asked."""

    PROBE = "probe"  # can this monitor be read? payload: {"monitor": {...}}
    TRY_RULE = "try_rule"  # what would this rule have done?
    GAUGE_TEST = "gauge_test"  # what does this gauge tell? payload: {"gauge": {...}}
    CAMERA_TEST = "camera_test"  # what does this camera send? payload: {"camera": {...}}
    WHAT_IF = "what_if"  # the past by other limits or with fewer people; payload: as `engine.replay.answer.what_if`
    SNAPSHOT = "snapshot"  # one picture now; payload: {"site": id}; answer: {"evidence": id}


@dataclass(frozen=True, slots=True)
class Request:
    """One question and, once `answered_at` is set, its answer or its error."""

    kind: RequestKind
    payload: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    answered_at: datetime | None = None
    answer: Mapping[str, Any] | None = None
    error: str = ""
    id: int = 0
