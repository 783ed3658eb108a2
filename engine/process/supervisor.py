"""The parent process: starts the children, restarts those that die or hang, stops all of them together."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from data.config.log import LogFormat
from data.local.lock import held
from data.local.meters import Meters
from data.local.whole_file import replace_file
from data.model.masking import SecretMask
from engine.process.child import LogSetup, Payload, Target
from engine.process.fork_server import ForkedProcess, ForkServer

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
CHILD = "engine.process.child"
GRACE_S = 5.0  # between SIGTERM and SIGKILL
STEADY_AFTER_S = 5.0  # a child that lived this long restarts at once: an occasional kill is no crash loop
RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 4.0)  # the last one repeats: every restart comes within 5 s
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Child:
    """A process to keep alive: `target(*args)`, both picklable, the target a function of a module or its `Target`.

    `watched`: the target takes a `Heart` first, beats at least once a second and ends when `stopping` is set;
    it is killed when no beat came for `silent_s`, or no second beat within `start_s`. An unwatched target ends
    by itself on SIGTERM. `yielding`: its nice value, 0 to 19, by which it yields to other processes. `forked`: from the
    fork server where there is one; the target is a `Target`, and `environment` is nothing that is read at a start.
    """

    name: str
    target: Callable[..., None]
    args: tuple[Any, ...] = ()
    watched: bool = True
    silent_s: float = 20.0
    start_s: float = 600.0  # a first start may download and export a model
    environment: Mapping[str, str] = field(default_factory=dict)
    yielding: int = 0
    forked: bool = False


class _Life:
    """One child across all its restarts."""

    def __init__(
        self, child: Child, run_dir: Path, mask: SecretMask, log_format: LogFormat, forks: ForkServer | None
    ) -> None:
        self.child = child
        self._forks = forks
        self._mask = mask
        self._log_format = log_format
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self.start_at = time.monotonic()
        self.restarts = 0
        self._pid_file = run_dir / f"{child.name}.pid"
        self.beats = -1
        self._life = -1
        self._started_at = 0.0
        self._beaten_at = 0.0
        self._beaten = 0
        self._early_deaths = 0

    def start(self) -> int:
        """Start the process; returns the file descriptor on which its beats, and its end, arrive."""
        child = self.child
        payload = os.memfd_create(child.name)
        with open(payload, "wb", closefd=False) as file:
            pickle.dump(LogSetup(logging.getLogger().getEffectiveLevel(), self._mask, self._log_format), file)
            pickle.dump(Payload(child.target, child.args, child.watched), file)
        os.lseek(payload, 0, os.SEEK_SET)
        self.beats, beats = os.pipe()
        life, self._life = os.pipe()
        inherited = (payload, beats, life)
        try:
            self.process = self._forked(inherited) or self._new(inherited)
        finally:
            for descriptor in inherited:
                os.close(descriptor)
        if child.yielding:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, self.process.pid, own + child.yielding)
        os.set_blocking(self.beats, False)
        self._started_at = self._beaten_at = time.monotonic()
        self._beaten = 0
        try:
            replace_file(self._pid_file, f"{self.process.pid}\n".encode())
        except OSError as error:  # a full disk must not end children that still work
            log.error("%s: its process id cannot be written: %s", self.child.name, error)
        return self.beats

    def _forked(self, inherited: Sequence[int]) -> ForkedProcess | None:
        target = self.child.target
        if self._forks is None or not self.child.forked or not isinstance(target, Target):
            return None
        return self._forks.fork(self.child.name, target.module, self.child.environment, inherited)

    def _new(self, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            # -P: a csv.py in the working folder must not shadow the standard library's module.
            [sys.executable, "-P", "-m", CHILD, self.child.name, str(os.getpid()), *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            pass_fds=inherited,
            cwd=Path.cwd(),
            env={**os.environ, "PYTHONPATH": python_path(), **self.child.environment},
        )

    def hear(self) -> None:
        """Read the beats that arrived."""
        with contextlib.suppress(BlockingIOError):
            beats = os.read(self.beats, 4096)
            if beats:
                self._beaten += len(beats)
                self._beaten_at = time.monotonic()

    def silent_for(self) -> float | None:
        """Seconds without a beat, if that is too long; None otherwise."""
        limit = self.child.silent_s if self._beaten > 1 else self.child.start_s
        silence = time.monotonic() - self._beaten_at
        return silence if self.child.watched and self.process is not None and silence > limit else None

    def ended(self) -> int | None:
        """The exit status (negative: the signal) once the process has ended."""
        return None if self.process is None else self.process.poll()

    def forget(self) -> float:
        """Clean up after the process; returns the pause before the next start, seconds."""
        for descriptor in (self.beats, self._life):
            os.close(descriptor)
        self.process = None
        self._pid_file.unlink(missing_ok=True)
        lived = time.monotonic() - self._started_at
        self._early_deaths = 1 if lived >= STEADY_AFTER_S else self._early_deaths + 1
        pause = RESTART_DELAYS_S[min(self._early_deaths, len(RESTART_DELAYS_S)) - 1]
        self.start_at = time.monotonic() + pause
        return pause


def fork_server(modules: Sequence[str]) -> ForkServer | None:
    """One for these modules, not started yet; None on another system than Linux."""
    return ForkServer(modules, {**os.environ, "PYTHONPATH": python_path()}) if sys.platform == "linux" else None


def python_path() -> str:
    """The project's folder first, so that a child finds the same code wherever it is started."""
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(ROOT)]
    return os.pathsep.join([str(ROOT), *others])


