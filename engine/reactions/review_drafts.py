"""Drafts after-action reports: follows the audit trail, and drafts one for what was grave and has ended."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from data.config.settings import Settings
from data.ports.store import Reader, Store, Writer
from dispatch.review_drafts import draft_all, ended_of

log = logging.getLogger(__name__)

AT_ONCE = 1000
_KEPT_EVERY = 500  # entries that are looked at again after a restart, at most
_VALUE = "reviews drafted to"  # the number of the last entry of the audit trail that was looked at


class ReviewDrafts:
    """Call `poll` now and then, in the clock's process. What ended before the first start gets no draft."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        known = store.read(lambda reader: reader.value(_VALUE))
        self._after = self._kept = int(known) if known is not None else store.read(_last_entry)
        if known is None:
            store.write(lambda writer: writer.put_value(_VALUE, self._after))

    def poll(self, now: datetime | None = None) -> int:
        """Draft what has ended since; how many. Raises the store's errors."""
        now = now or datetime.now(UTC)
        entries = self._store.read(lambda reader: reader.audit(after=self._after, limit=AT_ONCE))
        if not entries:
            return 0
        last = entries[-1].seq
        subjects = self._store.read(lambda reader: ended_of(reader, entries))
        if subjects or last - self._kept >= _KEPT_EVERY:

            def work(writer: Writer) -> int:
                writer.put_value(_VALUE, last)
                return draft_all(writer, subjects, now, self._settings)

            drafted = self._store.write(work)
            self._kept = last
        else:
            drafted = 0
        self._after = last
        if drafted:
            log.info("%d after-action reports were drafted", drafted)
        return drafted


def _last_entry(reader: Reader) -> int:
    newest = reader.audit(newest_first=True, limit=1)
    return newest[0].seq if newest else 0
