"""Where the API lies, the shapes of requests, and of answers as OpenAPI describes them (made by `data.model.views`)."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from data.model.geo import Location
from web.api.params import BodyId, SafeMoment

PREFIX = "/api/v1"


def api_router(tag: str) -> APIRouter:
    """A router of the API, whose operations OpenAPI lists under this tag."""
    return APIRouter(prefix=PREFIX, tags=[tag])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Nothing(_Body):
    """`{}` or no body."""


class SeveralBody(BaseModel):
    """Alerts that are dispatched together."""

    model_config = ConfigDict(extra="forbid")

    alerts: Annotated[list[BodyId], Field(min_length=1, max_length=200, description="Ids of alerts.")]


class DispatchBody(_Body):
    """Whom to send; the nearest available responder when left out."""

    responder: Annotated[str | None, Field(description="Id of a responder chosen by a human.")] = None
    anyway: Annotated[StrictBool, Field(description="Although somebody else is on the alert; they are told.")] = False


class DeclineBody(_Body):
    """Why not."""

    reason: Annotated[str, Field(max_length=500)] = ""


class VerifyBody(_Body):
    """What was found."""

    text: Annotated[str, Field(max_length=4000)] = ""


class CancelBody(_Body):
    """Why the work is no longer wanted."""

    reason: Annotated[str, Field(max_length=500)] = ""


class PositionBody(Location):
    """Where a responder is; `at` is when the phone measured it, now when left out."""

    at: SafeMoment | None = None


class _View(BaseModel):
    model_config = ConfigDict(extra="allow")


class DwellTimeView(_View):
    """How long it has stood, or stayed, until `as_of`. `at_most_s` null: it was there when watching began."""

    at_least_s: float
    at_most_s: float | None
    as_of: datetime
    unseen_s: float
    unseen: list[tuple[datetime, datetime]]


class SecondLookView(_View):
    """What a closer look saw. `verdict`: asked, seen, unclear, not_seen; `score` is the middle one of `scores`."""

    verdict: str
    label: str
    score: float
    scores: list[float]
    magnify: float
    instead: str
    waited_s: float


class TravelView(_View):
    """How long the slowest of the needed units travels. `who` empty: nobody is known, a usual time is taken."""

    travel_s: float
    skill: str
    who: str
    road: bool


class ForecastView(_View):
    """When a gauge reaches its limit, seconds from `as_of`. `outcome`: open, reached, superseded, receded."""

    monitor: str
    level: float
    limit: float
    unit: str
    rise: float
    at_least_s: float
    at_most_s: float
    as_of: datetime
    travel: TravelView
    margin_s: float
    outcome: str


class VehicleView(_View):
    """The vehicle of an alert. `permit`: unknown, none, expired, not_yet, out_of_hours. `earlier`: drives before it."""

    plate: str
    lon: float
    lat: float
    speed_kmh: float | None
    permit: str
    permit_until: datetime | None
    earlier: int
    last_at: datetime | None


class AlertView(_View):
    """One condition at one site. `state`: firing, acknowledged, returned, closed. One alone has `steps` and `proofs`.

    condition: active, clearing, stale, cleared. verification: unverified, probable, confirmed, dismissed.
    """

    id: int
    site: str
    rule: str
    zone: str
    subject: str
    kind: str
    label: str
    priority: str
    state: str
    started_at: datetime
    raised_at: datetime
    committed_at: datetime | None
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_until: datetime | None
    condition: str
    occurrence: int
    active_since: datetime
    follows: int | None
    verification: str
    latched_since: datetime | None
    stale_since: datetime | None
    shelved_until: datetime | None
    shelved_by: str
    inhibited_by: str
    work_order: str
    confidence: float | None
    xyxy: list[float] | None
    value: float | None
    unit: str
    evidence: str | None
    event: int | None
    dwell: DwellTimeView | None
    second_look: SecondLookView | None
    forecast: ForecastView | None
    vehicle: VehicleView | None
    version: int


class EventView(_View):
    """What people work on."""

    id: int
    title: str
    kind: str
    site: str
    grid: str
    location: Location
    priority: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    origin: str
    description: str
    photo: str | None
    section: str
    lead: str
    co_handlers: list[str]
    cooperating: list[str]
    holders: list[str]
    recurs: int | None
    clocks: list[dict[str, Any]]
    version: int


class TaskView(_View):
    """One unit's part. `state`: draft, offered, accepted, en_route, on_scene, reported, verified, closed, cancelled,

    blocked, returned, rework. `unaccepted_since`: from when on nobody was left to ask; null once somebody has accepted.
    """

    id: int
    event: int
    alert: int | None
    title: str
    role: str
    site: str
    grid: str
    location: Location
    priority: str
    state: str
    offered_to: str | None
    also_offered: list[str]
    responder: str | None
    created_by: str
    verified_by: str | None
    report_text: str
    report_photo: str | None
    checklist: list[str]
    checked: list[int]
    needs_photo: bool
    candidates: list[dict[str, Any]]
    created_at: datetime
    accepted_at: datetime | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    reported_at: datetime | None
    verified_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    unit: str
    promised: date | None
    unaccepted_since: datetime | None
    steps: list[dict[str, Any]]
    version: int


class AlertAnswer(BaseModel):
    alert: AlertView


class TaskAnswer(BaseModel):
    task: TaskView


class AlertList(BaseModel):
    items: list[AlertView]
    next: str | None


class EventList(BaseModel):
    items: list[EventView]
    next: str | None


class TaskList(BaseModel):
    items: list[TaskView]
    next: str | None


class AnyList(BaseModel):
    """Items as docs/api.md describes them."""

    items: list[dict[str, Any]]
    next: str | None


class RefusalWords(BaseModel):
    """A sentence by its name, and what stands in it: numbers, ids, states, times as ISO 8601."""

    key: str
    values: dict[str, str | int | None]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = Field(default=None, description="urn:yiping:request: and the request's id.")
    request_id: str | None = Field(default=None, description="As in the header X-Request-ID and in the log.")
    errors: list[dict[str, Any]] | None = None
    words: RefusalWords | None = Field(default=None, description="The same for a screen to say in its own language.")


PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ALWAYS = (401, 403, 413, 422, 429, 503)


def answers(
    model: type[BaseModel] | None, *refusals: int, status: int = 200, tagged: bool = False, media: str = ""
) -> dict[int | str, dict[str, Any]]:
    """What a route can answer, for OpenAPI: `model` with `status`, and problems with these statuses.

    Every route can refuse for want of a login (401) or a right (403), for its size (413), for what is wrong in it
    (422), because too much is asked at once (429) or the store is closing (503). `tagged`: it has an ETag, and 304 is
    the answer to who has that version. `media`: it answers with text of this type instead of JSON.
    """
    described: dict[int | str, dict[str, Any]] = {
        refused: {"description": HTTPStatus(refused).phrase, "content": PROBLEM}
        for refused in sorted({*_ALWAYS, *refusals})
    }
    if media:
        described[status] = {"description": "OK", "content": {media: {"schema": {"type": "string"}}}}
    elif model is not None:
        described[status] = {"model": model}
    if tagged:
        described[304] = {"description": "Not Modified"}
    return described
