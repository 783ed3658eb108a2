"""Brings a plan's tasks in line with its run: makes those that are missing, withdraws those that no longer apply.

Only the difference is applied, in several units of work, so that a killed process neither loses nor doubles anything.
A task that somebody has started is never withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from data.config.plans import PRIORITY_OF, NoticeStep, PlanSettings, TaskStep
from data.config.settings import Settings
from data.errors import IllegalMove
from data.model.case import Origin
from data.model.notice import Notice
from data.model.people import SYSTEM
from data.model.plan import ALERTS, PlanRun, PlanWork, RunState
from data.model.record import Timer
from data.model.task import Event, Task
from data.model.warning import WarningLevel
from data.ports.store import Writer
from data.stored.trail import event_step
from dispatch.case_table import EventStep
from dispatch.case_work import TAKES_TASKS, Work, add_task
from dispatch.cases import Given, take
from dispatch.plan_places import Ground, Spot, levels_at
from dispatch.plan_standing import TriggerState, trigger_state
from dispatch.routing import Roads
from dispatch.tasks import cancel
from dispatch.turns import tasks_of

ROUND = "plan_round"
AT_ONCE = 20  # changes per unit of work, since other writers wait meanwhile
_NO_LONGER = "the plan does not ask for it any more"


@dataclass(frozen=True, slots=True)
class _Wanted:
    step: TaskStep | NoticeStep
    spot: Spot | None
    level: WarningLevel

    @property
    def key(self) -> tuple[str, str]:
        return ("" if self.spot is None else self.spot.id, self.step.id)


@dataclass(frozen=True, slots=True)
class Maker:
    """The settings and roads that making tasks needs."""

    settings: Settings
    roads: Roads


def settle(writer: Writer, run_id: int, now: datetime, maker: Maker, *, at_most: int = AT_ONCE) -> int:
    """Make and withdraw up to `at_most` tasks and notices; returns how many. The run is settled when none are left."""
    run = writer.plan_run(run_id)
    hand = _hand(writer, run, now, maker)
    wanted = {} if hand is None else {one.key: one for one in hand.wanted()}
    works = writer.plan_works(run_id, live_only=True)
    there = {(work.place, work.step) for work in works}
    gone = [work for work in works if (work.place, work.step) not in wanted and not _started(writer, work)]
    missing = [one for key, one in wanted.items() if key not in there]
    for work in gone[:at_most]:
        _withdraw(writer, run, work, now)
    for one in missing[: max(0, at_most - len(gone))]:
        if hand is not None:
            hand.make(one)
    done = min(at_most, len(gone) + len(missing))
    if done == len(gone) + len(missing) and run.unsettled:
        writer.save_plan_run(replace(run, unsettled=False))
    return done


def rounds_due(writer: Writer, now: datetime, maker: Maker, timers: Sequence[Timer] | None = None) -> int:
    """Make the next round of recurring tasks, unless the last one is not started yet. Returns how many timers ended."""
    ended = 0
    for timer in writer.timers_due(now, 1000, kinds=(ROUND,)) if timers is None else timers:
        if timer.kind != ROUND or not writer.finish_timer(timer.id, now):
            continue
        ended += 1
        work = writer.plan_work(timer.subject)
        hand = _hand(writer, writer.plan_run(work.run_id), now, maker)
        if hand is None or work.withdrawn_at is not None:
            continue
        one = next((one for one in hand.wanted() if one.key == (work.place, work.step)), None)
        if one is None or not isinstance(one.step, TaskStep) or one.step.every is None:
            continue
        due = timer.due_at + one.step.every
        if due <= now:  # after a long pause one round is made, not one for each missed round
            due = now + one.step.every
        if _started(writer, work):
            hand.make(one, number=work.round + 1, due=due)
        else:
            writer.add_timer(Timer(ROUND, work.id, due))
    return ended


def _hand(writer: Writer, run: PlanRun, now: datetime, maker: Maker) -> _Hand | None:
    """None when the run needs no tasks: it is not in force, or its plan is no longer configured."""
    plan = maker.settings.plans.plan(run.plan)
    if plan is None or run.state is not RunState.IN_FORCE:
        return None
    return _Hand(writer, plan, run, now, maker, Ground(maker.settings, writer.units()))


def _started(writer: Writer, work: PlanWork) -> bool:
    """True if somebody has accepted the task, or it has ended. A notice that was written cannot be taken back."""
    if work.task_id is None:
        return True
    task = writer.task(work.task_id)
    return task.responder is not None or task.reported_at is not None or not task.is_open


def _withdraw(writer: Writer, run: PlanRun, work: PlanWork, now: datetime) -> None:
    writer.withdraw_plan_works([work.id], now)
    writer.finish_timers_of(ROUND, work.id, now)
    others = writer.plan_works_alike(work.plan, work.place, work.step)
    if work.task_id is None or any(other.task_id == work.task_id for other in others):
        return
    reason = f"{run.plan}: {run.steps[-1].reason or _NO_LONGER}"
    task = cancel(writer, work.task_id, SYSTEM, now, reason)
    event, tasks = writer.event(task.event_id), tasks_of(writer, task.event_id)
    if event.is_open and event.origin is Origin.PLAN and all(one.cancelled_at is not None for one in tasks):
        take(writer, event.id, EventStep.VOID, SYSTEM, now, Given(reason=reason))


@dataclass
class _Hand:
    """Makes the tasks and notices of one run in one unit of work."""

    writer: Writer
    plan: PlanSettings
    run: PlanRun
    now: datetime
    maker: Maker
    ground: Ground
    events: dict[str, int] = field(default_factory=dict)
    alone: bool = True  # True while no other run of this plan is in force whose tasks could be shared

    def __post_init__(self) -> None:
        runs = self.writer.plan_runs(plan=self.plan.id, open_only=True)
        self.alone = all(other.id == self.run.id for other in runs)
        for work in self.writer.plan_works(self.run.id):
            if work.event_id is not None:
                self.events[work.place] = work.event_id

    def wanted(self) -> list[_Wanted]:
        """The tasks and notices that the run should have."""
        ground, level = self.ground, self.run.level
        stands = trigger_state(self.writer, self.plan, self.run, self.now, ground.district)
        begun = self.run.begun
        everywhere = begun is not None and begun.by != SYSTEM.name
        known = {work.place for work in self.writer.plan_works(self.run.id)}
        found = []
        for step in self.plan.steps:
            if isinstance(step, TaskStep):
                spots = ground.of(step)
                levels = {spot.id: level for spot in spots}
                if step.only_alerting and self.run.trigger == ALERTS:
                    levels = self._alerting(stands, spots)
                if stands.where:
                    levels = levels_at(spots, stands.where, ground.district, everywhere=everywhere)
                if stands.doubts and not everywhere:  # a warning that cannot be located adds no places
                    levels = {name: one for name, one in levels.items() if name in known}
                here = [spot for spot in spots if spot.id in levels and step.applies(levels[spot.id])]
                found += [_Wanted(step, spot, levels[spot.id]) for spot in here]
            elif isinstance(step, NoticeStep) and step.applies(level):
                found.append(_Wanted(step, None, level))
        return found

    def _alerting(self, stands: TriggerState, spots: Sequence[Spot]) -> dict[str, WarningLevel]:
        """The level at each place that alerts; where the plan is kept after its alerts, also where it has work."""
        kept = set()
        if self.plan.when_expired == "keep":
            kept = {work.place for work in self.writer.plan_works(self.run.id, live_only=True)}
        here = (spot for spot in spots if spot.site in stands.alerting or spot.id in kept)
        return {spot.id: stands.alerting.get(spot.site, self.run.level) for spot in here}

    def make(self, one: _Wanted, *, number: int = 1, due: datetime | None = None) -> None:
        """Make a task or a notice and record it. Raises IllegalMove when it exists already."""
        place, name = one.key
        work = PlanWork(self.run.id, self.run.source, self.plan.id, place, name, self.now, number)
        if isinstance(one.step, NoticeStep):
            self._tell(one.step)
        elif one.spot is not None:
            task = self._shared(work) or self._task(one.step, one.spot, one.level)
            work = replace(work, task_id=task.id, event_id=task.event_id)
        made = self.writer.add_plan_work(work)
        if made is None:
            raise IllegalMove(f"step {name} of plan {self.plan.id} was made at {place or 'no place'} already")
        if isinstance(one.step, TaskStep) and one.step.every is not None:
            self.writer.add_timer(Timer(ROUND, made.id, due or self.now + one.step.every))

    def _shared(self, work: PlanWork) -> Task | None:
        """The open task that another run of this plan has for the same step at the same place."""
        if self.alone:
            return None
        for other in self.writer.plan_works_alike(work.plan, work.place, work.step):
            if other.run_id != work.run_id and other.task_id is not None:
                task = self.writer.task(other.task_id)
                if task.is_open:
                    return task
        return None

    def _task(self, step: TaskStep, spot: Spot, level: WarningLevel) -> Task:
        event, settings = self._event(spot, level), self.maker.settings
        title = step.zh if settings.language == "zh" else step.en
        work = Work(
            title=f"{title} · {spot.name}" if spot.name else title,
            unit=self.ground.unit_of(step, spot),
            checklist=(*step.checklist, *(call.line for call in spot.calls)),
            needs_photo=step.photo,
            priority=step.priority or PRIORITY_OF.get(level),
        )
        return add_task(self.writer, event.id, work, SYSTEM, self.now, roads=self.maker.roads, settings=settings)

    def _event(self, spot: Spot, level: WarningLevel) -> Event:
        """The event of this run at this place, while it takes tasks; else a new event, filed at once."""
        known = self.events.get(spot.id)
        if known is not None:
            event = self.writer.event(known)
            if event.state in TAKES_TASKS:
                return event
        plan, run = self.plan, self.run
        name = plan.zh if self.maker.settings.language == "zh" else plan.en
        event = self.writer.add_event(
            Event(
                title=f"{name} · {spot.name}" if spot.name else name,
                kind=plan.kind,
                site=spot.site,
                location=spot.location,
                priority=PRIORITY_OF[level],
                opened_at=self.now,
                grid=spot.grid,
                origin=Origin.PLAN,
                description=run.steps[0].reason,
            )
        )
        detail = {"plan": plan.id, "run": run.id, "source": run.source}
        event_step(self.writer, event, SYSTEM, "open", self.now, detail=detail)
        self.events[spot.id] = event.id
        return take(self.writer, event.id, EventStep.FILE, SYSTEM, self.now)

    def _tell(self, step: NoticeStep) -> None:
        plan, run = self.plan, self.run
        name = plan.zh if self.maker.settings.language == "zh" else plan.en
        text = step.text
        for word, value in (("plan", name), ("level", run.level.value), ("headline", run.steps[0].reason)):
            text = text.replace(f"{{{word}}}", value)
        for number, channel in enumerate(step.channels):
            self.writer.add_notice(
                Notice(
                    delivery_id=f"plan-{run.id}-{step.id}-{channel}",
                    subject=f"plan:{run.id}",
                    policy=f"plan:{plan.id}",
                    step=number,
                    channel=channel,
                    recipients=step.to,
                    priority=PRIORITY_OF[run.level],
                    title=name,
                    text=text,
                    created_at=self.now,
                    next_try=self.now,
                )
            )


def done_of(works: Sequence[PlanWork], tasks: Mapping[int, Task]) -> Mapping[str, int]:
    """How many tasks and notices are done, open, not started and withdrawn."""
    counts = {"done": 0, "open": 0, "unstarted": 0, "withdrawn": 0}
    for work in works:
        task = None if work.task_id is None else tasks.get(work.task_id)
        if work.withdrawn_at is not None:
            counts["withdrawn"] += 1
        elif task is None or not task.is_open:
            counts["done"] += 1
        else:
            counts["unstarted" if task.responder is None else "open"] += 1
    return counts
