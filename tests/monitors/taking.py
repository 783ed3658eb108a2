"""What a monitor under test gives."""

from __future__ import annotations

import time

from data.model.observation import Reading, Rejected
from data.ports.recipe import Monitor


def take(monitor: Monitor, count: int, within_s: float = 10.0) -> list[Reading | Rejected]:
    """So many readings or refusals; fewer when they do not come in time."""
    taken: list[Reading | Rejected] = []
    ends_s = time.monotonic() + within_s
    for item in monitor.observe():
        taken += [item] if isinstance(item, Reading | Rejected) else []
        if len(taken) >= count or time.monotonic() > ends_s:
            break
    return taken
