"""One at a time: a lock on a file that the kernel takes back when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from data.errors import YipingError


class AlreadyRunning(YipingError):
    """Somebody else holds the lock."""


@contextlib.contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock; the file also tells the holder's process id.

    Raises AlreadyRunning, naming `what`, the file and the holder's process id; YipingError where it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise YipingError(f"{what} cannot take its lock {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(f"{what} is running already (process {holder}, lock {path})") from error
        _tell_holder(descriptor)
        yield
    finally:
        os.close(descriptor)  # the file stays: taking it away would let two holders lock two files of one name


def _tell_holder(descriptor: int) -> None:
    """Write our process id over the last holder's: on a full disk there is room for it where that one stood.

    Where there is none, the lock is held all the same. The file cannot be replaced: the lock is on this very one.
    """
    holder = f"{os.getpid()}\n".encode()
    try:
        written = os.pwrite(descriptor, holder, 0)
        os.ftruncate(descriptor, written if written == len(holder) else 0)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
