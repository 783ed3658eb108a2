"""Settings of evidence fusion: the streams of one place about the same thing, and the tasks that follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.model.alert import Priority
from data.model.durations import Duration

_POSITION_FRESH = timedelta(minutes=2)


class ProofKind(StrEnum):
    """Kinds of evidence that are independent of each other."""

    GAUGE = "gauge"
    CAMERA_WATER = "camera_water"  # water read or measured in pictures
    CAMERA_OBJECTS = "camera_objects"  # people and vehicles seen in pictures
    POSITION = "position"  # told by a vehicle's own terminal
    CITIZEN = "citizen"
    FORECAST = "forecast"  # rain gauges and official warnings
    HUMAN = "human"  # an operator, or a grid member on the spot


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SendSettings(_Settings):
    """A task that follows from a confirmed alert."""

    title: Annotated[str, Field(min_length=1, max_length=100, description="What is to be done, e.g. 排水抢险.")]
    skills: Annotated[tuple[str, ...], Field(description="Skills without which nobody is sent.")] = ()
    checklist: Annotated[tuple[str, ...], Field(description="What is to be seen to on the spot.")] = ()


class FusedPlace(_Settings):
    """Alerts of these rules at these sites are about the same thing: each is evidence for the others."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name; the site's, where there is one.")]
    sites: Annotated[
        tuple[str, ...], Field(description="Sites of the place; the one named like it when left out.")
    ] = ()
    rules: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of rules that are about the same thing.")]
    reports: Annotated[tuple[str, ...], Field(description="Kinds of events that people report about it.")] = ()
    radius: Annotated[float, Field(gt=0, le=2000, description="So near, in metres, a report is about this place.")] = (
        150.0
    )
    rain: Annotated[tuple[str, ...], Field(description="Sites whose open rain alerts speak for it.")] = ()
    warnings: Annotated[
        tuple[str, ...], Field(description="Official warnings in force here that speak for it, by their event: 暴雨.")
    ] = ()
    send: Annotated[tuple[SendSettings, ...], Field(description="Tasks offered as soon as it is confirmed.")] = ()
    ask: Annotated[
        tuple[SendSettings, ...],
        Field(description="Tasks prepared for a human's decision, never offered by themselves: closing a road."),
    ] = ()
    tasks_when: Annotated[
        Literal["confirmed", "probable"],
        Field(
            description="confirmed: tasks follow when a second kind of evidence or a human confirms. probable: by one "
            "kind alone, where waiting costs more than a needless trip (gas)."
        ),
    ] = "confirmed"
    from_priority: Annotated[
        Priority, Field(description="Tasks follow from alerts of this priority or a higher one.")
    ] = Priority.P2

    @model_validator(mode="after")
    def _titles_once(self) -> FusedPlace:
        titles = [one.title for one in (*self.send, *self.ask)]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"two tasks are called {', '.join(twice)}; give them different titles")
        return self

    @property
    def all_sites(self) -> tuple[str, ...]:
        return self.sites or (self.id,)


class FusionSettings(_Settings):
    """One kind of evidence makes an alert probable; two independent kinds, or one human, confirm it."""

    fresh: Annotated[dict[ProofKind, Duration], Field(description="For how long each kind of evidence counts.")] = (
        Field(
            default_factory=lambda: {
                ProofKind.GAUGE: timedelta(minutes=10),
                ProofKind.CAMERA_WATER: timedelta(minutes=2),
                ProofKind.CAMERA_OBJECTS: timedelta(minutes=1),
                ProofKind.POSITION: _POSITION_FRESH,
                ProofKind.CITIZEN: timedelta(minutes=30),
                ProofKind.FORECAST: timedelta(hours=3),
                ProofKind.HUMAN: timedelta(hours=2),
            }
        )
    )
    contradicted_for: Annotated[
        Duration, Field(description="Gauge and camera that disagree for so long make a task: look at the sensors.")
    ] = timedelta(minutes=3)
    places: Annotated[tuple[FusedPlace, ...], Field(description="What is fused with what.")] = ()

    @field_validator("fresh")
    @classmethod
    def _positions_came_later(cls, fresh: dict[ProofKind, timedelta]) -> dict[ProofKind, timedelta]:
        """Settings from before there were positions stay valid."""
        return {ProofKind.POSITION: _POSITION_FRESH, **fresh}

    @model_validator(mode="after")
    def _every_kind_has_its_window(self) -> FusionSettings:
        missing = [kind.value for kind in ProofKind if kind not in self.fresh]
        if missing:
            raise ValueError(f"fresh: say for how long {', '.join(missing)} counts, too")
        names = [place.id for place in self.places]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"places: ids must differ; there are two called {', '.join(twice)}")
        return self

    def place_of(self, site: str, rule: str) -> FusedPlace | None:
        """The place that an alert of this rule belongs to; the first that names it."""
        return next((p for p in self.places if site in p.all_sites and rule in p.rules), None)

    def skills_for(self, site: str, title: str) -> frozenset[str]:
        """Skills of the task of this title at this site; none for a task that fusion did not make."""
        found = (one for one in self._tasks(site) if one.title == title)
        return frozenset(skill for one in found for skill in one.skills)

    def _tasks(self, site: str) -> Iterator[SendSettings]:
        for place in self.places:
            if site in place.all_sites:
                yield from (*place.send, *place.ask)
