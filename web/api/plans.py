"""Plans and modes: what is in force, the work it made, and orders to begin and to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from data.config.plans import Level, PinStep, PlanSettings
from data.config.settings import Settings
from data.errors import NotFound
from data.model.people import Action
from data.model.plan import PlanRun, RunState
from data.model.task import Task
from data.model.views import iso
from data.ports.store import Reader, Writer
from data.stored.plan_views import plan_view, run_view, work_view
from dispatch import plan_runs
from dispatch.plan_places import Ground
from dispatch.plan_works import done_of
from web.api.idempotency import once
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import PlanAnswer, RunAnswer
from web.auth import visitor_of
from web.deps import ServerDeps

Order = Callable[[ServerDeps, Writer, str, Request, "OrderBody"], PlanRun]

_RUNS_SHOWN = 5
_MOVED = answers(RunAnswer, 403, 404, 409, 422)


class OrderBody(BaseModel):
    """An order. A reason is needed to end and to dismiss."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500)] = ""
    level: Annotated[Level | None, Field(description="Level of a new order; the plan's own when left out.")] = None


def plan_router(deps: ServerDeps) -> APIRouter:
    """`/plans...`, `/modes...`, `/roster`"""
    router = api_router("plans")
    _add_reading(router, deps)
    _add_orders(router, deps)
    _add_modes(router, deps)
    return router


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/plans", response_model=None, responses=answers(AnyList, 403))
    async def list_plans(request: Request) -> dict[str, Any]:
        """Every plan with its newest runs, and how much of their work is done."""
        visitor_of(request).actor.require(Action.READ)
        plans = deps.settings.plans.plans
        return {"items": await deps.read_list(lambda reader: [_short(reader, plan) for plan in plans]), "next": None}

    @router.get("/plans/{plan_id}", response_model=None, responses=answers(PlanAnswer, 403, 404))
    async def one_plan(request: Request, plan_id: str) -> dict[str, Any]:
        """The plan, its newest runs, and place by place the state of the tasks that each made."""
        visitor_of(request).actor.require(Action.READ)
        plan = _known(deps.settings, plan_id)
        return await deps.read_list(lambda reader: _whole(reader, plan, deps.settings))


def _known(settings: Settings, plan_id: str) -> PlanSettings:
    plan = settings.plans.plan(plan_id)
    if plan is None:
        raise NotFound(f"there is no plan {plan_id[:80]!r}")
    return plan


def _short(reader: Reader, plan: PlanSettings) -> dict[str, Any]:
    runs = reader.plan_runs(plan=plan.id, limit=_RUNS_SHOWN)
    return plan_view(plan) | {"runs": [_counted(reader, run) for run in runs]}


def _counted(reader: Reader, run: PlanRun) -> dict[str, Any]:
    return run_view(run) | {"counts": dict(done_of(reader.plan_works(run.id), _tasks(reader, run)))}


def _tasks(reader: Reader, run: PlanRun) -> dict[int, Task]:
    return {task.id: task for task in reader.plan_tasks(run.id)}


def _whole(reader: Reader, plan: PlanSettings, settings: Settings) -> dict[str, Any]:
    ground = Ground(settings, reader.units())
    names = {spot.id: spot.name for spot in ground.spots}
    units = {f"grid:{unit.code}": unit.name for unit in reader.units() if unit.code}
    runs = []
    for run in reader.plan_runs(plan=plan.id, limit=_RUNS_SHOWN):
        tasks = _tasks(reader, run)
        works = [
            work_view(work)
            | {
                "name": names.get(work.place) or units.get(work.place) or work.place.removeprefix("grid:"),
                "state": None if work.task_id is None else tasks[work.task_id].state.value,
                "unit": "" if work.task_id is None else tasks[work.task_id].unit,
                "who": None if work.task_id is None else tasks[work.task_id].responder,
                "checked": 0 if work.task_id is None else len(tasks[work.task_id].checked),
                "of": 0 if work.task_id is None else len(tasks[work.task_id].checklist),
            }
            for work in reader.plan_works(run.id)
        ]
        runs.append(_counted(reader, run) | {"works": works})
    return plan_view(plan) | {"runs": runs}


def _add_orders(router: APIRouter, deps: ServerDeps) -> None:
    async def moved(request: Request, plan_id: str, body: OrderBody | None, order: Order) -> Response:
        given = body or OrderBody()

        def unit(writer: Writer) -> Mapping[str, Any]:
            return {"run": run_view(order(deps, writer, plan_id, request, given))}

        return await once(deps, request, given.model_dump(mode="json"), unit)

    @router.post("/plans/{plan_id}/begin", response_model=None, responses=_MOVED)
    async def begin_plan(request: Request, plan_id: str, body: OrderBody | None = None) -> Response:
        """Begin it by order, confirm what is proposed, or give an order that is in force another level."""
        return await moved(request, plan_id, body, _begin)

    @router.post("/plans/{plan_id}/end", response_model=None, responses=_MOVED)
    async def end_plan(request: Request, plan_id: str, body: OrderBody | None = None) -> Response:
        """End it by order. What nobody has started is cancelled."""
        return await moved(request, plan_id, body, _end)

    @router.post("/plans/{plan_id}/dismiss", response_model=None, responses=_MOVED)
    async def dismiss_plan(request: Request, plan_id: str, body: OrderBody | None = None) -> Response:
        """Turn down what is proposed."""
        return await moved(request, plan_id, body, _dismiss)


