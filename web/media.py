"""Pictures: evidence by its id, and the newest tile of a camera."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from data.errors import NotFound
from data.local.vault import EvidenceDamaged
from data.model.people import Action, Actor, may
from data.model.record import Evidence
from data.model.task import Task
from data.model.views import iso
from data.ports.feed import FramePacket
from data.ports.store import Reader
from dispatch.turns import is_own_task
from web.auth import visitor_of
from web.closer_picture import box_of, closer_picture
from web.deps import ServerDeps
from web.kept_files import DamageReports, kept_headers, not_modified
from web.problems import Unavailable

_WAIT_S = 3.0
_FRESH_S = 2.0


def media_router(deps: ServerDeps) -> APIRouter:
    """`/media/...`"""
    router = APIRouter(include_in_schema=False)
    reports = DamageReports(deps)

    @router.get("/media/evidence/{evidence_id}")
    async def evidence(request: Request, evidence_id: str, closer: str = "") -> Response:
        """A picture, by the SHA-256 of its bytes; it never changes.

        `closer`: left,top,right,bottom in fractions of it: what is there and around it, enlarged and brightened.
        """
        box = box_of(closer) if closer else None
        visitor, settings = visitor_of(request), deps.settings
        hidden = settings.hidden_from(visitor.user.role)
        unwatched = settings.cameras - settings.cameras_of(visitor.user)
        found = await deps.read_list(lambda reader: _allowed(reader, evidence_id, visitor.actor, unwatched, hidden))
        headers = kept_headers(found.id if box is None else f"{found.id}-{','.join(f'{side:.4f}' for side in box)}")
        if (known := not_modified(request, headers)) is not None:
            return known
        try:
            content = await deps.lanes.lists.run(deps.vault.open, found)
        except EvidenceDamaged as error:
            await reports.tell(found.id, found.path, error)
            raise
        if box is not None:
            content = await deps.lanes.lists.run(closer_picture, content, box)
            return Response(content, media_type="image/jpeg", headers=headers)
        return Response(content, media_type=found.media_type, headers=headers)

    @router.get("/media/live/{site}.jpg")
    async def live(request: Request, site: str) -> Response:
        """The newest tile; asks the camera's worker for one when nobody is looking just now."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        if site not in deps.settings.cameras_of(visitor.user):
            raise NotFound(f"there is no camera at {site!r}")
        packet = await newest_tile(deps, site)
        headers = {"Cache-Control": "no-store", "X-Taken-At": iso(packet.at) or ""}
        return Response(packet.jpeg, media_type="image/jpeg", headers=headers)

    return router


def _allowed(
    reader: Reader, evidence_id: str, actor: Actor, unwatched: frozenset[str], hidden: frozenset[str]
) -> Evidence:
    """The picture's row. Who may not look at everything sees the pictures of their own tasks, others do not exist.

    Nor do those of cameras that they may not watch, `unwatched`, and of whatever is at the sites `hidden` from them.
    """
    reads = actor.role is not None and may(actor.role, Action.READ)
    if not reads:
        actor.require(Action.READ_OWN_TASKS)
    tasks = [*reader.tasks_with_picture(evidence_id)] if not reads or hidden else []
    if hidden:
        tasks += _reported_on(reader, reader.evidence(evidence_id))
    places = {task.site for task in tasks}
    if hidden:
        places |= {event.site for event in reader.events_with_picture(evidence_id)}
    own = any(is_own_task(reader, task, actor.name) for task in tasks)
    if own or (reads and not places & hidden):
        found = reader.evidence(evidence_id)
        if found.origin not in unwatched and (own or found.origin not in hidden):
            return found
    if reads:
        raise NotFound(f"there is no picture {evidence_id[:80]} that {actor.name} may see")
    raise NotFound(f"there is no picture {evidence_id[:80]} among the tasks of {actor.name}")


def _reported_on(reader: Reader, evidence: Evidence) -> Sequence[Task]:
    """The task that the picture was reported on; of a report from the street there is none, whatever its mark."""
    kind, _, number = evidence.origin.partition(":")
    if kind != "report" or not number.isdecimal():
        return ()
    try:
        return (reader.task(int(number)),)
    except NotFound:
        return ()


async def newest_tile(deps: ServerDeps, site: str) -> FramePacket:
    """What the camera's worker sees now, as it is drawn: without boxes. Raises Unavailable."""
    deps.hub.look(site)
    try:
        old = deps.hub.newest(site)
        if old is not None and (deps.now() - old.at).total_seconds() < _FRESH_S:
            return old
        async with asyncio.timeout(_WAIT_S):
            return await deps.hub.changed(frozenset({site}), {site: old.sequence} if old is not None else {})
    except TimeoutError:
        raise Unavailable(f"no picture came from {site} within {_WAIT_S:g} s") from None
    finally:
        deps.hub.leave(site)
