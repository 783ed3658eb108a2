"""Bands as written in config.yaml, and the default bands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from alerts.ladder import CLEAR_SHARE, Rung
from data.model.alert import Priority
from data.model.durations import Duration
from data.model.units import UNIT_OF, convert


class Band(BaseModel):
    """At `above` or more the alert has this priority, in the rule's unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    above: Annotated[float, Field(description="From this value upwards.")]
    priority: Annotated[Priority, Field(description="P1 red, P2 orange, P3 yellow, P4 blue.")]
    clear_at: Annotated[
        float | None, Field(description="This band is over at this value; as the rule's `clear_by` says when left out.")
    ] = None


class Stages(BaseModel):
    """A river's stages above the vertical datum, each a band: yellow, orange and red."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warning: Annotated[float, Field(description="Warning stage 警戒水位: P3.")]
    guaranteed: Annotated[float | None, Field(description="Guaranteed stage 保证水位: P2.")] = None
    record: Annotated[float | None, Field(description="The highest on record: P1.")] = None

    @property
    def bands(self) -> tuple[Band, ...]:
        given = ((self.warning, Priority.P3), (self.guaranteed, Priority.P2), (self.record, Priority.P1))
        return tuple(Band(above=stage, priority=priority) for stage, priority in given if stage is not None)


class RainBand(BaseModel):
    """So much rain within so long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    above: Annotated[float, Field(gt=0, description="Rain within `over`, mm.")]
    over: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=7), description="Length of the window.")]
    priority: Annotated[Priority, Field(description="P1 red, P2 orange, P3 yellow, P4 blue.")]


class RiseBand(BaseModel):
    """A rise by so much within the rule's window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    above: Annotated[float, Field(gt=0, description="Rise within `over`.")]
    priority: Annotated[Priority, Field(description="P1 red, P2 orange, P3 yellow, P4 blue.")]


DEFAULT_BANDS = MappingProxyType(
    {
        "water_depth": (  # of a road, cm: notice, warn, close the road, danger to life
            Band(above=5, priority=Priority.P4),
            Band(above=15, priority=Priority.P3),
            Band(above=25, priority=Priority.P2),
            Band(above=50, priority=Priority.P1),
        ),
        # Air of a closed space and of the street beside it. Entry is forbidden from 10 %LEL (OSHA 29 CFR 1910.146).
        "methane": (
            Band(above=5, priority=Priority.P3),
            Band(above=10, priority=Priority.P2),
            Band(above=20, priority=Priority.P1),
        ),
        "hydrogen_sulfide": (  # ppm: limit at work (GBZ 2.1, 10 mg/m³), ceiling and ten-minute peak (29 CFR 1910.1000)
            Band(above=7, priority=Priority.P3),
            Band(above=20, priority=Priority.P2),
            Band(above=50, priority=Priority.P1),
        ),
        "carbon_monoxide": (  # ppm: 15 minutes at work (GBZ 2.1, 30 mg/m³; EU 2017/164), ceiling (NIOSH)
            Band(above=25, priority=Priority.P3),
            Band(above=100, priority=Priority.P2),
            Band(above=200, priority=Priority.P1),
        ),
    }
)
RAIN_BANDS = (
    RainBand(above=50, over=timedelta(hours=12), priority=Priority.P4),
    RainBand(above=50, over=timedelta(hours=6), priority=Priority.P3),
    RainBand(above=50, over=timedelta(hours=3), priority=Priority.P2),
    RainBand(above=100, over=timedelta(hours=3), priority=Priority.P1),
)
"""Blue, yellow, orange, red."""


def rungs_of(bands: Sequence[Band], quantity: str, unit: str | None, clear_by: float | None) -> tuple[Rung, ...]:
    """The bands in the quantity's own unit, least urgent first.

    Raises ValueError for bands that do not rise, InputRejected for a unit that does not fit.
    """
    given = UNIT_OF[quantity] if unit is None else unit
    rungs = []
    for band in bands:
        limit = convert(band.above, given, quantity)
        if band.clear_at is not None:
            clear = convert(band.clear_at, given, quantity)
        elif clear_by is not None:
            clear = convert(band.above - clear_by, given, quantity)
        else:
            clear = limit * CLEAR_SHARE if limit > 0 else limit
        if clear > limit:
            raise ValueError(f"clear_at: {band.clear_at:g} lies above the band's limit {band.above:g}: it never ends")
        rungs.append(Rung(limit, clear, band.priority))
    check_rising([(rung.limit, rung.priority) for rung in rungs])
    return tuple(rungs)


def check_rising(steps: Sequence[tuple[float, Priority]]) -> None:
    """Raises ValueError unless limits rise and priorities rise with them."""
    for number, ((low, before), (high, after)) in enumerate(pairwise(steps), start=1):
        if high <= low:
            raise ValueError(f"bands[{number}]: {high:g} is not above the band before, {low:g}; write them rising")
        if after >= before:
            raise ValueError(f"bands[{number}]: {after} is not more urgent than the band before, {before}")
