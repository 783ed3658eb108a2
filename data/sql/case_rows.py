"""Recorded steps and clocks as JSON inside the row of their event or task, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from data.model.case import CaseClock, ClockName, Recorded, TimeKind


def step_of(value: Mapping[str, Any]) -> Recorded:
    return Recorded(**{**value, "at": datetime.fromisoformat(value["at"])})


def step_values(step: Recorded) -> dict[str, Any]:
    return {
        "step": step.step,
        "to": step.to,
        "at": _text(step.at),
        "by": step.by,
        "role": step.role,
        "reason": clean(step.reason),
        "detail": dict(step.detail),
    }


def clock_of(value: Mapping[str, Any]) -> CaseClock:
    pauses = tuple((datetime.fromisoformat(since), _moment(until)) for since, until in value["pauses"])
    return CaseClock(
        name=ClockName(value["name"]),
        time=TimeKind(value["time"]),
        limit_s=value["limit_s"],
        started=datetime.fromisoformat(value["started"]),
        due=_moment(value["due"]),
        extended_s=value["extended_s"],
        pauses=pauses,
        stopped=_moment(value["stopped"]),
        told=value["told"],
    )


def clock_values(clock: CaseClock) -> dict[str, Any]:
    return {
        "name": clock.name.value,
        "time": clock.time.value,
        "limit_s": clock.limit_s,
        "started": _text(clock.started),
        "due": None if clock.due is None else _text(clock.due),
        "extended_s": clock.extended_s,
        "pauses": [[_text(since), None if until is None else _text(until)] for since, until in clock.pauses],
        "stopped": None if clock.stopped is None else _text(clock.stopped),
        "told": clock.told,
    }


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def clean(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL's JSON columns refuse."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
