"""How a plan comes into force, changes its level and ends: by its triggers, or by order.

Functions with an actor raise Forbidden (not this role) and IllegalMove (not in this state). Each marks the run as
unsettled in its commit; `dispatch.plan_works.settle` then brings the tasks in line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from data.config.plans import PlanSettings
from data.config.settings import Settings
from data.errors import IllegalMove, InputRejected, NotFound
from data.model.case import Recorded
from data.model.people import SYSTEM, Action, Actor
from data.model.plan import ALERTS, ORDER, WARNING, PlanRun, RunState, RunStep
from data.model.record import AuditEntry, Change, Timer
from data.model.views import iso
from data.model.warning import HazardWarning, WarningId, WarningLevel, WarningStatus
from data.model.warning_reach import NOWHERE, District
from data.ports.store import Reader, Writer
from data.stored.modes import active_modes, put_modes
from data.stored.plan_views import run_view
from dispatch.plan_places import Ground
from dispatch.plan_standing import (
    Chain,
    TriggerState,
    chain_of,
    is_triggered_by,
    key_of,
    named_source,
    of_alerts,
    of_chain,
    source_of,
    trigger_state,
)

OVER = "plan_over"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def follow_warning(
    writer: Writer, warning: HazardWarning, now: datetime, settings: Settings, district: District | None = None
) -> list[PlanRun]:
    """Apply a warning message that arrived to every plan that warnings trigger; returns the runs that it changed."""
    touched = []
    chain = chain_of(writer, warning.key, now)
    ground = district if district is not None else district_of(writer, settings)
    known = runs_of(writer, chain.keys)
    for plan in settings.plans.plans:
        if not plan.warnings:
            continue
        runs = [run for run in known if run.plan == plan.id]
        stands = of_chain(plan, chain, now, ground)
        if not runs and is_triggered_by(plan, warning) and stands.level is not None:
            touched.append(_opened(writer, plan, source_of(chain), stands, now, settings))
        elif warning.status is WarningStatus.ACTUAL or stands.exercise:
            touched += [follow(writer, run.id, now, settings, ground, chain) for run in runs]
    return touched


def district_of(reader: Reader, settings: Settings) -> District:
    """Our district, by the configuration and the organisation."""
    return Ground(settings, reader.units()).district


def follow_alerts(writer: Writer, now: datetime, settings: Settings, rule: str) -> list[PlanRun]:
    """Apply a raised, worsened or ended alert of this rule to the plans that it triggers."""
    touched = []
    for plan in settings.plans.plans:
        if not any(rule in trigger.rules for trigger in plan.alerts):
            continue
        known = [run for run in writer.plan_runs(plan=plan.id) if run.trigger == ALERTS]
        running = next((run for run in known if run.is_open), None)
        stands = of_alerts(writer, plan, now)
        if running is not None:
            touched.append(follow(writer, running.id, now, settings))
        elif stands.level is not None and not _was_turned_down(known, stands):
            number = writer.last_change() + 1
            touched.append(_opened(writer, plan, f"{ALERTS}:{number}", stands, now, settings))
    return touched


def follow(  # noqa: PLR0917 - a run, and what is known of what triggers it
    writer: Writer,
    run_id: int,
    now: datetime,
    settings: Settings,
    district: District | None = None,
    chain: Chain | None = None,
) -> PlanRun:
    """Bring a run in line with the present state of its trigger. Does nothing if nothing has changed."""
    run = writer.plan_run(run_id)
    plan = settings.plans.plan(run.plan)
    if plan is None:
        return _taken(writer, run, RunStep.END, RunState.ENDED, SYSTEM, now, "no longer configured", settings=settings)
    if run.trigger == WARNING:
        chain = chain_of(writer, key_of(run.source), now) if chain is None else chain
        stands = of_chain(plan, chain, now, district if district is not None else district_of(writer, settings))
        alike = [one for one in runs_of(writer, chain.keys) if one.plan == plan.id]
    else:
        stands, alike = trigger_state(writer, plan, run, now, NOWHERE), []
    first = min(alike, key=lambda one: one.id, default=run)
    if first.id != run.id:  # a late message has shown that two chains are one
        if not run.is_open:
            return run
        reason = f"the same warning as run {first.id}"
        return _taken(writer, run, RunStep.END, RunState.ENDED, SYSTEM, now, reason, settings=settings)
    if stands.level is None:
        return _over(writer, plan, run, stands, now, settings)
    _set_end_timer(writer, run, stands)
    if run.is_open and not stands.exercise:
        return _levelled(writer, run, stands, now, settings)
    if stands.exercise:
        if run.state is RunState.EXERCISE and run.level is stands.level:
            return run
        return _taken(writer, run, RunStep.EXERCISE, RunState.EXERCISE, SYSTEM, now, stands.because,
                      level=stands.level, settings=settings)  # fmt: skip
    by_itself = run.steps[-1].by == SYSTEM.name
    if not by_itself and stands.level.rank <= run.level.rank:
        return run
    # A plan that a human has ended or dismissed is only proposed again, and only at a higher level.
    asked = stands.ask or not by_itself
    step, to = (RunStep.PROPOSE, RunState.PROPOSED) if asked else (RunStep.BEGIN, RunState.IN_FORCE)
    return _taken(
        writer, run, step, to, SYSTEM, now, stands.because, level=stands.level, detail=_cause(stands), settings=settings
    )


def begin(
    writer: Writer, plan_id: str, actor: Actor, now: datetime, *, settings: Settings, level: str = "", reason: str = ""
) -> PlanRun:
    """Put a plan in force by order. A proposed run is confirmed; an order in force may get another level.

    Raises NotFound, and IllegalMove when the plan is in force.
    """
    actor.require(Action.ORDER_PLAN)
    plan = _plan(settings, plan_id)
    runs = writer.plan_runs(plan=plan_id, open_only=True)
    running = next((run for run in runs if run.state is RunState.IN_FORCE), None)
    if running is not None and running.trigger == ORDER and level not in ("", running.level.value):
        detail = {"level": level, "before": running.level.value}
        return _taken(writer, running, RunStep.LEVEL, running.state, actor, now, reason, level=WarningLevel(level),
                      detail=detail, settings=settings)  # fmt: skip
    if running is not None and running.begun is not None:
        raise IllegalMove(f"plan {plan_id} is in force since {iso(running.begun.at)}, begun by {running.begun.by}")
    if runs:
        if level not in ("", runs[0].level.value):
            raise IllegalMove(f"plan {plan_id} is proposed at level {runs[0].level}; confirm or dismiss that first")
        return _taken(writer, runs[0], RunStep.BEGIN, RunState.IN_FORCE, actor, now, reason, settings=settings)
    wanted = WarningLevel(level or plan.order_level)
    source = f"{ORDER}:{writer.last_change() + 1}"
    return _added(writer, plan, source, wanted, RunStep.BEGIN, RunState.IN_FORCE, actor, now, reason, settings)


def end(writer: Writer, plan_id: str, actor: Actor, now: datetime, *, settings: Settings, reason: str) -> list[PlanRun]:
    """End all runs of a plan by order. Raises IllegalMove when none is in force, InputRejected without a reason."""
    actor.require(Action.ORDER_PLAN)
    _plan(settings, plan_id)
    runs = [run for run in writer.plan_runs(plan=plan_id, open_only=True) if run.state is RunState.IN_FORCE]
    if not runs:
        raise IllegalMove(f"plan {plan_id} is not in force")
    if not reason.strip():
        raise InputRejected("ending a plan needs a reason")
    return [_taken(writer, run, RunStep.END, RunState.ENDED, actor, now, reason, settings=settings) for run in runs]


def dismiss(writer: Writer, plan_id: str, actor: Actor, now: datetime, *, settings: Settings, reason: str) -> PlanRun:
    """Dismiss a proposal. Raises IllegalMove when there is none, InputRejected without a reason."""
    actor.require(Action.ORDER_PLAN)
    _plan(settings, plan_id)
    run = next((run for run in writer.plan_runs(plan=plan_id, open_only=True) if run.state is RunState.PROPOSED), None)
    if run is None:
        raise IllegalMove(f"plan {plan_id} is not proposed")
    if not reason.strip():
        raise InputRejected("dismissing a proposal needs a reason")
    return _taken(writer, run, RunStep.DISMISS, RunState.DISMISSED, actor, now, reason, settings=settings)


def put_modes_in_force(writer: Writer, settings: Settings) -> None:
    """Switch on the modes of all plans in force, and no others."""
    running = {run.plan for run in writer.plan_runs(open_only=True) if run.state is RunState.IN_FORCE}
    wanted = frozenset(plan.mode for plan in settings.plans.plans if plan.mode and plan.id in running)
    if wanted != active_modes(writer):
        put_modes(writer, wanted)


def runs_of(reader: Reader, keys: Sequence[WarningId]) -> Sequence[PlanRun]:
    """A plan's runs for a chain of warnings; more than one if parts of the chain were not known to belong together."""
    return reader.plan_runs_of([named_source(key) for key in keys])


