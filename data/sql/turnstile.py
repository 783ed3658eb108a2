"""Fair waiting for the write lock. SQLite's own wait polls with growing pauses, so the first may come last."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class Turnstile:
    """Lets one process in at a time; the kernel wakes the next as soon as the holder is done or killed.

    Only for speed: SQLite's own lock still protects the store. Used by one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> None:
        """Wait for our turn. Raises OSError when the file cannot be opened."""
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)  # lets the next one in
