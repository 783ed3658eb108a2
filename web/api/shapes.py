"""The shapes of answers that are neither a list nor an alert, event or task, as OpenAPI describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from data.model.geo import Location
from web.api.schemas import EventView


class _Open(BaseModel):
    """More may come with a later version."""

    model_config = ConfigDict(extra="allow")


class Me(_Open):
    """Who asks, and what their role may do. `csrf` only where a browser's session asks."""

    name: str
    display_name: str
    role: str
    may: list[str]
    csrf: str | None


class Cards(_Open):
    """The cards of the asker's desk: `groups` are [card, [alerts]]."""

    desk: str
    at: datetime
    flood: dict[str, Any]
    groups: list[list[Any]]
    logged: list[int]
    elsewhere: list[int]
    last: int
    grids: dict[str, str]


class AlarmFigures(_Open):
    """Figures of a period with their limits (`limits`: name -> [good up to, bearable up to]).

    `data_since`: from when on anything is known; what is before it in the period is not quiet but unknown.
    """

    since: datetime
    until: datetime
    data_since: datetime | None
    alarms: int
    desks: list[dict[str, Any]]
    limits: dict[str, list[float]]
    stale: int
    stale_sites: int
    shelved: int


class EventAnswer(BaseModel):
    event: EventView


class NoticeAnswer(BaseModel):
    notice: dict[str, Any]


class RollCallView(_Open):
    """An order to many people to answer. `closed_at` null: it is open."""

    id: int
    title: str
    text: str
    template: str
    channels: list[str]
    ladder: bool
    answer_within_s: float
    ordered_at: datetime
    ordered_by: str
    closed_at: datetime | None
    steps: list[dict[str, Any]]
    version: int


class CalledView(_Open):
    """One person. `state`: called, reached, present, unable, missing. `reached`: by which channels, and when."""

    person: str
    name: str
    unit: str
    stands_for: str
    calls: int
    state: str
    called_at: datetime
    due: datetime
    reached: list[dict[str, Any]]
    failed: list[dict[str, Any]]
    missed_at: datetime | None
    answered_at: datetime | None
    reason: str
    told_by: str


class RollCallAnswer(BaseModel):
    roll_call: RollCallView


class CalledAnswer(BaseModel):
    called: CalledView


class RollCallWhole(BaseModel):
    roll_call: RollCallView
    people: list[CalledView]
    counts: dict[str, int]


class RollCallChoices(_Open):
    """Templates, and whom one can call."""

    templates: list[dict[str, Any]]
    channels: list[str]
    units: list[dict[str, Any]]
    roles: list[str]
    plans: list[dict[str, Any]]
    people: list[dict[str, Any]]


class InspectionView(_Open):
    """One inspection of one place. `state`: waiting, due, overdue, done, dropped. `event`: of a re-check."""

    id: int
    inspected_place: str
    name: str
    type: str
    reason: str
    state: str
    grid: str
    location: Location
    opens: datetime
    due: datetime
    overdue_at: datetime | None
    done_at: datetime | None
    done_by: str
    findings: list[dict[str, Any]]
    note: str
    photo: str | None
    distance_m: float | None
    event: int | None
    version: int


class InspectionsAnswer(BaseModel):
    inspections: list[InspectionView]


class InspectionStanding(_Open):
    """`whole`, `types`, `grids`: counts of places, of those inspected since then, due and overdue."""

    since: datetime
    days: int
    whole: dict[str, int]
    types: list[dict[str, Any]]
    grids: list[dict[str, Any]]
    overdue: list[dict[str, Any]]
    more_overdue: int
    hazards: dict[str, int]
    repeats: list[dict[str, Any]]


class InspectionRoute(_Open):
    """Stops in the order of the way. `left_out`: places that are due, too, but too many for one day."""

    person: str
    name: str
    left_out: int
    stops: list[dict[str, Any]]
    travel_s: float
    distance_m: float
    map: dict[str, Any] | None


class HandoverView(_Open):
    """A shift handover. `state`: draft, signed, taken, dropped. `digest`: SHA-256 of what both have signed."""

    id: int
    state: str
    since: datetime
    change: datetime | None
    begun_at: datetime
    begun_by: str
    outgoing: dict[str, Any] | None
    incoming: dict[str, Any] | None
    notes: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    digest: str
    version: int


class HandoverAnswer(BaseModel):
    handover: HandoverView


class HandoverWhole(_Open):
    """With its open items by group. `fresh`: what has come since the first signature, until it is taken."""

    handover: HandoverView
    items: dict[str, Any] | None
    fresh: dict[str, list[dict[str, Any]]] | None
    intact: bool
    sha256: str


