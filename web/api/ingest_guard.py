"""How other systems' messages come in: with a bearer token; what cannot be used is counted and kept by name."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from data.errors import Forbidden, InputRejected
from data.model.observation import Rejected
from data.model.people import Action
from data.model.secrets import redact
from data.model.token_scope import Sends, TokenScope, scope_of
from data.ports.store import Writer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters

_EXCERPT = 200


class IngestGuard:
    """Who may send, and what becomes of what cannot be used."""

    def __init__(self, deps: ServerDeps, meters: WebMeters) -> None:
        self._deps = deps
        self._meters = meters

    def sender(self, request: Request, kind: Sends) -> tuple[str, TokenScope]:
        """The sender's name, and what the token may send.

        Raises Forbidden for people with a browser, for roles that may not send, and for tokens of another scope.
        """
        visitor = visitor_of(request)
        visitor.actor.require(Action.SEND_OBSERVATIONS)
        if visitor.by_cookie:
            raise Forbidden("other systems send with a bearer token, not with a browser's session")
        scope = scope_of(visitor.session.scope)
        scope.require_kind(kind)
        return visitor.user.name, scope

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
