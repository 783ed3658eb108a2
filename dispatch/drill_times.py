"""The times of a drill 演练 against its limits, and beside those of the recorded night.

What people do is counted by the clock on the wall, however fast the drill runs: nobody acknowledges ten times as fast.
What virtual responders do (accept, travel, work) is counted in the recorded time's seconds.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from data.config.drill import DrillLimits
from data.errors import InputRejected
from data.model.alert import CENTRE, Alert, AlertKey, Priority
from data.model.alert_life import AlertStep
from data.model.drill import Drill
from data.model.task import Offer, Task
from data.ports.store import AlertQuery, Reader

STEPS = ("acknowledged", "dispatched", "on_scene", "handled")
ENDED = "drill:ended"
"""Named value of a drill's store: when the recorded span was over in the drill, ISO 8601."""
MOST_ALERTS = 2000
_MOST_OF_ALERTS = 20_000
_SAME_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    """What was done about one alert. `took_s`: seconds from the alert to each step; None where it was not reached."""

    key: AlertKey
    kind: str
    priority: Priority
    raised_at: datetime
    ended_at: datetime | None = None
    evidence: str | None = None
    took_s: Mapping[str, float | None] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.key._asdict(),
            "kind": self.kind,
            "priority": self.priority.value,
            "raised_at": self.raised_at.isoformat(),
            "ended_at": None if self.ended_at is None else self.ended_at.isoformat(),
            "evidence": self.evidence,
            "took_s": dict(self.took_s),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Response:
        """What `described` gave. Raises InputRejected."""
        try:
            ended = told["ended_at"]
            return cls(
                AlertKey(*(str(told[name]) for name in AlertKey._fields)),
                str(told["kind"]),
                Priority(told["priority"]),
                datetime.fromisoformat(told["raised_at"]),
                None if ended is None else datetime.fromisoformat(ended),
                told["evidence"],
                {str(name): value for name, value in told["took_s"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputRejected(f"this does not tell what was done about an alert: {error!r}") from error


def responses(reader: Reader, since: datetime, until: datetime, *, speed: float = 1.0) -> list[Response]:
    """Of the alerts that were raised after `since` and up to `until`, oldest first; at most `MOST_ALERTS`.

    `speed`: of the drill that the reader is of; 1 for what really happened.
    """
    found = reader.alerts(AlertQuery(since=since, until=until, limit=MOST_ALERTS))
    alerts = sorted((one for one in found if _counts(one, since, until)), key=lambda one: (one.raised_at, one.id))
    numbers = [one.id for one in alerts]
    acknowledged: dict[int, datetime] = {}
    for step in reader.steps_of_alerts(numbers, limit=_MOST_OF_ALERTS):
        if step.step is AlertStep.ACKNOWLEDGE:
            acknowledged[step.alert_id] = min(step.at, acknowledged.get(step.alert_id, step.at))
    tasks: dict[int, list[Task]] = {}
    for task in reader.tasks_of_alerts(numbers, limit=_MOST_OF_ALERTS):
        tasks.setdefault(task.alert_id or 0, []).append(task)
    offers: dict[int, list[Offer]] = {}
    every = [task.id for of_alert in tasks.values() for task in of_alert]
    for offer in reader.offers_of_tasks(every, limit=_MOST_OF_ALERTS):
        offers.setdefault(offer.task_id, []).append(offer)
    return [_response(one, acknowledged.get(one.id), tasks.get(one.id, ()), offers, speed) for one in alerts]


def _counts(alert: Alert, since: datetime, until: datetime) -> bool:
    return since < alert.raised_at <= until and alert.key.site != CENTRE


def _response(
    alert: Alert,
    acknowledged: datetime | None,
    tasks: Sequence[Task],
    offers: Mapping[int, Sequence[Offer]],
    speed: float,
) -> Response:
    took: dict[str, float | None] = dict.fromkeys(STEPS)
    took["acknowledged"] = _since(alert, acknowledged or alert.acknowledged_at)
    for task in tasks:
        asked = _asked(task, offers.get(task.id, ()))
        if asked is None:
            continue
        asked_s = max(0.0, (asked - alert.raised_at).total_seconds())
        _earlier(took, "dispatched", asked_s)
        if task.on_scene_at is not None:
            _earlier(took, "on_scene", asked_s + (task.on_scene_at - asked).total_seconds() * speed)
        if task.closed_at is not None and task.reported_at is not None:
            worked_s = (task.reported_at - asked).total_seconds() * speed
            _earlier(took, "handled", asked_s + worked_s + (task.closed_at - task.reported_at).total_seconds())
    return Response(alert.key, alert.kind, alert.priority, alert.raised_at, alert.ended_at, alert.evidence, took)


def _asked(task: Task, offers: Sequence[Offer]) -> datetime | None:
    """When somebody was first asked; a unit is asked as soon as its task is made."""
    return min((one.offered_at for one in offers), default=task.created_at if task.unit else None)


def _since(alert: Alert, at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (at - alert.raised_at).total_seconds())


def _earlier(took: dict[str, float | None], step: str, seconds: float) -> None:
    before = took[step]
    took[step] = round(seconds if before is None else min(before, seconds), 1)


@dataclass(frozen=True, slots=True)
class Score:
    """How a step went: of so many alerts that have a limit, within it, over it, and not decided yet."""

    of: int
    within: int
    over: int
    median_s: float | None
    worst_s: float | None

    def described(self) -> dict[str, Any]:
        """As JSON. `open`: neither reached, nor over yet, nor over by now had the alert not ended before."""
        return {
            "of": self.of,
            "within": self.within,
            "over": self.over,
            "open": self.of - self.within - self.over,
            "median_s": self.median_s,
            "worst_s": self.worst_s,
        }


def score(found: Iterable[Response], step: str, limits: DrillLimits, ended: datetime) -> Score:
    """Of one step. What was not reached is over where its alert had lasted longer than the limit, until `ended`."""
    within = over = of = 0
    took = []
    by_priority = getattr(limits, step)
    for one in found:
        limit = by_priority.get(one.priority)
        if limit is None:
            continue
        of += 1
        seconds = one.took_s.get(step)
        if seconds is not None:
            took.append(seconds)
            within += seconds <= limit.total_seconds()
            over += seconds > limit.total_seconds()
        else:
            over += min(one.ended_at or ended, ended) - one.raised_at > limit
    median = round(statistics.median(took), 1) if took else None
    return Score(of, within, over, median, max(took, default=None))


def compared(
    drill: Drill, here: Sequence[Response], night: Sequence[Response], limits: DrillLimits, now: datetime
) -> dict[str, Any]:
    """The drill's scores beside the night's, and alert by alert, as JSON."""
    steps = [
        {
            "step": step,
            "limits_s": {one.value: span.total_seconds() for one, span in sorted(getattr(limits, step).items())},
            "drill": score(here, step, limits, now).described(),
            "night": score(night, step, limits, drill.until).described(),
        }
        for step in STEPS
    ]
    waiting: dict[AlertKey, list[Response]] = {}
    for one in night:
        waiting.setdefault(one.key, []).append(one)
    rows = []
    for one in here:
        same = _same(one, waiting.get(one.key, []), drill)
        rows.append(_row(one, same))
    missing = [_row(None, one) for left in waiting.values() for one in left]
    missing.sort(key=lambda row: str(row["night_raised_at"]))
    return {"drill": drill.described(), "steps": steps, "alerts": rows, "only_in_the_night": missing}


def _same(one: Response, waiting: list[Response], drill: Drill) -> Response | None:
    """The night's alert that this one repeats; it waits no longer."""
    for number, other in enumerate(waiting):
        if abs((drill.at(other.raised_at) - one.raised_at).total_seconds()) <= _SAME_WITHIN_S:
            return waiting.pop(number)
    return None


def _row(here: Response | None, night: Response | None) -> dict[str, Any]:
    told = here or night
    assert told is not None
    return {
        **told.key._asdict(),
        "kind": told.kind,
        "priority": told.priority.value,
        "raised_at": None if here is None else here.raised_at.isoformat(),
        "night_raised_at": None if night is None else night.raised_at.isoformat(),
        "drill": None if here is None else dict(here.took_s),
        "night": None if night is None else dict(night.took_s),
    }
