"""Signals that the store has not taken yet, on disk: append-only, flushed, read again after a restart."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.local.sealed import Damaged, seal, unseal, was_cut_off
from data.model.alert import Ended, Raised, Signal, Standing
from data.model.observation import Reading
from data.model.record import Evidence
from engine.judging.judgement import UnitOfWork

log = logging.getLogger(__name__)

_RAISED = TypeAdapter(Raised)
_ENDED = TypeAdapter(Ended)
_STANDING = TypeAdapter(Standing)
_READING = TypeAdapter(Reading)
_EVIDENCE = TypeAdapter(Evidence)


def _line(unit: UnitOfWork) -> bytes:
    signals = [
        {"raised": _RAISED.dump_python(signal, mode="json")}
        if isinstance(signal, Raised)
        else {"ended": _ENDED.dump_python(signal, mode="json")}
        for signal in unit.signals
    ]
    evidence = None if unit.evidence is None else _EVIDENCE.dump_python(unit.evidence, mode="json")
    content = {
        "number": unit.number,
        "at": unit.at.isoformat(),
        "signals": signals,
        "readings": [_READING.dump_python(reading, mode="json") for reading in unit.readings],
        "evidence": evidence,
        "standings": [_STANDING.dump_python(standing, mode="json") for standing in unit.standings],
    }
    return seal(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()) + b"\n"


def _signal(content: dict[str, Any]) -> Signal:
    if "raised" in content:
        return _RAISED.validate_python(content["raised"])
    return _ENDED.validate_python(content["ended"])


def _unit(stream: str, line: bytes) -> UnitOfWork:
    content = json.loads(unseal(line))
    return UnitOfWork(
        stream=stream,
        number=int(content["number"]),
        signals=tuple(_signal(signal) for signal in content["signals"]),
        at=datetime.fromisoformat(content["at"]),
        readings=tuple(_READING.validate_python(reading) for reading in content["readings"]),
        evidence=None if content["evidence"] is None else _EVIDENCE.validate_python(content["evidence"]),
        spooled=True,
        standings=tuple(_STANDING.validate_python(standing) for standing in content.get("standings", ())),
    )


class Spool:
    """One file per stream in the spool folder. Lines that are damaged are kept aside in `damaged/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, unit: UnitOfWork) -> None:
        """On the disk when it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(unit.stream)
        new = not path.exists()
        with path.open("ab", buffering=0) as file:
            size = _end_of_lines(path, file.tell())
            file.truncate(size)
            try:
                _write_all(file, _line(unit))
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
        if new:
            _flush_folder(self._folder)
        unit.spooled = True

    def units(self, stream: str) -> Sequence[UnitOfWork]:
        """In the order written; see `read`."""
        return self.read(stream)[0]

    def read(self, stream: str) -> tuple[Sequence[UnitOfWork], int]:
        """The units in the order written, and how many lines cannot be read: those are named and kept aside.

        A last line that a crash cut off was never promised; it is left out, too. Raises OSError.
        """
        try:
            lines = self._path(stream).read_bytes().split(b"\n")
        except FileNotFoundError:
            return (), 0
        units, damaged = [], []
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                units.append(_unit(stream, line))
            except (ValueError, KeyError, TypeError, ValidationError, Damaged) as error:
                where = f"{self._path(stream).name}, line {number}"
                if number == len(lines) and was_cut_off(line):
                    log.warning("spool %s was cut off while it was written and is left out", where)
                    continue
                log.error("spool %s is damaged and is left out: %s", where, error)
                damaged.append(line)
        if damaged:
            self._keep_aside(stream, damaged)
        return units, len(damaged)

    def _keep_aside(self, stream: str, lines: Sequence[bytes]) -> None:
        """For whoever wants to look at them; they are never read again."""
        folder = self._folder / "damaged"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{stream}.jsonl").open("ab") as file:
                file.write(b"\n".join((*lines, b"")))
        except OSError as error:
            log.error("%s: damaged lines cannot be kept aside: %s", stream, error.strerror)

    def clear(self, stream: str) -> None:
        """Every unit of the stream is in the store."""
        self._path(stream).unlink(missing_ok=True)

    def _path(self, stream: str) -> Path:
        return self._folder / f"{stream}.jsonl"


def _end_of_lines(path: Path, size: int) -> int:
    """Where the next line goes: what a crash or a full disk cut off was never promised and must not swallow it."""
    if size == 0:
        return 0
    with path.open("rb") as file:
        file.seek(size - 1)
        return size if file.read(1) == b"\n" else path.read_bytes().rfind(b"\n") + 1


def _write_all(file: io.FileIO, content: bytes) -> None:
    """All of it, or OSError: the system may take a part only."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
