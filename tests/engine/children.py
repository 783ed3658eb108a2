"""Real processes for the tests of the running side: targets that write a diary, and a supervisor to run them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.config.log import LogFormat
from engine.process.heart import Heart
from engine.process.supervisor import Child

ROOT = Path(__file__).resolve().parents[2]
_SUPERVISE = (
    "import logging, pickle, sys; from engine.process.child import set_up_log; "
    "from engine.process.supervisor import Supervisor, fork_server; "
    "forks = fork_server(sys.argv[1:]) if sys.argv[1:] else None; forks and forks.start(); "
    "form = pickle.load(sys.stdin.buffer); set_up_log('supervisor', logging.INFO, form=form); "
    "children, run_dir = pickle.load(sys.stdin.buffer); "
    "Supervisor(children, run_dir, log_format=form, forks=forks).run()"
)


def note(diary: Path, text: str) -> None:
    with diary.open("a", encoding="utf-8") as file:
        file.write(f"{text} {os.getpid()}\n")


def diligent(heart: Heart, diary: Path) -> None:
    note(diary, "begun")
    while not heart.rest(0.1):
        pass
    note(diary, "stopped")


def silent_after_one_second(heart: Heart, diary: Path) -> None:
    note(diary, "begun")
    heart.rest(1.0)
    time.sleep(600)


def crashing(heart: Heart, diary: Path) -> None:
    note(diary, "begun")
    raise OSError("rtsp://admin:secret@10.0.0.5/main is gone")


def stubborn(diary: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(diary, "begun")
    time.sleep(600)


def plain(diary: Path) -> None:
    note(diary, "begun")
    time.sleep(600)


@dataclass
class Supervised:
    """A supervisor in a process of its own, as `app.py run` is one; its log is a file."""

    process: subprocess.Popen[bytes]
    run_dir: Path
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def pid(self, name: str) -> int | None:
        """The child's present process id; None while it has none."""
        try:
            return int((self.run_dir / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def signal(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send it to the child; its process id."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)
        return pid

    def wait_for(self, condition: Callable[[], object], timeout_s: float) -> float:
        """Seconds until the condition came true."""
        begun = time.monotonic()
        while not condition():
            passed = time.monotonic() - begun
            assert passed < timeout_s, f"not within {timeout_s} s; the log:\n{self.log}"
            time.sleep(0.02)
        return time.monotonic() - begun

    def stop(self, timeout_s: float = 10.0) -> int:
        self.process.terminate()
        return self.process.wait(timeout_s)

    def end(self) -> None:
        """For a fixture's end: whatever is left is killed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)


def supervise(
    run_dir: Path,
    *children: Child,
    cwd: Path = ROOT,
    log_format: LogFormat = LogFormat.TEXT,
    forked: Sequence[str] = (),
) -> Supervised:
    """`cwd`: the folder where somebody works; the project itself is found all the same. `forked`: modules that are
    loaded while the children are made, as `app.py run` does it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    log_file = run_dir / "log.txt"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SUPERVISE, *forked],
            stdin=subprocess.PIPE,
            stderr=log,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(log_format) + pickle.dumps((children, run_dir)))
    process.stdin.close()
    return Supervised(process, run_dir, log_file)


def is_alive(pid: int) -> bool:
    """Does the process run (a zombie does not)?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or while it is read
        return False
