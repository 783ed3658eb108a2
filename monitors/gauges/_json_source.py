"""How a value is found in JSON that a gauge sends: by MQTT or as the answer to a question over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from data.model.datum import LEVEL
from monitors.gauges._gauge import GaugeRecipe
from monitors.gauges._values import WrittenValue


class JsonSource(WrittenValue, GaugeRecipe):
    """A gauge whose messages are JSON, or one plain number."""

    value: Annotated[
        str | None,
        Field(
            description="Where the value is in the JSON, e.g. data.level; a plain number when left out. In a list: the "
            "entry that `select` names, `last`, `first` or a position from 0 (not where the entries have names)."
        ),
    ] = None
    select: Annotated[
        dict[str, str | int],
        Field(
            description="Which entry of a list is meant, by what stands in it: `{name: stage}`; for `value`, `time` "
            "and the others alike."
        ),
    ] = Field(default_factory=dict)
    time: Annotated[
        str | None,
        Field(
            description="Where the time is (ISO 8601, or seconds or milliseconds since 1970). Left out: the time of "
            "arrival, which is wrong for messages that were kept for us."
        ),
    ] = None
    unit_field: Annotated[
        str | None,
        Field(
            description="Where the message names its unit. Left out: a `unit` beside the value is taken, else `unit` "
            'holds; "": the message is not asked.'
        ),
    ] = None
    quality_field: Annotated[
        str | None, Field(description="Where the message says good, uncertain or bad; good when left out.")
    ] = None
    datum_field: Annotated[
        str | None,
        Field(
            description="Where the message names its vertical datum. Left out: a `datum` beside the value is taken, "
            'else `vertical_datum` holds; "": the message is not asked.'
        ),
    ] = None
    zero_field: Annotated[
        str | None,
        Field(
            description="Where the message says how high the gauge's zero lies above `vertical_datum`, m: it is added "
            'to the level. Left out: a `zero_m` beside the value is looked at; "": the message is not asked.'
        ),
    ] = None

    @model_validator(mode="after")
    def _fields_fit(self) -> JsonSource:
        if self.select and self.value is None:
            raise ValueError("select: chooses an entry on the way to `value`; say where that is, e.g. series.value")
        if self.zero_field and self.quantity != LEVEL:
            raise ValueError(f"zero_field: belongs to quantity {LEVEL}")
        return self
