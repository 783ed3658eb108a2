"""How other systems' messages come in: with a bearer token; what cannot be used is counted and kept by name."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from data.errors import Forbidden, InputRejected
from data.observation import Rejected
from data.people import Action
from data.secrets import redact
from data.store import Writer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters

_EXCERPT = 200


class Door:
    """Who may send, and what becomes of what cannot be used."""

    def __init__(self, deps: ServerDeps, meters: WebMeters) -> None:
        self._deps = deps
        self._meters = meters

    def sender(self, request: Request) -> str:
        """The sender's name. Raises Forbidden for people with a browser and for roles that may not send."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.SEND_OBSERVATIONS)
        if visitor.by_cookie:
            raise Forbidden("other systems send with a bearer token, not with a browser's session")
        return visitor.user.name

    async def refuse(self, rejects: list[Rejected]) -> None:
        for rejected in rejects:
            self._meters.meters.count("yiping_rejects_total", site=rejected.site)
        await self._deps.commit(lambda writer: _keep(writer, rejects))

    async def refuse_one(self, site: str, monitor: str, error: InputRejected, content: bytes) -> None:
        excerpt = redact(content[:_EXCERPT].decode("utf-8", "replace"))
        await self.refuse([Rejected(site, monitor, self._deps.now(), str(error), excerpt)])

    def taken(self, what: str, count: int) -> None:
        self._meters.meters.count("yiping_pushed_total", float(count), what=what)


def _keep(writer: Writer, rejects: Sequence[Rejected]) -> None:
    for rejected in rejects:
        writer.add_reject(rejected)
