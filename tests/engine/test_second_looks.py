"""Second looks through a site's pipeline: within what there is time for, and the same again in a replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.model.alert import Raised, Signal
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Detection, Detections, Observation, Tick
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.ports.recipe import CloserSight, Context, Detector, DetectorRecipe, LookWanted
from engine.judging.pipeline import SitePipeline
from engine.replay.occurrences import as_text
from tests.engine.kept import LiveSite

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
BOX = (0.3, 0.3, 0.4, 0.6)


class ShySpot(DetectorRecipe):
    """Is never sure of a person where the picture is bright; enlarged, as sure as it is bright there."""

    kind: Literal["shy_spot"] = "shy_spot"

    def make(self, context: Context) -> Detector:
        return _Finder(context.site.id)


class _Finder:
    def __init__(self, site: str) -> None:
        self._site = site

    def find(self, frame: Frame) -> Sequence[Observation]:
        seen = [Detection(BOX, 0.4, "person", 1)] if frame.luma().max() > 0 else []
        return [Detections.of(self._site, frame.at, seen)]

    def look_closer(self, frame: Frame, wanted: LookWanted) -> CloserSight:
        return CloserSight(float(frame.luma().max()) / 255, wanted.label, 2.0)


def site(*rules: Intrusion | Dwell) -> SiteSettings:
    return SiteSettings(id="quay-1", location=Location(lon=106.5, lat=29.6), detectors=(ShySpot(),), rules=rules)


WATER = Intrusion(id="water", labels=("person",), pictures=2, of=3)
SHORE = Intrusion(id="shore", labels=("person",), pictures=2, of=3)
URGENT = Intrusion(id="urgent", labels=("person",), pictures=2, of=3, priority="P1")


def frame(step: int, brightness: int) -> ArrayFrame:
    image = np.full((90, 160, 3), brightness, np.uint8)
    return ArrayFrame("quay-1", NOON + timedelta(seconds=step / 5), image)


def raised(signals: Sequence[Signal]) -> list[tuple[str, str]]:
    found = [one for one in signals if isinstance(one, Raised)]
    return [(one.key.rule, "" if one.second_look is None else one.second_look.verdict.value) for one in found]


def test_what_two_rules_want_to_know_of_one_place_is_looked_at_once() -> None:
    two = site(WATER, SHORE)
    pipeline = SitePipeline(two, Context(site=two.place))
    seen = [pipeline.see(frame(step, 200)) for step in range(10)]
    assert [one.looks for one in seen] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert raised([signal for one in seen for signal in one.signals]) == [("water", "seen"), ("shore", "seen")]


def test_no_more_looks_are_made_than_there_is_time_for() -> None:
    one = site(WATER)
    pipeline = SitePipeline(one, Context(site=one.place))
    seen = [pipeline.see(frame(step, 200), looks=0) for step in range(10)]
    signals = [signal for picture in seen for signal in picture.signals] + [*pipeline.tick(_tick(10))]
    assert sum(picture.looks for picture in seen) == 0
    assert raised(signals) == [("water", "asked")]


@pytest.mark.parametrize("inference", [InferenceSettings(second_looks=0)])
def test_switched_off_nothing_is_looked_at_and_nothing_waits(inference: InferenceSettings) -> None:
    one = site(WATER)
    pipeline = SitePipeline(one, Context(site=one.place, inference=inference))
    seen = [pipeline.see(frame(step, 200)) for step in range(3)]
    assert [picture.looks for picture in seen] == [0, 0, 0]
    assert raised(seen[1].signals) == [("water", "")]


def test_a_replay_of_what_the_rules_were_given_decides_the_same_with_what_the_looks_had_shown(tmp_path: Path) -> None:
    """Somebody is seen again, then something is not, before rules of which one is urgent; blocks begin in between."""
    live = LiveSite(tmp_path, site(WATER, URGENT, Dwell(id="stays", labels=("person",), at_least="3s")), block_s=2.0)
    for step in range(200):
        brightness = 180 if step < 60 else 0 if step < 110 else 5 if step < 160 else 0
        if step % 5 == 0:
            live.give(_tick(step))
        live.give(frame(step, brightness))
    live.log.close()
    verdicts = raised(live.signals)
    assert ("urgent", "asked") in verdicts
    assert ("water", "seen") in verdicts
    assert [rule for rule, _ in verdicts].count("urgent") == 3  # out and seen again; out and withdrawn
    until = NOON + timedelta(minutes=2)
    again = live.replayed(NOON, until)
    assert again.same
    assert again.faults == ()
    assert as_text(again.found) == live.text(NOON, until)


def _tick(step: int) -> Tick:
    return Tick("quay-1", NOON + timedelta(seconds=step / 5))
