"""A site's rules, live, beside a log of all that they are given; and the same judged again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from data.config.settings import SiteSettings
from data.local.meters import Meters
from data.model.alert import Alert, AlertKey, Raised, Signal
from data.model.frame import Frame
from data.model.observation import Detections, Position, Reading, Tick
from data.ports.recipe import Context
from engine.catalogue import load_catalogue
from engine.judging.observation_log import ObservationLog
from engine.judging.pipeline import SitePipeline
from engine.replay.occurrences import as_text, occurrences
from engine.replay.replayer import Replayed, Replayer


@dataclass
class LiveSite:
    """`block_s`: how often another block, with the rules' whole state, begins."""

    folder: Path
    site: SiteSettings
    block_s: float = 600.0
    process: str = "worker-1"
    flush_every_s: float = 0.005
    signals: list[Signal] = field(default_factory=list)
    open: dict[AlertKey, Alert] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start(())

    def start(self, alerts: Sequence[Alert], state: Any = None) -> None:
        """The process begins."""
        self.log = ObservationLog(
            self.folder, self.process, Meters(), block_s=self.block_s, flush_every_s=self.flush_every_s
        )
        observer = self.log.observer(f"{self.site.id}.camera")
        self.pipeline = SitePipeline(self.site, Context(self.site.place), alerts, state, observer=observer)

    def restart(self) -> None:
        """It ends and begins anew, as a process does that was told to stop."""
        state = self.pipeline.snapshot()
        self.log.close()
        self.start(tuple(self.open.values()), state)

    def give(self, seen: Detections | Reading | Position | Tick | Frame) -> None:
        if isinstance(seen, Reading):
            signals = self.pipeline.read(seen)
        elif isinstance(seen, Position):
            signals = self.pipeline.follow(seen)
        elif isinstance(seen, Tick):
            signals = self.pipeline.tick(seen)
        elif isinstance(seen, Detections):
            signals = self.pipeline.look(seen, (), (), seen.at).signals
        else:
            signals = self.pipeline.see(seen).signals
        self.signals += signals
        for one in signals:
            if isinstance(one, Raised):
                self.open[one.key] = Alert(
                    one.key, one.kind, one.priority, one.started_at, one.at, one.label, one.confidence, one.xyxy
                )
            else:
                self.open.pop(one.key, None)

    def text(self, since: datetime, until: datetime) -> str:
        """The alerts that were raised, in the canonical form."""
        return as_text(occurrences(self.signals, since, until))

    def replayed(self, since: datetime, until: datetime) -> Replayed:
        return Replayer(self.folder, load_catalogue()).replay(since, until)
