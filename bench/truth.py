"""What there is to be found: the events of `analyze` with every frame decoded and every look a full inference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.intrusion import Recipe as Intrusion
from bench.clip import GOP_S, Clip
from data.config.settings import SiteSettings
from data.model.geo import Location
from data.model.place import InferenceSettings
from data.ports.recipe import Context
from detectors.yolo import Recipe as Yolo
from engine.analyze import analyze_video

LABELS = ("person",)
START = datetime(2024, 7, 12, tzinfo=UTC)
TOLERANCE_S = 1.5  # of the beginning, between the full run and a camera that looked at other pictures of the same pass


@dataclass(frozen=True, slots=True)
class Event:
    """Seconds since the camera's first picture."""

    started_s: float
    alerted_s: float


def rule() -> Intrusion:
    """A person in 3 of 5 looks; gone when unseen for 3 s."""
    return Intrusion(labels=LABELS, pictures=3, of=5, keep_firing_for=timedelta(seconds=3))


def full_events(path: Path, cache: Path) -> list[Event]:
    """The events of one pass of the clip."""
    site = SiteSettings(
        id="truth", location=Location(lon=106.5, lat=29.5), detectors=(Yolo(labels=LABELS),), rules=(rule(),)
    )
    context = Context(site=site.place, inference=InferenceSettings(cache_dir=cache), base_dir=Path("/"))
    lines = analyze_video(path, site, context, START)
    return [Event(line["started_s"], line["alerted_s"]) for line in lines]


def seen_from(events: Iterable[Event], clip: Clip, gops: int, until_s: float) -> list[Event]:
    """The same events as a camera meets them that loops the clip from key picture `gops` on, up to `until_s`."""
    offset_s = gops * GOP_S
    found: list[Event] = []
    for event in events:
        delay_s = event.alerted_s - event.started_s
        at_s = (event.started_s - offset_s) % clip.length_s
        while at_s + delay_s < until_s:
            found.append(Event(at_s, at_s + delay_s))
            at_s += clip.length_s
    return sorted(found, key=lambda event: event.started_s)


def matched(expected: Sequence[Event], found: Sequence[Event]) -> int:
    """How many of the expected events were found, each by an alert of its own that began within the tolerance."""
    left = sorted(found, key=lambda event: event.started_s)
    count = 0
    for event in sorted(expected, key=lambda one: one.started_s):
        near = [one for one in left if abs(one.started_s - event.started_s) <= TOLERANCE_S]
        if near:
            left.remove(min(near, key=lambda one: abs(one.started_s - event.started_s)))
            count += 1
    return count
