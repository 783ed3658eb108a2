"""A report as one asker may read it: the facts and texts of a version, or of the draft that the system writes.

A version's document is JSON text `{"format", "facts", "texts", "measures"}`. Its facts are whole, whoever saved it;
what a role may not know is taken out each time it is read, so the signed bytes stay what they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.errors import NotFound
from data.model.people import Action, Actor, may
from data.model.review import (
    Measure,
    Review,
    ReviewVersion,
    review_comment_view,
    review_version_view,
    review_view,
)
from data.model.task import Task
from data.model.views import iso
from data.ports.store import Reader, TaskQuery
from layouts.words import Words
from web.event_export import Asker
from web.review.facts import gather
from web.review.outline import outline
from web.review.subject import Names
from web.review.teller import teller_of
from web.role_views import notice_seen, sees_whole_tasks
from web.site_scope import GONE, SiteScope

_OF_OFFERS = frozenset({"offer", "decline", "expire", "ask_again", "send", "call"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A review with everything that belongs to it, narrowed to what the asker may know. `number` 0: the draft."""

    review: Review
    number: int
    facts: Mapping[str, Any]
    texts: Mapping[str, str]
    measures: Sequence[Mapping[str, Any]]
    versions: Sequence[ReviewVersion]
    comments: Sequence[Mapping[str, Any]]
    signed_by_name: str
    unwatched: frozenset[str]

    @property
    def is_signed(self) -> bool:
        """Is what is shown the version that was signed?"""
        return self.review.signed is not None and self.number == self.review.signed

    def outline(self, words: Words, *, written_out: bool = False) -> dict[str, Any]:
        """`written_out`: every time in a table has its date."""
        told = outline(
            self.facts,
            words,
            texts=self.texts,
            measures=self.measures,
            comments=self.comments,
            written_out=written_out,
        )
        signed = review_view(self.review)
        state = "signed" if self.is_signed else "edited" if self.number else "draft"
        tell = teller_of(self.facts, words)
        signature = []
        if self.is_signed:
            signature.append(words("aar.signed_by", who=self.signed_by_name, at=tell.at(signed["signed_at"])))
            signature.append(words("aar.signed_hash", hash=self.review.sha256))
        return told | {
            "state": state,
            "version": self.number,
            "state_text": words(f"aar.state.{state}")
            if not self.number
            else words(f"aar.state.{state}", n=self.number),
            "signature": signature,
        }

    def view(self, words: Words, actor: Actor) -> dict[str, Any]:
        """As REST tells it."""
        return {
            "review": review_view(self.review) | {"signed_by_name": self.signed_by_name},
            "number": self.number,
            "versions": [review_version_view(one) for one in self.versions],
            "comments": list(self.comments),
            "texts": dict(self.texts),
            "measures": list(self.measures),
            "report": self.outline(words),
            "may": [name for name, action in _MAY.items() if actor.role is None or may(actor.role, action)],
        }


_MAY = {"comment": Action.REVIEW, "edit": Action.REVIEW_EVENT, "sign": Action.SIGN_REVIEW}


def load(  # noqa: PLR0917 - which version, and for whom
    reader: Reader, review_id: int, number: int | None, settings: Settings, asker: Asker, now: datetime
) -> Loaded:
    """Version `number`; None: the one that was signed, or the newest, or the draft. Raises NotFound."""
    review = reader.review(review_id)
    if review.site in asker.hidden(settings):
        raise NotFound(f"no review {review_id}")
    wanted = review.newest if number is None else number
    document = _document(reader, review, wanted, settings, now)
    facts = asker.seen(reader, document["facts"])
    if facts is GONE:
        raise NotFound(f"no review {review_id}")
    names = Names(reader, settings)
    comments = [
        dict(review_comment_view(one)) | {"who_name": names.person(one.who)}
        for one in reader.review_comments(review_id)
    ]
    scope = asker.scope
    measures = _measures(reader, review, document["measures"] if wanted else [], names, now, settings)
    return Loaded(
        review=review,
        number=wanted,
        facts=_narrowed(facts, asker.actor, scope),
        texts={part: text for part, text in document["texts"].items() if not _tells_hidden(text, scope)},
        measures=[one for one in measures if not _tells_hidden(one["text"], scope)],
        versions=reader.review_versions(review_id),
        comments=[one for one in comments if not _tells_hidden(one["text"], scope)],
        signed_by_name=names.person(review.signed_by),
        unwatched=asker.unwatched(settings),
    )


