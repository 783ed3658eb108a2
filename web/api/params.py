"""Types of parameters and fields whose every value can be kept: ids as large as rows have, times in the calendar.

What lies outside is refused by FastAPI with 422 and the field's name, and the OpenAPI description says so.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StrictInt
from pydantic.json_schema import SkipJsonSchema

from data.model.calendar import EARLIEST, LATEST, in_calendar
from data.model.durations import Duration

LARGEST_ID = 2**53 - 1  # what JavaScript and every JSON reader can hold exactly; databases hold 63 bits
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)")


def _written(value: object) -> object:
    """Only what is written as a time is one: a bare number would be taken for seconds since 1970.

    A `+` that was not written as %2B arrives as a blank: `...T03:04:05 08:00`.
    """
    if not isinstance(value, str):
        if isinstance(value, datetime) or value is None:
            return value
        raise ValueError("write a time as 2024-07-12T12:00:00Z")
    text = value.strip()
    text = text[:11] + text[11:].replace(" ", "+")
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("write a time with its offset: 2024-07-12T12:00:00Z or 2024-07-12T20:00:00+08:00")
    return text


SafeMoment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(in_calendar)]
"""A moment in UTC between 1900 and 2999, written with its offset."""

SafeDate = Annotated[date, Field(ge=EARLIEST.date(), le=LATEST.date())]
SafeDuration = Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=3660))]

RowId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Number of a row.")]
BodyId = Annotated[StrictInt, Field(ge=1, le=LARGEST_ID)]
QueryId = Annotated[Annotated[int, Field(ge=1, le=LARGEST_ID)] | SkipJsonSchema[None], Query()]
