"""One recording through the way of a resting camera, as fast as it goes: the same decoder by state, watch and rules.

Time is that of the packets: a picture that was kept back is judged when the packet comes that woke the camera, and an
alert is told then. Inference takes no time here; `make bench` is the place for that. What the model finds in a picture
is kept by the picture's content, so that another run costs little.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.stream import VideoStream

from data.config.settings import SiteSettings
from data.model.alert import AlertKey, Ended, Raised, Signal
from data.model.frame import Image
from data.model.observation import Tick
from data.model.place import InferenceSettings
from data.ports.recipe import Context
from detectors._backend import BySize, Model, load
from engine.camera.movement import Movement
from engine.camera.watch import Watch
from engine.judging.pipeline import SitePipeline
from engine.watched_site import TICK_LAG
from monitors.video._packets import DecodeState, StateDecoder
from monitors.video._substream import ALIVE_S
from monitors.video._video import AvFrame, Scalers, seconds

START = datetime(2024, 7, 12, tzinfo=UTC)


class RememberingModel:
    """A back end whose answers are kept in a file, by the content of the picture."""

    def __init__(self, inference: InferenceSettings, base_dir: Path, kept: Path) -> None:
        self._model: Model = load(inference, base_dir)
        if isinstance(self._model, BySize):
            self._model.take_up()
        self.labels, self.windows = self._model.labels, self._model.windows
        self._name = f"{inference.weights} {getattr(self._model, 'precision', '')}".encode()
        self._lock = threading.Lock()
        kept.parent.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(kept, check_same_thread=False, isolation_level=None, timeout=60)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("CREATE TABLE IF NOT EXISTS found (picture BLOB PRIMARY KEY, boxes BLOB)")
        self.asked = 0

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """As `detectors._backend.Model`."""
        key = hashlib.blake2b(canvas.tobytes(), digest_size=16, key=self._name).digest()
        with self._lock:
            self.asked += 1
            row = self._rows.execute("SELECT boxes FROM found WHERE picture = ?", (key,)).fetchone()
            if row is not None:
                return np.frombuffer(row[0], np.float32).reshape(-1, 6)
            found = self._model.infer(canvas)
            found = np.ascontiguousarray(found[found[:, 4] >= 0.05], np.float32)
            self._rows.execute("INSERT OR IGNORE INTO found VALUES (?, ?)", (key, found.tobytes()))
            return found


@dataclass
class RaisedAlert:
    """An alert: `told_s` is when it was raised, seconds of the stream; `ended_s` None while open.

    `height`: of the object's box then, as a part of the picture's; None where none is told.
    """

    rule: str
    label: str
    started_s: float
    told_s: float
    ended_s: float | None = None
    height: float | None = None


@dataclass
class Run:
    """What came of one recording."""

    alerts: list[RaisedAlert] = field(default_factory=list)
    wakes_s: list[float] = field(default_factory=list)
    glances: int = 0
    looks: int = 0
    decoded: int = 0
    small_decoded: int = 0
    refused: bool = False
    length_s: float = 0.0
    _open: dict[AlertKey, RaisedAlert] = field(default_factory=dict)

    def note(self, signals: Iterable[Signal], now_s: float) -> None:
        for signal in signals:
            if isinstance(signal, Raised) and not signal.again:
                height = None if signal.xyxy is None else round(signal.xyxy[3] - signal.xyxy[1], 4)
                told = RaisedAlert(signal.key.rule, signal.label or "", _s(signal.started_at), now_s, height=height)
                self.alerts.append(told)
                self._open[signal.key] = told
            elif isinstance(signal, Ended) and signal.key in self._open:
                self._open.pop(signal.key).ended_s = _s(signal.ended_at)


class Replay:
    """One camera: `main`, and beside it `small`, the substream, where there is one."""

    def __init__(self, site: SiteSettings, context: Context, main: Path, small: Path | None, *, full: bool) -> None:
        """`full`: as a camera that never rests: every picture decoded, looked at five times a second."""
        self._site, self._main, self._small = site, main, small
        self._pipeline = SitePipeline(site, context)
        per_second = context.inference.per_second
        self._watch = None if full else Watch(per_second)
        self._movement = Movement() if self._watch is None else self._watch.movement
        self._decoder = StateDecoder(site.id, per_second, self._small_alive)
        self._now_s, self._small_given_s = 0.0, float("-inf")
        self._due_s, self._step_s = 0.0, 1 / per_second
        self._scalers, self._small_scalers = Scalers(), Scalers()
        self.run = Run()

    def play(self) -> Run:
        """From the first packet to the last."""
        next_tick_s, whole = 1.0, False
        for at_s, is_small, packet in _merged(self._main, self._small):
            while next_tick_s <= at_s:
                self.run.note(self._pipeline.tick(Tick(self._site.id, _at(next_tick_s) - TICK_LAG)), next_tick_s)
                next_tick_s += 1.0
            self.run.length_s = self._now_s = at_s
            if is_small:  # as `monitors.video._substream.Substream` does it
                whole = not self._decoder.awake and (whole or packet.is_keyframe)
                if whole:
                    for frame in packet.decode():
                        self.run.small_decoded += 1
                        self._small_given_s = at_s
                        self._enqueue_if_relevant(
                            AvFrame(self._site.id, _at(seconds(frame) or 0.0), frame, self._small_scalers), at_s
                        )
                continue
            for decoded in self._decoder.feed(packet, at_s):
                self.run.decoded += 1
                self._enqueue_if_relevant(AvFrame(self._site.id, _at(decoded.at_s), decoded.frame, self._scalers), at_s)
        self.run.refused = self._decoder.refused
        return self.run

    def _small_alive(self) -> bool:
        return self._now_s - self._small_given_s < ALIVE_S

    def _enqueue_if_relevant(self, frame: AvFrame, now_s: float) -> None:
        """As `engine.camera.camera.Camera` does, with an answer to a glance before the next picture."""
        if self._watch is None:
            if self._movement.due(frame.at):
                self._movement.see(frame)
            if _s(frame.at) >= self._due_s - 0.001:
                self._due_s += self._step_s
                self._look(frame, now_s)
            return
        resting = self._decoder.state is not DecodeState.FULL
        attention = self._watch.see(frame, resting=resting)
        if attention.awake:
            if not self._decoder.awake and self._decoder.wake(_s(frame.at)):
                self.run.wakes_s.append(now_s)
                return
        else:
            self._decoder.rest(quiet=attention.quiet)
        if attention.glance:
            self.run.glances += 1
            since = self._watch.glanced(frame.at, self._pipeline.glance(frame))
            if since is not None:
                self.run.wakes_s.append(now_s)
                self._decoder.wake(_s(since))
        elif attention.look:
            self._look(frame, now_s, still=attention.still)

    def _look(self, frame: AvFrame, now_s: float, *, still: bool = False) -> None:
        seen = self._pipeline.see(frame, self._movement, still=still)
        self.run.looks += not seen.repeated
        self.run.note(seen.signals, now_s)
        if self._watch is not None and seen.detections is not None:
            self._watch.found(seen.detections)


def _merged(main: Path, small: Path | None) -> Iterator[tuple[float, bool, Packet[VideoStream]]]:
    """Packets of both in the order of their times: the small stream's first."""
    with av.open(str(main)) as container, av.open(str(small or main)) as other:
        packets = _packets(container)
        smalls = _packets(other) if small is not None else iter(())
        waiting = next(smalls, None)
        for at_s, packet in packets:
            while waiting is not None and waiting[0] <= at_s:
                yield waiting[0], True, waiting[1]
                waiting = next(smalls, None)
            yield at_s, False, packet


def _packets(container: av.container.InputContainer) -> Iterator[tuple[float, Packet[VideoStream]]]:
    stream = container.streams.video[0]
    stream.thread_count = 1
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            yield float(packet.pts * packet.time_base), packet


def _at(at_s: float) -> datetime:
    return START + timedelta(seconds=at_s)


def _s(at: datetime) -> float:
    return round((at - START).total_seconds(), 3)
