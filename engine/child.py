"""How a child process begins: tied to its parent's life, with its log, then its target.

Started by the supervisor as `python -m engine.child NAME PARENT PAYLOAD BEATS LIFE`; the last three are file
descriptors: the pickled target, the pipe for heartbeats, and a pipe that ends with the parent.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, NoReturn

from data.errors import YipingError
from data.masking import SecretMask
from engine.heart import Heart

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
REFUSED = 2  # exit status: the target said why and cannot go on
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]  # line ends and terminal sequences among them
_ONE_LINE = MappingProxyType({code: f"\\x{code:02x}" for code in _CONTROLS if code != 0x09})
BROKEN = 1  # exit status: a defect; the log has the trace


@dataclass(frozen=True)
class Payload:
    """What a child is to do. `watched`: the target takes a Heart first and beats."""

    target: Callable[..., None]
    args: tuple[Any, ...]
    watched: bool
    log_level: int
    mask: SecretMask = field(default_factory=SecretMask)


class RedactingFormatter(logging.Formatter):
    """Log lines, and the traces of libraries in them, without configured secrets and credentials in URLs.

    A record is one line, whatever its text holds; the lines of a trace are indented, so that none looks like a record.
    """

    def __init__(self, form: str, mask: SecretMask) -> None:
        super().__init__(form)
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return super().formatMessage(record).translate(_ONE_LINE)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return "\n".join(f"  {line.translate(_ONE_LINE)}" for line in super().formatException(ei).split("\n"))


def set_up_log(name: str, level: int, mask: SecretMask | None = None) -> None:
    """One line per record on standard error, with the process's name."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        RedactingFormatter(f"%(asctime)s %(levelname)s {name} %(name)s: %(message)s", mask or SecretMask())
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it would list its own plugins
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write every address, and some hold a key


def die_with(parent: int, life: int) -> None:
    """Three ties, so that no child outlives a parent that was killed.

    The kernel's parent-death signal is the sure one; it is lost when the parent died before it was asked for
    (hence the look at the parent's id) and where it is not Linux (hence the pipe).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(BROKEN)
    threading.Thread(target=_end_with_pipe, args=(life,), name="parent-watch", daemon=True).start()


def _end_with_pipe(life: int) -> None:
    os.read(life, 1)  # nothing is ever written: it returns when the parent has ended
    os._exit(BROKEN)


def main(arguments: Sequence[str]) -> int:
    name = arguments[0]
    parent, payload_at, beats, life = (int(argument) for argument in arguments[1:5])
    os.setpgid(0, 0)  # Ctrl-C reaches the supervisor alone, which stops its children in order
    die_with(parent, life)
    os.set_blocking(beats, False)
    heart = Heart(beats)
    heart.beat()
    with os.fdopen(payload_at, "rb") as file:
        payload: Payload = pickle.load(file)  # noqa: S301 - written by our own parent into anonymous memory  # nosec B301
    set_up_log(name, payload.log_level, payload.mask)
    if payload.watched:
        signal.signal(signal.SIGTERM, lambda *_: heart.stopping.set())
    sys.excepthook = _last_words
    threading.excepthook = _note_thread
    try:
        payload.target(*((heart, *payload.args) if payload.watched else payload.args))
    except YipingError as error:
        log.error("%s", error)
        return REFUSED
    return 0


def _last_words(_: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A defect, in the log and without credentials; the supervisor starts this process again."""
    log.critical("ended by an error that was not foreseen", exc_info=(type(error), error, trace))
    _leave(BROKEN)


def _note_thread(ended: threading.ExceptHookArgs) -> None:
    """A thread's defect, in the log and without credentials."""
    name = ended.thread.name if ended.thread is not None else "a thread"
    log.error("%s ended by an error that was not foreseen", name, exc_info=ended.exc_value)


def _leave(status: int) -> NoReturn:
    """End at once: a thread stuck in a device's library must not hold up the end of the interpreter."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    _leave(main(sys.argv[1:]))
