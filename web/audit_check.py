"""Is the audit trail whole? Streams over the hash chain, whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

from data.record import GENESIS, AuditEntry, broken_link
from data.store import Store

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """How many entries hold, and the first one that does not. `last_hash`: note it elsewhere to notice a cut end."""

    entries: int
    broken: AuditEntry | None
    last_hash: str


def verify_audit(store: Store) -> AuditCheck:
    """Recompute the whole chain. An entry that was changed, removed or put in breaks it."""
    previous, after, count = GENESIS, 0, 0
    while True:
        start = after
        page = store.read(lambda reader, start=start: reader.audit(after=start, limit=_PAGE))  # type: ignore[misc]
        if not page:
            return AuditCheck(count, None, previous)
        broken = broken_link(page, previous)
        if broken is not None:
            return AuditCheck(count + page.index(broken), broken, previous)
        count += len(page)
        previous, after = page[-1].hash, page[-1].seq
