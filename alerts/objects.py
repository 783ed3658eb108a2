"""What the rules on objects have in common: from a recipe to stays, from stays to signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from alerts.stays import Resumed, Stay, Stays, Watched
from data.alert import Alert, AlertKey, Ended, Raised, Signal
from data.catalogue import did_you_mean
from data.errors import InputRejected
from data.place import Place
from data.recipe import RuleRecipe
from data.zone import Zone


class ObjectRuleRecipe(RuleRecipe):
    """A rule that judges each object's stay in a zone."""

    labels: Annotated[
        tuple[str, ...], Field(description="Classes of objects that count, e.g. car; all that are found when empty.")
    ] = ()
    confidence: Annotated[
        float, Field(ge=0, lt=1, description="Detections less certain than this do not count, 0..1.")
    ] = 0.0


def zone_of(recipe: RuleRecipe, place: Place) -> Zone | None:
    """The zone the rule watches, None for the whole picture. Raises InputRejected when the site has no such zone."""
    try:
        return place.zone(recipe.zone)
    except KeyError as error:
        known = [zone.id for zone in place.zones]
        raise InputRejected(
            f"site {place.id}, rule {recipe.name}: no zone {recipe.zone!r}{did_you_mean(str(recipe.zone), known)}"
        ) from error


@dataclass(slots=True)
class StayAlerts:
    """Raises and ends the alerts of one rule, one for each stay at most."""

    recipe: ObjectRuleRecipe
    site: str
    stays: Stays

    @classmethod
    def of(
        cls, recipe: ObjectRuleRecipe, place: Place, *, unseen_for_s: float, occluded_for_s: float, remember: int = 1
    ) -> StayAlerts:
        watched = Watched(
            zone=zone_of(recipe, place),
            labels=frozenset(recipe.labels),
            confidence=recipe.confidence,
            unseen_for_s=unseen_for_s,
            occluded_for_s=occluded_for_s,
            remember=remember,
        )
        return cls(recipe, place.id, Stays(watched))

    def resume(self, open_alerts: Sequence[Alert], *, anywhere: bool) -> None:
        """`anywhere`: the objects may have moved since their alerts were raised."""
        self.stays.resume(
            [Resumed(a.key.subject, a.label, a.started_at, a.xyxy, anywhere) for a in open_alerts if self._is_ours(a)]
        )

    def raised(self, stay: Stay, started_at: datetime, at: datetime) -> Signal:
        """From now on the stay has an alert."""
        stay.raised = True
        return Raised(
            key=self._key(stay),
            kind=self.recipe.kind,
            priority=self.recipe.priority,
            started_at=started_at,
            at=at,
            label=stay.detection.label,
            confidence=stay.detection.confidence,
            xyxy=stay.detection.xyxy,
        )

    def ended(self, over: Sequence[Stay], at: datetime) -> list[Signal]:
        """The alerts of those stays that had one, ended when the object was last seen in the zone."""
        return [Ended(self._key(stay), ended_at=stay.seen_at, at=at) for stay in over if stay.raised]

    def _key(self, stay: Stay) -> AlertKey:
        return AlertKey(self.site, self.recipe.name, self.recipe.zone or "", stay.id)

    def _is_ours(self, alert: Alert) -> bool:
        return alert.is_open and alert.key[:3] == (self.site, self.recipe.name, self.recipe.zone or "")
