"""Refuses what the API cannot use before it is read: broken JSON, NUL bytes, lone surrogates, endless depth."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.problems import TooLarge, invalid, refusal
from web.replayed_body import replayed

DEEPEST = 40
_TEXT = "this text holds a character that cannot be kept (NUL, or half of a surrogate pair)"


class JsonGuard:
    """Middleware inside the API. Bodies that are not JSON pass as they are; their handlers check them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = _bad_address(scope)
        if found is not None:
            where, field, message = found
            await invalid(where, field, message)(scope, receive, send)
            return
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if not (kind == "application/json" or kind.endswith("+json")):
            await self._app(scope, receive, send)
            return
        try:
            content = await Request(scope, receive).body()
        except HTTPException:
            await refusal(TooLarge("this is larger than is taken here"))(scope, receive, send)
            return
        fault = bad_json(content) if content else None
        if fault is not None:
            await invalid("body", *fault)(scope, receive, send)
            return
        await self._app(scope, replayed(content, receive), send)


def bad_json(content: bytes) -> tuple[str, str] | None:
    """The field and what is wrong with it; None for JSON that can be used."""
    try:
        document = json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        return "", f"deeper than {DEEPEST} levels"
    except ValueError as error:
        return "", f"this is not JSON: {error}"
    return _bad_value(document)


def _bad_value(document: Any) -> tuple[str, str] | None:
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        field, value, depth = waiting.pop()
        if depth > DEEPEST:
            return field[:200], f"deeper than {DEEPEST} levels"
        if isinstance(value, str) and not is_plain(value):
            return field, _TEXT
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            return field, "the number is too large"
        if isinstance(value, dict):
            for name, inner in value.items():
                if not is_plain(name):
                    return field, _TEXT
                waiting.append((f"{field}.{name}" if field else name, inner, depth + 1))
        elif isinstance(value, list):
            waiting.extend((f"{field}.{n}" if field else str(n), inner, depth + 1) for n, inner in enumerate(value))
    return None


def is_plain(text: str) -> bool:
    """True for a text that every database and every encoding can hold."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _bad_address(scope: Scope) -> tuple[str, str, str] | None:
    if not is_plain(scope["path"]):
        return "path", "", _TEXT
    try:
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    except ValueError:
        return "query", "", "the query cannot be read"
    for name, value in given:
        if not (is_plain(name) and is_plain(value)):
            return "query", name.replace("\x00", "")[:80], _TEXT
    return None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
