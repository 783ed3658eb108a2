"""Keeps what a process gives to its rules, in a thread of its own: the loop that judges never waits for it.

Whatever cannot be kept (a full disk, too much at once) leaves a gap that the next line tells of. At the beginning of
each block, and after a gap, every stream's rules give their whole state, so that a replay may begin there.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InputRejected
from data.local.meters import Meters
from data.local.observations import STREAM, Block, microseconds
from data.model.alert import Signal
from data.model.observation import Detections, Reading, Tick
from engine.judging.frozen import code_fingerprint
from engine.judging.observed import (
    BEGIN,
    CLOSER,
    DECIDED,
    LOOK,
    LOST,
    READING,
    SECOND,
    STATE,
    UNSEARCHED,
    Begin,
    Look,
    begin_fields,
    closer_fields,
    look_fields,
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
        self._lost = 0
        self._block: Block | None = None
        self._ends_s = 0.0
        self._numbers: dict[str, int] = {}
        self._begun: dict[str, list[Any]] = {}  # streams whose rules have begun and were given nothing yet
        self._settings: dict[str, Any] = {}  # of each stream's rules
        self._retry_s = 0.0
        self._troubled = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observations", daemon=True)
        self._thread.start()

    def observer(self, stream: str) -> StreamObserver:
        """Who is to be told of what this stream's rules are given."""
        return StreamObserver(stream, self)

    def put(self, line: _Line) -> None:
        """Thread-safe."""
        if len(self._came) >= MOST_WAITING:
            self._lost += 1
            return
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
        lines = self._without_begun(lines)
        if not lines:
            return
        try:
            block = self._block or self._new_block(now_s)
            if block is None:
                self._lost += len(lines)
                return
            content = self._encoded(block, lines)
            block.write(content)
        except OSError as error:
            self._give_up(len(lines), error)
            return
        if self._troubled:
            log.info("observations are kept again")
            self._troubled = False
        self._meters.count("yiping_observations_total", len(lines))

    def _without_begun(self, lines: Sequence[_Line]) -> list[_Line]:
        """The others. With what rules have begun is kept until they are given something, and their settings longer."""
        left = []
        for line in lines:
            if line.kind == BEGIN:
                self._begun[line.stream] = fields = line.fields()
                self._settings[line.stream] = fields[0]
            else:
                left.append(line)
        return left

    def _new_block(self, now_s: float) -> Block | None:
        """None while the disk has just refused one. Raises OSError."""
        if now_s < self._retry_s:
            return None
        self._block = Block(self._folder, self._process, datetime.now(UTC))
        self._ends_s = now_s + self._block_s
        self._numbers = {}
        self.era += 1
        return self._block

    def _encoded(self, block: Block, lines: Sequence[_Line]) -> bytes:
        out: list[str] = []
        lost, self._lost = self._lost, 0
        if lost:
            self._meters.count("yiping_observations_lost_total", lost)
            self.era += 1
        for line in lines:
            if line.kind == SETTINGS:
                (self._settings[line.stream],) = line.fields()
                continue
            number = self._numbers.get(line.stream)
            if number is None:
                number = self._numbers[line.stream] = len(self._numbers)
                out.append(_json([STREAM, number, 0, line.stream]))
            at = microseconds(line.at)
            if lost:
                out.append(_json([LOST, number, at, lost]))
                lost = 0
            begun = self._begun.pop(line.stream, None)
            if begun is not None:
                out.append(_json([BEGIN, number, at, *begun]))
            settings = [self._settings.get(line.stream)] if line.kind == STATE else []
            out.append(_json([line.kind, number, at, *line.fields(), *settings]))
            block.contents.note(line.stream, at)
        out.append("")
        return "\n".join(out).encode()

    def _end_block(self) -> None:
        block, self._block = self._block, None
        if block is None:
            return
        try:
            block.close()
        except OSError as error:
            self._block = block
            self._give_up(0, error)

    def _give_up(self, lost: int, error: OSError) -> None:
        """The block stays as it is, to be mended; the next one is tried in a while."""
        if not self._troubled:
            log.error("observations cannot be kept, so this time cannot be replayed: %s", error.strerror or error)
        self._troubled = True
        self._lost += lost
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


def _json(fields: list[Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
