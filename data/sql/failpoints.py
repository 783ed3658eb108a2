"""Points of a commit at which a test can kill or delay the process. Off unless the environment names a folder.

A file `<process id>.<point>` in the folder YIPING_FAILPOINTS holds what happens there, once: `kill`, or `sleep 2.5`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

VARIABLE = "YIPING_FAILPOINTS"


class Point(StrEnum):
    """Where a unit of work is. Only after `COMMITTED` it is durable; only after `ANSWERED` somebody knows."""

    BEGUN = "begun"  # the writers' lock is held, nothing is written
    BETWEEN = "between"  # one of the units of a turn is written, its savepoint released
    WRITTEN = "written"  # all of them are, the commit comes next
    COMMITTED = "committed"  # they are durable, nobody has been told
    ANSWERED = "answered"  # their callers have been told


class Failpoints:
    """Looks for the orders of this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reach(self, point: Point) -> None:
        """Do what the file of this point says; nothing where there is none."""
        file = self._folder / f"{os.getpid()}.{point}"
        try:
            order = file.read_text(encoding="utf-8").split()
            file.unlink()
        except FileNotFoundError:
            return
        if order == ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        elif order[:1] == ["sleep"]:
            time.sleep(float(order[1]))


def failpoints_of(environment: Mapping[str, str]) -> Failpoints | None:
    """None outside of tests, so that a commit costs one comparison more."""
    folder = environment.get(VARIABLE)
    return Failpoints(Path(folder)) if folder else None
