"""What one site's rules were given in a span of time, read from the blocks, and where a replay of it can begin."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from data.errors import InputRejected
from data.local.observations import Contents, blocks, contents, lines_of, microseconds, moment
from engine.judging.frozen import code_fingerprint
from engine.judging.observed import BEGIN, LOST, SECOND, STATE

log = logging.getLogger(__name__)

_GAP_FROM_US = 2_500_000  # without the rules of a site having been given a second

Line = list[Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """From when to when nothing is known of what a stream's rules were given. `lost`: lines, where that is known."""

    stream: str
    since: datetime
    until: datetime
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """The lines of one stream in these files, from number `first` on, a BEGIN or a STATE, to the last of time `last`.

    `exact`: the rules begin just as they were. Else the state at the beginning is that of another version of the code,
    or there is none: the rules begin with nothing and what they decide shortly after the beginning may differ.
    """

    stream: str
    files: Sequence[Path]
    first: int
    last: int
    exact: bool

    @property
    def site(self) -> str:
        return self.stream.rpartition(".")[0]

    def __iter__(self) -> Iterator[Line]:
        """One after the other from the disk; a late line of within the span still counts."""
        later: list[Line] = []
        for line in islice((line for path in self.files for line in _lines(path, self.stream)), self.first, None):
            if line[2] > self.last:
                later.append(line)
                continue
            yield from later
            later.clear()
            yield line


@dataclass(slots=True)
class ObservationFiles:
    """The blocks of a folder. What each holds is read once."""

    folder: Path
    _known: dict[Path, Contents] = field(default_factory=dict)

    def streams(self) -> frozenset[str]:
        """Every stream of which something is kept."""
        return frozenset(name for known in self._index().values() for name in known.streams)

    def passages(
        self, sites: Iterable[str], since: datetime, until: datetime, *, run_in: timedelta = timedelta(0)
    ) -> list[Passage]:
        """Of these sites, by the names of their streams, each from `run_in` before `since`, or shortly before that."""
        wanted = set(sites)
        names = sorted(name for name in self.streams() if name.rpartition(".")[0] in wanted)
        found = (self._passage(name, since - run_in, until) for name in names)
        return [passage for passage in found if passage is not None]

    def files(self, since: datetime, until: datetime) -> list[Path]:
        """The blocks that hold anything of the span."""
        first, last = microseconds(since), microseconds(until)
        return [
            path
            for path, known in self._index().items()
            if any(span.since <= last and span.until >= first for span in known.streams.values())
        ]

    def _index(self) -> Mapping[Path, Contents]:
        for path in blocks(self.folder):
            if path not in self._known:
                try:
                    self._known[path] = contents(path)
                except (InputRejected, FileNotFoundError) as error:
                    log.warning("a block of observations is left out: %s", error)
                    self._known[path] = Contents(cut=True)
        return self._known

    def _passage(self, stream: str, since: datetime, until: datetime) -> Passage | None:
        """None where nothing is kept of the span."""
        first, last = microseconds(since), microseconds(until)
        held = [path for path, known in self._index().items() if stream in known.streams]
        spans = {path: self._known[path].streams[stream] for path in held}
        inside = [path for path in held if spans[path].since <= last and spans[path].until >= first]
        if not inside:
            return None
        begin = held.index(inside[0])
        start = _start(_lines(inside[0], stream), first)
        while start is None and begin > 0:  # its block began later than it: a state stands in an earlier one
            begin -= 1
            start = _start(_lines(held[begin], stream), first)
        exact = start is not None
        if start is None:  # nothing tells their state
            begin = held.index(inside[0])
            start = next((i for i, line in enumerate(_lines(inside[0], stream)) if line[0] in {BEGIN, STATE}), None)
        if start is None:
            return None
        files = [path for path in held[begin:] if path in inside or path < inside[0]]
        return Passage(stream, files, start, last, exact)


def _lines(path: Path, stream: str) -> Iterator[Line]:
    return (line for _, line in lines_of(path, frozenset({stream})))


def _start(lines: Iterable[Line], first: int) -> int | None:
    """The newest line of a block where a replay can begin so that everything from `first` on is as it was."""
    found, nothing_yet = None, True
    for i, line in enumerate(lines):
        kind, at = line[0], line[2]
        if kind == SECOND and at > first and found is not None:
            break
        usable = kind == BEGIN or (kind == STATE and line[3] == code_fingerprint())
        if usable and (at <= first or (nothing_yet and kind == BEGIN)):
            found = i
        nothing_yet = nothing_yet and kind == LOST  # of rules that were there before
    return found


def gaps_in(stream: str, lines: Iterable[Line]) -> Iterator[Gap]:
    """Where lines were lost, or a process was not there."""
    before: int | None = None
    for line in lines:
        kind, at = line[0], line[2]
        if kind == LOST:
            yield Gap(stream, moment(at if before is None else before), moment(at), int(line[3]))
        elif kind == BEGIN and before is not None and at - before > _GAP_FROM_US:
            yield Gap(stream, moment(before), moment(at))
        before = at if before is None or kind == BEGIN else max(before, at)
