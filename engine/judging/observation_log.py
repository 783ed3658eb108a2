"""Keeps what a process gives to its rules, in a thread of its own: the loop that judges never waits for it.

Whatever cannot be kept (a full disk, too much at once) leaves a gap that the next line of its stream tells of. At the
beginning of each block, and after a gap, every stream's rules give their whole state, so that a replay may begin there.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InputRejected
from data.local.meters import Meters
from data.local.observations import STREAM, Block, microseconds
from data.model.alert import Signal
from data.model.observation import Detections, Position, Reading, Tick
from engine.judging.frozen import code_fingerprint
from engine.judging.observed import (
    BEGIN,
    CLOSER,
    DECIDED,
    LOOK,
    LOST,
    POSITION,
    READING,
    SECOND,
    STATE,
    UNSEARCHED,
    Begin,
    Look,
    begin_fields,
    closer_fields,
    look_fields,
    position_fields,
    reading_fields,
    second_fields,
    signals_fields,
)
from engine.judging.second_looks import CloserFound
from engine.process.options import RunOptions

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 1.0
BLOCK_S = 600
MOST_WAITING = 100_000
RETRY_S = 5.0
SETTINGS = ""  # of a stream's rules, for the states that follow; no line of its own
_NO_LINES = frozenset({BEGIN, SETTINGS})
_UNFIT = (TypeError, ValueError, AttributeError, OverflowError)  # a rule's or detector's value is none for JSON
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)

Fields = Callable[[], list[Any]]


class _Line(NamedTuple):
    kind: str
    stream: str
    at: datetime
    fields: Fields  # asked on the log's thread


class StreamObserver:
    """Takes what one stream's rules are given (`engine.judging.pipeline.Observer`). Never waits, never raises."""

    def __init__(self, stream: str, owner: ObservationLog) -> None:
        self._stream = stream
        self._owner = owner
        self._era = -1
        self._refused = False
        self._lost = 0  # since the last line

    def begin(self, begin: Begin) -> None:
        """Rules were made; when, is told by what they are given first."""
        self._era = self._owner.era  # what they began with is their state
        self._put(BEGIN, _NO_TIME, lambda: begin_fields(begin))

    def changed(self, begin: Begin, at: datetime, freeze: Callable[[], bytes]) -> None:
        """Other settings of the rules hold from now on. `freeze`: their whole state, in which the others go on."""
        self._put(SETTINGS, at, lambda: begin_fields(begin)[:1])
        if not self._keep_state(at, freeze):
            self.begin(begin)

    def looked(
        self, at: datetime, detections: Detections | None, readings: Sequence[Reading], health: Sequence[Signal]
    ) -> None:
        look = Look(detections, tuple(readings), tuple(health), at)
        self._put(LOOK, at, lambda: look_fields(look))

    def closer(self, at: datetime, found: Sequence[CloserFound]) -> None:
        kept = tuple(found)
        self._put(CLOSER, at, lambda: closer_fields(kept))

    def unsearched(self, at: datetime, health: Sequence[Signal]) -> None:
        """A picture that cannot be believed was not searched; only what it says of the camera matters."""
        if health:
            self._put(UNSEARCHED, at, lambda: [signals_fields(health)])

    def read(self, reading: Reading) -> None:
        self._put(READING, reading.at, lambda: reading_fields(reading))

    def followed(self, position: Position) -> None:
        self._put(POSITION, position.at, lambda: position_fields(position))

    def second(self, tick: Tick, health: Sequence[Signal], freeze: Callable[[], bytes]) -> None:
        """`freeze`: the rules' whole state, before this second."""
        era = self._owner.era
        if era != self._era:
            self._era = era
            self._keep_state(tick.at, freeze)
        self._put(SECOND, tick.at, lambda: second_fields(tick, health))

    def decided(self, at: datetime, signals: Sequence[Signal]) -> None:
        """What the rules made of the last that they were given."""
        if signals:
            kept = tuple(signals)
            self._put(DECIDED, at, lambda: [signals_fields(kept)])

    def _keep_state(self, at: datetime, freeze: Callable[[], bytes]) -> bool:
        """False where they cannot be kept."""
        try:
            state = freeze()
        except InputRejected as error:
            if not self._refused:
                log.warning("%s: a replay can begin at a start of its rules only: %s", self._stream, error)
            self._refused = True
            return False
        self._put(STATE, at, lambda: [code_fingerprint(), base64.b64encode(state).decode("ascii")])
        return True

    def _put(self, kind: str, at: datetime, fields: Fields) -> None:
        if self._owner.is_full and kind not in _NO_LINES:  # those say what the lines after them were judged by
            self._lost += 1
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            self._owner.put(_Line(LOST, self._stream, at, lambda: [lost]))
        self._owner.put(_Line(kind, self._stream, at, fields))


