"""Where something moved before a camera, second by second: `VAR/motion/<site>/<day and hour, UTC>.motion`.

A file is a row of records, each written in one piece and found by its mark and checksum: whatever ends a process, what
was written whole is read. A record holds some seconds of one grid of cells (that of the motion gate, `rows` x
`columns`): for each second a state byte and the cells in which something moved, one bit a cell, all of it deflated.
Several records may hold the same second: of two streams of one camera, or of a clock that was put back.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = "motion"
SUFFIX = ".motion"
HOUR_S = 3600
SEEN, WARMING, GLOBAL = 1, 2, 4
"""States of a second, as bits: the gate saw a picture, it could not tell yet, all of the picture changed at once."""
UNSEEN_S = 20  # a resting camera gives a key picture now and then; longer without any is told
APART_S = 3  # what moves again after so many calm seconds is the same moment
MOST_MOMENTS = 300
_MOST_SPANS = 100
_MARK = b"YMM1"
_HEADER = struct.Struct(">4sqHHHII")  # mark, first second since the epoch, seconds, rows, columns, bytes, CRC-32
_LARGEST_SIDE = 1024  # cells; more stands in no file of ours
_NAME = "%Y%m%d%H"

Mask = npt.NDArray[np.bool_]
Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions of the picture."""


