"""After-action reports: drafted by the system, edited and commented by people, signed by who may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from data.errors import InputRejected, NotFound
from data.model.people import Action, Actor
from data.model.record import AuditEntry
from data.model.review import (
    LONGEST_SPAN_DAYS,
    LONGEST_TEXT,
    MOST_MEASURES,
    Measure,
    Review,
    ReviewComment,
    ReviewPart,
    ReviewTopic,
    ReviewVersion,
    review_comment_view,
    review_view,
)
from data.ports.store import Reader, Writer
from dispatch.review_drafts import drafted
from layouts.words import LANGUAGE_COOKIE, Language, Words, language_of
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import BodyId, RowId, SafeDate, SafeMoment
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.event_export import Asker
from web.review.document import Loaded, load, written
from web.review.facts import gather
from web.review.files import csv_of, geojson_of, html_of, pictures_of, with_foot
from web.review.pdf import pdf_of
from web.review.signing import sign
from web.site_scope import scope_of

_HEAVY = frozenset({ReviewTopic.PLAN_RUN, ReviewTopic.SPAN})
Lang = Annotated[
    Literal["zh", "en"] | SkipJsonSchema[None],
    Query(description="Language of the report; the visitor's when left out."),
]
Marked = Annotated[bool, Query(description="Draw across the pictures who exported them, and when.")]
Number = Annotated[
    Annotated[int, Field(ge=0, le=2**31)] | SkipJsonSchema[None],
    Query(description="Version; 0 is a new draft. The newest when left out."),
]
Subject = Annotated[
    str | SkipJsonSchema[None],
    Query(pattern=r"^(event|alert|plan_run):[1-9][0-9]{0,14}$", description="Only the review of this, as `event:12`."),
]


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text has no NUL in it")
    return text


Text = Annotated[str, AfterValidator(_plain)]


class ReviewView(BaseModel):
    """`state`: draft, edited, signed. `event`: the event whose tasks carry out the measures. `label`, `rule`: of the
    alert, which has no title."""

    id: int
    topic: str
    subject: str
    title: str
    kind: str
    label: str = ""
    rule: str = ""
    site: str
    priority: str | None
    state: str
    since: str | None
    until: str | None
    made_at: str
    made_by: str
    newest: int
    signed: int | None
    signed_at: str | None
    signed_by: str | None
    signed_by_name: str = ""
    sha256: str | None
    event: int | None
    version: int


class ReviewList(BaseModel):
    items: list[ReviewView]
    next: str | None


class ReviewAnswer(BaseModel):
    review: ReviewView


class WholeReview(BaseModel):
    """`report`: the outline in one language, as docs/api.md describes it. `may`: comment, edit, sign."""

    review: ReviewView
    number: int
    versions: list[dict[str, Any]]
    comments: list[dict[str, Any]]
    texts: dict[str, str]
    measures: list[dict[str, Any]]
    report: dict[str, Any]
    may: list[str]


class CommentAnswer(BaseModel):
    comment: dict[str, Any]


class ReviewBody(BaseModel):
    """What is to be reviewed: an event, an alert or a run of a plan by its number, or a span of at most 31 days."""

    model_config = ConfigDict(extra="forbid")

    topic: ReviewTopic
    number: BodyId | None = None
    since: SafeMoment | None = None
    until: SafeMoment | None = None
    title: Annotated[Text, Field(max_length=200)] = ""


class MeasureBody(BaseModel):
    """One measure with its date, and its owner: a unit, or a name."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text, Field(min_length=1, max_length=500)]
    due: SafeDate
    unit: Annotated[Text, Field(max_length=100)] = ""
    owner: Annotated[Text, Field(max_length=100)] = ""


class VersionBody(BaseModel):
    """What people write. `base`: the version it was written on, 0 for the draft. A part left out stays the system's."""

    model_config = ConfigDict(extra="forbid")

    base: Annotated[int, Field(ge=0, le=2**31)]
    texts: dict[ReviewPart, Annotated[Text, Field(max_length=LONGEST_TEXT)]] = Field(default_factory=dict)
    measures: Annotated[list[MeasureBody], Field(max_length=MOST_MEASURES)] = Field(default_factory=list)
    note: Annotated[Text, Field(max_length=500)] = ""


class CommentBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text, Field(min_length=1, max_length=4000)]
    part: Literal["", "summary", "sensing", "handling", "evaluation", "improvement"] = ""


