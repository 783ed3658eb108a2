"""Lists: `{"items": [...], "next": cursor or null}`, and the parameters they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import AwareDatetime, BeforeValidator

from data.errors import InputRejected

T = TypeVar("T")


def _plus(value: object) -> object:
    """A `+` that was not written as %2B arrives as a blank: `...T03:04:05 08:00`."""
    if isinstance(value, str) and "T" in value:
        return value.strip().replace(" ", "+")
    return value


Moment = Annotated[
    AwareDatetime | None,
    BeforeValidator(_plus),
    Query(description="ISO 8601 with its offset: 2024-07-12T12:00:00Z or 2024-07-12T20:00:00+08:00."),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


async def _cursor(
    following: Annotated[str | None, Query(alias="next", description="`next` of the page before.")] = None,
    before: Annotated[str | None, Query(include_in_schema=False)] = None,
) -> str | None:
    return following if following is not None else before


Cursor = Annotated[str | None, Depends(_cursor)]


def utc(at: datetime | None) -> datetime | None:
    """The same moment with offset zero."""
    return None if at is None else at.astimezone(UTC)


def before_id(cursor: str | None) -> int | None:
    """The cursor of lists that go down by id. Raises InputRejected."""
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > 18:
        raise InputRejected(f"next: {cursor[:40]!r} is no cursor of this list")
    return int(cursor)


def page(found: Sequence[T], limit: int, view: Callable[[T], Mapping[str, Any]]) -> dict[str, Any]:
    """A page of things with ids. `found` holds one more than `limit` when the list goes on."""
    items = [view(one) for one in found[:limit]]
    return {"items": items, "next": str(items[-1]["id"]) if len(found) > limit else None}


def time_page(
    found: Sequence[T], limit: int, at: Callable[[T], datetime], view: Callable[[T], Mapping[str, Any]], known: int = 0
) -> dict[str, Any]:
    """A page of things that go up by time; the first `known` were on the page before.

    The cursor names the last moment and how many things of that moment were given.
    """
    shown = found[known : known + limit]
    items = [view(one) for one in shown]
    if len(found) <= known + limit:
        return {"items": items, "next": None}
    last = at(shown[-1])
    given = sum(1 for one in found[: known + limit] if at(one) == last)
    return {"items": items, "next": f"{last.isoformat()}~{given}"}


def time_cursor(cursor: str | None, since: datetime) -> tuple[datetime, int]:
    """From which moment to go on, and how many of that moment are known already. Raises InputRejected."""
    if cursor is None:
        return since, 0
    moment, _, given = cursor.replace(" ", "+").partition("~")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), int(given)
    except ValueError as error:
        raise InputRejected(f"next: {cursor[:40]!r} is no cursor of this list") from error
