"""POST once: with an `Idempotency-Key` a repeated request gives the first answer and changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from data.errors import InputRejected
from data.ports.store import Answered, Writer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.problems import KeyReused, PreconditionFailed, PreconditionRequired

LONGEST_KEY = 200
Answer = Mapping[str, Any]


def fingerprint(request: Request, body: object) -> str:
    """SHA-256 over what makes two requests the same: method, path and content."""
    text = json.dumps([request.method, request.url.path, body], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def once(deps: ServerDeps, request: Request, body: object, work: Callable[[Writer], Answer]) -> Response:
    """Run `work` as one unit of work and answer with what it gives.

    With an Idempotency-Key the answer is kept in the same unit of work: of several requests with the same key
    exactly one does something, the others get its answer. A request that is refused is not kept.
    Raises KeyReused when the key came before with another request.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise InputRejected(f"an Idempotency-Key has 1 to {LONGEST_KEY} characters, this one has {len(key)}")
    user, mark, now = visitor_of(request).user.name, fingerprint(request, body), deps.now()

    def unit(writer: Writer) -> tuple[Answer, bool]:
        if key is None:
            return work(writer), False
        before = writer.answered(key, user)
        if before is not None:
            if before.request_hash != mark:
                raise KeyReused("this Idempotency-Key was used for another request")
            return before.body, True
        answer = work(writer)
        writer.remember_answer(key, user, Answered(200, answer, mark), now)
        return answer, False

    answer, repeated = await deps.commit(unit)
    headers = {"Idempotency-Replayed": "true"} if repeated else {}
    return JSONResponse(dict(answer), headers=headers | etag_header(answer))


def etag_header(answer: Answer) -> dict[str, str]:
    """The version of the one thing in an answer such as {"task": {...}}."""
    versions = [value["version"] for value in answer.values() if isinstance(value, Mapping) and "version" in value]
    return {"ETag": f'"{versions[0]}"'} if len(versions) == 1 else {}


def check_version(request: Request, version: int) -> None:
    """Raises PreconditionFailed when If-Match asks for another version."""
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return
    if f'"{version}"' not in [tag.strip().removeprefix("W/") for tag in wanted.split(",")]:
        raise PreconditionFailed(f"the present version is {version}, If-Match asks for {wanted}")


def require_match(request: Request, *versions: str) -> None:
    """Raises PreconditionRequired without If-Match, PreconditionFailed when it names none of these versions."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        raise PreconditionRequired("say in If-Match which version you have seen (the ETag), or * for any")
    if wanted.strip() == "*":
        return
    asked = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
    if not asked & {f'"{version}"' for version in versions}:
        raise PreconditionFailed(f"the present version is {versions[0]}, If-Match asks for {wanted[:100]}")
