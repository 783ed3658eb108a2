"""Lists: `{"items": [...], "next": cursor or null}`, and the parameters they have in common."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic.json_schema import SkipJsonSchema

from data.errors import InputRejected
from web.api.params import SafeMoment

T = TypeVar("T")


Moment = Annotated[
    SafeMoment | SkipJsonSchema[None],
    Query(description="ISO 8601 with its offset: 2024-07-12T12:00:00Z or 2024-07-12T20:00:00+08:00."),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


async def _cursor(
    following: Annotated[
        str | SkipJsonSchema[None],
        Query(alias="next", min_length=1, max_length=1000, description="`next` of the page before."),
    ] = None,
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
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 18:
        raise InputRejected(f"next: {cursor[:40]!r} is no cursor of this list")
    return int(cursor)


def page(found: Sequence[T], limit: int, view: Callable[[T], Mapping[str, Any]]) -> dict[str, Any]:
    """A page of things with ids. `found` holds one more than `limit` when the list goes on."""
    items = [view(one) for one in found[:limit]]
    return {"items": items, "next": str(items[-1]["id"]) if len(found) > limit else None}


def key_page(
    found: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]], view: Callable[[T], Mapping[str, Any]]
) -> dict[str, Any]:
    """A page of things in the order of a key. `found` holds one more than `limit` when the list goes on.

    The cursor is the last key that was given: the next page begins after it, whatever was given before.
    """
    shown = found[:limit]
    items = [view(one) for one in shown]
    return {"items": items, "next": _written(key(shown[-1])) if len(found) > limit else None}


def key_cursor(cursor: str | None, kinds: tuple[type, ...]) -> tuple[Any, ...] | None:
    """The key after which to go on, None at the beginning. `kinds`: datetime, str or int. Raises InputRejected."""
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError
        return tuple(_read(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, OverflowError, RecursionError):
        raise InputRejected(f"next: {cursor[:40]!r} is no cursor of this list") from None


def _written(key: tuple[Any, ...]) -> str:
    values = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).decode("ascii")


def _read(value: Any, kind: type) -> Any:
    """Raises ValueError."""
    if kind is datetime and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError
    if isinstance(value, int) and not 0 <= value < 2**63:
        raise ValueError
    return value
