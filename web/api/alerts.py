"""Alerts: read and dispatch. What else is done with one: `web.api.alert_moves`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from data.config.settings import SiteSettings
from data.errors import NotFound
from data.model.alert_life import VERIFYING, Verification
from data.model.people import Action
from data.model.task import Candidate
from data.model.views import alert_step_view, alert_view, candidate_view, proof_view, task_view
from data.ports.store import AlertQuery, Reader, Writer
from dispatch.responders import needs_of, rank
from dispatch.tasks import dispatch, dispatch_all
from web.api.idempotency import check_version, once
from web.api.lists import Cursor, Limit, Moment, before_id, page, utc
from web.api.params import RowId
from web.api.schemas import AlertList, AlertView, AnyList, DispatchBody, SeveralBody, TaskAnswer, answers, api_router
from web.auth import visitor_of
from web.claims import Teamwork
from web.deps import ServerDeps

Open = Annotated[bool, Query(description="Only those whose condition still holds.")]


def alert_router(deps: ServerDeps, team: Teamwork) -> APIRouter:
    """`/alerts...`"""
    router = api_router("alerts")

    @router.get("/alerts", response_model=None, responses=answers(AlertList, 403, 422))
    async def list_alerts(
        request: Request,
        *,
        open: Open = False,  # noqa: A002 - the parameter's name in the address
        unacknowledged: bool = False,
        site: str | None = None,
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        query = AlertQuery(
            site=site,
            hidden=deps.settings.hidden_from(visitor.user.role),
            open_only=open,
            unacknowledged_only=unacknowledged,
            since=utc(since),
            until=utc(until),
            before_id=before_id(cursor),
            limit=limit + 1,
        )
        return page(await deps.read_list(lambda reader: reader.alerts(query)), limit, alert_view)

    @router.get("/alerts/{alert_id}", response_model=None, responses=answers(AlertView, 404, tagged=True))
    async def one_alert(request: Request, alert_id: RowId) -> Response:
        visitor_of(request).actor.require(Action.READ)
        return one(request, await deps.read(lambda reader: whole_alert(reader, alert_id)))

    @router.get("/alerts/{alert_id}/candidates", response_model=None, responses=answers(AnyList, 403, 404))
    async def candidates(request: Request, alert_id: RowId) -> dict[str, Any]:
        """Who could be sent, best first, then who cannot and why."""
        visitor_of(request).actor.require(Action.DISPATCH)
        found = await deps.read_list(lambda reader: _candidates(reader, alert_id, deps))
        return {"items": [candidate_view(candidate) for candidate in found], "next": None}

    _add_steps(router, deps, team)
    return router


def _add_steps(router: APIRouter, deps: ServerDeps, team: Teamwork) -> None:
    @router.post("/alerts/{alert_id}/dispatch", response_model=None, responses=answers(TaskAnswer, 404, 409, 412))
    async def dispatch_alert(request: Request, alert_id: RowId, body: DispatchBody | None = None) -> Response:
        """Offer a task to the nearest available responder, or to the one named."""
        visitor, wanted = visitor_of(request), body or DispatchBody()
        actor = visitor.actor
        actor.require(Action.DISPATCH)
        others = await team.check(alert_id, visitor.user, anyway=wanted.anyway, tasks=False)

        def work(writer: Writer) -> Mapping[str, Any]:
            check_version(request, writer.alert(alert_id).version)
            task = dispatch(
                writer,
                alert_id,
                actor,
                deps.now(),
                roads=deps.roads,
                settings=deps.settings,
                responder=wanted.responder,
            )
            return {"task": task_view(task)}

        answer = await once(deps, request, wanted.model_dump(), work)
        team.tell(others, alert_id, "dispatch", visitor.user)
        return answer

    @router.post("/dispatch", response_model=None, responses=answers(AnyList, 403, 404, 409, 422))
    async def dispatch_several(request: Request, body: SeveralBody) -> Response:
        """Several alerts at once: each gets somebody so that the whole costs least, the most urgent first."""
        actor = visitor_of(request).actor
        actor.require(Action.DISPATCH)

        def work(writer: Writer) -> Mapping[str, Any]:
            now, roads, settings = deps.now(), deps.roads, deps.settings
            made = dispatch_all(writer, body.alerts, actor, now, roads=roads, settings=settings)
            return {"items": [task_view(task) for task in made], "next": None}

        return await once(deps, request, body.model_dump(), work)


def whole_alert(reader: Reader, alert_id: int) -> dict[str, Any]:
    """The alert with its steps, oldest first, and the evidence that its verification rests on now."""
    alert, steps = reader.alert(alert_id), reader.alert_steps(alert_id)
    judged = [taken for taken in steps if taken.step in VERIFYING]
    proofs = judged[-1].proofs if judged and alert.verification is not Verification.UNVERIFIED else ()
    return alert_view(alert) | {
        "steps": [alert_step_view(taken) for taken in steps],
        "proofs": [proof_view(proof) for proof in proofs],
    }


def one(request: Request, view: Mapping[str, Any], tag: str = "") -> Response:
    """One thing with its version (or `tag`) as ETag; 304 when the asker has that version."""
    headers = {"ETag": f'"{tag or view["version"]}"'}
    if request.headers.get("if-none-match", "").strip() == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return JSONResponse(dict(view), headers=headers)


def _candidates(reader: Reader, alert_id: int, deps: ServerDeps) -> tuple[Candidate, ...]:
    alert = reader.alert(alert_id)
    needs = needs_of(reader, alert, deps.settings)
    if alert.event_id is not None:
        event = reader.event(alert.event_id)
        place, grid, priority = event.location, event.grid, event.priority
    else:
        site = configured_site(deps, alert.key.site)
        place, grid, priority = site.location, site.grid, alert.priority
    reach = deps.settings.dispatch.reach.get(priority)
    ranking = rank(
        reader, place, deps.now(), roads=deps.roads, settings=deps.settings, needs=needs, grid=grid, reach=reach
    )
    return (*ranking.eligible, *ranking.refused)


def configured_site(deps: ServerDeps, site_id: str) -> SiteSettings:
    """Raises NotFound when there is no such site any more."""
    try:
        return deps.settings.site(site_id)
    except KeyError:
        raise NotFound(f"site {site_id!r} is not configured (any more)") from None
