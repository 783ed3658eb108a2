"""Recordings with what is true in them, and how well the rules tell it.

The format is described in docs/accuracy-data.md: one JSON file beside each video, in our own words or as marked by hand
(`bench.marked_clips`). The reference clips' own truth lies
in bench/truths.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.events import Box, Event, EventScore, score_events
from bench.films import NOON, Film, Shown
from bench.marked_clips import SUFFIX, is_marked, read_marks
from data.config.catalogue import UnknownKind
from data.errors import InputRejected
from data.model.alert import Raised, Signal
from data.model.observation import Tick
from data.model.zone import Zone
from data.ports.recipe import RuleRecipe
from engine.catalogue import load_catalogue
from engine.judging.pipeline import SitePipeline

PER_SECOND = 5.0
RATES = (5.0, 2.0)
TRUTHS = Path(__file__).resolve().parent / "truths"


class TrueEvent(BaseModel):
    """Something that was, and that the rule should have told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Annotated[str, Field(description="Id of the rule that should tell it.")]
    label: Annotated[str, Field(description="COCO class; all vehicles count as one.")]
    from_s: Annotated[float, Field(ge=0, description="Second of the video.")]
    to_s: Annotated[float | None, Field(description="Second of the video; null: until its end.")]
    box: Annotated[Box | None, Field(description="Left, top, right, bottom as fractions; anywhere if left out.")] = None


class Truth(BaseModel):
    """What is true in one video."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    video: Annotated[str, Field(description="The video's path, relative to this file.")]
    about: Annotated[str, Field(description="A line for people.")] = ""
    zones: Annotated[tuple[Zone, ...], Field(description="As in config.yaml.")] = ()
    rules: Annotated[tuple[dict[str, Any], ...], Field(description="Of kind dwell or intrusion, as in config.yaml.")]
    events: Annotated[tuple[TrueEvent, ...], Field(description="All that the rules should tell, and nothing else.")]

    def recipes(self) -> tuple[RuleRecipe, ...]:
        """Raises InputRejected."""
        kinds = load_catalogue()
        try:
            return tuple(kinds.rule(str(rule.get("kind"))).model_validate(rule) for rule in self.rules)
        except (UnknownKind, ValidationError) as error:
            raise InputRejected(f"{self.video}: rules: {error}") from error


@dataclass(frozen=True, slots=True)
class Recording:
    """A video and its truth. `left_out`: what its file says and nothing here scores."""

    name: str
    video: Path
    truth: Truth
    left_out: tuple[str, ...] = ()


def recordings(truths: Path, videos: Path) -> list[Recording]:
    """All truth files of a folder; videos are relative to `videos`. Raises InputRejected for a file that is none."""
    found = []
    for path in sorted(truths.glob("*.json")):
        if is_marked(path):
            found.append(_marked(path))
            continue
        try:
            truth = Truth.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, OSError) as error:
            raise InputRejected(f"{path}: {error}") from error
        unknown = {event.rule for event in truth.events} - {rule.name for rule in truth.recipes()}
        if unknown:
            raise InputRejected(f"{path}: events of rules that are not there: {', '.join(sorted(unknown))}")
        found.append(Recording(path.stem, videos / truth.video, truth))
    return found


def _marked(path: Path) -> Recording:
    clip = read_marks(path)
    truth = Truth.model_validate(
        {"video": clip.video.name, "zones": clip.zones, "rules": clip.rules, "events": clip.events}
    )
    return Recording(path.name.removesuffix(SUFFIX), clip.video, truth, clip.left_out)


def scored(root: Path, recording: Recording, per_second: float = PER_SECOND) -> Mapping[str, EventScore]:
    """By rule. Raises InputRejected, DeviceLost for what is no video."""
    film = Film.of_clip(root, recording.video, per_second=2 * PER_SECOND)
    return scored_film(film, film.at_rate(per_second), recording.truth)


def scored_film(film: Film, shown: Shown, truth: Truth) -> Mapping[str, EventScore]:
    """The rules over these pictures of the film, by rule."""
    rules = truth.recipes()
    end_s = shown[-1][1]
    told = list(_told(film, shown, truth.zones, rules))
    scores = {}
    for rule in rules:
        found = [event for name, event in told if name == rule.name]
        true = [
            Event(event.label, event.from_s, end_s if event.to_s is None else event.to_s, event.box)
            for event in truth.events
            if event.rule == rule.name
        ]
        scores[rule.name] = score_events(found, true, end_s - shown[0][1])
    return scores


def _told(film: Film, shown: Shown, zones: Sequence[Zone], rules: Sequence[RuleRecipe]) -> Iterator[tuple[str, Event]]:
    """Rule and event, an open one until the last picture."""
    frames, site, context = film.replayed(shown, zones, rules)
    pipeline, signals = SitePipeline(site, context), list[Signal]()
    tick_at = NOON + timedelta(seconds=shown[0][1])
    for frame in frames:
        while tick_at + timedelta(seconds=1) <= frame.at:
            tick_at += timedelta(seconds=1)
            signals += pipeline.tick(Tick(site.id, tick_at))
        signals += pipeline.see(frame).signals
    ends = {signal.key: _second(signal.ended_at) for signal in signals if not isinstance(signal, Raised)}
    for signal in signals:
        if isinstance(signal, Raised) and not signal.again:
            to_s = ends.get(signal.key, shown[-1][1])
            yield signal.key.rule, Event(signal.label, _second(signal.started_at), to_s, signal.xyxy)


def _second(at: datetime) -> float:
    return (at - NOON).total_seconds()
