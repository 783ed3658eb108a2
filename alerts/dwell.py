"""Raises an alert for each object that stays in a zone longer than allowed: parking, loitering."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from alerts.objects import ObjectRuleRecipe, StayAlerts
from alerts.stays import Stay
from data.alert import Alert, Signal
from data.durations import Duration
from data.observation import Detections, Observation, Tick
from data.recipe import Context, Rule


class Recipe(ObjectRuleRecipe):
    """One alert for each stay that lasts `at_least`, in the time of the pictures; blind gaps do not count."""

    title: ClassVar[str] = "停留超时（违停、逗留） / Overstay: parking, loitering"

    kind: Annotated[Literal["dwell"], Field(description="Something stays too long.")] = "dwell"
    at_least: Annotated[
        Duration, Field(gt=timedelta(0), description="How long an object may stay before the alert, e.g. 180s.")
    ]
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

    def make(self, context: Context) -> Rule:
        """Raises InputRejected when the site has no such zone."""
        return Dwell(self, context)


class Dwell:
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        self._limit_s = recipe.at_least.total_seconds()
        unseen_for_s = recipe.keep_firing_for.total_seconds()
        self._alerts = StayAlerts.of(
            recipe,
            context.site,
            unseen_for_s=unseen_for_s,
            occluded_for_s=max(unseen_for_s, recipe.occluded_for.total_seconds()),
        )

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._alerts.resume(open_alerts, anywhere=self._recipe.motion == "any")

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        """Signals of one picture; a Tick only tells whether time could be seen."""
        stays = self._alerts.stays
        if isinstance(seen, Tick):
            stays.tick(seen)
            return []
        if not isinstance(seen, Detections):
            return []
        signals = self._alerts.ended(stays.look(seen), seen.at)
        for stay in stays.present:
            if not stay.raised and stay.in_sight and self._too_long(stay, seen):
                since = stay.since if self._recipe.motion == "any" else stay.still_since
                signals.append(self._alerts.raised(stay, since.at, seen.at))
        return signals

    def _too_long(self, stay: Stay, seen: Detections) -> bool:
        stays = self._alerts.stays
        if self._recipe.motion == "any":
            return stays.stayed_s(stay, seen.at) >= self._limit_s
        return stays.stood_s(stay, seen.at) >= self._limit_s
