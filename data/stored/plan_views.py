"""Plans and what they made as JSON, for REST, the events socket and the screens."""

from __future__ import annotations

from typing import Any

from data.config.plans import PinStep, PlanSettings, TaskStep
from data.model.plan import PlanRun, PlanWork
from data.model.views import iso, step_view


def run_view(run: PlanRun) -> dict[str, Any]:
    """A run. `state`: proposed, in_force, ended, dismissed, exercise. `begun_at`, `begun_by`: of the last beginning.

    `because`: what triggered it, in words; where that was an alert, `cause` has its site, rule, kind and label.
    `doubts`: why a human is asked, by name: area_unknown, status_unknown, type_unknown; `named`: the area and
    the sender in the message's own words.
    """
    begun = run.begun
    return {
        "id": run.id,
        "plan": run.plan,
        "source": run.source,
        "trigger": run.trigger,
        "level": run.level.value,
        "state": run.state.value,
        "opened_at": iso(run.opened_at),
        "begun_at": None if begun is None else iso(begun.at),
        "begun_by": None if begun is None else begun.by,
        "reason": "" if begun is None else begun.reason,
        "because": run.steps[0].reason,
        "cause": run.steps[0].detail.get("cause"),
        "doubts": run.steps[-1].detail.get("doubts", []),
        "named": run.steps[-1].detail.get("named"),
        "settled": not run.unsettled,
        "steps": [step_view(step) for step in run.steps],
        "version": run.version,
    }


def work_view(work: PlanWork) -> dict[str, Any]:
    """A piece of work; its task's state comes with it where both are shown."""
    return {
        "id": work.id,
        "run": work.run_id,
        "place": work.place,
        "step": work.step,
        "round": work.round,
        "task": work.task_id,
        "event": work.event_id,
        "made_at": iso(work.made_at),
        "withdrawn_at": iso(work.withdrawn_at),
    }


def plan_view(plan: PlanSettings) -> dict[str, Any]:
    """A plan as it is configured; names in both languages."""
    return {
        "id": plan.id,
        "zh": plan.zh,
        "en": plan.en,
        "mode": plan.mode,
        "triggers": [
            *(("ask" if trigger.start == "ask" else "at_once", "warning") for trigger in plan.warnings),
            *(("ask" if trigger.start == "ask" else "at_once", "alerts") for trigger in plan.alerts),
        ],
        "order_level": plan.order_level,
        "steps": [
            {
                "id": step.id,
                "do": step.do,
                "levels": list(step.levels),
                "zh": step.zh if isinstance(step, TaskStep) else "",
                "en": step.en if isinstance(step, TaskStep) else "",
                "checklist": list(step.checklist) if isinstance(step, TaskStep) else [],
                "photo": isinstance(step, TaskStep) and step.photo,
                "repeats": isinstance(step, TaskStep) and step.every is not None,
                "sites": list(step.sites) if isinstance(step, PinStep) else [],
            }
            for step in plan.steps
        ],
    }
