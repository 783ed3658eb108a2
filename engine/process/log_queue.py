"""A log that never blocks its process: lines wait for a thread that writes them to standard error.

Standard error may be a terminal that was paused, or a pipe whose reader hangs. A write to it then blocks, and a worker
would stop looking at its cameras, or the server answering, because of a log line.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque

MOST_WAITING = 4 << 20  # characters, some 20,000 lines
CLOSED_WITHIN_S = 2.0
STANDARD_ERROR = 2


class LineQueue:
    """Takes lines as a stream does, and writes them to a file descriptor on a thread of its own.

    At most `room` characters wait. Further lines are dropped; when there is room again, a line gives their number.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR, room: int = MOST_WAITING) -> None:
        self._descriptor = descriptor
        self._room = room
        self._lines: deque[str] = deque()
        self._size = 0  # characters that wait or are being written
        self._dropped = 0
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Queue a line with its end. Never waits for its reader."""
        with self._changed:
            if self._size + len(line) > self._room:
                self._dropped += 1
                return
            if self._dropped:
                self._lines.append(f"... {self._dropped} lines are missing here: this log is read too slowly\n")
                self._size += len(self._lines[-1])
                self._dropped = 0
            self._lines.append(line)
            self._size += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing: a handler calls this after each line. See `drain`."""

    def drain(self, within_s: float) -> bool:
        """Wait until everything is written; False when that took longer than `within_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._size == 0, within_s)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                text = "".join(self._lines)
                self._lines.clear()
            rest = memoryview(text.encode("utf-8", "backslashreplace"))
            with contextlib.suppress(OSError):  # its reader has gone: there is nowhere to say so
                while rest:
                    # Past `sys.stderr`: whoever prints there would wait for its lock while this write blocks.
                    rest = rest[os.write(self._descriptor, rest) :]
            with self._changed:
                self._size -= len(text)
                self._changed.notify_all()


class QueuedHandler(logging.StreamHandler[LineQueue]):
    """Formats a record where it is logged, with the ids that are bound there, and never waits for the log's reader."""

    def __init__(self, queue: LineQueue | None = None) -> None:
        super().__init__(LineQueue() if queue is None else queue)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say that a record could not be formatted; without its arguments, which no formatter has masked."""
        self.stream.write(f"a line of {record.name} could not be formatted: {str(record.msg)[:200]!r}\n")

    def close(self) -> None:
        """Write what waits, unless nobody reads it: called by `logging.shutdown` at the end of the process."""
        self.stream.drain(CLOSED_WITHIN_S)
        super().close()
