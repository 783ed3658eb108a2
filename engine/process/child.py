"""Start of a child process: tie it to its parent's life, set up its log, run its target.

Started by the supervisor as `python -m engine.process.child NAME PARENT PAYLOAD BEATS LIFE`; the last three are file
descriptors: how it logs and the pickled target, the pipe for heartbeats, and a pipe that ends with the parent.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn

from data.config.log import LogFormat
from data.errors import YipingError
from data.local.descriptors import allow_descriptors
from data.model.masking import SecretMask
from engine.process.heart import Heart
from engine.process.log_lines import log_formatter
from engine.process.log_queue import QueuedHandler

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
REFUSED = 2  # exit status: the target cannot continue, and has logged why
BROKEN = 1  # exit status: a defect; the log has the trace


@dataclass(frozen=True)
class LogSetup:
    """Log settings of a child. Sent before its payload, since imports for the target may already log."""

    level: int
    mask: SecretMask = field(default_factory=SecretMask)
    form: LogFormat = LogFormat.TEXT


@dataclass(frozen=True)
class Target:
    """A function by its module and name: the parent keeps a child alive without loading what only the child runs."""

    module: str
    function: str

    def __call__(self, *args: Any) -> None:
        self.load()(*args)

    def load(self) -> Callable[..., None]:
        """The function itself. Raises ImportError, AttributeError."""
        with without_collections():
            found: Callable[..., None] = getattr(importlib.import_module(self.module), self.function)
        return found


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage while modules are loaded: they leave none, and looking for it takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True)
class Payload:
    """The target of a child. `watched`: the target takes a Heart as first argument and beats."""

    target: Callable[..., None]
    args: tuple[Any, ...]
    watched: bool


def set_up_log(name: str, level: int, mask: SecretMask | None = None, form: LogFormat = LogFormat.TEXT) -> None:
    """One line per record on standard error, with the process's name. Nothing waits for whoever reads it."""
    handler = QueuedHandler()
    handler.setFormatter(log_formatter(name, mask or SecretMask(), form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)  # warnings would otherwise be several lines, unmasked
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs its own plugins
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every address, and some contain a key


def die_with(parent: int, life: int) -> None:
    """Make this process end with its parent, in three ways, so that no child outlives a killed parent.

    The kernel's parent-death signal is reliable except when the parent died before it was requested (hence the check of
    the parent's id) and on other systems than Linux (hence the pipe).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(BROKEN)
    threading.Thread(target=_end_with_pipe, args=(life,), name="parent-watch", daemon=True).start()


def _end_with_pipe(life: int) -> None:
    os.read(life, 1)  # nothing is ever written: the read returns when the parent has ended
    os._exit(BROKEN)


def main(arguments: Sequence[str]) -> int:
    name = arguments[0]
    parent, payload_at, beats, life = (int(argument) for argument in arguments[1:5])
    os.setpgid(0, 0)  # Ctrl-C must reach only the supervisor, which stops its children in order
    die_with(parent, life)
    os.set_blocking(beats, False)
    allow_descriptors()
    heart = Heart(beats)
    heart.beat()
    with os.fdopen(payload_at, "rb") as file:
        # both written by our own parent into anonymous memory
        told: LogSetup = pickle.load(file)  # noqa: S301 # nosec B301
        set_up_log(name, told.level, told.mask, told.form)
        sys.excepthook = _last_words
        threading.excepthook = _note_thread
        with without_collections():  # it loads the modules of what is in it
            payload: Payload = pickle.load(file)  # noqa: S301 # nosec B301
    if payload.watched:
        signal.signal(signal.SIGTERM, lambda *_: heart.stopping.set())
    try:
        payload.target(*((heart, *payload.args) if payload.watched else payload.args))
    except YipingError as error:
        log.error("%s", error)
        return REFUSED
    return 0


def _last_words(_: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an unhandled error without credentials; the supervisor restarts this process."""
    log.critical("ended by an unexpected error", exc_info=(type(error), error, trace))
    leave(BROKEN)


def _note_thread(ended: threading.ExceptHookArgs) -> None:
    """Log an unhandled error of a thread, without credentials."""
    name = ended.thread.name if ended.thread is not None else "a thread"
    log.error("%s ended by an unexpected error", name, exc_info=ended.exc_value)


def leave(status: int) -> NoReturn:
    """Exit at once: a thread stuck in a device's library must not hold up the interpreter's shutdown."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
