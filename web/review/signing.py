"""Signing a report: one version is frozen, its hash goes into the audit trail, its measures become tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from data.config.settings import Settings
from data.errors import StaleVersion
from data.model.geo import Location
from data.model.people import Action, Actor
from data.model.record import AuditEntry
from data.model.review import Measure, Review, ReviewTopic
from data.ports.store import Writer
from dispatch.improvement import Ground, measures_out, reviewed
from dispatch.routing import Roads
from layouts.words import Words
from web.review.teller import teller_of


def sign(
    writer: Writer,
    review_id: int,
    number: int,
    actor: Actor,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
) -> Review:
    """Raises Forbidden, NotFound, IllegalMove (signed already), StaleVersion (not the newest version)."""
    actor.require(Action.SIGN_REVIEW)
    review = writer.review(review_id)
    version = writer.review_version(review_id, number)
    if version is None:
        raise StaleVersion(
            f"review {review_id} has no version {number}", key="review.stale", base=number, version=review.newest
        )
    document: Mapping[str, Any] = json.loads(version.document)
    measures = [
        Measure(one["text"], date.fromisoformat(one["due"]), one["unit"], one["owner"]) for one in document["measures"]
    ]
    ground = _ground(review, document["facts"], settings)
    event = None
    # What cannot be signed is refused by the store, a line below; until then nothing is made of its measures.
    if review.signed is None and number == review.newest:
        event = measures_out(writer, measures, ground, actor, now, roads=roads, settings=settings)
    signed = writer.sign_review(review_id, number, actor.name, now, None if event is None else event.id)
    role = "" if actor.role is None else actor.role.value
    detail = {"version": number, "sha256": version.sha256, "subject": review.subject}
    if event is not None:
        detail["measures"] = f"event:{event.id}"
    writer.record(AuditEntry(now, actor.name, role, "sign_review", f"review:{review_id}", detail))
    if review.topic is ReviewTopic.EVENT and review.number is not None:
        reviewed(writer, review.number, actor, now, ground.description)
    return signed


def _ground(review: Review, facts: Mapping[str, Any], settings: Settings) -> Ground:
    words, what = Words(settings.language), facts["what"]
    place = Location(**what["location"]) if what.get("location") else _place(review, settings)
    return Ground(
        title=words("aar.measure.title", title=teller_of(facts, words).title(facts)),
        description=words("aar.measure.from", n=review.id),
        site=review.site,
        location=place,
        grid=str(what.get("grid") or ""),
    )


def _place(review: Review, settings: Settings) -> Location:
    """Of the site, or of the first one: a task has to lie somewhere."""
    sites = [site for site in settings.sites if site.id == review.site] or list(settings.sites)
    return sites[0].location if sites else Location(lon=0, lat=0)