class ObservationLog:
    """One per process. `close` at its end; a killed process loses what came in the last second or two."""

    def __init__(
        self,
        folder: Path,
        process: str,
        meters: Meters,
        *,
        block_s: float = BLOCK_S,
        flush_every_s: float = FLUSH_EVERY_S,
    ) -> None:
        self._folder = folder
        self._process = process
        self._meters = meters
        self._block_s = block_s
        self._flush_every_s = flush_every_s
        self.era = 0
        """Changes whenever every stream is to give its rules' state."""
        self._came: deque[_Line] = deque()
        self._lost: Counter[str] = Counter()  # lines of each stream since its last one
        self._lost_before: Counter[str] = Counter()  # the same of rules that were there before those that have begun
        self._newly_lost = 0
        self._block: Block | None = None
        self._ends_s = 0.0
        self._numbers: dict[str, int] = {}
        self._begun: dict[str, list[Any]] = {}  # streams whose rules have begun and were given nothing yet
        self._settings: dict[str, Any] = {}  # of each stream's rules
        self._retry_s = 0.0
        self._troubled = False
        self._unfit = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observations", daemon=True)
        self._thread.start()

    def observer(self, stream: str) -> StreamObserver:
        """Who is to be told of what this stream's rules are given."""
        return StreamObserver(stream, self)

    @property
    def is_full(self) -> bool:
        """Does too much wait to be written?"""
        return len(self._came) >= MOST_WAITING

    def put(self, line: _Line) -> None:
        """Thread-safe."""
        self._came.append(line)

    def close(self, timeout_s: float = 3.0) -> None:
        """Write what waits and close the block. Idempotent."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(self._flush_every_s):
            self.flush()
        self.flush()
        self._end_block()

    def flush(self) -> None:
        """What has come goes into the block; where it cannot, it is lost, which the next line will tell.

        Called by the log's own thread only, or by whoever has told that to wait.
        """
        lines = [self._came.popleft() for _ in range(len(self._came))]
        now_s = time.monotonic()
        if self._block is not None and now_s >= self._ends_s:
            self._end_block()
        try:
            block = self._block
            if block is None and any(line.kind not in _NO_LINES for line in lines):
                block = self._new_block(now_s)
            if block is None:
                self._lose(lines)
                return
            self._write(block, lines)
        except OSError as error:
            self._give_up(error)
            self._lose(lines)
            return
        finally:
            self._meters.count("yiping_observations_lost_total", self._newly_lost)
            self._newly_lost = 0
        if self._troubled:
            log.info("observations are kept again")
            self._troubled = False

    def _write(self, block: Block, lines: Sequence[_Line]) -> None:
        """Raises OSError; then nothing of these lines has been said."""
        unsaid = self._begun.copy(), self._lost.copy(), self._lost_before.copy()
        content, count = self._encoded(block, lines)
        try:
            if content:
                block.write(content)
        except OSError:
            self._begun, self._lost, self._lost_before = unsaid
            self._newly_lost = 0
            raise
        self._meters.count("yiping_observations_total", count)

    def _noted(self, line: _Line) -> bool:
        """Is it of what lines begin with? With what rules have begun is kept until they are given something."""
        if line.kind not in _NO_LINES:
            return False
        fields = line.fields()
        self._settings[line.stream] = fields[0]
        if line.kind == BEGIN:
            self._begun[line.stream] = fields
            self._lost_before[line.stream] += self._lost.pop(line.stream, 0)
        return True

    def _lose(self, lines: Sequence[_Line]) -> None:
        """These are not kept; what those after them are judged by is."""
        for line in lines:
            if not self._noted(line):
                self._note_lost(line.stream, line.fields()[0] if line.kind == LOST else 1)

    def _note_lost(self, stream: str, count: int) -> None:
        self._lost[stream] += count
        self._newly_lost += count

    def _new_block(self, now_s: float) -> Block | None:
        """None while the disk has just refused one. Raises OSError."""
        if now_s < self._retry_s:
            return None
        self._block = Block(self._folder, self._process, datetime.now(UTC))
        self._ends_s = now_s + self._block_s
        self._numbers = {}
        self.era += 1
        return self._block

    def _encoded(self, block: Block, lines: Sequence[_Line]) -> tuple[bytes, int]:
        """As text, and how many there are."""
        out: list[bytes] = []
        for line in lines:
            if self._noted(line):
                continue
            if line.kind == LOST:
                self._note_lost(line.stream, line.fields()[0])
                continue
            number, at = self._numbers.get(line.stream), microseconds(line.at)
            if number is None:
                number = self._numbers[line.stream] = len(self._numbers)
                out.append(_json([STREAM, number, 0, line.stream]))
            settings = [self._settings.get(line.stream)] if line.kind == STATE else []
            try:
                written = _json([line.kind, number, at, *line.fields(), *settings])
                out += [*map(_json, self._before(line.stream, number, at)), written]
            except _UNFIT as error:
                if not self._unfit:
                    log.error("%s: what is given to its rules cannot be written as JSON: %r", line.stream, error)
                self._unfit = True
                self._note_lost(line.stream, 1)
                continue
            block.contents.note(line.stream, at)
        return b"".join(out), len(out)

    def _before(self, stream: str, number: int, at: int) -> Iterator[list[Any]]:
        """What has to be said before the next line of a stream."""
        before, begun = self._lost_before.pop(stream, 0), self._begun.pop(stream, None)
        lost = self._lost.pop(stream, 0)
        if before:
            yield [LOST, number, at, before]
        if begun is not None:
            yield [BEGIN, number, at, *begun]
        if lost:
            self.era += 1  # these rules' state is not what a replay makes it
            yield [LOST, number, at, lost]

    def _end_block(self) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        try:
            block.close()
        except OSError as error:
            self._block = block
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """The block stays as it is, to be mended; the next one is tried in a while."""
        if not self._troubled:
            log.error("observations cannot be kept, so this time cannot be replayed: %s", error.strerror or error)
        self._troubled = True
        self._retry_s = time.monotonic() + RETRY_S
        block, self._block = self._block, None
        if block is not None:
            block.give_up()


class NoLog:
    """Keeps nothing."""

    def observer(self, _stream: str) -> None: ...

    def close(self) -> None: ...


def observation_log(options: RunOptions, process: str, meters: Meters) -> ObservationLog | NoLog:
    """As the settings say."""
    kept = options.settings.observations.enabled
    return ObservationLog(options.observations_dir, process, meters) if kept else NoLog()


def _json(fields: list[Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
