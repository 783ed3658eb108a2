"""Raises an alert for each object that stays in a zone longer than allowed: parking, loitering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from alerts.objects import PENDING_FROM_SHARE, EachObjectRecipe, ObjectRule, StayAlerts
from alerts.queues import queued
from alerts.seen_time import Mark
from alerts.stays import Stay
from data.model.alert import Signal, Standing
from data.model.durations import Duration
from data.model.observation import Detections
from data.ports.recipe import Context, Rule


class Recipe(EachObjectRecipe):
    """One alert for each stay that lasts `at_least`, in the time of the pictures.

    Only time in which the object was seen counts: no blind gaps, and no time in which it was hidden for so long that
    another object may have taken its place. The alert gives the least and the most time, and the unseen parts.

    The stay of a standing vehicle ends when it drives off, even within the zone.
    """

    title: ClassVar[str] = "停留超时（违停、逗留） / Overstay: parking, loitering"

    kind: Annotated[Literal["dwell"], Field(description="Something stays too long.")] = "dwell"
    at_least: Annotated[
        Duration, Field(gt=timedelta(0), description="How long an object may stay before the alert, e.g. 180s.")
    ]
    at_least_by_label: Annotated[
        dict[str, Annotated[Duration, Field(gt=timedelta(0))]],
        Field(description="Other limits for some classes, e.g. {bus: 30s, truck: 10min}."),
    ] = Field(default_factory=dict)
    motion: Annotated[
        Literal["stationary", "any"],
        Field(
            description="stationary: counts from when the object stopped (its foot within 0.25 box heights for 2 s). "
            "any: counts presence in the zone, also walking about."
        ),
    ] = "stationary"
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="A moving object unseen for longer has left.")
    ] = timedelta(seconds=2)
    occluded_for: Annotated[
        Duration,
        Field(ge=timedelta(0), description="An object that vanished while standing may be hidden for so long."),
    ] = timedelta(seconds=30)
    congestion_of: Annotated[
        int | None,
        Field(
            ge=2,
            description="So many standing one behind the other are a queue: while they are, it does not count as "
            "parking. Give the `vehicles` of the site's congestion rule.",
        ),
    ] = None

    def make(self, context: Context) -> Rule:
        """Raises InputRejected when the site has no such zone."""
        return Dwell(self, context)


class Dwell(ObjectRule):
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        self._limit_s = recipe.at_least.total_seconds()
        self._limits_s = {label: limit.total_seconds() for label, limit in recipe.at_least_by_label.items()}
        self._looked: Mark | None = None
        unseen_for_s = recipe.keep_firing_for.total_seconds()
        self._alerts = StayAlerts.of(
            recipe,
            context,
            unseen_for_s=unseen_for_s,
            occluded_for_s=max(unseen_for_s, recipe.occluded_for.total_seconds()),
            anywhere=recipe.motion == "any",
            timed=True,
        )

    def standings(self) -> Sequence[Standing]:
        """PENDING for each object that has used part of its allowed time."""
        now = self._alerts.stays.time.known_at
        if now is None:
            return []
        present = self._alerts.stays.present
        waiting = [s for s in present if self._stood_s(s, now) >= PENDING_FROM_SHARE * self._allowed_s(s)]
        return self._alerts.standings([(stay, self._since(stay)) for stay in waiting])

    def _judged(self, seen: Detections) -> list[Signal]:
        signals = self._alerts.look(seen)
        if self._recipe.motion != "any":
            signals += self._alerts.drove_off(seen.at)
        waiting = self._waiting(seen)
        for stay in self._alerts.stays.present:
            if stay.id not in waiting and self._alerts.may_raise(stay) and self._too_long(stay, seen.at):
                signals += self._alerts.due(stay, self._since(stay), seen.at)
        return signals

    def _waiting(self, seen: Detections) -> set[str]:
        """Vehicles in a queue now; time spent standing in the queue does not count."""
        time, since = self._alerts.stays.time, self._looked
        self._looked = time.mark(seen.at)
        if self._recipe.congestion_of is None:
            return set()
        queue = queued(self._alerts.counted, self._recipe.congestion_of, seen.aspect)
        for stay in queue:
            if since is not None:
                stay.queued_s += max(0.0, time.since(since, seen.at))
        return {stay.id for stay in queue}

    def _too_long(self, stay: Stay, now: datetime) -> bool:
        return self._stands(stay) and self._stood_s(stay, now) >= self._allowed_s(stay)

    def _due(self) -> tuple[Mapping[str, float], float]:
        now = self._alerts.stays.time.known_at
        if now is None:
            return {}, self._limit_s
        standing = [stay for stay in self._alerts.stays.present if self._stands(stay)]
        return {stay.id: self._allowed_s(stay) - self._stood_s(stay, now) for stay in standing}, self._limit_s

    def _stands(self, stay: Stay) -> bool:
        return self._recipe.motion == "any" or stay.on_spot

    def _allowed_s(self, stay: Stay) -> float:
        return self._limits_s.get(stay.label, self._limit_s)

    def _since(self, stay: Stay) -> Mark:
        return stay.since if self._recipe.motion == "any" else stay.still_since

    def _stood_s(self, stay: Stay, now: datetime) -> float:
        """Seconds of the stay that count, at least; 0 while the object moves."""
        since, any_motion = self._since(stay), self._recipe.motion == "any"
        if not any_motion and not stay.standing:
            return 0.0
        queued_s = 0.0 if any_motion else stay.queued_s
        return self._alerts.counted_s(since, now) - since.late_s - stay.hidden_s(since.at) - queued_s
