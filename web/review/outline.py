"""The report as an outline of parts and blocks, in one language: what the page, the HTML file and the PDF all draw.

感知预警 → 决策处置 → 监督评价 → 复盘改进. Texts that nobody has written are made from the facts (`web.review.speech`);
for the blocks see `web.review.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from data.model.review import ReviewPart
from layouts.words import Words
from web.review import tables
from web.review.speech import SPEECH
from web.review.teller import Facts, Teller, teller_of


def outline(
    facts: Facts,
    words: Words,
    *,
    texts: Mapping[str, str],
    measures: Sequence[Mapping[str, Any]],
    comments: Sequence[Mapping[str, Any]],
    written_out: bool = False,
) -> dict[str, Any]:
    """Title, head and parts. `facts` as whoever asks may see them; `measures` and `comments` with names beside ids."""
    tell = teller_of(facts, words, written_out=written_out)
    parts = []
    for part in ReviewPart:
        written = str(texts.get(part.value) or "").strip()
        parts.append(
            {
                "id": part.value,
                "title": words(f"aar.part.{part.value}"),
                "text": written or SPEECH[part](facts, tell),
                "written": bool(written),
                "blocks": [block for block in _blocks(part, facts, tell, measures, comments) if block is not None],
            }
        )
    annex = [block for block in (tables.hashes(facts, tell), tables.audit(facts, tell)) if block is not None]
    parts.append({"id": "annex", "title": words("aar.part.annex"), "text": "", "written": False, "blocks": annex})
    return {
        "title": words(f"aar.title.{facts['topic']}"),
        "subtitle": tell.title(facts),
        "language": words.language,
        "head": _head(facts, tell),
        "parts": parts,
        "timezone": _zone(facts, tell),
    }


_TABLES = {
    ReviewPart.SUMMARY: (tables.overview, tables.funnel, tables.events),
    ReviewPart.SENSING: (tables.alerts, tables.readings, tables.pictures, tables.blind),
    ReviewPart.HANDLING: (tables.tasks, tables.offers, tables.notices, tables.timeline, tables.people),
    ReviewPart.EVALUATION: (tables.checks, tables.recurrences),
}


def _blocks(
    part: ReviewPart,
    facts: Facts,
    tell: Teller,
    measures: Sequence[Mapping[str, Any]],
    comments: Sequence[Mapping[str, Any]],
) -> list[tables.Block | None]:
    if part is ReviewPart.IMPROVEMENT:
        return [tables.measures(measures, tell), tables.comments(comments, tell)]
    return [draw(facts, tell) for draw in _TABLES[part]]


def _zone(facts: Facts, tell: Teller) -> str:
    offset = f"{datetime.fromisoformat(facts['since']).astimezone(tell.zone):%z}"
    return tell.words("aar.times_in", zone=facts["timezone"], offset=f"{offset[:3]}:{offset[3:]}")


def _head(facts: Facts, tell: Teller) -> list[list[str]]:
    what, words = facts["what"], tell.words
    told = [["aar.what", tell.title(facts)]]
    if facts["topic"] in {"event", "alert"}:
        told += [["aar.where", " · ".join(part for part in (tell.place(what), what.get("grid")) if part)]]
        told += [["aar.priority", tell.priority(str(what["priority"]))]]
    closed = what.get("closed_at")
    ended = tell.at(closed) if closed else words("aar.still")
    if facts["topic"] == "span":
        told += [["aar.when", f"{tell.at(facts['since'])} – {tell.at(facts['until'])}"]]
    else:
        told += [["aar.when", f"{tell.at(facts['since'])} – {ended}"]]
    seconds = datetime.fromisoformat(facts["until"]) - datetime.fromisoformat(facts["since"])
    told += [["aar.duration", tell.took(seconds.total_seconds())]]
    if facts["topic"] == "event":
        told += [
            ["aar.state", tell.word(f"event.{what['state']}", what["state"])],
            ["aar.origin", tell.word(f"origin.{what['origin']}", what["origin"])],
            ["aar.lead", what["lead_name"]],
            [
                "aar.with",
                "、".join(what["co_handler_names"]) if words.language == "zh" else ", ".join(what["co_handler_names"]),
            ],
            ["aar.description", what["description"]],
        ]
    if facts["topic"] == "plan_run":
        told += [
            ["aar.priority", tell.word(f"level.{what['level']}", what["level"])],
            ["aar.state", tell.word(f"run.{what['state']}", what["state"])],
            [
                "aar.trigger",
                f"{tell.word('trigger.' + str(what['trigger']), what['trigger'])} {what['by_name']}".strip(),
            ],
            ["aar.description", what["description"]],
        ]
    return [[words(name), str(value)] for name, value in told if value]
