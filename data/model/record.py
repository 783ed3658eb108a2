"""Records of every step: the hash-chained audit trail, and the changes that screens follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which thing, and when. `hash` covers the content and the previous entry's hash."""

    at: datetime
    actor: str
    role: str
    action: str
    subject: str  # "alert:12", "task:3", "user:li"
    detail: Mapping[str, Any]
    seq: int = 0
    previous_hash: str = ""
    hash: str = ""

    def digest(self, previous_hash: str) -> str:
        """SHA-256 over the previous hash and this entry's canonical JSON, in hex."""
        content = [self.at.isoformat(), self.actor, self.role, self.action, self.subject, dict(self.detail)]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{previous_hash}\n{text}".encode()).hexdigest()


def broken_link(entries: Iterable[AuditEntry], previous_hash: str = GENESIS) -> AuditEntry | None:
    """The first entry whose hash or predecessor breaks the chain; None when the chain is intact."""
    for entry in entries:
        if entry.previous_hash != previous_hash or entry.hash != entry.digest(previous_hash):
            return entry
        previous_hash = entry.hash
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the outbox: a change of something that screens show. `seq` ascends in commit order.

    topic: "alert", "task", "event", "responder", "site", "reading",
    "warning". `payload`: what the page needs, as JSON.
    """

    topic: str
    subject: str
    at: datetime
    payload: Mapping[str, Any]
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer. Timers are rows, not jobs in memory, so a killed process forgets none."""

    kind: str
    subject: int
    due_at: datetime
    done_at: datetime | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stored picture. `id` is the SHA-256 of its bytes; `path` is relative to the evidence folder."""

    id: str
    path: str
    media_type: str
    at: datetime
    size: int
    origin: str  # site id, or "report:<task id>"
