"""Raises an alert while a measured quantity lies beyond a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.seen_time import Mark, SeenTime
from data.alert import Alert, AlertKey, Ended, Raised, Signal
from data.catalogue import did_you_mean
from data.datum import LEVEL
from data.durations import Duration
from data.errors import InputRejected
from data.observation import Observation, Quality, Reading, Tick
from data.recipe import Context, Rule, RuleRecipe
from data.units import UNIT_OF, convert

_CLEAR_SHARE = 0.8  # of the limit, where `clear_at` is left out


class Recipe(RuleRecipe):
    """One alert from when the limit was crossed until the value came well back, with delays for both."""

    title: ClassVar[str] = "超限（水深、水位、雨量等） / Threshold: depth, stage, rain, ..."

    kind: Annotated[Literal["threshold"], Field(description="A reading beyond a limit.")] = "threshold"
    quantity: Annotated[str, Field(description=f"What is measured: {', '.join(UNIT_OF)}.")]
    above: Annotated[float | None, Field(description="Alarming from this value upwards.")] = None
    below: Annotated[float | None, Field(description="Alarming from this value downwards.")] = None
    unit: Annotated[
        str | None, Field(description="Unit of above, below and clear_at; the quantity's own when left out.")
    ] = None
    clear_at: Annotated[
        float | None,
        Field(
            description="Normal again at this value: 80 % of `above` (125 % of `below`) when left out. "
            "Give it for levels whose zero is far from the ground, such as a stage above sea level."
        ),
    ] = None
    vertical_datum: Annotated[
        str | None, Field(description="Zero of the limits of a water level; the gauge's, or one with a known offset.")
    ] = None
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None
    pending_for: Annotated[
        Duration | None, Field(ge=timedelta(0), description="Alert only when the limit was passed for so long.")
    ] = None
    samples: Annotated[
        int | None,
        Field(ge=1, le=1000, description="Or when so many readings in a row passed it, whichever comes first."),
    ] = None
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="Ends only when the value was normal for so long.")
    ] = timedelta(0)

    @model_validator(mode="after")
    def _one_limit_in_a_fitting_unit(self) -> Recipe:
        if self.zone is not None:
            raise ValueError("zone: a threshold judges readings, not places in a picture; remove it")
        if self.quantity not in UNIT_OF:
            raise ValueError(f"quantity: no quantity {self.quantity!r}{did_you_mean(self.quantity, UNIT_OF)}")
        if (self.above is None) == (self.below is None):
            raise ValueError("give either above or below")
        if self.vertical_datum is not None and self.quantity != LEVEL:
            raise ValueError(f"vertical_datum: belongs to quantity {LEVEL}")
        try:
            limit, clear = self.limits
        except InputRejected as error:
            raise ValueError(f"unit: {error}") from error
        if (clear > limit) if self.above is not None else (clear < limit):
            raise ValueError("clear_at: lies on the alarming side of the limit, so the alert could never end")
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """Where it begins and where it is normal again, in the quantity's own unit."""
        limit = self.above if self.above is not None else self.below
        assert limit is not None
        unit = UNIT_OF[self.quantity] if self.unit is None else self.unit
        begins = convert(limit, unit, self.quantity)
        if self.clear_at is not None:
            return begins, convert(self.clear_at, unit, self.quantity)
        if begins <= 0:
            return begins, begins
        return begins, begins * _CLEAR_SHARE if self.above is not None else begins / _CLEAR_SHARE

    def make(self, context: Context) -> Rule:
        return Threshold(self, context.site.id)


