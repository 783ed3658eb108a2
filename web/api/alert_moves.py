"""What people decide about an alert, each as one operation; what is not possible now is a 409 that says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat

from alerts.decisions import return_to_service, shelve_alert, take_out_of_service, unshelve_alert, verify_alert
from alerts.lifecycle import acknowledge
from alerts.moves import REASON_LIMIT
from alerts.undo import undo
from data.errors import InputRejected
from data.model.alert import Alert
from data.model.alert_life import Proof, Verification
from data.model.people import Action, Actor
from data.model.views import alert_view, standing_view
from data.ports.store import Writer
from web.api.idempotency import check_version, once
from web.api.params import RowId, SafeMoment
from web.api.schemas import AlertAnswer, AnyList, Nothing, answers, api_router
from web.auth import visitor_of
from web.claims import Teamwork
from web.deps import ServerDeps

_MOVED = answers(AlertAnswer, 403, 404, 409, 412, 422)

Take = Callable[[Writer, int, Actor, datetime], Alert]
Reason = Annotated[str, Field(max_length=REASON_LIMIT, description="Why.")]


class MoveBody(BaseModel):
    """Why; needed to dismiss."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class CrossingBody(MoveBody):
    """`anyway`: although somebody else is at work on it (409, `conflict.…`); they are told."""

    anyway: StrictBool = False


class ShelveBody(CrossingBody):
    """Until when, or for how many minutes; each role may for so long at most."""

    until: SafeMoment | None = None
    minutes: Annotated[StrictFloat | None, Field(gt=0, le=60 * 24 * 31)] = None


class OutOfServiceBody(MoveBody):
    """Under which work order."""

    work_order: Annotated[str, Field(max_length=100)]


def alert_move_router(deps: ServerDeps, team: Teamwork) -> APIRouter:
    """`/alerts/{id}/acknowledge|undo|shelve|confirm|dismiss|out_of_service` and their ways back, `/conditions`"""
    router = api_router("alerts")

    @router.get("/conditions", response_model=None, responses=answers(AnyList, 403))
    async def conditions(request: Request, site: str | None = None) -> dict[str, Any]:
        """What holds, but not yet for long enough to be an alert."""
        visitor_of(request).actor.require(Action.READ)
        found = await deps.read_list(lambda reader: reader.pending_conditions(site))
        return {"items": [standing_view(standing) for standing in found], "next": None}

    _add_acknowledging(router, deps)
    _add_verifying(router, deps, team)
    _add_shelving(router, deps, team)
    _add_service(router, deps)
    return router


async def _move(  # noqa: PLR0917 - who asks for which move of which alert
    deps: ServerDeps, request: Request, alert_id: RowId, body: BaseModel, action: Action, take: Take
) -> Response:
    """One move as one unit of work; answers {"alert": {...}}."""
    actor = visitor_of(request).actor
    actor.require(action)

    def work(writer: Writer) -> Mapping[str, Any]:
        check_version(request, writer.alert(alert_id).version)
        return {"alert": alert_view(take(writer, alert_id, actor, deps.now()))}

    return await once(deps, request, body.model_dump(mode="json"), work)


