"""Raises an alert for what moves or newly stands in a zone and that no detector can name."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from alerts.likeness import apart
from alerts.objects import PENDING_FROM_SHARE, ObjectRule, ObjectRuleRecipe, StayAlerts
from alerts.stays import Stay
from alerts.usual_sizes import UsualSizes
from data.model.alert import Because, Signal, Standing
from data.model.durations import Duration
from data.model.labels import UNKNOWN
from data.model.observation import Detection, Detections
from data.ports.recipe import Context, Rule

_NAMED_FOR_S = 30.0  # so long a name counts
_NAMED_LATELY_S = 2.0  # a single name within it puts the alert off
_NAMED_TIMES = 3  # that many take the object over: a single detection may be false
_ITS_PLACE = 0.4  # share of an unknown box that lies in a named one
_AROUND = 0.25  # of the named box's sides: its shadow and its reflection are its own
_SURE = 0.5  # confidence from which a named object tells what size is usual
_SIZES_EVERY = 1.0  # box heights between two lessons of one object
_TRACKS_KEPT = 200
_NEVER: Sequence[datetime] = ()


class Recipe(ObjectRuleRecipe):
    """One alert, probable, for each object and zone; it ends when a detector names the object.

    The site needs the detector `foreground`. Sizes are those of the settings; where people and vehicles have been
    named before, nothing three times smaller or larger than they are there counts.
    """

    title: ClassVar[str] = (
        "未知物体（识别不出的移动或新停留物） / Unknown object: moves or newly stands, cannot be named"
    )

    kind: Annotated[Literal["unknown_object"], Field(description="Something is there that no detector can name.")] = (
        "unknown_object"
    )
    labels: Annotated[tuple[str, ...], Field(max_length=1, description="Always `unknown`.")] = (UNKNOWN,)
    min_height: Annotated[
        float, Field(ge=0, le=1, description="Objects whose box is lower do not count, share of the picture's height.")
    ] = 0.03
    max_height: Annotated[
        float, Field(gt=0, le=1, description="Objects whose box is higher do not count, share of the picture's height.")
    ] = 0.8
    at_least: Annotated[
        Duration, Field(ge=timedelta(0), description="How long it must have been there before the alert.")
    ] = timedelta(seconds=2)
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="An object unseen for longer has left.")
    ] = timedelta(seconds=10)

    def make(self, context: Context) -> Rule:
        """Raises InputRejected when the site has no such zone."""
        return UnknownObject(self.model_copy(update={"labels": (UNKNOWN,)}), context)


class UnknownObject(ObjectRule):
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        unseen_for_s = recipe.keep_firing_for.total_seconds()
        self._alerts = StayAlerts.of(
            recipe, context, unseen_for_s=unseen_for_s, occluded_for_s=unseen_for_s, anywhere=True, timed=True
        )
        self._named: dict[str, deque[datetime]] = {}  # by stay: when it was named, the newest last
        self._sizes = UsualSizes()
        self._learnt: dict[int, Detection] = {}  # by track of a named object: where its size was last learned

    def snapshot(self) -> Any:
        stays = self._alerts.snapshot()
        sizes = self._sizes.snapshot()
        if stays is None and sizes is None:
            return None
        named = {stay: [at.isoformat() for at in times] for stay, times in self._named.items() if times}
        return {"stays": stays, "named": named, "sizes": sizes}

    def restore(self, state: Any) -> None:
        try:
            stays, sizes = state["stays"], UsualSizes()
            sizes.restore(state["sizes"])
            named = {
                str(stay): deque((datetime.fromisoformat(at) for at in times), maxlen=_NAMED_TIMES)
                for stay, times in state["named"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        if stays is not None:
            self._alerts.restore(stays)
        self._named, self._sizes = named, sizes

    def standings(self) -> Sequence[Standing]:
        """PENDING for what has been there for a part of the time."""
        now = self._alerts.stays.time.known_at
        if now is None or self._alerts.in_force_since is None:
            return []
        waited_s = PENDING_FROM_SHARE * self._recipe.at_least.total_seconds()
        waiting = [
            stay
            for stay in self._alerts.stays.present
            if self._alerts.counted_s(stay.since, now) >= waited_s and not self._is_named(stay, now)
        ]
        return self._alerts.standings([(stay, stay.since) for stay in waiting])

    def _judged(self, seen: Detections) -> list[Signal]:
        names = [one for one in seen if one.label != UNKNOWN]
        self._learn(names, seen.aspect)
        signals = self._alerts.look(seen)
        present = self._alerts.stays.present
        self._named = {stay.id: self._named[stay.id] for stay in present if stay.id in self._named}
        for stay in present:
            if stay.misses == 0 and any(_is_at(stay.detection, one) for one in names):
                self._named.setdefault(stay.id, deque(maxlen=_NAMED_TIMES)).append(seen.at)
            if stay.raised and self._is_taken_over(stay, seen.at):
                signals.append(self._alerts.withdrawn(stay, seen.at, Because.NAMED))
            elif self._alerts.may_raise(stay) and self._is_due(stay, seen.at):
                raised = self._alerts.raised(stay, stay.since, seen.at)
                signals.append(replace(raised, xyxy=stay.detection.xyxy))  # where it is in the picture of the alert
        return signals

    def _is_due(self, stay: Stay, now: datetime) -> bool:
        if self._alerts.in_force_since is None or self._is_named(stay, now):
            return False
        if self._alerts.counted_s(stay.since, now) < self._recipe.at_least.total_seconds():
            return False
        return self._sizes.could_be(stay.detection)

    def _is_named(self, stay: Stay, now: datetime) -> bool:
        times = self._named.get(stay.id, _NEVER)
        lately = bool(times) and (now - times[-1]).total_seconds() <= _NAMED_LATELY_S
        return lately or self._is_taken_over(stay, now)

    def _is_taken_over(self, stay: Stay, now: datetime) -> bool:
        times = self._named.get(stay.id, _NEVER)
        return len(times) == _NAMED_TIMES and (now - times[0]).total_seconds() <= _NAMED_FOR_S

    def _learn(self, names: Sequence[Detection], aspect: float) -> None:
        """Which sizes objects have here: of those surely named, each anew only when it has moved on."""
        for one in names:
            if one.confidence < _SURE or one.track_id is None:
                continue
            before = self._learnt.pop(one.track_id, None)
            if before is None or apart(before, one, aspect) >= _SIZES_EVERY:
                self._sizes.learn(one)
                before = one
            self._learnt[one.track_id] = replace(before, appearance=None, earlier=())
        while len(self._learnt) > _TRACKS_KEPT:
            del self._learnt[next(iter(self._learnt))]

    def _due(self) -> tuple[Mapping[str, float], float]:
        return {}, self._recipe.at_least.total_seconds()


def _is_at(unknown: Detection, named: Detection) -> bool:
    """Is the unknown object, or most of it, the named one, its shadow or its reflection?"""
    left, top, right, bottom = named.xyxy
    wide, high = _AROUND * (right - left), _AROUND * (bottom - top)
    own = unknown.xyxy
    across = min(own[2], right + wide) - max(own[0], left - wide)
    down = min(own[3], bottom + high) - max(own[1], top - high)
    if across <= 0 or down <= 0:
        return False
    smaller = min((own[2] - own[0]) * (own[3] - own[1]), (right - left) * (bottom - top))
    return across * down >= _ITS_PLACE * max(smaller, 1e-9)
