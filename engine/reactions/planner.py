"""Turns warnings, alerts and orders into runs and tasks of plans, behind a cursor stored in the same commit.

Triggers are processed in one commit; the tasks are made in several commits after it. A run that is not settled when the
process is killed is settled by the next process.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from data.config.settings import Settings
from data.errors import NotFound, YipingError
from data.model.plan import RunState
from data.ports.store import Store, Writer
from data.stored.following import Follower
from dispatch.plan_runs import follow, follow_alerts, follow_warning, put_modes_in_force
from dispatch.plan_works import Maker, settle
from dispatch.routing import Roads
from engine.process.store_failure import AWAY
from engine.reactions.quarantine import bound_old_warnings, put_aside

log = logging.getLogger(__name__)

FOLLOWED_AT_ONCE = 20
REST_S = 10.0  # a run that failed once would fail at every poll
BEGIN_WITHIN = timedelta(days=1)  # an older trigger begins no plan


class Planner:
    """Call `poll` a few times a second, in one process."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._maker = Maker(settings, roads)
        triggering = {rule for plan in settings.plans.plans for trigger in plan.alerts for rule in trigger.rules}
        self._rules = frozenset(triggering)
        topics = ("alert", "warning") if triggering else ("warning",)
        self._follower = Follower("plans:changes", topics, BEGIN_WITHIN)
        self._begun = False
        self._failed_s: dict[int, float] = {}  # when a run could not be settled

    def poll(self) -> None:
        """Process changes and make the tasks. Raises the store's errors; the next poll tries again."""
        bound_old_warnings(self._store, self._settings)
        if not self._begun:
            self._begin()
            self._begun = True
        while self._store.read(self._follower.is_behind):
            self._follow_next()
        for run in self._store.read(lambda reader: reader.plan_runs(unsettled_only=True)):
            if time.monotonic() - self._failed_s.get(run.id, float("-inf")) > REST_S:
                self._settle(run.id)

    def _begin(self) -> None:
        """Check each run in force against the configuration, which may be a new one."""
        for known in self._store.read(lambda reader: reader.plan_runs(open_only=True)):
            done = self._store.submit(lambda writer, known=known: self._hold_against_settings(writer, known.id))  # type: ignore[misc]
            error = done.exception()
            if isinstance(error, AWAY):
                raise error
            if error is not None:
                log.error("run %d of plan %s cannot be brought in line: %s", known.id, known.plan, error)
        self._store.write(lambda writer: put_modes_in_force(writer, self._settings))

    def _hold_against_settings(self, writer: Writer, run_id: int) -> None:
        run = follow(writer, run_id, datetime.now(UTC), self._settings)
        if not run.unsettled:
            writer.save_plan_run(replace(run, unsettled=True))

    def _follow_next(self) -> None:
        """Process the next changes together; if that fails, one by one, with unusable warnings quarantined."""
        error = self._store.submit(lambda writer: self._follow(writer, FOLLOWED_AT_ONCE)).exception()
        if error is None:
            return
        if isinstance(error, AWAY):
            raise error
        error = self._store.submit(lambda writer: self._follow(writer, 1)).exception()
        if isinstance(error, AWAY):
            raise error
        if error is not None:
            self._store.write(lambda writer: self._pass_over(writer, error))

    def _pass_over(self, writer: Writer, error: BaseException) -> None:
        """Skip the next change, which cannot be processed, and quarantine its warning, so that later ones continue."""
        now = datetime.now(UTC)
        for change in self._follower.take(writer, now, 1):
            log.error("%s %s triggers no plan: %s", change.topic, change.subject, error)
            if change.topic == "warning":
                put_aside(writer, int(change.subject), f"{type(error).__name__}: {error}", now, self._settings)

    def _follow(self, writer: Writer, at_most: int) -> None:
        now = datetime.now(UTC)
        rules: dict[str, None] = {}
        for change in self._follower.take(writer, now, at_most):
            if change.topic == "warning":
                self._warning(writer, int(change.subject), now)
            elif change.payload["alert"]["rule"] in self._rules:
                rules[change.payload["alert"]["rule"]] = None
        for rule in rules:
            follow_alerts(writer, now, self._settings, rule)

    def _warning(self, writer: Writer, warning_id: int, now: datetime) -> None:
        try:
            warning = writer.warning(warning_id)
        except NotFound:
            return
        for run in follow_warning(writer, warning, now, self._settings):
            if run.state is RunState.EXERCISE:
                log.info("warning %d is %s: it triggers no tasks of plan %s", warning_id, warning.status, run.plan)
            else:
                log.info("warning %d: plan %s is %s at level %s", warning_id, run.plan, run.state, run.level)

    def _settle(self, run_id: int) -> None:
        made = 0
        while True:
            try:
                done = self._store.write(lambda writer: settle(writer, run_id, datetime.now(UTC), self._maker))
            except YipingError as error:
                self._failed_s[run_id] = time.monotonic()
                log.error("run %d of a plan could not be settled: %s", run_id, error)
                return
            made += done
            if not self._store.read(lambda reader: reader.plan_run(run_id)).unsettled:
                break
        if made:
            log.info("run %d of a plan: %d tasks or notices made or withdrawn", run_id, made)