class HandoverStanding(_Open):
    """`overdue`: the change of shift whose handover lacks a signature, and which."""

    at: datetime
    open: HandoverView | None
    overdue: dict[str, Any] | None
    next_change: datetime | None
    on_duty: list[dict[str, Any]]
    next: list[dict[str, Any]]


class UnitAnswer(BaseModel):
    unit: dict[str, Any]


class ShiftAnswer(BaseModel):
    shift: dict[str, Any]


class CategoryAnswer(BaseModel):
    category: dict[str, Any]


class RemovedUnit(BaseModel):
    removed: str


class RemovedShift(BaseModel):
    removed: int


class RunAnswer(_Open):
    """A run of a plan; `mode` where a mode was ordered."""

    run: dict[str, Any]


class ApplicationsAnswer(_Open):
    """Every application; its counts are those since `since`."""

    items: list[dict[str, Any]]
    since: datetime
    editable: bool
    available: list[dict[str, Any]]


class CaseSources(_Open):
    """The mappings of cases from other systems; their counts are those since `since`."""

    items: list[dict[str, Any]]
    since: datetime


class CaseTaken(_Open):
    """The event of a case. `missing`: the settings of the mapping whose paths found nothing."""

    event: int
    new: bool
    missing: list[str]


class CaseTried(_Open):
    """What a mapping finds in a sample. Of personal values only how many characters they have."""

    title: str
    reference: str
    description: str
    priority: str | None
    place_found: bool
    personal: list[dict[str, Any]]
    missing: list[str]


class PersonalDataAnswer(_Open):
    """Personal data as far as the asker may see them."""

    values: list[dict[str, str]]


class PlanAnswer(_Open):
    """A plan with its newest runs."""

    id: str
    runs: list[dict[str, Any]]


class ResponderView(_Open):
    """Somebody who can be sent, without the telephone number."""

    id: str
    name: str
    team: str
    grid: str
    skills: list[str]
    travel: str
    on_shift: bool
    busy: bool | None
    position: Location | None
    position_at: datetime | None


class PositionKept(_Open):
    """Was the position taken for the newest? `doubt`: why it is not believed."""

    kept: bool


class SiteView(_Open):
    """A place that is watched, its health and its latest readings."""

    id: str
    name: str
    location: Location
    grid: str
    camera: bool
    health: str
    zones: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    readings: list[dict[str, Any]]


class Setup(_Open):
    """What is configured."""

    inference: dict[str, Any]
    sites: list[dict[str, Any]]


class Load(_Open):
    """What each camera costs and gets."""

    processes: list[dict[str, Any]]
    cameras: list[dict[str, Any]]


class ViewLearned(BaseModel):
    site: str
    at: datetime


class Accepted(BaseModel):
    accepted: int


class AlertsTaken(_Open):
    """How many alerts were raised and ended; `rejected`: why others were not."""

    raised: int
    ended: int
    rejected: list[str]


class WarningTaken(BaseModel):
    """`known`: every message had come before, and changes nothing. `warnings`: those that are new."""

    known: bool
    warning: dict[str, Any] | None
    warnings: list[dict[str, Any]]


class WarningWhole(BaseModel):
    warning: dict[str, Any]
    areas: list[dict[str, Any]]


class WarningList(BaseModel):
    items: list[dict[str, Any]]
    next: int | None


class PushState(BaseModel):
    public_key: str | None
    browsers: int


class PushCount(BaseModel):
    browsers: int


class Imported(_Open):
    """What came of a file of units."""


class OwnAccount(_Open):
    """Who asks, with their sessions and tokens."""

    name: str
    display_name: str
    role: str
    has_password: bool
    must_enrol: bool
    second_factor: dict[str, Any]
    sessions: list[dict[str, Any]]


class Ended(_Open):
    """How many sessions and tokens ended; `name` of whose, where somebody else's were."""

    ended: int


class Named(_Open):
    name: str


class CodeIssued(_Open):
    """A one-time code, shown this once; null for machines, which have no password."""

    name: str
    code: str | None


class ScreenAllowed(_Open):
    """A one-time code that makes a browser a wall's screen, shown this once."""

    name: str
    code: str
    expires_at: str


class HandLent(_Open):
    """What makes the next step at this screen the officer's own."""

    grant: str
    name: str
    display_name: str
    expires_at: str


class TokenIssued(_Open):
    """A bearer token, shown this once."""

    name: str
    token: str
    id: str
    expires_at: datetime | None


class DrillState(_Open):
    """`running`: the drill that this server shows, its scores and alerts; null in the city's own server.

    `waits`: it has not begun yet. `earlier`: the scores of the drills of this installation.
    """

    running: dict[str, Any] | None
    waits: bool
    earlier: list[dict[str, Any]]
    at: datetime
