"""The category table: for each kind of event its filing and closing conditions, limits, section and lead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from data.model.alert import Priority
from data.model.case import TimeKind
from data.model.durations import Duration


class FilingCondition(StrEnum):
    """What an event of this kind must have before it is filed (立案条件)."""

    DESCRIBED = "described"
    PHOTO = "photo"
    IN_A_GRID = "in_a_grid"
    REPORTER_KNOWN = "reporter_known"


class ClosingCondition(StrEnum):
    """What must be true before an event of this kind is closed (结案条件), besides the conditions of every event."""

    REPORT_PHOTO = "report_photo"  # every carried-out task shows its result
    CALLED_BACK = "called_back"  # the reporter was called back
    RESOLUTION = "resolution"  # responsibility is split in writing
    OUTCOME = "outcome"  # a lasting measure is recorded


class Escalation(BaseModel):
    """The posts to tell at a share of the limit: posts of the chain from the responder to the district."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percent: Annotated[StrictInt, Field(ge=1, le=1000, description="Share of the limit, in percent.")]
    to: Annotated[
        tuple[str, ...],
        Field(description="responder, grid_leader, section_head, duty_officer, commander or district."),
    ]


LADDER = (
    Escalation(percent=50, to=("responder",)),
    Escalation(percent=80, to=("responder", "grid_leader")),
    Escalation(percent=100, to=("section_head", "duty_officer")),
    Escalation(percent=150, to=("commander", "district")),
)


class Category(BaseModel):
    """One kind of event. Limits run in working time unless `time` says calendar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="Short name, also the Open311 code.")]
    zh: Annotated[str, Field(min_length=1, description="Name in Chinese.")]
    en: Annotated[str, Field(min_length=1, description="Name in English.")]
    group: Annotated[str, Field(description="Where it stands in lists.")] = ""
    priority: Annotated[Priority, Field(description="Until a human says otherwise.")] = Priority.P4
    section: Annotated[str, Field(description="Section that judges it.")] = ""
    lead: Annotated[str, Field(description="Unit that leads by default.")] = ""
    co_handlers: Annotated[tuple[str, ...], Field(description="Units that handle it too.")] = ()
    cooperating: Annotated[tuple[str, ...], Field(description="Units that cooperate.")] = ()
    intake_limit: Annotated[Duration | None, Field(description="From reception until it is filed or refused.")] = None
    limit: Annotated[Duration, Field(description="From dispatch until it is to be checked.")] = timedelta(days=3)
    time: Annotated[TimeKind, Field(description="working: working hours only; calendar: day and night.")] = (
        TimeKind.WORKING
    )
    file_when: Annotated[tuple[FilingCondition, ...], Field(description="Filing conditions.")] = (
        FilingCondition.DESCRIBED,
    )
    close_when: Annotated[tuple[ClosingCondition, ...], Field(description="Closing conditions.")] = ()
    escalations: Annotated[tuple[Escalation, ...], Field(description="Who is told when.")] = LADDER
    public: Annotated[StrictBool, Field(description="May a citizen report it (Open311 service)?")] = False
    normative: Annotated[
        StrictBool, Field(description="False: an example, to be replaced by the city's own table.")
    ] = False


class CategoryVersion(BaseModel):
    """A category as stored."""

    model_config = ConfigDict(frozen=True)

    category: Category
    version: int


def category_of(table: Mapping[str, Category], kind: str) -> Category:
    """The category of this kind; a default one for a kind that is not in the table."""
    return table.get(kind) or Category(kind=_safe(kind), zh=kind or "其他", en=kind or "other")


def _safe(kind: str) -> str:
    kept = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "-" for sign in kind.lower())
    return kept.strip("-_.") or "other"
