"""Raises an alert while a measured quantity lies beyond a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.bands import DEFAULT_BANDS, Band, Stages, rungs_of
from alerts.ladder import CLEAR_SHARE, KEEP_FIRING_FOR, PENDING_FOR, SAMPLES, Cause, Delays, Ladder, Rung
from alerts.reading_settings import check_reading_settings
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Signal, Standing
from data.model.datum import LEVEL
from data.model.durations import Duration
from data.model.observation import Observation, Quality, Reading, Tick
from data.model.units import UNIT_OF, convert
from data.ports.recipe import Context, Rule, RuleRecipe

_STAGE_MARGIN_M = 0.2  # a share of a stage means nothing, since its zero is arbitrary


class Recipe(RuleRecipe):
    """One alert from when the limit is crossed until the value is well back, with a delay for each.

    With bands the alert's priority rises and falls with the value; it is still one alert.
    """

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
    bands: Annotated[
        tuple[Band, ...],
        Field(
            description="Several levels of one alert, rising, instead of above or below. For some quantities these "
            "hold when no limit is given at all. water_depth, of a road: 5, 15, 25, 50 cm are P4, P3, P2, P1. methane: "
            "5, 10, 20 %LEL, hydrogen_sulfide: 7, 20, 50 ppm, carbon_monoxide: 25, 100, 200 ppm are P3, P2, P1."
        ),
    ] = ()
    stages: Annotated[Stages | None, Field(description="A river's stages as bands; needs `vertical_datum`.")] = None
    clear_by: Annotated[
        float | None,
        Field(gt=0, description="With bands: normal again so far below each; 20 % when left out, of stages 0.2 m."),
    ] = None
    pending_for: Annotated[
        Duration | None,
        Field(ge=timedelta(0), description="Alert only when the limit was passed for so long; with bands 60s."),
    ] = None
    samples: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Or when so many readings in a row passed it, whichever comes first; with bands 3.",
        ),
    ] = None
    keep_firing_for: Annotated[
        Duration | None,
        Field(ge=timedelta(0), description="Ends only when normal for so long; with bands 5min, else 0s."),
    ] = None

    @model_validator(mode="after")
    def _limits_in_a_fitting_unit(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity, self.vertical_datum)
        self._check_ways()
        try:
            (first, *_) = self.rungs
        except InputRejected as error:
            raise ValueError(f"unit: {error}") from error
        if self.below is not None and first.clear < first.limit:
            raise ValueError("clear_at: lies on the alarming side of the limit, so the alert could never end")
        return self

    def _check_ways(self) -> None:
        """One way of giving limits. Raises ValueError."""
        ways = [self.above is not None, self.below is not None, bool(self.bands), self.stages is not None]
        if sum(ways) > 1 or (not any(ways) and self.quantity not in DEFAULT_BANDS):
            raise ValueError("give either above or below, or bands, or stages")
        if self.stages is not None and (self.quantity != LEVEL or self.vertical_datum is None):
            raise ValueError(f"stages: belong to quantity {LEVEL} and need the `vertical_datum` they are counted from")
        if not self.has_bands and self.clear_by is not None:
            raise ValueError("clear_by: belongs to bands; write `clear_at`")
        if self.has_bands and self.clear_at is not None:
            raise ValueError("clear_at: give each band its own, or `clear_by`")
        if self.has_bands and "priority" in self.model_fields_set:
            raise ValueError("priority: each band has its own; remove it")

    @property
    def has_bands(self) -> bool:
        return self.above is None and self.below is None

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The limits in the quantity's own unit, least urgent first; without bands there is one."""
        if not self.has_bands:
            return (Rung(*self.limits, self.priority),)
        if self.stages is not None:
            clear_by = _STAGE_MARGIN_M if self.clear_by is None else self.clear_by
            unit = "m" if self.clear_by is None and self.unit is None else self.unit
            return rungs_of(self.stages.bands, self.quantity, unit, clear_by)
        if self.bands:
            return rungs_of(self.bands, self.quantity, self.unit, self.clear_by)
        return rungs_of(DEFAULT_BANDS[self.quantity], self.quantity, None, None)

    @property
    def limits(self) -> tuple[float, float]:
        """The limit and the value of return to normal, in the quantity's own unit; with bands, those of the lowest."""
        limit = self.above if self.above is not None else self.below
        if limit is None:
            return self.rungs[0].limit, self.rungs[0].clear
        unit = UNIT_OF[self.quantity] if self.unit is None else self.unit
        begins = convert(limit, unit, self.quantity)
        if self.clear_at is not None:
            clear = convert(self.clear_at, unit, self.quantity)
            if self.above is not None and clear > begins:
                raise ValueError("clear_at: lies on the alarming side of the limit, so the alert could never end")
            return begins, clear
        if begins <= 0:
            return begins, begins
        return begins, begins * CLEAR_SHARE if self.above is not None else begins / CLEAR_SHARE

    @property
    def delays(self) -> Delays:
        """The delays as configured; with bands, defaults where none are given."""
        pending_for, samples, keep = self.pending_for, self.samples, self.keep_firing_for
        if self.has_bands and pending_for is None and samples is None:
            pending_for, samples = PENDING_FOR, SAMPLES
        if keep is None:
            keep = KEEP_FIRING_FOR if self.has_bands else timedelta(0)
        return Delays(pending_for, samples, keep)

    def make(self, context: Context) -> Rule:
        return Threshold(self, context.site.id)


