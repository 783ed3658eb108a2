"""The shapes of requests about events and the organisation."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from data.model.alert import Priority
from data.model.case import Part
from data.model.geo import Location
from data.model.organisation import GRID_CODE_DIGITS, UnitKind
from web.api.params import BodyId, SafeDate, SafeDuration, SafeMoment

Id = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=4000)]
Ids = Annotated[list[Id], Field(max_length=30)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EventBody(_Body):
    """An event that an operator enters by hand."""

    kind: Annotated[str, Field(min_length=1, max_length=64, description="A kind of the category table.")]
    location: Location
    title: Annotated[str, Field(max_length=200)] = ""
    description: Text = ""
    priority: Priority | None = None
    site: Id = ""
    grid: Annotated[str, Field(max_length=15)] = ""
    reporter: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=8)] = {}
    limit: Annotated[
        SafeDuration | None, Field(description="The time to handle it from dispatch on, instead of the category's.")
    ] = None


class TopicBody(_Body):
    """What one department takes on."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    department: Id
    promised: SafeDate
    part: Part = Part.CO_HANDLER


class StepBody(_Body):
    """What is said with a step of an event. Each step uses what it needs."""

    reason: Text = ""
    section: Annotated[Id | None, Field(description="judge")] = None
    lead: Annotated[Id | None, Field(description="judge: the unit that leads (主办).")] = None
    co_handlers: Annotated[Ids | None, Field(description="judge: units that handle it, too (协办).")] = None
    cooperating: Annotated[Ids | None, Field(description="judge: units that cooperate (配合).")] = None
    priority: Annotated[Priority | None, Field(description="judge")] = None
    limit: Annotated[SafeDuration | None, Field(description="judge: the deadline, instead of the category's.")] = None
    more: Annotated[SafeDuration | None, Field(description="extend: how much more time.")] = None
    satisfied: Annotated[StrictBool | None, Field(description="call_back: is the reporter satisfied?")] = None
    score: Annotated[StrictInt | None, Field(ge=1, le=5, description="call_back: 1 to 5.")] = None
    reached: Annotated[StrictBool, Field(description="call_back: false when nobody answered.")] = True
    minutes: Annotated[Text, Field(description="convene: the meeting's record.")] = ""
    topics: Annotated[list[TopicBody], Field(max_length=30, description="convene")] = []
    district: Annotated[Id, Field(description="share, hold: a district.")] = ""
    shares: Annotated[dict[Id, Text], Field(max_length=10, description="split: who is responsible for what.")] = {}
    unit: Annotated[Id, Field(description="hand_over: who keeps it up.")] = ""
    title: Annotated[str, Field(max_length=200, description="hand_over: what is to be done.")] = ""
    every: Annotated[SafeDuration | None, Field(description="hand_over: how often.")] = None
    event: Annotated[BodyId | None, Field(description="link: the event that this one repeats.")] = None


class TaskBody(_Body):
    """One more task of an event: for a unit, a named responder, or the nearest who can."""

    title: Annotated[str, Field(max_length=200)] = ""
    part: Part = Part.CO_HANDLER
    unit: Id = ""
    responder: Id | None = None
    checklist: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=50)] = []
    promised: SafeDate | None = None
    needs_photo: Annotated[StrictBool, Field(description="No report without a picture.")] = False


class ReasonBody(_Body):
    """Why."""

    reason: Text = ""


class ReassignBody(ReasonBody):
    """Who takes it over: a unit, a responder, or the nearest who can."""

    unit: Id = ""
    responder: Id | None = None


class UnitBody(_Body):
    """A unit as the administrator writes it."""

    kind: UnitKind
    name: Annotated[str, Field(min_length=1, max_length=100)]
    parent: Id = ""
    code: Annotated[str, Field(max_length=20)] = ""
    section: Id = ""
    posts: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    people: Annotated[list[Id], Field(max_length=1000)] = []
    leader: Id = ""
    powers: Ids = []
    vehicles: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] = []
    contact: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=20)] = {}
    platform: StrictBool = False
    location: Location | None = None
    outline: dict[str, Any] | None = None

    @field_validator("code")
    @classmethod
    def _fifteen_digits(cls, code: str, info: ValidationInfo) -> str:
        is_code = code.isascii() and code.isdigit() and len(code) == GRID_CODE_DIGITS
        if info.data.get("kind") is UnitKind.GRID and not is_code:
            raise ValueError(f"a grid's code has {GRID_CODE_DIGITS} digits")
        return code


class ShiftBody(_Body):
    """Somebody is on duty for a unit."""

    unit: Id
    person: Annotated[str, Field(min_length=1, max_length=64)]
    begins: SafeMoment
    ends: SafeMoment
    duty: Annotated[str, Field(max_length=100)] = ""


class ImportBody(_Body):
    """A file of units, as text."""

    form: Annotated[str, Field(pattern="^(yaml|csv|geojson)$")]
    text: Annotated[str, Field(max_length=200_000)]
