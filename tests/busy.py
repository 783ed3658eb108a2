"""How long the machine kept this process waiting: what a limit in seconds may be longer by, and no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

THREADS = Path("/proc/self/task")


def waited_for_processor_s() -> float:
    """Seconds that this process's threads were ready to run while others had the processors, since each began.

    Take the difference of two moments. It is the kernel's account (run delay), so nothing that the program does by
    itself adds to it: waits for locks, for Python's lock, for files. About zero on an idle machine, and where the
    kernel keeps no such account.
    """
    waited_ns = 0
    for thread in THREADS.glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            waited_ns += int(thread.read_text().split()[1])
    return waited_ns / 1e9
