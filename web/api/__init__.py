"""The REST API, an application of its own beside Dash: what is not here is a 404 or 405 problem, never a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from web.api.account import account_router
from web.api.alarm_cards import alarm_card_router
from web.api.alarm_kpi import alarm_kpi_router
from web.api.alert_moves import alert_move_router
from web.api.alerts import alert_router
from web.api.applications import application_router
from web.api.case_sources import case_source_router
from web.api.claims import claim_router
from web.api.device_tests import device_test_router
from web.api.diagnosis import diagnosis_router
from web.api.drills import drill_router
from web.api.events import event_router
from web.api.exports import export_router
from web.api.factors import factors_router
from web.api.handovers import handover_router
from web.api.ingest import ingest_router
from web.api.inspections import inspection_router
from web.api.load import load_router
from web.api.notices import notice_router
from web.api.organisation import organisation_router
from web.api.people import people_router
from web.api.places import place_router
from web.api.plans import plan_router
from web.api.references import reference_router
from web.api.rejects import reject_router
from web.api.reviews import review_router
from web.api.roll_calls import roll_call_router
from web.api.schemas import PREFIX, Problem
from web.api.search import search_router
from web.api.settings import settings_router
from web.api.setup import setup_router
from web.api.spans import span_router
from web.api.surroundings import surroundings_router
from web.api.task_turns import turn_router
from web.api.tasks import task_router
from web.api.trail import trail_router
from web.api.trends import trend_router
from web.api.unaccepted import unaccepted_router
from web.api.users import users_router
from web.api.vehicles import vehicle_router
from web.api.wall_screens import wall_screen_router
from web.api.warnings import warning_router
from web.api.web_push import web_push_router
from web.api.what_ifs import what_if_router
from web.claims import ClaimBook, Teamwork
from web.clips import clip_router
from web.deps import ServerDeps
from web.health import SiteHealth
from web.identity import Identity
from web.json_guard import JsonGuard
from web.lookback import motion_router
from web.metrics import WebMeters
from web.problems import install_problems
from web.settings import CurrentSettings
from web.site_scope import SiteScopeGuard


def build_api(  # noqa: PLR0917 - what the routes of the whole API need
    deps: ServerDeps,
    health: Callable[[str], SiteHealth],
    meters: WebMeters,
    identity: Identity,
    current: CurrentSettings,
    claims: ClaimBook,
) -> FastAPI:
    """Everything under `/api/`; it sees whole paths. Described by `/api/v1/openapi.json`."""
    api = FastAPI(
        title="Yiping 一屏",
        summary="Real-time city operations: alerts, events, tasks, sites, responders, audit",
        description="Log in with a bearer token (`python app.py users token NAME`). Errors are RFC 9457 problems. "
        "`Idempotency-Key` on POST makes a repeated request give the first answer.",
        version=deps.version,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        redirect_slashes=False,
    )
    install_problems(api)
    api.add_middleware(SiteScopeGuard, deps=deps)
    api.add_middleware(JsonGuard)  # stands outside of the other
    team = Teamwork(deps, claims)
    for router in (
        alert_router(deps, team),
        claim_router(deps, claims),
        alarm_card_router(deps),
        clip_router(deps),
        alarm_kpi_router(deps),
        trend_router(deps),
        alert_move_router(deps, team),
        surroundings_router(deps),
        search_router(deps),
        event_router(deps),
        task_router(deps),
        turn_router(deps),
        unaccepted_router(deps),
        handover_router(deps, identity),
        roll_call_router(deps),
        organisation_router(deps),
        place_router(deps, health),
        vehicle_router(deps),
        people_router(deps),
        trail_router(deps),
        ingest_router(deps, meters),
        warning_router(deps, meters),
        case_source_router(deps, meters),
        notice_router(deps),
        web_push_router(deps),
        what_if_router(deps),
        review_router(deps),
        export_router(deps),
        span_router(deps),
        motion_router(deps),
        plan_router(deps),
        application_router(deps, health),
        inspection_router(deps),
        load_router(deps),
        drill_router(deps),
        reject_router(deps),
        diagnosis_router(deps),
        setup_router(deps),
        reference_router(deps),
        device_test_router(deps),
        settings_router(deps, current),
        account_router(identity),
        factors_router(identity),
        users_router(identity),
        wall_screen_router(identity),
    ):
        if router.prefix == PREFIX:  # not by include_router, which would analyse each operation a second time
            api.router.routes.extend(router.routes)
        else:
            api.include_router(router, prefix=PREFIX)
    _describe_truly(api)
    return api


def _describe_truly(api: FastAPI) -> None:
    """Add to OpenAPI what FastAPI does not know: how one logs in, and the shape of every refusal."""
    made = api.openapi

    def described() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts = problem.pop("$defs", {})  # in an OpenAPI document these lie beside the other schemas
            components.setdefault("schemas", {}).update(parts, Problem=problem)
            components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"bearer": []}]
        return api.openapi_schema or {}

    api.openapi = described  # type: ignore[method-assign]
