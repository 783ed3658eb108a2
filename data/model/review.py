"""After-action review 复盘: what is reported about an event, an alert, a run of a plan or a span of time.

A review is a subject; until somebody saves it, its contents are written by the system each time it is read. Versions
and comments are only ever added. Signing names one version, with the SHA-256 of its document, and ends the editing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from data.model.alert import Priority
from data.model.views import iso

LONGEST_TEXT, MOST_MEASURES, LONGEST_SPAN_DAYS = 20_000, 30, 31


class ReviewTopic(StrEnum):
    """What a review is about."""

    EVENT = "event"
    ALERT = "alert"
    PLAN_RUN = "plan_run"
    SPAN = "span"


class ReviewPart(StrEnum):
    """The parts of a report that people write, in their order."""

    SUMMARY = "summary"  # 概要
    SENSING = "sensing"  # 感知预警
    HANDLING = "handling"  # 决策处置
    EVALUATION = "evaluation"  # 监督评价
    IMPROVEMENT = "improvement"  # 复盘改进


class ReviewState(StrEnum):
    """Derived: nothing saved, saved, signed."""

    DRAFT = "draft"
    EDITED = "edited"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Review:
    """One review. There is one for each topic and number; a span has no number.

    `since`, `until`: of a span. `newest`: number of the newest version, 0 without one. `signed`: number of the version
    that was signed, and `sha256` of its document. `event_id`: the event whose tasks carry out its measures. `label`,
    `rule`: of the alert that it is about, which has no title; empty for everything else, and not stored with it.
    """

    topic: ReviewTopic
    number: int | None
    title: str
    kind: str
    site: str
    priority: Priority | None
    made_at: datetime
    made_by: str
    since: datetime | None = None
    until: datetime | None = None
    newest: int = 0
    signed: int | None = None
    signed_at: datetime | None = None
    signed_by: str | None = None
    sha256: str | None = None
    event_id: int | None = None
    id: int = 0
    version: int = 0
    label: str = ""
    rule: str = ""

    @property
    def state(self) -> ReviewState:
        if self.signed is not None:
            return ReviewState.SIGNED
        return ReviewState.EDITED if self.newest else ReviewState.DRAFT

    @property
    def subject(self) -> str:
        """`event:12`; of a span only `span`."""
        return self.topic.value if self.number is None else f"{self.topic.value}:{self.number}"


@dataclass(frozen=True, slots=True)
class ReviewVersion:
    """`document`: JSON text with `facts`, `texts` and `measures`; `sha256`: of its UTF-8 bytes, in hex."""

    review_id: int
    number: int
    at: datetime
    who: str
    role: str
    note: str
    document: str
    sha256: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """A remark on one part of a review, or on the whole (`part` empty)."""

    review_id: int
    at: datetime
    who: str
    role: str
    part: str
    text: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """What is to be done, by whom and until when, so that it does not happen again. `owner`: who, if no unit."""

    text: str
    due: date
    unit: str = ""
    owner: str = ""


def review_view(review: Review) -> dict[str, Any]:
    """A review without its contents."""
    return {
        "id": review.id,
        "topic": review.topic.value,
        "subject": review.subject,
        "title": review.title,
        "kind": review.kind,
        "label": review.label,
        "rule": review.rule,
        "site": review.site,
        "priority": None if review.priority is None else review.priority.value,
        "state": review.state.value,
        "since": iso(review.since),
        "until": iso(review.until),
        "made_at": iso(review.made_at),
        "made_by": review.made_by,
        "newest": review.newest,
        "signed": review.signed,
        "signed_at": iso(review.signed_at),
        "signed_by": review.signed_by,
        "sha256": review.sha256,
        "event": review.event_id,
        "version": review.version,
    }


def review_version_view(version: ReviewVersion) -> Mapping[str, Any]:
    """A version without its document."""
    return {
        "number": version.number,
        "at": iso(version.at),
        "who": version.who,
        "role": version.role,
        "note": version.note,
        "sha256": version.sha256,
    }


def review_comment_view(comment: ReviewComment) -> Mapping[str, Any]:
    return {
        "id": comment.id,
        "at": iso(comment.at),
        "who": comment.who,
        "role": comment.role,
        "part": comment.part,
        "text": comment.text,
    }
