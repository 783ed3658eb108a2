"""Raises an alert for each object that is in a zone where it must not be: a person at the water's edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.modes import IntrusionInMode, overrides
from alerts.objects import PENDING_FROM_SHARE, EachObjectRecipe, ObjectRule, StayAlerts
from alerts.stays import Stay
from data.model.alert import Signal, Standing
from data.model.durations import Duration
from data.model.observation import Detections
from data.ports.recipe import Context, Rule

_TWICE = 2  # a single detection may be false and is not reported


class Recipe(EachObjectRecipe):
    """One alert for each object in the zone; `pictures` and `of` keep a single false detection from raising one."""

    title: ClassVar[str] = "闯入（禁区、河道） / Intrusion: forbidden zone, river"

    kind: Annotated[Literal["intrusion"], Field(description="Something is where it must not be.")] = "intrusion"
    at_least: Annotated[
        Duration, Field(ge=timedelta(0), description="How long an object may be there before the alert.")
    ] = timedelta(0)
    pictures: Annotated[
        int, Field(ge=1, le=100, description="In how many of the last `of` pictures it must have been seen there.")
    ] = 1
    of: Annotated[int | None, Field(ge=1, le=100, description="See `pictures`; the same number when left out.")] = None
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="An object unseen for longer has left.")
    ] = timedelta(seconds=5)

    in_mode: Annotated[
        dict[str, IntrusionInMode],
        Field(
            description="Other settings while a mode of the city is on, e.g. {flood-crest: {confidence: 0.15, "
            "pictures: 3, priority: P1}}; of several that are on, the first one here."
        ),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        for one in (self, *(self.during_modes({mode}) for mode in self.in_mode)):
            if one.of is not None and one.pictures > one.of:
                raise ValueError(f"pictures: {one.pictures} can never be seen in the last of: {one.of} pictures")
            if one.min_height >= one.max_height:
                raise ValueError(f"min_height: {one.min_height} leaves nothing below max_height: {one.max_height}")
        return self

    def during_modes(self, modes: Set[str]) -> Recipe:
        """The rule with the settings that apply while these modes are on."""
        changed = overrides(self.in_mode, modes)
        return self.model_copy(update=changed) if changed else self

    def make(self, context: Context) -> Rule:
        """Raises InputRejected when the site has no such zone."""
        return Intrusion(self, context)


class Intrusion(ObjectRule):
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._configured = self._recipe = recipe
        self._modes: frozenset[str] = frozenset()
        unseen_for_s = recipe.keep_firing_for.total_seconds()
        self._alerts = StayAlerts.of(
            recipe,
            context,
            unseen_for_s=unseen_for_s,
            occluded_for_s=unseen_for_s,
            remember=max(_looks(recipe.during_modes(modes)) for modes in ({""}, *({mode} for mode in recipe.in_mode))),
            anywhere=True,
        )

    def standings(self) -> Sequence[Standing]:
        """PENDING for objects seen there more than once, but not often or long enough yet."""
        now, recipe = self._alerts.stays.time.known_at, self._recipe
        if now is None or self._alerts.in_force_since is None:
            return []
        least = min(recipe.pictures, _TWICE)
        waited_s = PENDING_FROM_SHARE * recipe.at_least.total_seconds()
        present = self._alerts.stays.present
        waiting = [s for s in present if len(s.scores) >= least and self._alerts.counted_s(s.since, now) >= waited_s]
        return self._alerts.standings([(stay, stay.since) for stay in waiting])

    def _judged(self, seen: Detections) -> list[Signal]:
        signals = self._alerts.look(seen)
        for stay in self._alerts.stays.present:
            if self._alerts.may_raise(stay) and self._certain(stay, seen.at):
                signals += self._alerts.due(stay, stay.since, seen.at)
        return signals

    def _due(self) -> tuple[Mapping[str, float], float]:
        now, limit_s = self._alerts.stays.time.known_at, self._recipe.at_least.total_seconds()
        if now is None:
            return {}, limit_s
        due = dict[str, float]()
        for stay in self._alerts.stays.present:
            missing = self._recipe.pictures - sum(list(stay.looks)[-_looks(self._recipe) :])
            rest_s = limit_s - self._alerts.counted_s(stay.since, now)
            due[stay.id] = max(rest_s, missing * self._alerts.picture_s)
        return due, limit_s

    def _apply_modes(self, modes: frozenset[str]) -> None:
        """Apply the settings of these modes from now on; open alerts continue."""
        if modes == self._modes:
            return
        self._modes = modes
        self._recipe = self._alerts.recipe = self._configured.during_modes(modes)
        stays, recipe = self._alerts.stays, self._recipe
        heights = (recipe.min_height, recipe.max_height)
        stays.watched = replace(stays.watched, confidence=recipe.confidence, heights=heights)

    def _certain(self, stay: Stay, now: datetime) -> bool:
        seen_there = sum(list(stay.looks)[-_looks(self._recipe) :])
        if seen_there < self._recipe.pictures or self._alerts.in_force_since is None:
            return False
        return self._alerts.counted_s(stay.since, now) >= self._recipe.at_least.total_seconds()


def _looks(recipe: Recipe) -> int:
    """The number of latest pictures among which sightings are counted."""
    return recipe.of or recipe.pictures
