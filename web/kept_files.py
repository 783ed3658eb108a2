"""Answers with files that are kept by their SHA-256 and never change: pictures and clips."""

from __future__ import annotations

import logging

from fastapi import Request, Response

from alerts.damage import tell_damage
from data.local.vault import EvidenceDamaged
from web.deps import ServerDeps

log = logging.getLogger(__name__)

_POLICY = "default-src 'none'; sandbox"
_MOST_TOLD = 1000


def kept_headers(sha256: str) -> dict[str, str]:
    """A browser may keep the file, and runs nothing of it when somebody opens its address."""
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": "private, max-age=86400, immutable",
        "Content-Security-Policy": _POLICY,
    }


def not_modified(request: Request, headers: dict[str, str]) -> Response | None:
    """304 where the browser has this file already."""
    return (
        Response(status_code=304, headers=headers) if request.headers.get("if-none-match") == headers["ETag"] else None
    )


class DamageReports:
    """Each damaged file is told in the log every time, and as an alarm once."""

    def __init__(self, deps: ServerDeps) -> None:
        self._deps = deps
        self._told: set[str] = set()

    async def tell(self, sha256: str, path: str, error: EvidenceDamaged) -> None:
        log.error("%s: %s", path, error)
        if sha256 in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add(sha256)
        deps = self._deps
        await deps.commit(lambda writer: tell_damage(writer, path, deps.now(), deps.settings))