class SignBody(BaseModel):
    """The version that is signed; it must be the newest."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31)]


def review_router(deps: ServerDeps) -> APIRouter:
    """`/review-reports...`"""
    router = api_router("review")
    _add_reading(router, deps)
    _add_writing(router, deps)
    _add_remarks(router, deps)
    _add_files(router, deps)
    return router


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/review-reports", response_model=None, responses=answers(ReviewList, 403, 422))
    async def list_reports(
        request: Request, *, subject: Subject = None, limit: Limit = 100, cursor: Cursor = None
    ) -> dict[str, Any]:
        """Newest first. The system drafts one for each event of P1 or P2, and for each run of a plan, when it ends."""
        visitor, start = visitor_of(request), before_id(cursor)
        visitor.actor.require(Action.REVIEW)
        hidden = deps.settings.hidden_from(visitor.user.role)

        def look(reader: Reader) -> list[Review]:
            if subject is None:
                return list(reader.reviews(before_id=start, limit=limit + 1, hidden=hidden))
            topic, _, number = subject.partition(":")
            found = reader.review_about(ReviewTopic(topic), int(number))
            return [] if found is None or found.site in hidden else [found]

        return page(await deps.read_list(look), limit, review_view)

    @router.get("/review-reports/{review_id}", response_model=None, responses=answers(WholeReview, 403, 404, 422))
    async def one_report(
        request: Request, review_id: RowId, *, version: Number = None, language: Lang = None
    ) -> dict[str, Any]:
        """The report with its versions and comments. Until somebody saves it, it is written anew at each look."""
        visitor_of(request).actor.require(Action.REVIEW)
        words, loaded = await _load(deps, request, review_id, version, language)
        return loaded.view(words, visitor_of(request).actor)


def _add_writing(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/review-reports", response_model=None, responses=answers(ReviewAnswer, 403, 404, 422))
    async def make(request: Request, body: ReviewBody) -> Response:
        """A review of something of which the system drafts none by itself; the one that there is, if there is one."""
        actor, now = visitor_of(request).actor, deps.now()
        actor.require(Action.REVIEW_EVENT)
        _check_subject(body)
        hidden = _hidden(deps, request)

        def work(writer: Writer) -> Mapping[str, Any]:
            if body.topic is not ReviewTopic.SPAN:
                review = drafted(writer, body.topic, body.number or 0, actor, now, deps.settings)
                _visible(review, hidden)
                return {"review": review_view(review)}
            span = Review(
                ReviewTopic.SPAN,
                None,
                body.title.strip(),
                "",
                "",
                None,
                now,
                actor.name,
                since=body.since,
                until=body.until,
            )
            added = writer.add_review(span)
            assert added is not None  # spans have no number by which there could be one already
            writer.record(_entry(added, "draft_review", actor, deps, {"topic": "span"}))
            return {"review": review_view(added)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post(
        "/review-reports/{review_id}/versions", response_model=None, responses=answers(ReviewAnswer, 403, 404, 409, 422)
    )
    async def save(request: Request, review_id: RowId, body: VersionBody) -> Response:
        """Save what people wrote as a new version, with the facts as they are now."""
        actor, now = visitor_of(request).actor, deps.now()
        actor.require(Action.REVIEW_EVENT)
        measures = [Measure(one.text, one.due, one.unit, one.owner) for one in body.measures]
        _check_measures(body.measures)
        review = await deps.read(lambda reader: reader.review(review_id))
        _visible(review, _hidden(deps, request))
        read = deps.read_heavy if review.topic in _HEAVY else deps.read_list
        facts = await read(lambda reader: gather(reader, review, deps.settings, now))
        texts = {part.value: text for part, text in body.texts.items() if text.strip()}
        document, sha256 = written(facts, texts, measures)

        def work(writer: Writer) -> Mapping[str, Any]:
            for unit in {one.unit for one in measures if one.unit}:
                writer.unit(unit)
            role = "" if actor.role is None else actor.role.value
            version = ReviewVersion(
                review_id, body.base + 1, now, actor.name, role, body.note.strip(), document, sha256
            )
            writer.add_review_version(version)
            saved = writer.review(review_id)
            writer.record(_entry(saved, "save_review", actor, deps, {"version": version.number, "sha256": sha256}))
            return {"review": review_view(saved)}

        return await once(deps, request, body.model_dump(mode="json"), work)


def _add_remarks(router: APIRouter, deps: ServerDeps) -> None:
    @router.post(
        "/review-reports/{review_id}/comments", response_model=None, responses=answers(CommentAnswer, 403, 404, 422)
    )
    async def comment(request: Request, review_id: RowId, body: CommentBody) -> Response:
        """A remark on a part, or on the whole; also after it was signed."""
        actor, now = visitor_of(request).actor, deps.now()
        actor.require(Action.REVIEW)
        if not body.text.strip():
            raise InputRejected("a comment needs a text", key="review.empty")
        hidden = _hidden(deps, request)

        def work(writer: Writer) -> Mapping[str, Any]:
            review = writer.review(review_id)
            _visible(review, hidden)
            role = "" if actor.role is None else actor.role.value
            said = ReviewComment(review_id, now, actor.name, role, body.part, body.text.strip())
            added = writer.add_review_comment(said)
            writer.record(_entry(review, "comment_review", actor, deps, {"comment": added.id, "part": body.part}))
            return {"comment": dict(review_comment_view(added))}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post(
        "/review-reports/{review_id}/sign", response_model=None, responses=answers(ReviewAnswer, 403, 404, 409, 422)
    )
    async def sign_one(request: Request, review_id: RowId, body: SignBody) -> Response:
        """Freeze the newest version: its SHA-256 goes into the audit trail, its measures go out as tasks."""
        actor = visitor_of(request).actor
        actor.require(Action.SIGN_REVIEW)
        hidden = _hidden(deps, request)

        def work(writer: Writer) -> Mapping[str, Any]:
            _visible(writer.review(review_id), hidden)
            signed = sign(writer, review_id, body.version, actor, deps.now(), roads=deps.roads, settings=deps.settings)
            return {"review": review_view(signed)}

        return await once(deps, request, body.model_dump(mode="json"), work)


def _add_files(router: APIRouter, deps: ServerDeps) -> None:
    def described(media: str) -> dict[int | str, dict[str, Any]]:
        return answers(None, 403, 404, 422, media=media)

    async def sent(  # noqa: PLR0917 - what the four forms have in common
        request: Request,
        review_id: int,
        version: int | None,
        language: Language | None,
        form: str,
        media: str,
        make: Callable[[Loaded, Words], bytes],
        detail: Mapping[str, Any] | None = None,
    ) -> Response:
        visitor = visitor_of(request)
        visitor.actor.require(Action.REVIEW)
        async with deps.exports.turn(visitor.actor.name):
            words, loaded = await _load(deps, request, review_id, version, language)
            content = await deps.lanes.heavy.run(make, loaded, words)
        told = {"form": form, "version": loaded.number, "language": words.language, **(detail or {})}
        entry = _entry(loaded.review, "export_review", visitor.actor, deps, told | {"size": len(content)})
        await deps.commit(lambda writer: writer.record(entry))
        name = f"yiping-report-{review_id}-v{loaded.number}-{words.language}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(content, media_type=media, headers=headers)

    def told(loaded: Loaded, words: Words, who: str) -> dict[str, Any]:
        return with_foot(loaded.outline(words), loaded, words, who, deps.now())

    def mark_of(who: str, words: Words) -> str:
        return words("aar.made", who=who, at=f"{deps.now().astimezone(deps.settings.zone_info):%Y-%m-%d %H:%M:%S}")

    def as_html(who: str, marked: bool, loaded: Loaded, words: Words) -> bytes:
        mark = mark_of(who, words) if marked else ""
        pictures = deps.store.read(lambda reader: pictures_of(loaded, reader, deps.vault, mark))
        return html_of(told(loaded, words, who), pictures)

    @router.get(
        "/review-reports/{review_id}/report.html",
        response_model=None,
        responses=described("text/html"),
        response_class=Response,
    )
    async def html(
        request: Request, review_id: RowId, *, version: Number = None, language: Lang = None, watermark: Marked = False
    ) -> Response:
        """The report as one HTML file with its pictures in it. That it was exported stands in the audit trail."""
        who = _who(request)
        return await sent(
            request,
            review_id,
            version,
            language,
            "html",
            "text/html; charset=utf-8",
            partial(as_html, who, watermark),
            {"watermark": watermark},
        )

    def as_pdf(who: str, marked: bool, loaded: Loaded, words: Words) -> bytes:
        mark = mark_of(who, words) if marked else ""
        pictures = deps.store.read(lambda reader: pictures_of(loaded, reader, deps.vault, mark))
        return pdf_of(told(loaded, words, who), pictures, deps.now())

    @router.get(
        "/review-reports/{review_id}/report.pdf",
        response_model=None,
        responses=described("application/pdf"),
        response_class=Response,
    )
    async def pdf(
        request: Request, review_id: RowId, *, version: Number = None, language: Lang = None, watermark: Marked = False
    ) -> Response:
        """The report as PDF/A with its pictures."""
        who = _who(request)
        return await sent(
            request,
            review_id,
            version,
            language,
            "pdf",
            "application/pdf",
            partial(as_pdf, who, watermark),
            {"watermark": watermark},
        )

    @router.get(
        "/review-reports/{review_id}/report.csv",
        response_model=None,
        responses=described("text/csv"),
        response_class=Response,
    )
    async def table(
        request: Request,
        review_id: RowId,
        *,
        name: Annotated[
            Literal[
                "timeline", "checks", "alerts", "tasks", "offers", "notices", "blind", "recurrences", "events",
                "measures", "comments", "evidence", "audit", "readings", "people", "funnel", "overview",
            ],
            Query(alias="table", description="Which of its tables."),
        ] = "timeline",
        version: Number = None,
        language: Lang = None,
    ) -> Response:  # fmt: skip
        """One table of the report, with the names of people and places."""

        def make(loaded: Loaded, words: Words) -> bytes:
            return csv_of(loaded.outline(words, written_out=True), name).encode()

        return await sent(
            request, review_id, version, language, "csv", "text/csv; charset=utf-8", make, {"table": name}
        )

    @router.get(
        "/review-reports/{review_id}/report.geojson",
        response_model=None,
        responses=described("application/geo+json"),
        response_class=Response,
    )
    async def places(request: Request, review_id: RowId, *, version: Number = None) -> Response:
        """Its events and the sites of its alerts as points."""

        def make(loaded: Loaded, _words: Words) -> bytes:
            return geojson_of(loaded, deps.settings).encode()

        return await sent(request, review_id, version, None, "geojson", "application/geo+json", make)


async def _load(
    deps: ServerDeps, request: Request, review_id: int, version: int | None, language: Language | None
) -> tuple[Words, Loaded]:
    visitor, now = visitor_of(request), deps.now()
    asker = Asker(visitor.actor, visitor.user, scope_of(deps, request))
    chosen = language or language_of(request.cookies.get(LANGUAGE_COOKIE), deps.settings.language)
    review = await deps.read(lambda reader: reader.review(review_id))
    heavy = review.topic in _HEAVY and not (review.newest if version is None else version)
    read = deps.read_heavy if heavy else deps.read_list
    return Words(chosen), await read(lambda reader: load(reader, review_id, version, deps.settings, asker, now))


def _hidden(deps: ServerDeps, request: Request) -> frozenset[str]:
    return deps.settings.hidden_from(visitor_of(request).user.role)


def _visible(review: Review, hidden: frozenset[str]) -> None:
    """Raises NotFound for a review of a hidden site; the unit of work that has made it is undone."""
    if review.site in hidden:
        raise NotFound(f"no review {review.id}")


def _who(request: Request) -> str:
    user = visitor_of(request).user
    return user.display_name or user.name


def _check_subject(body: ReviewBody) -> None:
    """Raises InputRejected."""
    if body.topic is not ReviewTopic.SPAN:
        if body.number is None:
            raise InputRejected("say which by its number", key="review.number")
        return
    if (
        body.since is None
        or body.until is None
        or not (timedelta(0) < body.until - body.since <= timedelta(days=LONGEST_SPAN_DAYS))
    ):
        raise InputRejected(
            f"a span of at most {LONGEST_SPAN_DAYS} days is needed", key="review.span", n=LONGEST_SPAN_DAYS
        )


def _check_measures(measures: list[MeasureBody]) -> None:
    """Raises InputRejected for one without an owner."""
    for number, one in enumerate(measures, start=1):
        if not one.unit.strip() and not one.owner.strip():
            raise InputRejected(f"measure {number} has no owner", key="review.owner", n=number)


def _entry(review: Review, action: str, actor: Actor, deps: ServerDeps, detail: Mapping[str, Any]) -> AuditEntry:
    role = "" if actor.role is None else actor.role.value
    about = {} if review.number is None else {"subject": review.subject}
    return AuditEntry(deps.now(), actor.name, role, action, f"review:{review.id}", about | dict(detail))
