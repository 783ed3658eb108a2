"""Readings and positions that were sent to the server, on their way to the process of sensors: files, flushed to disk.

Whoever sent them is answered when they are here for good; they go when they are in the store.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from data.errors import InputRejected, StoreClosed
from data.local.sealed import Damaged, seal, unseal
from data.model.observation import Position, Quality, Reading, Sensed

MOST_WAITING = 10_000  # files; nobody takes them any more then


class Inbox:
    """The letter box of one monitor at one site."""

    def __init__(self, var_dir: Path, site: str, monitor: str) -> None:
        self.folder = var_dir / "inbox" / quote(site, safe="") / quote(monitor, safe="")

    def put(self, readings: Sequence[Sensed]) -> None:
        """Durable when it returns. Raises StoreClosed when the disk does not take it or too much waits already."""
        text = json.dumps([_as_json(reading) for reading in readings], ensure_ascii=False)
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        temporary = self.folder / f".{name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if sum(path.suffix == ".json" for path in self.folder.iterdir()) >= MOST_WAITING:
                raise StoreClosed("readings wait to be taken and more are not accepted now; do the gauges run?")
            try:
                with temporary.open("wb") as file:
                    file.write(seal(text.encode()) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.folder / f"{name}.json")
            finally:
                temporary.unlink(missing_ok=True)
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreClosed(f"the inbox cannot be written: {error.strerror}") from error

    def waiting(self) -> list[Path]:
        """Oldest first. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return sorted(path for path in self.folder.iterdir() if path.suffix == ".json")

    @staticmethod
    def read(path: Path) -> tuple[Sensed, ...]:
        """Raises OSError, InputRejected for a file that is not ours, and Damaged (one of them) for one that was."""
        content = path.read_bytes()
        try:
            return tuple(_of_json(one) for one in json.loads(unseal(content.removesuffix(b"\n"))))
        except Damaged as error:
            raise Damaged(f"{path.name} is damaged: {error}") from None
        except (ValueError, TypeError, KeyError) as error:
            raise InputRejected(f"{path.name} holds no readings") from error


def _as_json(reading: Sensed) -> object:
    if isinstance(reading, Position):
        return asdict(reading) | {"at": reading.at.isoformat()}
    return [
        reading.site, reading.monitor, reading.quantity, reading.value, reading.at.isoformat(), reading.quality.value,
        reading.uncertainty, reading.vertical_datum,
    ]  # fmt: skip


def _of_json(fields: list[object] | dict[str, Any]) -> Sensed:
    if isinstance(fields, dict):
        return Position(**{**fields, "at": datetime.fromisoformat(fields["at"])})
    site, monitor, quantity, value, at, quality, uncertainty, datum = fields
    return Reading(
        str(site),
        str(monitor),
        str(quantity),
        float(value),  # type: ignore[arg-type]
        datetime.fromisoformat(str(at)),
        Quality(str(quality)),
        None if uncertainty is None else float(uncertainty),  # type: ignore[arg-type]
        None if datum is None else str(datum),
    )
