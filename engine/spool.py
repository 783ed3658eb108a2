"""Signals that the store has not taken yet, on disk: append-only, flushed, read again after a restart."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.alert import Ended, Raised, Signal, Standing
from data.observation import Reading
from data.record import Evidence
from engine.judgement import Unit

log = logging.getLogger(__name__)

_RAISED = TypeAdapter(Raised)
_ENDED = TypeAdapter(Ended)
_STANDING = TypeAdapter(Standing)
_READING = TypeAdapter(Reading)
_EVIDENCE = TypeAdapter(Evidence)


def _line(unit: Unit) -> bytes:
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
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _signal(content: dict[str, Any]) -> Signal:
    if "raised" in content:
        return _RAISED.validate_python(content["raised"])
    return _ENDED.validate_python(content["ended"])


def _unit(stream: str, line: bytes) -> Unit:
    content = json.loads(line)
    return Unit(
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
    """One file per stream in the spool folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, unit: Unit) -> None:
        """On the disk when it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(unit.stream)
        new = not path.exists()
        with path.open("ab") as file:
            file.write(_line(unit))
            file.flush()
            os.fsync(file.fileno())
        if new:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(folder)
            os.close(folder)
        unit.spooled = True

    def units(self, stream: str) -> Sequence[Unit]:
        """In the order written. A last line that a crash cut off was never promised and is left out."""
        try:
            lines = self._path(stream).read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        units = []
        for line in lines[:-1]:
            try:
                units.append(_unit(stream, line))
            except (ValueError, KeyError, TypeError, ValidationError):
                log.exception("%s: a line of the spool cannot be read and is left out", stream)
        return units

    def clear(self, stream: str) -> None:
        """Every unit of the stream is in the store."""
        self._path(stream).unlink(missing_ok=True)

    def _path(self, stream: str) -> Path:
        return self._folder / f"{stream}.jsonl"