@dataclass(frozen=True, slots=True)
class MotionRecord:
    """`states`: uint8 (seconds,). `cells`: uint8 (seconds, ceil(rows * columns / 8)), bits in the order of rows."""

    first_s: int
    rows: int
    columns: int
    states: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something moved in the rectangle from `since_s` to `until_s` (seconds since the epoch).

    `share`: of the rectangle's cells, the most that moved in one second.
    """

    since_s: int
    until_s: int
    share: float


@dataclass(frozen=True, slots=True)
class MotionFound:
    """`moments`: the strongest of `total`, in the order of time.

    `unseen`: when nothing is known, `changed`: when all of the picture changed at once (the light, the camera's place),
    from and to, seconds since the epoch.
    """

    moments: tuple[Moment, ...]
    total: int
    unseen: tuple[tuple[int, int], ...]
    changed: tuple[tuple[int, int], ...]


def packed(first_s: int, seconds: Mapping[int, tuple[int, Mask | None]], rows: int, columns: int) -> bytes:
    """A record of these seconds since the epoch, `first_s` and later: the state of each and its cells (None: none)."""
    count = max(seconds) - first_s + 1
    states = np.zeros(count, np.uint8)
    cells = np.zeros((count, rows * columns), np.bool_)
    for second, (state, moved) in seconds.items():
        states[second - first_s] = state
        if moved is not None:
            cells[second - first_s] = moved.ravel()
    payload = zlib.compress(states.tobytes() + np.packbits(cells, axis=1).tobytes(), 6)
    return _HEADER.pack(_MARK, first_s, count, rows, columns, len(payload), zlib.crc32(payload)) + payload


def append(folder: Path, first_s: int, record: bytes) -> None:
    """Put a record into the file of its hour. Raises OSError; half a record does no harm to those after it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    with os.fdopen(os.open(folder / motion_name(first_s), flags, 0o600), "wb", buffering=0) as file:
        file.write(record)


def motion_name(second: int) -> str:
    """The file of this second, since the epoch."""
    return datetime.fromtimestamp(second, UTC).strftime(_NAME) + SUFFIX


def hour_of(name: str) -> int:
    """When the file's hour begins, seconds since the epoch. Raises ValueError for the name of another file."""
    return round(datetime.strptime(name.removesuffix(SUFFIX), _NAME).replace(tzinfo=UTC).timestamp())


def read_motion(path: Path) -> Iterator[MotionRecord]:
    """The whole records of a file, in the order in which they were written; none when it is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    at = content.find(_MARK)
    while 0 <= at <= len(content) - _HEADER.size:
        record, size = _record(content, at)
        if record is not None:
            yield record
        at = content.find(_MARK, at + (size if record is not None else 1))


def _record(content: bytes, at: int) -> tuple[MotionRecord | None, int]:
    """The record that begins there, and how many bytes it has; None for one that was not written whole."""
    _, first_s, count, rows, columns, size, checksum = _HEADER.unpack_from(content, at)
    begin = at + _HEADER.size
    payload = content[begin : begin + size]
    row = -(-rows * columns // 8)
    if not 0 < rows <= _LARGEST_SIDE or not 0 < columns <= _LARGEST_SIDE or not 0 < count <= HOUR_S:
        return None, 0
    if len(payload) < size or zlib.crc32(payload) != checksum:
        return None, 0
    plain = np.frombuffer(zlib.decompressobj().decompress(payload, count * (1 + row)), np.uint8)
    if len(plain) != count * (1 + row):
        return None, 0
    return MotionRecord(first_s, rows, columns, plain[:count], plain[count:].reshape(count, row)), _HEADER.size + size


def search_motion(folder: Path, since_s: int, until_s: int, rectangle: Rectangle, *, least: float = 0.0) -> MotionFound:
    """When something moved in the rectangle. `folder`: of one camera; seconds since the epoch, `until_s` not included.

    `least`: the share of the rectangle's cells that must move within one second; at 0 one cell does.
    """
    shares = np.zeros(until_s - since_s, np.float32)
    states = np.zeros(until_s - since_s, np.uint8)
    masks: dict[tuple[int, int], tuple[npt.NDArray[np.uint8], int]] = {}
    for record in _records(folder, since_s, until_s):
        skip = max(0, since_s - record.first_s)
        keep = slice(skip, min(len(record.states), until_s - record.first_s))
        here = slice(record.first_s + keep.start - since_s, record.first_s + keep.stop - since_s)
        if keep.stop <= keep.start:
            continue
        grid = (record.rows, record.columns)
        if grid not in masks:
            masks[grid] = _mask(*grid, rectangle)
        mask, count = masks[grid]
        moved = np.bitwise_count(record.cells[keep] & mask).sum(axis=1, dtype=np.float32) / np.float32(count)
        np.maximum(shares[here], moved, out=shares[here])
        np.bitwise_or(states[here], record.states[keep], out=states[here])
    moments = _moments((shares > 0) & (shares >= least), shares, since_s)
    strongest = sorted(moments, key=lambda one: -one.share)[:MOST_MOMENTS]
    unknown = (states & SEEN == 0) | (states & WARMING > 0)
    unseen = [(a, b) for a, b in _runs(np.flatnonzero(unknown), 1) if b - a > UNSEEN_S]
    changed = _runs(np.flatnonzero(states & GLOBAL), APART_S + 1)
    in_order = tuple(sorted(strongest, key=lambda one: one.since_s))
    return MotionFound(in_order, len(moments), _told(unseen, since_s), _told(changed, since_s))


def _told(runs: Sequence[tuple[int, int]], since_s: int) -> tuple[tuple[int, int], ...]:
    """The longest, in the order of time."""
    longest = sorted(runs, key=lambda run: run[0] - run[1])[:_MOST_SPANS]
    return tuple((since_s + a, since_s + b) for a, b in sorted(longest))


def _records(folder: Path, since_s: int, until_s: int) -> Iterator[MotionRecord]:
    """Also of the hour before: a record lies in the hour of its first second."""
    for hour_s in range((since_s // HOUR_S - 1) * HOUR_S, until_s, HOUR_S):
        for record in read_motion(folder / motion_name(hour_s)):
            if record.first_s < until_s and record.first_s + len(record.states) > since_s:
                yield record


def _mask(rows: int, columns: int, rectangle: Rectangle) -> tuple[npt.NDArray[np.uint8], int]:
    """The cells that the rectangle touches, packed as those of a record, and how many."""
    left, top, right, bottom = rectangle
    across = slice(min(columns - 1, math.floor(left * columns)), max(1, math.ceil(right * columns)))
    down = slice(min(rows - 1, math.floor(top * rows)), max(1, math.ceil(bottom * rows)))
    mask = np.zeros((rows, columns), np.bool_)
    mask[down, across] = True
    return np.packbits(mask.ravel()), int(np.count_nonzero(mask))


def _runs(places: npt.NDArray[np.int64], apart: int) -> Sequence[tuple[int, int]]:
    """Stretches of these places, from and to (not included); places no further apart than `apart` are one."""
    if not len(places):
        return ()
    ends = np.flatnonzero(np.diff(places) > apart)
    first = places[np.concatenate(([0], ends + 1))]
    last = places[np.concatenate((ends, [len(places) - 1]))]
    return [(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]


def _moments(active: Mask, shares: npt.NDArray[np.float32], since_s: int) -> Sequence[Moment]:
    runs = _runs(np.flatnonzero(active), APART_S + 1)
    if not runs:
        return ()
    # From the beginning of each to the beginning of the next there is nothing larger than what moved in it.
    calm = np.where(active, shares, np.float32(0))
    peaks = np.maximum.reduceat(calm, [first for first, _ in runs])
    return [
        Moment(since_s + first, since_s + last, round(float(peak), 4))
        for (first, last), peak in zip(runs, peaks, strict=True)
    ]