def _dismiss(deps: ServerDeps, writer: Writer, plan_id: str, request: Request, body: OrderBody) -> PlanRun:
    actor = visitor_of(request).actor
    return plan_runs.dismiss(writer, plan_id, actor, deps.now(), settings=deps.settings, reason=body.reason)


def _begin(deps: ServerDeps, writer: Writer, plan_id: str, request: Request, body: OrderBody) -> PlanRun:
    actor = visitor_of(request).actor
    return plan_runs.begin(
        writer, plan_id, actor, deps.now(), settings=deps.settings, level=body.level or "", reason=body.reason
    )


def _end(deps: ServerDeps, writer: Writer, plan_id: str, request: Request, body: OrderBody) -> PlanRun:
    actor = visitor_of(request).actor
    return plan_runs.end(writer, plan_id, actor, deps.now(), settings=deps.settings, reason=body.reason)[0]


def _add_modes(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/modes", response_model=None, responses=answers(AnyList, 403))
    async def list_modes(request: Request) -> dict[str, Any]:
        """What every page shows: plans in force and proposed, modes that are on, pinned cameras, who is on duty."""
        visitor_of(request).actor.require(Action.READ)
        return await deps.read_list(lambda reader: _in_force(reader, deps))

    @router.get("/roster", response_model=None, responses=answers(AnyList, 403))
    async def roster(request: Request) -> dict[str, Any]:
        """Who is on duty now, by unit, from the shifts; and the responders who are on shift."""
        visitor_of(request).actor.require(Action.READ)
        return await deps.read_list(lambda reader: roster_of(reader, deps))

    _add_mode_orders(router, deps)


def _add_mode_orders(router: APIRouter, deps: ServerDeps) -> None:
    async def moved(request: Request, mode: str, body: OrderBody | None, work: Order) -> Response:
        given, plan = body or OrderBody(), deps.settings.plans.of_mode(mode)
        if plan is None:
            raise NotFound(f"no plan puts on a mode {mode[:80]!r}")

        def unit(writer: Writer) -> Mapping[str, Any]:
            return {"run": run_view(work(deps, writer, plan.id, request, given)), "mode": mode}

        return await once(deps, request, given.model_dump(mode="json"), unit)

    @router.post("/modes/{mode}/begin", response_model=None, responses=_MOVED)
    async def begin_mode(request: Request, mode: str, body: OrderBody | None = None) -> Response:
        """Put the mode on by order: its plan comes into force."""
        return await moved(request, mode, body, _begin)

    @router.post("/modes/{mode}/end", response_model=None, responses=_MOVED)
    async def end_mode(request: Request, mode: str, body: OrderBody | None = None) -> Response:
        """Put the mode off by order: pins and thresholds go back, what nobody has started is cancelled."""
        return await moved(request, mode, body, _end)


def _in_force(reader: Reader, deps: ServerDeps) -> dict[str, Any]:
    settings = deps.settings
    names = {user.name: user.display_name or user.name for user in reader.users()}
    items = []
    for run in reversed(reader.plan_runs(open_only=True)):
        plan = settings.plans.plan(run.plan)
        if plan is not None:
            by = run_view(run)["begun_by"]
            plain = {"zh": plan.zh, "en": plan.en, "mode": plan.mode, "by_name": names.get(by, by)}
            view = {name: value for name, value in run_view(run).items() if name != "steps"}
            items.append(
                view | plain | {"pinned": _pinned(plan, run, settings), "stays": run.steps[-1].step == "stays"}
            )
    exercises = [run_view(run) for run in reader.plan_runs(limit=20) if run.state is RunState.EXERCISE]
    pinned = list(dict.fromkeys(site for item in items for site in item["pinned"]))
    return {
        "items": items,
        "next": None,
        "modes": sorted({item["mode"] for item in items if item["mode"] and item["state"] == "in_force"}),
        "pinned": pinned,
        "exercises": exercises,
        "at": iso(deps.now()),
    }


def _pinned(plan: PlanSettings, run: PlanRun, settings: Settings) -> list[str]:
    """Cameras that the plan puts first on the wall at its present level."""
    if run.state is not RunState.IN_FORCE:
        return []
    steps = [step for step in plan.steps if isinstance(step, PinStep) and step.applies(run.level)]
    cameras = [site for site in settings.sites if site.camera is not None]
    return [site.id for site in cameras if any(site.id in step.sites or site.profile in step.marks for step in steps)]


def roster_of(reader: Reader, deps: ServerDeps) -> dict[str, Any]:
    """Shifts that last now, and responders on shift by team."""
    units = {unit.id: unit for unit in reader.units()}
    names = {user.name: user.display_name or user.name for user in reader.users()}
    busy = reader.busy_responders()
    shifts = [
        {
            "unit": shift.unit,
            "unit_name": units[shift.unit].name if shift.unit in units else shift.unit,
            "person": shift.person,
            "name": names.get(shift.person, shift.person),
            "duty": shift.duty,
            "until": iso(shift.ends),
        }
        for shift in reader.shifts(at=deps.now())
    ]
    people = [
        {"id": one.id, "name": one.name, "team": one.team, "grid": one.grid, "busy": one.id in busy}
        for one in reader.responders()
        if one.on_shift
    ]
    return {"items": shifts, "next": None, "responders": people, "at": iso(deps.now())}