class Threshold:
    """The live rule at one site. Late readings are not judged, since a newer one of that monitor has been.

    Another value for the time of the latest reading is a correction and is judged in its place.
    """

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._site = site
        self._upwards = recipe.below is None
        key = AlertKey(site, recipe.name, "", "")
        self._ladder = Ladder(key, recipe.kind, recipe.rungs, recipe.delays, upwards=self._upwards)
        self._latest: dict[str, Reading] = {}

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._ladder.resume(open_alerts)

    def standings(self) -> Sequence[Standing]:
        return self._ladder.standings()

    def snapshot(self) -> Any:
        """The pending bands and the latest reading of each gauge, so that no gauge ends what another one began.

        None when nothing is pending and no band holds, or there is only one gauge: it need not be stored with every
        reading of a calm day.
        """
        ladder = self._ladder.snapshot()
        if ladder is None and (self._ladder.level < 0 or len(self._latest) <= 1):
            return None
        latest = [[r.monitor, r.value, r.at.isoformat()] for r in self._latest.values()]
        return {"ladder": ladder, "latest": latest}

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            quantity = self._recipe.quantity
            latest = {
                monitor: Reading(self._site, monitor, quantity, float(value), datetime.fromisoformat(at))
                for monitor, value, at in state["latest"]
            }
            if state["ladder"] is not None:
                self._ladder.restore(state["ladder"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._latest = latest

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            return self._ladder.tick(seen)
        if not isinstance(seen, Reading) or not self._is_judged(seen):
            return []
        self._latest[seen.monitor] = seen
        worst = self._worst
        cause = Cause(self._recipe.quantity, worst.value, UNIT_OF[worst.quantity])
        newest = max(reading.at for reading in self._latest.values())
        return self._ladder.note([cause] * self._ladder.rungs, newest, own=(seen.at, seen.value))

    @property
    def _worst(self) -> Reading:
        """The worst of the latest readings of all monitors."""
        sign = 1 if self._upwards else -1
        return max(self._latest.values(), key=lambda reading: (sign * reading.value, reading.monitor))

    def _is_judged(self, reading: Reading) -> bool:
        if reading.quantity != self._recipe.quantity or reading.quality is Quality.BAD:
            return False
        if self._recipe.monitor is not None and reading.monitor != self._recipe.monitor:
            return False
        last = self._latest.get(reading.monitor)
        return last is None or reading.at > last.at or (reading.at == last.at and reading.value != last.value)
