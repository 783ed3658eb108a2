"""Shift handover 交接班: what was open at a change of shift, the notes, and who signed. States come from its steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from data.model.case import Recorded
from data.model.views import iso, step_view


class HandoverState(StrEnum):
    """State of a handover."""

    DRAFT = "draft"  # the outgoing officer writes notes; the open items are those of this moment
    SIGNED = "signed"  # the outgoing officer has signed: the items are fixed, the incoming officer reads and asks
    TAKEN = "taken"  # both have signed: nothing of it changes any more
    DROPPED = "dropped"  # given up with a reason, by either side


class HandoverStep(StrEnum):
    """A step of a handover."""

    BEGIN = "begin"
    SIGN = "sign"  # 交班人签字
    RETURN = "return"  # back to the outgoing officer, with a reason
    TAKE = "take"  # 接班人签字
    DROP = "drop"


OPEN = frozenset({HandoverState.DRAFT, HandoverState.SIGNED})


@dataclass(frozen=True, slots=True)
class HandoverNote:
    """A note on one item (`item`: "alert:12", "site:quay" ...) or, with an empty item, on the shift as a whole.

    `question`: asked by the incoming officer after the first signature.
    """

    item: str
    text: str
    by: str
    at: datetime
    question: bool = False


@dataclass(frozen=True, slots=True)
class Handover:
    """One handover.

    `since`: when the shift that is handed over began. `change`: the change of shift in the roster for which it is made,
    None where no shifts are planned. `items`: the open items by group, as of the first signature; empty before it.
    `document`: what both have signed, as canonical JSON, and its SHA-256 in `digest`; both empty until both have.
    """

    since: datetime
    steps: tuple[Recorded, ...]
    change: datetime | None = None
    notes: tuple[HandoverNote, ...] = ()
    items: Mapping[str, Any] | None = None
    document: str = ""
    digest: str = ""
    id: int = 0
    version: int = 0

    @property
    def state(self) -> HandoverState:
        return HandoverState(self.steps[-1].to)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def last(self, step: HandoverStep) -> Recorded | None:
        """The newest step of this name; None when it was never taken."""
        return next((one for one in reversed(self.steps) if one.step == step), None)

    @property
    def outgoing(self) -> Recorded | None:
        """The first signature; None before it, and after it was returned."""
        return self.last(HandoverStep.SIGN) if self.state in {HandoverState.SIGNED, HandoverState.TAKEN} else None

    @property
    def incoming(self) -> Recorded | None:
        return self.last(HandoverStep.TAKE)


def handover_document(handover: Handover) -> str:
    """What is hashed: period, items, notes and steps, as canonical JSON."""
    content = {
        "since": iso(handover.since),
        "change": iso(handover.change),
        "items": handover.items,
        "notes": [note_view(note) for note in handover.notes],
        "steps": [step_view(step) for step in handover.steps],
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(document: str) -> str:
    """SHA-256 of a document, in hex."""
    return hashlib.sha256(document.encode()).hexdigest()


def note_view(note: HandoverNote) -> dict[str, Any]:
    """A note as JSON."""
    return {"item": note.item, "text": note.text, "by": note.by, "at": iso(note.at), "question": note.question}


def handover_view(handover: Handover, names: Mapping[str, str]) -> dict[str, Any]:
    """A handover as JSON, without its items. `names`: what users are called."""
    signatures: Sequence[Recorded | None] = (handover.outgoing, handover.incoming)
    out, taken = (
        None
        if one is None
        else {"by": one.by, "name": names.get(one.by, one.by), "at": iso(one.at), "how": one.detail.get("how", "")}
        for one in signatures
    )
    return {
        "id": handover.id,
        "state": handover.state.value,
        "since": iso(handover.since),
        "change": iso(handover.change),
        "begun_at": iso(handover.steps[0].at),
        "begun_by": handover.steps[0].by,
        "outgoing": out,
        "incoming": taken,
        "notes": [note_view(note) | {"name": names.get(note.by, note.by)} for note in handover.notes],
        "steps": [step_view(step) | {"name": names.get(step.by, step.by)} for step in handover.steps],
        "digest": handover.digest,
        "version": handover.version,
    }