def _how(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


class Supervisor:
    """Runs the children of one VAR folder until SIGTERM or SIGINT. Call `run` on the main thread.

    Writes `<name>.pid` of every child, `supervisor.pid` (also the lock) and `metrics-supervisor.json` into `run_dir`.
    """

    def __init__(
        self,
        children: Sequence[Child],
        run_dir: Path,
        mask: SecretMask | None = None,
        log_format: LogFormat = LogFormat.TEXT,
        *,
        more: Callable[[], Sequence[Child]] = tuple,
        forks: ForkServer | None = None,
    ) -> None:
        """`more` is called repeatedly for additional children to start; it must not block. `forks`: one that is loading
        already; `run` closes it.
        """
        names = [child.name for child in children]
        if len(set(names)) < len(names):
            raise ValueError(f"children need names of their own: {', '.join(names)}")
        self._run_dir = run_dir
        modules = [child.target.module for child in children if child.forked and isinstance(child.target, Target)]
        self._forks = forks or (fork_server(modules) if modules else None)
        self._life = partial(
            _Life, run_dir=run_dir, mask=mask or SecretMask(), log_format=log_format, forks=self._forks
        )
        self._lives = [self._life(child) for child in children]
        self._more = more
        self._ready = selectors.DefaultSelector()
        self._meters = Meters()
        self._stop = 0

    def run(self, before: Callable[[], None] | None = None, started: Callable[[], None] | None = None) -> None:
        """Run until told to stop. `before` runs with the lock held, `started` once the children have been started.

        Raises AlreadyRunning when this folder has a running supervisor, and the errors of `before`.
        """
        with held(self._run_dir / "supervisor.pid", "Yiping"), self._signals():
            for old in self._run_dir.glob("metrics-*.json"):
                old.unlink(missing_ok=True)
            try:
                if self._forks is not None:
                    self._forks.start()  # loads what the children run while `before` works
                if before is not None:
                    before()
                self._start_due()
                if started is not None:
                    started()
                while not self._stop:
                    self._lives += [self._life(child) for child in self._more()]
                    self._start_due()
                    self._listen()
                    self._look()
            finally:
                self._stop_all()
                if self._forks is not None:
                    self._forks.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT wake the loop and end it."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stop += 1

        waking, woken = socket.socketpair()
        with waking, woken:
            waking.setblocking(False)
            woken.setblocking(False)
            self._ready.register(woken, selectors.EVENT_READ, lambda: woken.recv(64))
            old_descriptor = signal.set_wakeup_fd(waking.fileno())
            old = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
            try:
                yield
            finally:
                for number, handler in old.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(old_descriptor)
                self._ready.close()

    def _start_due(self) -> None:
        for life in sorted(self._lives, key=lambda life: life.child.forked):  # the others need not wait for modules
            if life.process is None and life.start_at <= time.monotonic():
                self._ready.register(life.start(), selectors.EVENT_READ, life.hear)
                log.info("%s started (process %d)", life.child.name, life.process.pid if life.process else 0)

    def _listen(self) -> None:
        pauses = [life.start_at - time.monotonic() for life in self._lives if life.process is None]
        for key, _ in self._ready.select(max(0.0, min([LOOK_EVERY_S, *pauses]))):
            key.data()

    def _look(self) -> None:
        for life in self._lives:
            silence = life.silent_for()
            if silence is not None and life.process is not None:
                log.error("%s has not answered for %.0f s and is killed", life.child.name, silence)
                life.process.kill()
                life.process.wait()
            status = life.ended()
            if status is not None and not self._stop:
                self._bury(life, status)

    def _bury(self, life: _Life, status: int) -> None:
        self._ready.unregister(life.beats)
        pause = life.forget()
        life.restarts += 1
        log.warning("%s ended (%s); it starts again in %.1f s", life.child.name, _how(status), pause)
        self._meters.count("yiping_child_restarts_total", child=life.child.name)
        try:
            self._meters.save(self._run_dir / "metrics-supervisor.json")
        except OSError as error:
            log.error("metrics cannot be written: %s", error)

    def _stop_all(self) -> None:
        """SIGTERM to all at once, SIGKILL to those left after the grace, or at a second signal."""
        running = [life for life in self._lives if life.process is not None]
        for life in running:
            if life.process is not None:
                life.process.terminate()
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and self._stop < 2 and any(life.ended() is None for life in running):
            time.sleep(0.02)
        for life in running:
            if life.process is not None and life.process.poll() is None:
                log.warning("%s did not stop within %.0f s and is killed", life.child.name, GRACE_S)
                life.process.kill()
            if life.process is not None:
                log.info("%s stopped (%s)", life.child.name, _how(life.process.wait()))
            life.forget()
