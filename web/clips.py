"""Clips of alerts: their bytes by ranges, and the list of those of one alert. The same people as for its pictures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from data.errors import NotFound
from data.local.vault import EvidenceDamaged
from data.model.clip import Clip, ClipState
from data.model.people import Action, Actor, may
from data.model.views import clip_view
from data.ports.store import EvidenceVault, Reader
from dispatch.turns import is_own_task
from web.api.params import RowId
from web.api.schemas import AnyList, answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.kept_files import DamageReports, kept_headers, not_modified

_MOST_KNOWN = 10_000


class _VerifiedFiles:
    """Which files were found to be what was kept: a player asks for a clip in many ranges, and it is hashed once."""

    def __init__(self, vault: EvidenceVault) -> None:
        self._vault = vault
        self._known: dict[str, tuple[str, int, int, int]] = {}

    def file(self, clip: Clip) -> str:
        """Where it lies. Raises NotFound, EvidenceDamaged."""
        digest = clip.sha256 or ""
        path = self._vault.clip_path(digest, clip.path)
        try:
            state = path.stat()
        except OSError as error:
            raise NotFound(f"clip {digest} is gone: {error.strerror}") from error
        sign = (str(path), state.st_ino, state.st_mtime_ns, state.st_size)
        if self._known.get(digest) != sign:
            self._vault.clip_file(digest, clip.path)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = sign
        return str(path)


def clip_media_router(deps: ServerDeps) -> APIRouter:
    """`/media/clips/...`"""
    router = APIRouter(include_in_schema=False)
    verified, reports = _VerifiedFiles(deps.vault), DamageReports(deps)

    @router.get("/media/clips/{sha256}.mp4")
    async def clip(request: Request, sha256: str) -> Response:
        """A clip, by the SHA-256 of its bytes; whole or in ranges. It never changes."""
        visitor, settings = visitor_of(request), deps.settings
        unseen = (settings.cameras - settings.cameras_of(visitor.user)) | settings.hidden_from(visitor.user.role)
        found = await deps.read(lambda reader: _allowed(reader, sha256, visitor.actor, unseen))
        headers = kept_headers(sha256)
        if (known := not_modified(request, headers)) is not None:
            return known
        try:
            path = await deps.lanes.lists.run(verified.file, found)
        except EvidenceDamaged as error:
            await reports.tell(sha256, found.path, error)
            raise
        return FileResponse(path, media_type="video/mp4", headers=headers)

    return router


def clip_router(deps: ServerDeps) -> APIRouter:
    """`/alerts/{id}/clips`"""
    router = api_router("alerts")

    @router.get("/alerts/{alert_id}/clips", response_model=None, responses=answers(AnyList, 403, 404))
    async def clips(request: Request, alert_id: RowId) -> dict[str, Any]:
        """Its moving pictures, oldest first. One whose `state` is `ready` is at /media/clips/{sha256}.mp4."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        watched = deps.settings.cameras_of(visitor.user)

        def look(reader: Reader) -> list[Clip]:
            reader.alert(alert_id)  # raises NotFound
            return [one for one in reader.clips_of_alert(alert_id) if one.site in watched]

        return {"items": [clip_view(one) for one in await deps.read(look)], "next": None}

    return router


def _allowed(reader: Reader, sha256: str, actor: Actor, unseen: frozenset[str]) -> Clip:
    """The clip's row. Who may not look at everything sees the clips of their own tasks, others do not exist.

    Nor do those of cameras that they may not watch, or of sites that are hidden from them, `unseen`.
    """
    reads = actor.role is not None and may(actor.role, Action.READ)
    if not reads:
        actor.require(Action.READ_OWN_TASKS)
    found = reader.clip(sha256)
    if found is not None and found.state is ClipState.READY:
        if reads and found.site not in unseen:
            return found
        tasks = reader.tasks_of_alerts(reader.alerts_of_clip(found.id))
        if any(is_own_task(reader, task, actor.name) for task in tasks):
            return found
    raise NotFound(f"there is no clip {sha256[:80]} that {actor.name} may see")
