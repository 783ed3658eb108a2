"""A recorded video through the very pipeline that watches live, as fast as it goes; time is the video's own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.config.settings import SiteSettings
from data.model.alert import AlertKey, Ended, Raised, Signal
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed, Tick
from data.ports.recipe import Context, Monitor
from engine.camera.movement import Movement
from engine.camera.watch import Watch
from engine.judging.pipeline import SitePipeline
from monitors.video.video_file import Recipe as VideoFile

Line = dict[str, Any]
_TICK = timedelta(seconds=1)
_SLACK = timedelta(milliseconds=1)  # frame times are rounded: 0.1999 s is due at 0.2 s


_log = logging.getLogger(__name__)


def analyze_video(video: Path, site: SiteSettings, context: Context, start: datetime) -> Iterator[Line]:
    """One line per alert of the recording `video` as if `site`'s camera had seen it from `start` on (with offset).

    `{"site", "rule", "kind", "zone", "label", "started_s", "alerted_s", "ended_s"}`, times in seconds of the
    video, `ended_s` None while open; in the order of `alerted_s`. All cores are used, whatever
    `inference.threads` says. Raises InputRejected for what is no video, DeviceLost when there is no such file.
    """
    start = start.astimezone(UTC)
    inference = context.inference.model_copy(update={"threads": min(os.cpu_count() or 1, 8)})
    context = replace(context, inference=inference)
    recording = VideoFile(path=video.resolve(), paced=False, start=start).make(replace(context, site=site.place))
    with closing(recording):
        yield from analyze_frames(_frames(recording), site, context, start)


def _frames(recording: Monitor) -> Iterator[Frame]:
    for item in recording.observe():
        if isinstance(item, Rejected):
            _log.warning("%s", item.reason)
        elif item is not None and not isinstance(item, Sensed):
            yield item


def analyze_frames(
    frames: Iterable[Frame],
    site: SiteSettings,
    context: Context,
    start: datetime,
    watch: Watch | None = None,
    *,
    near: bool = False,
) -> Iterator[Line]:
    """One line per alert, in the order they were raised, each as soon as it and those before it are over.

    `frames` in the order of their times, from `start` on (UTC). Looked at: `context.inference.per_second`, or
    those `watch` picks; `near`: as a live camera does it, only where something moved. The same frames give the same
    lines.
    """
    movement = (watch.movement if watch is not None else Movement()) if near else None
    pipeline = SitePipeline(site, context)
    log = _Log(start)
    due, next_tick = start, start + _TICK
    step = timedelta(seconds=1 / context.inference.per_second)
    for frame in frames:
        while next_tick <= frame.at:
            log.note(pipeline.tick(Tick(site.id, next_tick)))
            next_tick += _TICK
        if watch is None and movement is not None and movement.due(frame.at):
            movement.see(frame)
        if watch is not None:
            attention = watch.see(frame)
            if attention.look:
                seen = pipeline.see(frame, movement, still=attention.still)
                log.note(seen.signals)
                if seen.detections is not None:
                    watch.found(seen.detections)
        elif frame.at + _SLACK >= due:
            log.note(pipeline.see(frame, movement).signals)
            due += step * max(1, (frame.at + _SLACK - due) // step + 1)
        yield from log.finished()
    yield from log.rest()


def as_text(line: Line) -> str:
    """One line of JSON, the same bytes for the same alert."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


class _Log:
    """Alerts in the order they were raised, waiting for their end."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._waiting: list[tuple[AlertKey, Line]] = []

    def note(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, Raised):
                if not self._holds(signal.key):  # else the same alert has worsened or eased
                    self._waiting.append((signal.key, self._line(signal)))
            elif isinstance(signal, Ended):
                self._end(signal)

    def finished(self) -> Iterator[Line]:
        while self._waiting and self._waiting[0][1]["ended_s"] is not None:
            yield self._waiting.pop(0)[1]

    def rest(self) -> Iterator[Line]:
        yield from (line for _, line in self._waiting)
        self._waiting.clear()

    def _holds(self, key: AlertKey) -> bool:
        return any(key == other and line["ended_s"] is None for other, line in self._waiting)

    def _end(self, ended: Ended) -> None:
        for key, line in self._waiting:
            if key == ended.key and line["ended_s"] is None:
                line["ended_s"] = self._seconds(ended.ended_at)
                return

    def _line(self, raised: Raised) -> Line:
        return {
            "site": raised.key.site,
            "rule": raised.key.rule,
            "kind": raised.kind,
            "zone": raised.key.zone,
            "label": raised.label,
            "started_s": self._seconds(raised.started_at),
            "alerted_s": self._seconds(raised.at),
            "ended_s": None,
        }

    def _seconds(self, at: datetime) -> float:
        return round((at - self._start).total_seconds(), 3)
