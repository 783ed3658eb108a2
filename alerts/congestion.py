"""Raises one alert while vehicles stand in a queue: at a light, behind an obstacle, before a closed road."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from alerts.objects import (
    PENDING_FROM_SHARE,
    ObjectRule,
    ObjectRuleRecipe,
    StayAlerts,
    clearing_from_s,
)
from alerts.queues import queued
from alerts.seen_time import Mark
from alerts.stays import Stay
from data.model.alert import Alert, AlertKey, Ended, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.durations import Duration
from data.model.observation import Detections
from data.ports.recipe import Context, Rule

_OCCLUDED_FOR_S = 30.0


class Recipe(ObjectRuleRecipe):
    """One alert for the queue of a lane (the zone), not one for each vehicle; see `congestion_of` of dwell."""

    title: ClassVar[str] = "车辆排队拥堵 / Congestion: a queue of vehicles"

    kind: Annotated[Literal["congestion"], Field(description="Vehicles stand in a queue.")] = "congestion"
    labels: Annotated[tuple[str, ...], Field(description="Classes of objects that count as vehicles.")] = (
        "car",
        "truck",
        "bus",
    )
    vehicles: Annotated[int, Field(ge=2, description="So many standing, each close to the next, are a queue.")] = 4
    at_least: Annotated[
        Duration, Field(ge=timedelta(0), description="How long the queue must have stood before the alert.")
    ] = timedelta(seconds=60)
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="Ends only when there was no queue for so long.")
    ] = timedelta(seconds=10)

    def make(self, context: Context) -> Rule:
        """Raises InputRejected when the site has no such zone."""
        return Congestion(self, context)


class Congestion(ObjectRule):
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        self._key = AlertKey(context.site.id, recipe.name, recipe.zone or "", "")
        self._alerts = StayAlerts.of(recipe, context, unseen_for_s=2.0, occluded_for_s=_OCCLUDED_FOR_S, anywhere=False)
        self._queue_since: Mark | None = None
        self._last_queue: Mark | None = None
        self._began_at: datetime | None = None  # of the open alert

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        """Take up the open alert. The queue's vehicles are found again in the pictures, since they stand."""
        self._began_at = next((a.started_at for a in open_alerts if a.is_open and a.key == self._key), None)

    def snapshot(self) -> Any:
        stays = self._alerts.snapshot()
        if stays is None or self._queue_since is None:
            return None
        return {"stays": stays, "queue_since": [self._queue_since.at.isoformat(), self._queue_since.unknown_s]}

    def restore(self, state: Any) -> None:
        try:
            at, unknown_s = state["queue_since"]
            since = Mark(datetime.fromisoformat(at), float(unknown_s))
            stays = state["stays"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._alerts.restore(stays)
        self._queue_since = self._last_queue = since

    def standings(self) -> Sequence[Standing]:
        """PENDING when a queue has stood for part of the allowed time; CLEARING when it has been gone for some time."""
        now, since, last = self._alerts.stays.time.known_at, self._queue_since, self._last_queue
        if now is None:
            return []
        if self._began_at is not None:
            keep_s = self._recipe.keep_firing_for.total_seconds()
            if last is None or self._unqueued_s(last, now) < clearing_from_s(keep_s):
                return []
            return [self._standing(Condition.CLEARING, last.at)]
        waited_s = PENDING_FROM_SHARE * self._recipe.at_least.total_seconds()
        if since is None or self._alerts.in_force_since is None or self._alerts.counted_s(since, now) < waited_s:
            return []
        return [self._standing(Condition.PENDING, since.at)]

    def _standing(self, condition: Condition, since: datetime) -> Standing:
        return Standing(self._key, condition, since, self._recipe.kind, self._recipe.priority)

    def _judged(self, seen: Detections) -> list[Signal]:
        stays = self._alerts.stays
        stays.look(seen)
        if self._queue_since is not None and self._queue_since.at > seen.at:
            self._queue_since = self._last_queue = None  # restored from a recording that began anew
        self._alerts.keep_hours(seen.at)
        queue = queued(self._alerts.counted, self._recipe.vehicles, seen.aspect)
        now = stays.time.mark(seen.at)
        if queue:
            self._queue_since = self._queue_since or now
            self._last_queue = now
        elif self._queue_since is not None and self._is_over(now):
            self._queue_since = None
        return self._decide(queue, now)

    def _decide(self, queue: list[Stay], now: Mark) -> list[Signal]:
        since, at, allowed = self._queue_since, now.at, self._alerts.in_force_since is not None
        if self._began_at is not None:
            self._last_queue = self._last_queue or now
            if allowed and (since is not None or not self._is_over(now)):
                return []
            ended_at = self._last_queue.at if allowed else at
            gaps = self._alerts.stays.time.gaps_since(self._began_at)
            self._began_at = None
            return [Ended(self._key, ended_at, at, gaps)]
        if not queue or since is None:
            return []
        if not allowed or self._alerts.counted_s(since, at) < self._recipe.at_least.total_seconds():
            return []
        self._began_at = since.at
        return [self._raised(queue, since.at, at)]

    def _is_over(self, now: Mark) -> bool:
        if self._last_queue is None:
            return False
        return self._unqueued_s(self._last_queue, now.at) > self._recipe.keep_firing_for.total_seconds()

    def _unqueued_s(self, last: Mark, now: datetime) -> float:
        return self._alerts.stays.time.since(last, now)

    def _raised(self, queue: list[Stay], started_at: datetime, at: datetime) -> Raised:
        boxes = [stay.detection.xyxy for stay in queue]
        left, top = (min(box[i] for box in boxes) for i in (0, 1))
        right, bottom = (max(box[i] for box in boxes) for i in (2, 3))
        return Raised(
            key=self._key,
            kind=self._recipe.kind,
            priority=self._recipe.priority,
            started_at=started_at,
            at=at,
            label="vehicle",
            confidence=min(stay.detection.confidence for stay in queue),
            xyxy=(left, top, right, bottom),
            gaps=self._alerts.stays.time.gaps_since(started_at),
        )
