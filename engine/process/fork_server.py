"""A process that has loaded what the children run and forks them: they start at once and share what is loaded.

Started by the supervisor as `python -m engine.process.fork_server SOCKET PARENT MODULE...`. It has a single thread, no
log and no configuration, so that nothing is lost or held by what a fork leaves behind. Each child is the child of the
supervisor, not of this process: whoever kills this one stops nobody. Linux only.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from gc import freeze
from pathlib import Path
from typing import NoReturn

from engine.process.child import BROKEN, PR_SET_PDEATHSIG, leave, main, without_collections

log = logging.getLogger(__name__)

PATIENCE_S = 60.0  # a module may still be loading, on a machine that does much else
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_REQUEST = 1 << 16
_PID = struct.Struct("q")


@dataclass(frozen=True)
class _Request:
    name: str
    module: str
    environment: Mapping[str, str]


class ForkedProcess:
    """A child that the fork server made, with what the supervisor needs of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status (negative: the signal) once it has ended."""
        if self._status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self) -> int:
        """Until it has ended; the exit status."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:  # else the number may be another process's by now
            os.kill(self.pid, number)


class ForkServer:
    """The supervisor's end. Starts the process when it is first needed, and again after it has ended."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules = modules
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """Let it load its modules; returns at once. Nothing to do where it runs already."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), str(os.getpid()), *self._modules],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd=Path.cwd(),
                env=dict(self._environment),
            )
        ours.settimeout(PATIENCE_S)
        self._socket = ours

    def fork(
        self, name: str, module: str, environment: Mapping[str, str], descriptors: Sequence[int]
    ) -> ForkedProcess | None:
        """A process that runs `engine.process.child`; waits until the module is loaded. None where it cannot be had."""
        try:
            self.start()
            assert self._socket is not None
            # Between these two the supervisor adopts whom the fork server's own child leaves behind, and only then.
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
            socket.send_fds(self._socket, [pickle.dumps(_Request(name, module, environment))], list(descriptors))
            answer = self._socket.recv(_PID.size)
        except OSError as error:
            log.warning("%s is started without the fork server: %s", name, error)
            self.close()
            return None
        finally:
            _prctl(_PR_SET_CHILD_SUBREAPER, 0)
        pid = _PID.unpack(answer)[0] if len(answer) == _PID.size else 0
        if pid <= 0:
            log.warning("%s is started without the fork server, which %s", name, "refused" if answer else "has ended")
            self.close()
            return None
        return ForkedProcess(pid)

    def close(self) -> None:
        """End it; the children that it made go on."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._socket = None


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def serve(connection: socket.socket, modules: Sequence[str]) -> None:
    """Load the modules one after the other, and fork whenever asked, until the supervisor has ended."""
    logging.captureWarnings(
        capture=True
    )  # of what is loaded: they would be lines in no format, and nobody can act on them
    left = list(modules)
    while True:
        if left and not select.select([connection], [], [], 0)[0]:
            with without_collections():
                importlib.import_module(left.pop(0))
            continue
        message, descriptors, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 3)
        if not message:
            return
        request: _Request = pickle.loads(message)  # noqa: S301 # nosec B301 - from our own parent
        with without_collections():
            importlib.import_module(request.module)
        pid = _fork(request, descriptors, connection)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(_PID.pack(pid))


def _fork(request: _Request, descriptors: Sequence[int], connection: socket.socket) -> int:
    """The new process's id once it is the supervisor's child; 0 where there can be no further process."""
    supervisor = os.getppid()
    freeze()  # a collection in a child would touch, and so copy, every page of what is shared
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        # This one ends at once, and its child is adopted by the supervisor.
        between = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os._exit(BROKEN)
        if pid != 0:
            os.write(writing, _PID.pack(pid))
            os._exit(0)
        os.close(reading)
        os.close(writing)
        connection.close()
        _run(request, descriptors, between, supervisor)
    os.close(writing)
    told = os.read(reading, _PID.size)
    os.close(reading)
    os.waitpid(between, 0)
    return int(_PID.unpack(told)[0]) if len(told) == _PID.size else 0


def _run(request: _Request, descriptors: Sequence[int], between: int, supervisor: int) -> NoReturn:
    """What `python -m engine.process.child` does, in the new process."""
    while os.getppid() == between:
        time.sleep(0.0005)
    os.environ.update(request.environment)
    name = ctypes.create_string_buffer(f"yiping-{request.name}"[:15].encode())
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)
    leave(main([request.name, str(supervisor), *map(str, descriptors)]))


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)  # Ctrl-C must reach only the supervisor
    if os.getppid() == int(sys.argv[2]):
        with socket.socket(fileno=int(sys.argv[1])) as its_end:
            serve(its_end, sys.argv[3:])
