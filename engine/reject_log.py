"""Log lines of rejects: one for each source and kind of reason, and again after an hour, not one for each reject."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from data.observation import Rejected
from data.rejects import kind_of_reason

log = logging.getLogger(__name__)

AGAIN_S = 3600.0
_MOST_KINDS = 10_000  # remembered at once; then all are told anew


class RejectLog:
    """Thread-safe. Every reject is kept in the store; the log only says that a source has begun to be refused."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str, str], tuple[float, int]] = {}  # when, and how many since

    def warn(self, rejected: Rejected) -> None:
        """Log it unless this source was told of for the same kind of reason within the hour."""
        key = (rejected.site, rejected.monitor, kind_of_reason(rejected.reason))
        now_s = self._monotonic_s()
        with self._lock:
            told_s, count = self._told.get(key, (float("-inf"), 0))
            due = now_s - told_s >= AGAIN_S
            if len(self._told) >= _MOST_KINDS:
                self._told.clear()
            self._told[key] = (now_s, 0) if due else (told_s, count + 1)
        if due:
            more = f" ({count} more like it in the last hour)" if count else ""
            log.warning("%s/%s: %s%s", rejected.site, rejected.monitor, rejected.reason, more)
