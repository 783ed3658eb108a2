"""Cases from other systems: how the message of another system becomes an event, and who handles it by when.

A mapping takes single values out of a JSON document by JSONPath (RFC 9535). Only singular queries are allowed, which
name one value each: they hold no filters and no regular expressions, so that no message makes them expensive.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from data.config.plans import Id
from data.model.alert import Priority
from data.model.durations import Duration
from data.model.geo import ConfiguredLocation
from data.model.organisation import UnitKind
from data.model.people import Role

LONGEST_PATH = 200
_MACHINES = frozenset({Role.SOURCE, Role.WALL})


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _checked_path(text: str) -> str:
    """Raises ValueError, which says what is wrong with the path."""
    compiled_path(text)
    return text


@lru_cache(1000)
def compiled_path(text: str) -> Any:
    """The compiled singular query, a `jsonpath.JSONPath`. Raises ValueError."""
    import jsonpath  # noqa: PLC0415 - 1.4 MiB in every process, for the few cities that have a mapping

    try:
        compiled = jsonpath.JSONPathEnvironment(strict=True).compile(text)
    except jsonpath.JSONPathError as error:
        raise ValueError(f"{text!r} is no JSONPath: {error.message}") from None
    if not isinstance(compiled, jsonpath.JSONPath) or not compiled.singular_query():
        raise ValueError(f"{text!r} may name more than one value; write a path to a single one, as $.victim.name")
    return compiled


JsonPath = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH), AfterValidator(_checked_path)]


class PriorityMapping(_Settings):
    """Which priority follows from which value of the other system."""

    path: Annotated[JsonPath, Field(description="Where its level stands.")]
    values: Annotated[
        dict[str, Priority], Field(min_length=1, max_length=50, description="Priority by value, as text: `{high: P1}`.")
    ]


class TextField(_Settings):
    """A line of the event's description: a label in both languages, and the value."""

    zh: Annotated[str, Field(min_length=1, max_length=40, description="Label in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=40, description="Label in English.")]
    path: Annotated[JsonPath, Field(description="Where the value stands.")]

    def label(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class PersonalField(TextField):
    """A personal value: stored apart, masked for everybody, shown on need with an audit entry, deleted after `keep`."""

    id: Id
    roles: Annotated[
        tuple[Role, ...],
        Field(
            min_length=1,
            description="Roles to which it may be shown. Responders and grid leaders see it only while they have an "
            "accepted task of the event.",
        ),
    ]

    @model_validator(mode="after")
    def _people_only(self) -> PersonalField:
        machines = sorted(role.value for role in self.roles if role in _MACHINES)
        if machines:
            raise ValueError(f"roles: {', '.join(machines)} is no person's role")
        return self


class CallOutTo(_Settings):
    """Who gets a task of the ladder: a unit, the unit of a level above the place, or the nearest who can."""

    unit: Annotated[str, Field(max_length=64, description="Id of a unit of the organisation.")] = ""
    level: Annotated[
        Literal[UnitKind.GRID, UnitKind.COMMUNITY, UnitKind.STREET] | None,
        Field(description="The unit of this kind to whose area the place belongs."),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> CallOutTo:
        if self.unit and self.level is not None:
            raise ValueError("write `unit` or `level`, not both")
        return self


class CallOut(_Settings):
    """A rung of the call-out ladder: a task for each of `to`, and by when it must be done."""

    zh: Annotated[str, Field(min_length=1, max_length=100, description="The task's title in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=100, description="The task's title in English.")]
    within: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(days=30), description="From the message.")]
    until: Annotated[
        Literal["reported", "on_scene"],
        Field(description="What must have happened by then: a call is reported, a visitor is on scene."),
    ] = "reported"
    to: Annotated[tuple[CallOutTo, ...], Field(min_length=1, max_length=10, description="A task for each of these.")]
    checklist: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Field(max_length=50, description="What is to be seen to."),
    ] = ()

    def title(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class CaseSource(_Settings):
    """Another system whose messages become events (docs/case-sources.md)."""

    id: Id
    zh: Annotated[str, Field(min_length=1, max_length=80, description="What its events are called, in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=80, description="What its events are called, in English.")]
    kind: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64, description="Kind of the category table.")
    ]
    external_id: Annotated[
        JsonPath, Field(description="The other system's own id of the case: the same one twice makes one event.")
    ]
    priority: Annotated[PriorityMapping | None, Field(description="The category's when left out.")] = None
    location: Annotated[
        ConfiguredLocation, Field(description="Where the event stands when the message names no usable place.")
    ]
    lon: Annotated[JsonPath | None, Field(description="Longitude, WGS-84 degrees.")] = None
    lat: Annotated[JsonPath | None, Field(description="Latitude, WGS-84 degrees.")] = None
    place_digits: Annotated[
        int,
        Field(
            ge=1, le=6, description="Decimals of a degree to which the event's place is rounded: 3 is about 100 m, so "
            "that the map does not show whose home it is."
        ),
    ] = 3  # fmt: skip
    description: Annotated[
        tuple[TextField, ...], Field(max_length=20, description="What everybody may read of it.")
    ] = ()
    personal: Annotated[
        tuple[PersonalField, ...], Field(max_length=20, description="Personal values, which are masked.")
    ] = ()
    keep: Annotated[
        Duration,
        Field(
            ge=timedelta(seconds=1),
            le=timedelta(days=3660),
            description="How long personal values are kept from the message on.",
        ),
    ] = timedelta(days=30)
    call_out: Annotated[
        tuple[CallOut, ...], Field(max_length=10, description="The ladder: who does what by when.")
    ] = ()

    def name(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    @model_validator(mode="after")
    def _fields_fit(self) -> CaseSource:
        ids = [field.id for field in self.personal]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"personal: the id {twice[0]!r} stands there twice")
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat: write both, or neither")
        hidden = {str(compiled_path(field.path)) for field in self.personal}
        shown = [self.external_id, *(field.path for field in self.description)]
        shown += [] if self.priority is None else [self.priority.path]
        both = sorted(path for path in shown if str(compiled_path(path)) in hidden)
        if both:
            raise ValueError(f"{both[0]} is personal, and is shown to everybody as well: keep one of them")
        return self


def value_at(document: Any, path: str) -> Any:
    """The single value at this path; None where there is none."""
    match = compiled_path(path).match(document)
    return None if match is None else match.obj


def source_named(sources: tuple[CaseSource, ...], name: str) -> CaseSource | None:
    return {one.id: one for one in sources}.get(name)


def without_values(source: CaseSource) -> Mapping[str, Any]:
    """The mapping as plain JSON, as one would write it."""
    return source.model_dump(mode="json", exclude_defaults=True)
