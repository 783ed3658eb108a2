"""Raises an alert when a gauge gives an impossible value, which is kept from the other rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.gauges import Watched, gauge_of, quantity_of, unit_of
from alerts.reading_settings import check_reading_settings
from data.errors import InputRejected
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.observation import Observation, Reading, Tick
from data.model.units import UNIT_OF, convert
from data.ports.recipe import Context, Rule, RuleRecipe


class Recipe(RuleRecipe):
    """From the first reading outside the range to the first `samples` inside it."""

    title: ClassVar[str] = "读数超量程 / Out of range"
    about: ClassVar[Literal["place", "gauge"]] = "gauge"

    kind: Annotated[Literal["out_of_range"], Field(description="A value that cannot be.")] = "out_of_range"
    quantity: Annotated[str, Field(description=f"What is measured: {', '.join(UNIT_OF)}.")]
    lowest: Annotated[float | None, Field(description="Smaller values cannot be.")] = None
    highest: Annotated[float | None, Field(description="Larger values cannot be.")] = None
    unit: Annotated[str | None, Field(description="Unit of both; the quantity's own when left out.")] = None
    vertical_datum: Annotated[
        str | None, Field(description="Zero of both for a water level; the gauge's, or one with a known offset.")
    ] = None
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None
    samples: Annotated[
        int, Field(ge=1, le=1000, description="So many in a row outside raise, so many inside end the alert.")
    ] = 1

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity, self.vertical_datum)
        try:
            low, high = self.range
        except InputRejected as error:
            raise ValueError(f"unit: {error}") from error
        if low == float("-inf") and high == float("inf"):
            raise ValueError("give lowest, highest or both")
        if low >= high:
            raise ValueError("lowest: is not below highest")
        return self

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest in the quantity's own unit; infinite where not given."""
        unit = UNIT_OF[self.quantity] if self.unit is None else self.unit
        low = float("-inf") if self.lowest is None else convert(self.lowest, unit, self.quantity)
        high = float("inf") if self.highest is None else convert(self.highest, unit, self.quantity)
        return low, high

    def make(self, context: Context) -> Rule:
        return OutOfRange(self, context.site.id)


class OutOfRange:
    """The live rule at one site. Impossible late rows are also kept from the other rules, but raise no alert."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._low, self._high = recipe.range
        self._watched = Watched(site, recipe.name, recipe.quantity, recipe.monitor)
        self._judged_until: dict[str, tuple[datetime, float]] = {}
        self._since: dict[str, tuple[datetime, int]] = {}  # of gauges about to change state: since when, and samples
        self._open: set[str] = set()

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        subjects = [alert.key.subject for alert in open_alerts if alert.is_open]
        keys = {alert.key for alert in open_alerts}
        self._open = {subject for subject in subjects if self._watched.key(subject) in keys}

    def snapshot(self) -> Any:
        """The gauges that are about to change state; None when there are none."""
        return {name: [at.isoformat(), count] for name, (at, count) in self._since.items()} or None

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            self._since = {str(name): (datetime.fromisoformat(at), int(n)) for name, (at, n) in state.items()}
        except (AttributeError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error

    def believes(self, reading: Reading) -> bool:
        """True if the other rules may judge this reading."""
        return not self._watched.judges(reading) or self._low <= reading.value <= self._high

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if not isinstance(seen, Reading) or not self._watched.judges(seen):
            return []
        name = gauge_of(seen)
        before = self._judged_until.get(name)
        if before is not None and (seen.at < before[0] or (seen.at, seen.value) == before):
            return []
        more = 0 if before is not None and seen.at == before[0] else 1  # a correction is no further sample
        self._judged_until[name] = seen.at, seen.value
        outside = not self._low <= seen.value <= self._high
        if outside == (name in self._open):
            self._since.pop(name, None)
            return []
        since, count = self._since.get(name, (seen.at, 0))
        count = max(1, count + more)
        self._since[name] = since, count
        if count < self._recipe.samples:
            return []
        del self._since[name]
        if not outside:
            self._open.discard(name)
            return [Ended(self._watched.key(name), ended_at=since, at=seen.at)]
        self._open.add(name)
        return [self._raised(name, seen, since)]

    def _raised(self, name: str, reading: Reading, since: datetime) -> Signal:
        return Raised(
            key=self._watched.key(name),
            kind=self._recipe.kind,
            priority=self._recipe.priority,
            started_at=since,
            at=reading.at,
            label=quantity_of(name),
            value=reading.value,
            unit=unit_of(name),
        )