def _add_acknowledging(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/alerts/{alert_id}/acknowledge", response_model=None, responses=_MOVED)
    async def acknowledge_alert(request: Request, alert_id: RowId, body: MoveBody | None = None) -> Response:
        """Somebody has seen it: nobody else is called."""
        given = body or MoveBody()
        take = partial(acknowledge, settings=deps.settings, reason=given.reason)
        return await _move(deps, request, alert_id, given, Action.ACKNOWLEDGE, take)

    @router.post("/alerts/{alert_id}/undo", response_model=None, responses=_MOVED)
    async def undo_decision(request: Request, alert_id: RowId, body: Nothing | None = None) -> Response:
        """Within `alarms.undo_within` the caller takes back their acknowledgement or dismissal."""
        take = partial(undo, settings=deps.settings)
        return await _move(deps, request, alert_id, body or Nothing(), Action.ACKNOWLEDGE, take)


async def _cross(  # noqa: PLR0917 - who asks for which move of which alert
    deps: ServerDeps, team: Teamwork, request: Request, alert_id: RowId, body: CrossingBody, action: Action, take: Take
) -> Response:
    """A move that may cross the work of somebody else: asked about before, told to them afterwards."""
    visitor = visitor_of(request)
    visitor.actor.require(action)
    others = await team.check(alert_id, visitor.user, anyway=body.anyway)
    answer = await _move(deps, request, alert_id, body, action, take)
    team.tell(others, alert_id, request.url.path.rpartition("/")[2], visitor.user)
    return answer


def _add_verifying(router: APIRouter, deps: ServerDeps, team: Teamwork) -> None:
    @router.post("/alerts/{alert_id}/confirm", response_model=None, responses=_MOVED)
    async def confirm(request: Request, alert_id: RowId, body: MoveBody | None = None) -> Response:
        """A human has looked: it is true."""
        given = body or MoveBody()
        take = partial(_judge, verification=Verification.CONFIRMED, reason=given.reason)
        return await _move(deps, request, alert_id, given, Action.VERIFY_ALERT, take)

    @router.post("/alerts/{alert_id}/dismiss", response_model=None, responses=_MOVED)
    async def dismiss(request: Request, alert_id: RowId, body: CrossingBody | None = None) -> Response:
        """A human has looked: it is not true. Nobody is called until it fires again or gets worse."""
        given = body or CrossingBody()
        take = partial(_judge, verification=Verification.DISMISSED, reason=given.reason)
        return await _cross(deps, team, request, alert_id, given, Action.VERIFY_ALERT, take)


def _judge(
    writer: Writer, alert_id: int, actor: Actor, now: datetime, *, verification: Verification, reason: str
) -> Alert:
    told = Proof("human", f"user:{actor.name}", now, reason, for_it=verification is Verification.CONFIRMED)
    return verify_alert(writer, alert_id, verification, (told,), actor, now, reason)


def _add_shelving(router: APIRouter, deps: ServerDeps, team: Teamwork) -> None:
    @router.post("/alerts/{alert_id}/shelve", response_model=None, responses=_MOVED)
    async def shelve(request: Request, alert_id: RowId, body: ShelveBody) -> Response:
        """Quiet until then, with a reason."""

        def take(writer: Writer, alert_id: int, actor: Actor, now: datetime) -> Alert:
            if (body.until is None) == (body.minutes is None):
                raise InputRejected("say either until when or for how many minutes")
            until = body.until or now + timedelta(minutes=body.minutes or 0)
            return shelve_alert(writer, alert_id, actor, now, until=until, reason=body.reason, settings=deps.settings)

        return await _cross(deps, team, request, alert_id, body, Action.SHELVE, take)

    @router.post("/alerts/{alert_id}/unshelve", response_model=None, responses=_MOVED)
    async def unshelve(request: Request, alert_id: RowId, body: MoveBody | None = None) -> Response:
        """Off the shelf before its time."""
        given = body or MoveBody()
        take = partial(unshelve_alert, reason=given.reason)
        return await _move(deps, request, alert_id, given, Action.SHELVE, take)


def _add_service(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/alerts/{alert_id}/out_of_service", response_model=None, responses=_MOVED)
    async def out_of_service(request: Request, alert_id: RowId, body: OutOfServiceBody) -> Response:
        """Quiet while the work order lasts, and so is every later alert of its key."""
        take = partial(take_out_of_service, work_order=body.work_order, reason=body.reason)
        return await _move(deps, request, alert_id, body, Action.OUT_OF_SERVICE, take)

    @router.post("/alerts/{alert_id}/return_to_service", response_model=None, responses=_MOVED)
    async def back(request: Request, alert_id: RowId, body: MoveBody | None = None) -> Response:
        """The work is done."""
        given = body or MoveBody()
        take = partial(return_to_service, reason=given.reason)
        return await _move(deps, request, alert_id, given, Action.OUT_OF_SERVICE, take)
