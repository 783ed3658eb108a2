"""Who writes next. SQLite's own waiting polls with growing pauses, and whoever came first may come last."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class Turnstile:
    """One process at a time, woken by the kernel as soon as the one before is through; a killed one lets go.

    Only for speed: SQLite's lock stays what keeps the store whole. Used by one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> None:
        """Wait for the turn. Raises OSError when the file cannot be opened."""
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)  # which lets the next one in
