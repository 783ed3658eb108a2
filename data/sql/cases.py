"""Writes of events, tasks and offers."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from data.errors import IllegalMove
from data.model.task import Event, Offer, Task
from data.sql import rows
from data.sql.reader import EVENTS, OFFERS, TASKS
from data.sql.writing import SqlWriting

_EVENT_ROUND = ("closed_at",)
_TASK_ROUND = ("accepted_at", "en_route_at", "on_scene_at", "reported_at", "verified_at", "closed_at")
_OFFER_ENDS = ("accepted_at", "declined_at", "expired_at", "withdrawn_at")


class CaseWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about events, tasks and offers."""

    def add_event(self, event: Event) -> Event:
        stored = replace(event, version=1)
        return replace(stored, id=self._number(EVENTS, rows.event_values(stored), f"event at {event.site}"))

    def save_event(self, event: Event) -> Event:
        """Save an event. Steps are only appended; only a recorded step (reopening) may clear `closed_at`."""
        more = self._only_more_steps(self.event(event.id), event, f"event {event.id}")
        values = rows.event_values(event)
        return replace(event, version=self._save(EVENTS, event, values, "event", free=_EVENT_ROUND if more else ()))

    def add_task(self, task: Task) -> Task:
        stored = replace(task, version=1)
        return replace(stored, id=self._number(TASKS, rows.task_values(stored), f"task of event {task.event_id}"))

    def save_task(self, task: Task) -> Task:
        """Save a task. Steps are only appended; a recorded step (returned, rework) may begin a new round of times."""
        more = self._only_more_steps(self.task(task.id), task, f"task {task.id}")
        values = rows.task_values(task)
        return replace(task, version=self._save(TASKS, task, values, "task", free=_TASK_ROUND if more else ()))

    @staticmethod
    def _only_more_steps(stored: Event | Task, given: Event | Task, what: str) -> bool:
        """True if steps were added. Raises IllegalMove when one is missing or was changed."""
        kept = given.steps[: len(stored.steps)]
        if stored.version == given.version and kept != stored.steps:
            raise IllegalMove(f"{what}: recorded steps stay as they are")
        return len(given.steps) > len(stored.steps)

    def add_offer(self, offer: Offer) -> Offer:
        """Add an offer; several people may have one. Raises IllegalMove if this one has an open offer of the task."""
        if offer.is_open and any(other.task_id == offer.task_id for other in self.open_offers_to(offer.responder)):
            raise IllegalMove(f"task {offer.task_id} is offered to {offer.responder} already")
        what = f"offer of task {offer.task_id} to {offer.responder}"
        return replace(offer, id=self._number(OFFERS, rows.offer_values(offer), what))

    def save_offer(self, offer: Offer) -> Offer:
        """Save an offer. Raises IllegalMove for a second ending (accepted, declined, expired, withdrawn)."""
        values = rows.offer_values(offer)
        self._check_times(OFFERS, offer.id, values, "offer")
        ends = [name for name in _OFFER_ENDS if values[name] is not None]
        if len(ends) > 1:
            raise IllegalMove(f"offer {offer.id}: {' and '.join(ends)} cannot both be set")
        self._execute(update(OFFERS).where(OFFERS.c.id == offer.id).values(**values), {}, f"offer {offer.id}")
        return offer
