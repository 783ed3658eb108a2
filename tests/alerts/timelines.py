"""Literal timelines for the rules on objects: who stands where, picture by picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from data.model.alert import Alert, Ended, Raised, Signal
from data.model.geo import Location
from data.model.observation import Detection, Detections, Tick, Vectors
from data.model.place import Place
from data.model.zone import Zone
from data.ports.recipe import Context, KeepsState, Rule, RuleRecipe

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LANE = Zone(id="lane", polygon=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)))
CONTEXT = Context(site=Place(id="gate-3", location=Location(lon=106.5, lat=29.6), zones=(LANE,)))
HEIGHT = 0.1  # of every box

Scene = Callable[[float], list[Detection] | None]
"""What a look at this second shows; None when the camera is blind."""


def at(second: float) -> datetime:
    return NOON + timedelta(milliseconds=round(second * 1000))


def seen(
    x: float,
    y: float = 0.5,
    track: int | None = 1,
    label: str = "car",
    confidence: float = 0.8,
    *,
    looks: Vectors | None = None,
    height: float = HEIGHT,
) -> Detection:
    """An object whose foot stands at (x, y)."""
    return Detection((x - 0.04, y - height, x + 0.04, y), confidence, label, track, looks)


def play(rule: Rule, scene: Scene, until: float, since: float = 0.0, per_second: float = 5.0) -> list[Signal]:
    """Looks and ticks in the order of their times; a blind look is none, and the tick after it says so."""
    signals: list[Signal] = []
    blind = False
    for i in range(round((until - since) * per_second) + 1):
        second = since + i / per_second
        found = scene(second)
        if found is None:
            blind = True
        else:
            signals += rule.judge(Detections.of("gate-3", at(second), found, aspect=1.0))
        if i % max(1, round(per_second)) == 0:
            signals += rule.judge(Tick("gate-3", at(second), observable=not blind))
            blind = False
    return signals


def told(signals: Iterable[Signal]) -> list[tuple[str, float, float]]:
    """("raised", started, decided) and ("ended", ended, decided), in seconds."""
    lines = []
    for signal in signals:
        word, when = ("raised", signal.started_at) if isinstance(signal, Raised) else ("ended", signal.ended_at)
        lines.append((word, round((when - NOON).total_seconds(), 3), round((signal.at - NOON).total_seconds(), 3)))
    return lines


def stored(raised: Signal) -> Alert:
    """The alert as the store gives it back after a restart."""
    assert isinstance(raised, Raised)
    return Alert(
        raised.key, raised.kind, raised.priority, raised.started_at, raised.at, raised.label, xyxy=raised.xyxy, id=1
    )


def restarted(recipe: RuleRecipe, rule: Rule, *still_open: Alert | Signal) -> Rule:
    """A new process: what is open, and the state by way of JSON."""
    fresh = recipe.make(CONTEXT)
    fresh.resume([one if isinstance(one, Alert) else stored(one) for one in still_open])
    assert isinstance(rule, KeepsState)
    assert isinstance(fresh, KeepsState)
    kept = json.loads(json.dumps(rule.snapshot()))
    if kept is not None:
        fresh.restore(kept)
    return fresh


def ended_keys(signals: Iterable[Signal]) -> list[str]:
    return [signal.key.subject for signal in signals if isinstance(signal, Ended)]
