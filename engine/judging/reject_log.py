"""Log lines of rejects: one for each source and kind of reason, and again after an hour, not one for each reject."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from data.model.observation import Rejected
from data.model.rejects import kind_of_reason

log = logging.getLogger(__name__)

AGAIN_S = 3600.0
_MOST_KINDS = 10_000  # remembered at once; then those that were silent for longest are forgotten


class RejectLog:
    """Thread-safe. Every reject is kept in the store; the log only says that a source has begun to be refused."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        # When each was told and how many have come since; the one that came last stands last.
        self._told: OrderedDict[tuple[str, str, str], tuple[float, int]] = OrderedDict()

    def warn(self, rejected: Rejected) -> None:
        """Log it unless this source was told of for the same kind of reason within the hour."""
        key = (rejected.site, rejected.monitor, kind_of_reason(rejected.reason))
        now_s = self._monotonic_s()
        with self._lock:
            told_s, count = self._told.get(key, (float("-inf"), 0))
            due = now_s - told_s >= AGAIN_S
            self._told[key] = (now_s, 0) if due else (told_s, count + 1)
            self._told.move_to_end(key)
            if len(self._told) > _MOST_KINDS:
                self._told.popitem(last=False)
        if due:
            more = f" ({count} more like it in the last {_spoken(now_s - told_s)})" if count else ""
            log.warning("%s/%s: %s%s", rejected.site, rejected.monitor, rejected.reason, more)


def _spoken(seconds: float) -> str:
    hours = seconds / AGAIN_S
    return "hour" if round(hours, 1) == 1.0 else f"{hours:.1f} hours"