def _plan(settings: Settings, plan_id: str) -> PlanSettings:
    plan = settings.plans.plan(plan_id)
    if plan is None:
        raise NotFound(f"there is no plan {plan_id[:80]!r}")
    return plan


def _was_turned_down(known: list[PlanRun], stands: TriggerState) -> bool:
    """True if a human ended or dismissed the plan while these alerts were open, and the level is no higher now."""
    last = known[0] if known else None
    if last is None or last.steps[-1].by == SYSTEM.name or stands.level is None:
        return False
    return stands.level.rank <= last.level.rank


def _opened(  # noqa: PLR0917 - what triggers which plan
    writer: Writer, plan: PlanSettings, source: str, stands: TriggerState, now: datetime, settings: Settings
) -> PlanRun:
    if stands.exercise:
        step, to = RunStep.EXERCISE, RunState.EXERCISE
    else:
        step, to = (RunStep.PROPOSE, RunState.PROPOSED) if stands.ask else (RunStep.BEGIN, RunState.IN_FORCE)
    level = stands.level or WarningLevel.UNKNOWN
    run = _added(writer, plan, source, level, step, to, SYSTEM, now, stands.because, settings, _cause(stands))
    _set_end_timer(writer, run, stands)
    return run


def _added(  # noqa: PLR0917 - a run with everything that is known of it
    writer: Writer, plan: PlanSettings, source: str, level: WarningLevel, step: RunStep, to: RunState, actor: Actor,
    now: datetime, reason: str, settings: Settings, cause: Mapping[str, Any] = _NOTHING,
) -> PlanRun:  # fmt: skip
    role = "" if actor.role is None else actor.role.value
    recorded = Recorded(step.value, to.value, now, actor.name, role, reason.strip(), {"level": level.value, **cause})
    run = writer.add_plan_run(PlanRun(plan.id, source, level, now, (recorded,)))
    _record(writer, run, actor, step, now, {"reason": reason.strip(), "level": level.value}, settings)
    return run


