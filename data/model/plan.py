"""A plan in force, and each piece of work it made. States are derived from the recorded steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from data.model.case import Recorded
from data.model.warning import WarningLevel

WARNING, ALERTS, ORDER = "warning", "alerts", "order"


class RunState(StrEnum):
    """Where a plan stands that something has triggered."""

    PROPOSED = "proposed"  # waits for a human
    IN_FORCE = "in_force"
    ENDED = "ended"
    DISMISSED = "dismissed"  # a human said no
    EXERCISE = "exercise"  # 演练/测试: shown, and no work is made of it


class RunStep(StrEnum):
    """What can happen to it."""

    PROPOSE = "propose"
    BEGIN = "begin"
    LEVEL = "level"
    END = "end"
    DISMISS = "dismiss"
    EXERCISE = "exercise"
    STAYS = "stays"  # what triggered it is over; only an order ends it


OPEN = frozenset({RunState.PROPOSED, RunState.IN_FORCE})


@dataclass(frozen=True, slots=True)
class PlanRun:
    """A plan that something has triggered. `source` names what: "warning:<sender,identifier,sent>" (the first message

    of its chain), "alerts:<number>" or "order:<number>"; there is one run of each plan and source.
    `unsettled`: its work is not in line with it yet.
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
        """When it came into force, and by whom; None when it never did."""
        return next((one for one in reversed(self.steps) if one.step == RunStep.BEGIN), None)


@dataclass(frozen=True, slots=True)
class PlanWork:
    """What a step of a plan made at a place: a task, or a notice. The store keeps one that is not withdrawn of each

    (source, plan, place, step, round). `place`: id of the site or place, "grid:<code>", or "" for none. `round`: which
    time, for work that comes again. Work of another run of the plan at the same place shares its task.
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
