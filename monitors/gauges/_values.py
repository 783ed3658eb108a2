"""What every gauge recipe says about its values: quantity, unit, fill values, and what can be measured at all."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.errors import InputRejected
from data.model.plausible import JUMPS, RANGES, JumpLimit, RainJump
from data.model.units import UNIT_OF, convert
from data.ports.recipe import MonitorRecipe
from monitors.gauges._fill import COUNT_FILLS, DOUBTFUL, TEXT_FILLS, FillValues, fill_values, require_value
from monitors.gauges._number import Decimal, number


class JumpSettings(BaseModel):
    """How far a value may change from one reading to the next before it waits for one more to confirm it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Annotated[float, Field(ge=0, description="A change that is always possible, in `unit`.")]
    per_second: Annotated[float, Field(ge=0, description="So much more with each second between them.")] = 0.0
    most: Annotated[float | None, Field(gt=0, description="But never more than this; no such limit when left out.")] = (
        None
    )


class ValueSettings(MonitorRecipe):
    """The value of a sensor of one quantity."""

    quantity: Annotated[str, Field(description="What is measured: " + ", ".join(UNIT_OF) + ".")]
    unit: Annotated[
        str | None, Field(description="Unit of the values as they come, e.g. ft; the quantity's own when left out.")
    ] = None
    missing: Annotated[
        tuple[float | str, ...],
        Field(
            description="Numbers or words, as they come, by which this gauge says that it has no value, e.g. "
            "[-1, dry]; besides those that are known of its protocol (see adapters.md)."
        ),
    ] = ()
    known_missing: Annotated[
        bool, Field(description="Whether the known fill values of the protocol (-9999, 9999.999 …) are no readings.")
    ] = True
    plausible: Annotated[
        tuple[float, float] | None,
        Field(
            description="Lowest and highest value that can be, in `unit`: anything else is rejected. The quantity's "
            "physical limits when left out."
        ),
    ] = None
    jump: Annotated[
        JumpSettings | Literal[False] | None,
        Field(
            description="Change from one reading to the next beyond which a value is stored as uncertain and judged "
            "only when the next reading confirms it: `{step: 3, per_second: 0.02, most: 15}` in `unit`; `false`: "
            "never. The quantity's own limits when left out."
        ),
    ] = None

    @model_validator(mode="after")
    def _limits_fit(self) -> ValueSettings:
        try:
            convert(1.0, self.given_unit, self.quantity)
        except InputRejected as error:
            raise ValueError(str(error)) from None
        if self.plausible is not None and not self.plausible[0] < self.plausible[1]:
            raise ValueError("plausible: write the lowest value before the highest, e.g. [0, 30]")
        if not all(math.isfinite(limit) for limit in self.plausible or ()):
            raise ValueError("plausible: both limits are numbers")
        return self

    @property
    def measures(self) -> str:
        return self.quantity

    @property
    def given_unit(self) -> str:
        """The unit in which values come where the message names none."""
        return self.unit or UNIT_OF.get(self.quantity, "")

    @property
    def fills(self) -> FillValues:
        """Numbers that mean "no value", as they come."""
        return fill_values(self.missing, self._known_fills() if self.known_missing else ())

    @property
    def missing_words(self) -> tuple[str, ...]:
        """Words of this gauge that mean "no value"."""
        return tuple(word for word in self.missing if isinstance(word, str))

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest plausible value in the quantity's own unit."""
        if self.plausible is None:
            return RANGES.get(self.quantity, (-math.inf, math.inf))
        low, high = (convert(limit, self.given_unit, self.quantity) for limit in self.plausible)
        return min(low, high), max(low, high)

    @property
    def jump_limit(self) -> JumpLimit | RainJump | None:
        """In the quantity's own unit; None where any change is possible."""
        if self.jump is None:
            return JUMPS.get(self.quantity)
        if self.jump is False:
            return None
        most = math.inf if self.jump.most is None else self._difference(self.jump.most)
        return JumpLimit(self._difference(self.jump.step), self._difference(self.jump.per_second), most)

    @property
    def doubtful(self) -> tuple[float, ...]:
        """Values, in the quantity's own unit, that are fill values at other gauges."""
        if self.quantity == "count" or not self.known_missing:
            return ()
        return tuple(convert(fill, self.given_unit, self.quantity) for fill in DOUBTFUL)

    def require_value(self, given: object) -> None:
        """Raise InputRejected where `given`, a number or text as it came, says that there is no value."""
        require_value(given, self.fills, self.missing_words)

    def require_plausible(self, value: float, shown: str) -> None:
        """Raise InputRejected where `value`, in the quantity's own unit, cannot be. `shown`: as it came."""
        low, high = self.range
        if not low <= value <= high:
            raise InputRejected(
                f"{shown} cannot be measured: {self.quantity} lies between {low:g} and {high:g} "
                f"{UNIT_OF[self.quantity]} (`plausible`)"
            )

    def _known_fills(self) -> tuple[float, ...]:
        return COUNT_FILLS if self.quantity == "count" else TEXT_FILLS

    def _difference(self, change: float) -> float:
        zero = convert(0.0, self.given_unit, self.quantity)
        return abs(convert(change, self.given_unit, self.quantity) - zero)


class WrittenValue(MonitorRecipe):
    """Values that may be written as text."""

    decimal: Annotated[
        Decimal, Field(description='Decimal sign of values that are text: "." or "," as in "1,59". Never a separator.')
    ] = "."

    def number(self, given: object) -> float:
        """Raises InputRejected where it is none."""
        return number(given, self.decimal)
