"""Points of a commit at which a test can kill or delay the process. Inactive unless the environment names a folder.

A file `<process id>.<point>` in the folder YIPING_FAILPOINTS gives the action to run there once: `kill` or `sleep 2.5`.
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
    """Stage of a group commit. Writes are durable from `COMMITTED` on, and their callers know from `ANSWERED` on."""

    BEGUN = "begun"  # the writers' lock is held, nothing is written
    BETWEEN = "between"  # one write of the turn is done, its savepoint released
    WRITTEN = "written"  # all writes are done, the commit comes next
    COMMITTED = "committed"  # they are durable, no caller has been answered
    ANSWERED = "answered"  # their callers have been answered


class Failpoints:
    """Runs the actions given for this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reach(self, point: Point) -> None:
        """Run the action of this point, if there is a file for it."""
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
    """None outside of tests, so that a commit costs only one more comparison."""
    folder = environment.get(VARIABLE)
    return Failpoints(Path(folder)) if folder else None
