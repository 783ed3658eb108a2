"""What a monitor under test gives."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

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


def connections_to(port: int) -> Sequence[object]:
    """Established ones of this process to a port of its own."""
    return [
        one
        for one in psutil.Process().net_connections(kind="tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    ]
