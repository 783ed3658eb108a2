"""The N-th read, write or flush fails, for every N: nothing acknowledged is lost, and all files are whole afterwards.

Runs itself with a small library loaded before libc (`bench/failing_io.c`, built by gcc). Each case is a forked process
that works on database, spool, inbox and evidence in a folder of its own and notes what it was promised; a second one
looks whether it is there. A process whose store failed opens it again, as a restarted one does.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from bench.machine import cores
from data.errors import YipingError
from data.local.inbox import Inbox
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Priority, Raised
from data.model.observation import Reading
from data.model.record import broken_link
from data.ports.store import AlertQuery, Store
from data.sql.store import open_store
from engine.judging.judgement import UnitOfWork
from engine.judging.spool import Spool
from tests.contracts.crew import whole_unit
from tests.contracts.samples import NOON

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).with_name("failing_io.c")
EIO, ENOSPC, SHORT, TORN = 1, 2, 3, 4
MODES = {"EIO": EIO, "ENOSPC": ENOSPC, "short write": SHORT, "torn write and kill": TORN}
ROUNDS = 4
STREAM = "gate-3.camera"


@dataclass
class IoResult:
    """How many calls failed, one in each case, and what was wrong afterwards."""

    io_faults: int = 0
    by_mode: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def build(folder: Path) -> Path:
    """The library. Raises CalledProcessError, FileNotFoundError without gcc."""
    library = folder / "failing_io.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-std=gnu11", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def run_io(every: int = 1) -> IoResult:
    """All N, or each `every`-th of them, in each mode: a process for each mode, as many at once as there are cores."""
    with tempfile.TemporaryDirectory(prefix="yiping-io-") as folder, ThreadPoolExecutor(cores()) as threads:
        environment = {**os.environ, "LD_PRELOAD": str(build(Path(folder))), "PYTHONPATH": str(ROOT)}

        def of_mode(name: str) -> IoResult:
            (base := Path(folder) / name.partition(" ")[0]).mkdir()
            command = [sys.executable, "-m", "bench.faults_io", str(base), str(every), name]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(done.stderr[-4000:])
            return IoResult(**json.loads(done.stdout.splitlines()[-1]))

        found = list(threads.map(of_mode, MODES))
    return IoResult(
        sum(one.io_faults for one in found),
        {name: faults for one in found for name, faults in one.by_mode.items()},
        [line for one in found for line in one.lost],
        [line for one in found for line in one.damage],
    )


def unit_of(number: int) -> UnitOfWork:
    key = AlertKey("gate-3", "intrusion", "river", str(number))
    return UnitOfWork(STREAM, (Raised(key, "intrusion", Priority.P1, NOON, NOON, "person"),), NOON, number=number)


def reading_of(number: int) -> Reading:
    return Reading("quay", "stage", "water_level", 160.0 + number, NOON + timedelta(minutes=number))


def picture_of(number: int) -> bytes:
    return b"\xff\xd8" + f"picture {number} ".encode() * 300


class _Work:
    """Works on all four, and writes down outside of the folder what it was promised."""

    def __init__(self, folder: Path, promised: Path, *, new: bool) -> None:
        self._folder = folder
        self._new = new
        self._promised = os.open(promised, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._store: Store | None = None

    def run(self) -> None:
        spool, inbox = Spool(self._folder / "spool"), Inbox(self._folder, "quay", "stage")
        vault = FolderVault(self._folder / "evidence")
        for number in range(1, ROUNDS + 1):
            self._try(f"store {number}", lambda number=number: self.store.write(whole_unit(number)))  # type: ignore[misc]
            self._try(f"spool {number}", lambda number=number: spool.append(unit_of(number)))  # type: ignore[misc]
            self._try(f"inbox {number}", lambda number=number: inbox.put((reading_of(number),)))  # type: ignore[misc]
            self._try(f"evidence {number}", lambda number=number: self._keep(vault, number))  # type: ignore[misc]
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store:
        if self._store is not None and self._store.failure is not None:
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = open_store(self._folder / "yiping.db", migrate=self._new)
        return self._store

    def _keep(self, vault: FolderVault, number: int) -> None:
        evidence = vault.keep(picture_of(number), "image/jpeg", NOON, "gate-3")
        self.store.write(lambda writer: writer.add_evidence(evidence))

    def _try(self, what: str, work: Callable[[], object]) -> None:
        """Twice, as whoever is refused tries again."""
        for _ in range(2):
            with suppress(YipingError, OSError):
                work()
                os.write(self._promised, f"{what}\n".encode())
                return


def look(folder: Path, promised: Path) -> list[str]:
    """What was promised and is not there, or is not whole."""
    kept = {line for line in promised.read_text().splitlines() if line}
    store = open_store(folder / "yiping.db")
    found = {f"store {a.key.subject}" for a in store.read(lambda reader: reader.alerts(AlertQuery()))}
    entries = store.read(lambda reader: reader.audit())
    units, damaged = Spool(folder / "spool").read(STREAM)
    found |= {f"spool {unit.number}" for unit in units}
    inbox = Inbox(folder, "quay", "stage")
    found |= {
        f"inbox {round(r.value - 160)}" for path in inbox.waiting() for r in inbox.read(path) if isinstance(r, Reading)
    }
    vault = FolderVault(folder / "evidence")
    pictures = store.read(lambda reader: reader.evidence_between(None, NOON, NOON + timedelta(seconds=1)))
    contents = {vault.open(evidence) for evidence in pictures}
    found |= {f"evidence {number}" for number in range(1, ROUNDS + 1) if picture_of(number) in contents}
    store.close()
    wrong = [f"lost {what}" for what in sorted(kept - found)]
    with closing(sqlite3.connect(folder / "yiping.db")) as connection:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    wrong += [] if said == ["ok"] else [f"damage {line}" for line in said]
    wrong += [f"damage {damaged} lines of the spool"] if damaged else []
    wrong += [] if broken_link(entries) is None else ["damage the audit chain is broken"]
    return wrong


def forked(work: Callable[[], None]) -> int:
    """Run it in a process of its own; the exit status."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        sys.excepthook = _end_badly
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _end_badly(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    traceback.print_exception(kind, error, trace)
    os._exit(9)


def one_case(base: Path, number: int, mode: int, *, reads: bool, new: bool = False) -> tuple[int, list[str]]:
    """The `number`-th call fails (0: none). How many there were, and what is wrong afterwards.

    With `new` the store is made there, too; else it is a copy of one that has been made before.
    """
    library = ctypes.CDLL(None)
    library.failing_io_count.restype = ctypes.c_long
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder, promised, report = Path(name) / "var", Path(name) / "promised", Path(name) / "report"
        folder.mkdir()
        promised.touch()
        if not new:
            shutil.copy(base / "made.db", folder / "yiping.db")

        def work() -> None:
            library.failing_io_arm(str(folder).encode(), ctypes.c_long(number), mode, int(reads))
            _Work(folder, promised, new=new).run()
            (Path(name) / "count").write_text(str(library.failing_io_count()))

        def check() -> None:
            report.write_text("\n".join(look(folder, promised)))

        status = forked(work)
        if status not in {0, -9}:
            return 0, [f"damage the process ended with {status}"]
        if forked(check) != 0:
            return 0, ["damage it cannot be opened again"]
        count = int((Path(name) / "count").read_text()) if status == 0 else 0
        return count, [line for line in report.read_text().splitlines() if line]


def main(arguments: Sequence[str]) -> None:
    base, every, name = Path(arguments[0]), int(arguments[1]), arguments[2]
    mode, result = MODES[name], IoResult()
    forked(lambda: open_store(base / "made.db").close())
    for new, step in ((False, every), (True, every * 20)):
        total, wrong = one_case(base, 0, mode, reads=mode == EIO, new=new)
        result.damage += wrong
        for number in range(1, total + 1, step):
            _, wrong = one_case(base, number, mode, reads=mode == EIO, new=new)
            result.io_faults += 1
            for line in wrong:
                (result.lost if line.startswith("lost") else result.damage).append(f"{name}, call {number}: {line}")
    result.by_mode = {name: result.io_faults}
    print(json.dumps(result.__dict__))


if __name__ == "__main__":
    main(sys.argv[1:])
