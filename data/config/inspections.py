"""Inspections 巡查 as written in YAML: types of places with calendar and checklist, and the places themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

from data.config.plans import Id, Level, WarningTrigger
from data.model.alert import Priority
from data.model.durations import Duration
from data.model.geo import ConfiguredLocation
from data.model.warning import WarningInfo

MOST_ITEMS = 40
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=800)
DayOfYear = Annotated[str, Field(pattern=r"^\d\d-\d\d$", description="Month and day: 05-01.")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HazardSettings(_Settings):
    """What follows when an item of the checklist is found to be a hazard: an event with a deadline and a re-check."""

    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="Kind of the event: a category.")]
    limit: Annotated[
        Duration | None, Field(description="Until when it is to be set right; by the category when left out.")
    ] = None
    priority: Annotated[Priority | None, Field(description="Of the event; by the category when left out.")] = None
    photo: Annotated[StrictBool, Field(description="The hazard is taken only with a photo.")] = False


class ChecklistItem(_Settings):
    """One thing that is looked at."""

    id: Id
    zh: Annotated[str, Field(min_length=1, max_length=120, description="In Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=160, description="In English.")]
    hazard: Annotated[
        HazardSettings | None, Field(description="What follows when it is not in order; it is only noted without.")
    ] = None


class Season(_Settings):
    """Days of the year with a calendar of their own."""

    begins: DayOfYear
    ends: Annotated[DayOfYear, Field(description="Its last day; a season may go over the new year.")]
    every: Annotated[Duration, Field(ge=SHORTEST, le=LONGEST, description="At least so often.")]

    @field_validator("begins", "ends")
    @classmethod
    def _a_day(cls, day: str) -> str:
        try:
            date.fromisoformat(f"2024-{day}")  # a leap year: 02-29 is a day
        except ValueError:
            raise ValueError(f"{day} is no day of the year: write month-day, as 05-01") from None
        return day

    def includes(self, day: date) -> bool:
        """True if the day is in the season, both ends included."""
        here = f"{day:%m-%d}"
        if self.begins <= self.ends:
            return self.begins <= here <= self.ends
        return here >= self.begins or here <= self.ends


class BeforeRain(_Settings):
    """An inspection ahead of bad weather, while an official warning for the district is in force."""

    events: Annotated[
        tuple[str, ...], Field(min_length=1, description="Words of which the warning's event must hold one.")
    ] = ("暴雨", "rain")
    from_level: Annotated[Level, Field(description="Of this level or a higher one.")] = "blue"
    within: Annotated[
        Duration, Field(ge=SHORTEST, le=LONGEST, description="The inspection is due so soon after the warning.")
    ] = timedelta(hours=12)
    fresh_for: Annotated[
        Duration, Field(ge=SHORTEST, le=LONGEST, description="Who was inspected so recently is not inspected again.")
    ] = timedelta(days=1)

    def fits_block(self, block: WarningInfo) -> bool:
        """True if this info block asks for the inspection."""
        return WarningTrigger(events=self.events, from_level=self.from_level).fits_block(block)


class InspectionType(_Settings):
    """What places of one type have in common: how often they are inspected, and what is looked at."""

    zh: Annotated[str, Field(min_length=1, max_length=40, description="Name in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=60, description="Name in English.")]
    every: Annotated[Duration, Field(ge=SHORTEST, le=LONGEST, description="At least so often.")]
    window: Annotated[
        Duration, Field(ge=timedelta(0), le=LONGEST, description="So long before it is due it is on the list.")
    ] = timedelta(days=3)
    seasons: Annotated[
        tuple[Season, ...], Field(max_length=12, description="Other calendars; the first that fits.")
    ] = ()
    before_rain: Annotated[BeforeRain | None, Field(description="Also ahead of bad weather.")] = None
    checklist: Annotated[
        tuple[ChecklistItem, ...], Field(min_length=1, max_length=MOST_ITEMS, description="What is looked at.")
    ]

    @model_validator(mode="after")
    def _items_once(self) -> InspectionType:
        names = [item.id for item in self.checklist]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"item ids must differ; {', '.join(twice)} stands there twice")
        return self

    def every_on(self, day: date) -> timedelta:
        """How often on this day of the city's calendar."""
        return next((season.every for season in self.seasons if season.includes(day)), self.every)

    def item(self, item_id: str) -> ChecklistItem | None:
        return next((item for item in self.checklist if item.id == item_id), None)


class InspectedPlace(_Settings):
    """A place that is inspected: a restaurant, a hotel, a warehouse, a dike gate."""

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=80, description="Name shown on the screens.")]
    type: Annotated[str, Field(description="One of the types.")]
    location: Annotated[ConfiguredLocation, Field(description="Place on the ground.")]
    grid: Annotated[
        str, Field(max_length=40, description="Grid code: its people inspect. By outlines when left out.")
    ] = ""
    note: Annotated[str, Field(max_length=120, description="How to find it: floor, back entrance.")] = ""


class InspectionBook(_Settings):
    """Types and places of inspections; in config.yaml or in a pack."""

    types: Annotated[dict[Id, InspectionType], Field(description="Types of places, by name.")] = Field(
        default_factory=dict
    )
    places: Annotated[tuple[InspectedPlace, ...], Field(description="Places that are inspected.")] = ()
    files: Annotated[
        tuple[Path, ...],
        Field(description="More places: CSV, UTF-8, with the columns id, name, type, lon, lat, grid, note."),
    ] = ()


class InspectionSettings(InspectionBook):
    """Inspections 巡查: places with a type, what is looked at there and how often, and how presence is proven."""

    presence_m: Annotated[
        float, Field(ge=10, le=1000, description="An inspection is taken only from so near, metres.")
    ] = 100.0
    offline_for: Annotated[
        Duration,
        Field(
            ge=SHORTEST, le=LONGEST, description="An inspection that was filled in longer ago is not taken any more."
        ),
    ] = timedelta(days=2)

    @cached_property
    def by_id(self) -> Mapping[str, InspectedPlace]:
        """The places whose type is known, by id. Take no copy with other places of settings that were asked for it."""
        return MappingProxyType({place.id: place for place in self.places if place.type in self.types})

    def __getstate__(self) -> dict[Any, Any]:
        """What goes to other processes: without the look-up table, which is made again there."""
        state = super().__getstate__()
        return state | {"__dict__": {name: one for name, one in state["__dict__"].items() if name != "by_id"}}