def _levelled(writer: Writer, run: PlanRun, stands: TriggerState, now: datetime, settings: Settings) -> PlanRun:
    """Update a run that is still triggered, perhaps at another level. A change of the area alone unsettles it, too."""
    if stands.level is None or stands.level is run.level:
        plan = settings.plans.plan(run.plan)
        same = run.trigger == ALERTS and not (plan is not None and plan.has_alerting_steps)
        return run if run.unsettled or same else writer.save_plan_run(replace(run, unsettled=True))
    detail = {"level": stands.level.value, "before": run.level.value, **_cause(stands)}
    return _taken(
        writer, run, RunStep.LEVEL, run.state, SYSTEM, now, stands.because, level=stands.level, detail=detail,
        settings=settings,
    )  # fmt: skip


def _cause(stands: TriggerState) -> dict[str, Any]:
    """The parts of the step's detail that name the alert and the reasons to ask a human."""
    told: dict[str, Any] = {"cause": dict(stands.cause)} if stands.cause else {}
    return told | ({"doubts": list(stands.doubts), "named": dict(stands.named)} if stands.doubts else {})


def _over(  # noqa: PLR0917 - what is over, and how
    writer: Writer, plan: PlanSettings, run: PlanRun, stands: TriggerState, now: datetime, settings: Settings
) -> PlanRun:
    if not run.is_open and run.state is not RunState.EXERCISE:
        return run
    how = plan.when_cancelled if stands.over == "cancelled" else plan.when_expired
    if how == "keep" and run.state is RunState.IN_FORCE:
        if run.steps[-1].step == RunStep.STAYS:
            return run
        return _taken(writer, run, RunStep.STAYS, run.state, SYSTEM, now, stands.over, settings=settings)
    return _taken(writer, run, RunStep.END, RunState.ENDED, SYSTEM, now, stands.over, settings=settings)


