"""A run of a plan, and the tasks and notices it made. States are derived from the recorded steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from data.model.case import Recorded
from data.model.warning import WarningLevel

WARNING, ALERTS, ORDER = "warning", "alerts", "order"


class RunState(StrEnum):
    """State of a triggered plan."""

    PROPOSED = "proposed"  # waits for a human
    IN_FORCE = "in_force"
    ENDED = "ended"
    DISMISSED = "dismissed"  # by a human
    EXERCISE = "exercise"  # 演练/测试: shown, without making tasks


class RunStep(StrEnum):
    """A step of a plan's run."""

    PROPOSE = "propose"
    BEGIN = "begin"
    LEVEL = "level"
    END = "end"
    DISMISS = "dismiss"
    EXERCISE = "exercise"
    STAYS = "stays"  # its trigger is over; only an order ends it


OPEN = frozenset({RunState.PROPOSED, RunState.IN_FORCE})


@dataclass(frozen=True, slots=True)
class PlanRun:
    """A run of a triggered plan. There is one run for each plan and source.

    `source`: the trigger: "warning:<sender,identifier,sent>" (the first message of the chain), "alerts:<number>" or
    "order:<number>". `unsettled`: its tasks are not in line with it yet.
    """

    plan: str
    source: str
    level: WarningLevel
    opened_at: datetime
    steps: tuple[Recorded, ...]
    unsettled: bool = True
    id: int = 0
    version: int = 0

    @property
    def state(self) -> RunState:
        return RunState(self.steps[-1].to)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def trigger(self) -> str:
        """warning, alerts or order."""
        return self.source.partition(":")[0]

    @property
    def begun(self) -> Recorded | None:
        """The step that put it in force; None when it never was."""
        return next((one for one in reversed(self.steps) if one.step == RunStep.BEGIN), None)


@dataclass(frozen=True, slots=True)
class PlanWork:
    """A task or notice that a step of a plan made at a place.

    The store has at most one that is not withdrawn for each (source, plan, place, step, round). `place`: id of the site
    or place, "grid:<code>", or "" for none. `round`: number of the repetition of a recurring task. Work of another run
    of the plan at the same place shares the task.
    """

    run_id: int
    source: str
    plan: str
    place: str
    step: str
    made_at: datetime
    round: int = 1
    task_id: int | None = None
    event_id: int | None = None
    withdrawn_at: datetime | None = None
    id: int = 0
