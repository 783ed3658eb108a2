"""Observations on the disk: what each process gave to its rules, in blocks of ten minutes.

`VAR/observations/<day>/<time>-<process>.<state>`, day and time in UTC by this computer's clock. A block is a line that
names the format, one zlib stream of lines (each a JSON array `[kind, stream, at, ...]`, `at` in microseconds since the
epoch), and a footer that tells which streams it holds and from when to when. It is flushed every second: whatever ends
a process, what was flushed can be read. While it is written its state is `open`, then `closed`, and `kept` once its
SHA-256 is in the audit trail.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.errors import InputRejected
from data.model.record import AuditEntry

FOLDER = "observations"
OPEN, CLOSED, KEPT = "open", "closed", "kept"
KEEP, EXPIRE = "keep_observations", "expire_observations"
"""What the audit trail calls it that a block's SHA-256 was taken, and that it was deleted."""
STREAM = "s"
"""Kind of the line `["s", number, 0, name]`, which comes before the first line of a stream in each block."""

_MAGIC = b"yiping observations 1\n"
_STREAM_LINE = b'["s"'
_END = struct.Struct(">I4s")
_END_MARK = b"YOBS"
_PIECE = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Since the epoch, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    """The time of so many microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=us)


@dataclass(slots=True)
class Span:
    """From when to when a block holds lines of a stream (microseconds, by the observations' times), and how many."""

    since: int
    until: int
    lines: int = 1

    def add(self, at: int) -> None:
        self.since, self.until, self.lines = min(self.since, at), max(self.until, at), self.lines + 1


@dataclass(slots=True)
class Contents:
    """A block's footer. `cut`: its process ended without closing it."""

    streams: dict[str, Span] = field(default_factory=dict)
    cut: bool = False

    def note(self, stream: str, at: int) -> None:
        """One line more."""
        span = self.streams.get(stream)
        if span is None:
            self.streams[stream] = Span(at, at)
        else:
            span.add(at)

    def footer(self) -> bytes:
        streams = {name: [span.since, span.until, span.lines] for name, span in self.streams.items()}
        text = json.dumps({"streams": streams, "cut": self.cut}, separators=(",", ":")).encode()
        return text + _END.pack(len(text), _END_MARK)

    @classmethod
    def of(cls, text: bytes) -> Contents:
        """Raises ValueError."""
        told = json.loads(text)
        return cls({name: Span(*span) for name, span in told["streams"].items()}, bool(told["cut"]))


class Block:
    """A block that is being written. Every method raises OSError; then give it up, it is mended later."""

    def __init__(self, folder: Path, process: str, now: datetime) -> None:
        day = folder / f"{now:%Y-%m-%d}"
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = day / f"{now:%H%M%S.%f}-{process}.{OPEN}"
        self.contents = Contents()
        self._zlib = zlib.compressobj(6)
        self._file = self.path.open("xb", buffering=0)
        self._put(_MAGIC)

    def write(self, lines: bytes) -> None:
        """Whole lines, each with its end. A killed process does not lose them; a computer without power may."""
        self._put(self._zlib.compress(lines) + self._zlib.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> Path:
        """On the disk when it returns."""
        self._put(self._zlib.flush() + self.contents.footer())
        os.fsync(self._file.fileno())
        self._file.close()
        return self.path.rename(self.path.with_suffix(f".{CLOSED}"))

    def give_up(self) -> None:
        """Leave it as it is."""
        self._file.close()

    def _put(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]


def blocks(folder: Path, *, states: Sequence[str] = (OPEN, CLOSED, KEPT)) -> Iterator[Path]:
    """In the order in which they were begun."""
    if not folder.is_dir():
        return
    for day in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from sorted(path for path in day.iterdir() if path.suffix[1:] in states)


def block_subject(name: str) -> str:
    """By which the audit trail calls a block; `name`: day and file name without its state."""
    return f"observations:{name}"


def block_name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def digests_told(entries: Iterable[AuditEntry]) -> set[str]:
    """What these entries of the audit trail say of a block's SHA-256: more than one where it was told of twice."""
    return {str(entry.detail["sha256"]) for entry in entries if entry.action == KEEP}


def process_of(path: Path) -> str:
    """The process that wrote a block."""
    return path.stem.split("-", 1)[1]


def contents(path: Path) -> Contents:
    """What a block holds; of one without a footer by reading all of it. Raises OSError, InputRejected."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size > len(_MAGIC) + _END.size:
            file.seek(size - _END.size)
            length, mark = _END.unpack(file.read(_END.size))
            if mark == _END_MARK and length <= size - _END.size - len(_MAGIC):
                file.seek(size - _END.size - length)
                try:
                    return Contents.of(file.read(length))
                except (ValueError, KeyError, TypeError) as error:
                    raise InputRejected(f"{path.name}: its footer cannot be read ({error!r})") from error
    found = Contents(cut=True)
    names: dict[int, str] = {}
    for line in _lines(path.read_bytes(), path):
        kind, stream, at, *rest = json.loads(line)
        if kind == STREAM:
            names[stream] = rest[0]
        else:
            found.note(names[stream], at)
    return found


def lines_of(path: Path, streams: frozenset[str]) -> Iterator[tuple[str, list[Any]]]:
    """The stream's name and the parsed array of each line of these streams, in the order written.

    What a killed process had not written whole is left out. Raises OSError, InputRejected for what is no block.
    """
    for name, line in _of(path, streams):
        if not line.startswith(_STREAM_LINE):
            yield name, json.loads(line)


def excerpt(path: Path, streams: frozenset[str]) -> bytes:
    """A closed block with the lines of these streams alone. Raises OSError, InputRejected for what is no block."""
    found, packer = Contents(), zlib.compressobj(6)
    packed = [_MAGIC]
    for name, line in _of(path, streams):
        packed.append(packer.compress(line + b"\n"))
        if not line.startswith(_STREAM_LINE):
            found.note(name, json.loads(line)[2])
    found.cut = contents(path).cut
    return b"".join((*packed, packer.flush(), found.footer()))


def _of(path: Path, streams: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """The lines of these streams as they were written, with those that name them."""
    names: dict[bytes, str] = {}
    for line in _lines(path.read_bytes(), path):
        kind, number, _ = line.split(b",", 2)
        if kind == _STREAM_LINE:
            name = json.loads(line)[3]
            if name in streams:
                names[number] = name
                yield name, line
            else:
                names.pop(number, None)
        elif number in names:
            yield names[number], line


def mend(path: Path) -> Path:
    """Close a block that its process has left open. Raises OSError, InputRejected."""
    found = contents(path)
    if found.cut:
        whole = b"".join(line + b"\n" for line in _lines(path.read_bytes(), path))
        mended = path.with_suffix(".mended")
        with mended.open("wb") as file:
            file.write(_MAGIC + zlib.compress(whole, 6) + found.footer())
            file.flush()
            os.fsync(file.fileno())
        mended.replace(path)
    return path.rename(path.with_suffix(f".{CLOSED}"))


def digest(path: Path) -> str:
    """SHA-256 of a block's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lines(content: bytes, path: Path) -> Iterator[bytes]:
    """Whole lines only."""
    if not content.startswith(_MAGIC):
        raise InputRejected(f"{path.name} holds no observations")
    unpack, rest = zlib.decompressobj(), b""
    for start in range(len(_MAGIC), len(content), _PIECE):
        try:
            rest += unpack.decompress(content[start : start + _PIECE])
        except zlib.error as error:
            raise InputRejected(f"{path.name} is damaged: {error}") from error
        *whole, rest = rest.split(b"\n")
        yield from whole
        if unpack.eof:
            return


def held(streams: Mapping[str, Span], wanted: frozenset[str], since: int, until: int) -> bool:
    """Does any of the wanted streams hold something within the span (microseconds)?"""
    return any(name in wanted and span.since <= until and span.until >= since for name, span in streams.items())