def _document(reader: Reader, review: Review, number: int, settings: Settings, now: datetime) -> Mapping[str, Any]:
    if number == 0:
        return {"facts": gather(reader, review, settings, now), "texts": {}, "measures": []}
    version = reader.review_version(review.id, number)
    if version is None:
        raise NotFound(f"review {review.id} has no version {number}")
    found: Mapping[str, Any] = json.loads(version.document)
    return found


def written(facts: Mapping[str, Any], texts: Mapping[str, str], measures: Sequence[Measure]) -> tuple[str, str]:
    """The document of a version, and the SHA-256 of its UTF-8 bytes."""
    planned = [{"text": one.text, "due": one.due.isoformat(), "unit": one.unit, "owner": one.owner} for one in measures]
    document = {"format": 1, "facts": facts, "texts": dict(texts), "measures": planned}
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text, hashlib.sha256(text.encode()).hexdigest()


def _tells_hidden(text: str, scope: SiteScope | None) -> bool:
    return scope is not None and scope.mentions(text)


def _measures(  # noqa: PLR0917 - what they are told with
    reader: Reader,
    review: Review,
    planned: Sequence[Mapping[str, Any]],
    names: Names,
    now: datetime,
    settings: Settings,
) -> list[dict[str, Any]]:
    """With the names of their owners and, once they are tasks, with how these stand."""
    tasks: list[Task] = []
    if review.event_id is not None:
        tasks = sorted(reader.tasks(TaskQuery(event_id=review.event_id)), key=lambda one: one.id)
    today = now.astimezone(settings.zone_info).date().isoformat()
    told = []
    for number, one in enumerate(planned):
        task = tasks[number] if number < len(tasks) else None
        told.append(
            dict(one)
            | {
                "owner_name": names.unit(one["unit"]) if one["unit"] else one["owner"],
                "task": None if task is None else task.id,
                "state": "" if task is None else task.state.value,
                "closed_at": None if task is None else iso(task.closed_at),
                "late": task is not None and task.is_open and one["due"] < today,
            }
        )
    return told


def _narrowed(facts: Mapping[str, Any], actor: Actor, scope: SiteScope | None) -> dict[str, Any]:
    """Without who else was asked, for those who may not know; without the audit trail, likewise."""
    told = dict(facts)
    if scope is not None and scope.hidden:
        told["counts"] = None if facts["topic"] in {"event", "alert"} else _counted(facts)
    if not sees_whole_tasks(actor):
        told["tasks"] = [
            task | {"offers": [one for one in task["offers"] if one["responder"] == actor.name]}
            for task in facts["tasks"]
        ]
        told["timeline"] = [
            one for one in facts["timeline"] if one["step"] not in _OF_OFFERS or one["by"] == actor.name
        ]
    if actor.role is not None and not may(actor.role, Action.READ_AUDIT):
        told["audit"] = []
    told["notices"] = [notice_seen(one, actor) for one in facts["notices"]]
    return told


def _counted(facts: Mapping[str, Any]) -> dict[str, int]:
    """Of what is told alone: the numbers of the whole city would tell of hidden places."""
    alerts, tasks, events = facts["alerts"], facts["tasks"], facts["events"]
    counts = {
        "alerts": len(alerts),
        "acknowledged": sum(one["acknowledged_at"] is not None for one in alerts),
        "ended": sum(one["ended_at"] is not None for one in alerts),
        "tasks": len(tasks),
        "events": len(events),
        "events_closed": sum(one["closed_at"] is not None for one in events),
    }
    counts |= {
        name: sum(one[f"{name}_at"] is not None for one in tasks)
        for name in ("accepted", "on_scene", "reported", "closed")
    }
    for one in alerts:
        counts[f"alerts_{one['priority']}"] = counts.get(f"alerts_{one['priority']}", 0) + 1
    return counts