def _taken(  # noqa: PLR0917 - who takes which step, when and why
    writer: Writer,
    run: PlanRun,
    step: RunStep,
    to: RunState,
    actor: Actor,
    now: datetime,
    reason: str,
    *,
    settings: Settings,
    level: WarningLevel | None = None,
    detail: Mapping[str, Any] = _NOTHING,
) -> PlanRun:
    role = "" if actor.role is None else actor.role.value
    at = max(now, run.steps[-1].at)
    recorded = Recorded(step.value, to.value, at, actor.name, role, reason.strip(), dict(detail))
    run = writer.save_plan_run(replace(run, steps=(*run.steps, recorded), level=level or run.level, unsettled=True))
    _record(writer, run, actor, step, at, {"reason": reason.strip()} | dict(detail), settings)
    return run


def _record(  # noqa: PLR0917 - who did what
    writer: Writer,
    run: PlanRun,
    actor: Actor,
    step: RunStep,
    now: datetime,
    detail: Mapping[str, Any],
    settings: Settings,
) -> None:
    put_modes_in_force(writer, settings)
    role = "" if actor.role is None else actor.role.value
    writer.record(
        AuditEntry(now, actor.name, role, f"plan_{step}", f"plan:{run.id}", {"plan": run.plan} | dict(detail))
    )
    writer.publish(Change("plan", f"plan:{run.id}", now, {"run": run_view(run)}))


def _set_end_timer(writer: Writer, run: PlanRun, stands: TriggerState) -> None:
    """Set a timer for the moment at which the warning expires."""
    if stands.until is None:
        return
    writer.finish_timers_of(OVER, run.id, stands.until)
    writer.add_timer(Timer(OVER, run.id, stands.until))


def ends_due(writer: Writer, now: datetime, settings: Settings, timers: Sequence[Timer] | None = None) -> int:
    """End the runs of expired warnings; returns how many timers ended."""
    ended = 0
    for timer in writer.timers_due(now, 1000, kinds=(OVER,)) if timers is None else timers:
        if timer.kind == OVER and writer.finish_timer(timer.id, now):
            follow(writer, timer.subject, now, settings)
            ended += 1
    return ended


def level_of(reader: Reader, plan_id: str) -> WarningLevel | None:
    """The highest level at which the plan is in force; None when it is not."""
    running = [run for run in reader.plan_runs(plan=plan_id, open_only=True) if run.state is RunState.IN_FORCE]
    return max((run.level for run in running), key=lambda level: level.rank, default=None)
