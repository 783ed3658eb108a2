"""How a value is found in JSON that a gauge sends: by MQTT or as the answer to a question over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from monitors._gauge import GaugeRecipe
from monitors._values import WrittenValue


class JsonSource(WrittenValue, GaugeRecipe):
    """A gauge whose messages are JSON, or one plain number."""

    value: Annotated[
        str | None, Field(description="Where the value is in the JSON, e.g. data.level; a plain number when left out.")
    ] = None
    time: Annotated[
        str | None,
        Field(
            description="Where the time is (ISO 8601, or seconds or milliseconds since 1970). Left out: the time of "
            "arrival, which is wrong for messages that were kept for us."
        ),
    ] = None
    unit_field: Annotated[str | None, Field(description="Where the message names its unit; else `unit` holds.")] = None
    quality_field: Annotated[
        str | None, Field(description="Where the message says good, uncertain or bad; good when left out.")
    ] = None
    datum_field: Annotated[
        str | None, Field(description="Where the message names its vertical datum; else `vertical_datum` holds.")
    ] = None