class Threshold:
    """The live rule at one site. Late readings are not judged: a newer one of that monitor has been."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._key = AlertKey(site, recipe.name, "", "")
        self._limit, self._clear = recipe.limits
        self._upwards = recipe.above is not None
        self._time = SeenTime()
        self._latest: dict[str, Reading] = {}
        self._beyond_since: Mark | None = None
        self._beyond_samples = 0
        self._normal_since: Mark | None = None
        self._active = False

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._active = any(alert.is_open and alert.key == self._key for alert in open_alerts)

    def snapshot(self) -> Any:
        """What is pending: beyond the limit or normal again, but not yet for long enough."""
        pending = self._normal_since if self._active else self._beyond_since
        if pending is None:
            return None
        return {
            "time": self._time.snapshot(),
            "active": self._active,
            "since": [pending.at.isoformat(), pending.unknown_s],
            "samples": self._beyond_samples,
            "latest": [[r.monitor, r.value, r.at.isoformat()] for r in self._latest.values()],
        }

    def restore(self, state: Any) -> None:
        """Which of the two was pending is told by the open alert, where they differ."""
        try:
            time, (at, unknown_s) = SeenTime.restored(state["time"]), state["since"]
            since, samples, active = (
                Mark(datetime.fromisoformat(at), float(unknown_s)),
                int(state["samples"]),
                state["active"],
            )
            latest = {
                monitor: Reading(
                    self._key.site, monitor, self._recipe.quantity, float(value), datetime.fromisoformat(then)
                )
                for monitor, value, then in state["latest"]
            }
        except (KeyError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._time, self._latest = time, latest
        if active != self._active:
            return
        if active:
            self._normal_since = since
        else:
            self._beyond_since, self._beyond_samples = since, samples

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            self._time.tick(seen)
            return self._decide(seen.at) if seen.observable else []
        if not isinstance(seen, Reading) or not self._is_judged(seen):
            return []
        self._latest[seen.monitor] = seen
        self._time.look(seen.at)
        self._note(self._worst.value, seen.at)
        return self._decide(seen.at)

    @property
    def _worst(self) -> Reading:
        """Of the latest reading of every monitor."""
        sign = 1 if self._upwards else -1
        return max(self._latest.values(), key=lambda reading: (sign * reading.value, reading.monitor))

    def _is_judged(self, reading: Reading) -> bool:
        if reading.quantity != self._recipe.quantity or reading.quality is Quality.BAD:
            return False
        if self._recipe.monitor is not None and reading.monitor != self._recipe.monitor:
            return False
        last = self._latest.get(reading.monitor)
        return last is None or reading.at > last.at

    def _note(self, value: float, at: datetime) -> None:
        beyond = value >= self._limit if self._upwards else value <= self._limit
        normal = not beyond and (value <= self._clear if self._upwards else value >= self._clear)
        self._beyond_samples = self._beyond_samples + 1 if beyond else 0
        self._beyond_since = (self._beyond_since or self._time.mark(at)) if beyond else None
        self._normal_since = (self._normal_since or self._time.mark(at)) if normal else None

    def _decide(self, at: datetime) -> list[Signal]:
        if not self._active and self._beyond_since is not None and self._confirmed(self._beyond_since, at):
            self._active = True
            return [self._raised(self._beyond_since.at, at)]
        if self._active and self._normal_since is not None and self._cleared(self._normal_since, at):
            self._active = False
            return [Ended(self._key, ended_at=self._normal_since.at, at=at)]
        return []

    def _cleared(self, since: Mark, at: datetime) -> bool:
        return self._time.since(since, at) >= self._recipe.keep_firing_for.total_seconds()

    def _confirmed(self, since: Mark, at: datetime) -> bool:
        pending_for, samples = self._recipe.pending_for, self._recipe.samples
        if pending_for is None and samples is None:
            return True
        long = pending_for is not None and self._time.since(since, at) >= pending_for.total_seconds()
        return long or (samples is not None and self._beyond_samples >= samples)

    def _raised(self, started_at: datetime, at: datetime) -> Raised:
        worst = self._worst
        return Raised(
            key=self._key,
            kind=self._recipe.kind,
            priority=self._recipe.priority,
            started_at=started_at,
            at=at,
            label=self._recipe.quantity,
            value=worst.value,
            unit=UNIT_OF[worst.quantity],
        )
