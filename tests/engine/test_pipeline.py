"""One site's pipeline with real recipes and no network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from alerts.dwell import Recipe as Dwell
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Alert, Ended, Raised
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Detection, Detections, Observation, Reading, Tick
from data.model.picture import ArrayFrame
from data.ports.recipe import Context, Detector, DetectorRecipe
from engine.judging.pipeline import SitePipeline, merged

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


class BrightSpot(DetectorRecipe):
    """Finds the white rectangle of a drawn picture, and how bright the picture is."""

    kind: Literal["bright_spot"] = "bright_spot"
    label: str

    def make(self, context: Context) -> Detector:
        return _Finder(self.label, context.site.id)


class _Finder:
    def __init__(self, label: str, site: str) -> None:
        self._label, self._site = label, site

    def find(self, frame: Frame) -> Sequence[Observation]:
        luma = frame.luma()
        rows, columns = np.nonzero(luma > 200)
        found = []
        if len(rows):
            left, right = columns.min() / frame.width, (columns.max() + 1) / frame.width
            top, bottom = rows.min() / frame.height, (rows.max() + 1) / frame.height
            found = [Detection((left, top, right, bottom), 0.9, self._label, 1)]
        brightness = Reading(self._site, self._label, "flood_index", float(luma.mean()) / 255, frame.at)
        return [Detections.of(self._site, frame.at, found), brightness]


def frame(second: float, *, white: bool) -> ArrayFrame:
    image = np.zeros((90, 160, 3), np.uint8)
    if white:
        image[40:60, 60:100] = 255
    return ArrayFrame("gate-3", NOON + timedelta(seconds=second), image)


SITE = SiteSettings(
    id="gate-3",
    location=Location(lon=106.5, lat=29.6),
    detectors=(BrightSpot(label="car"), BrightSpot(label="bus")),
    rules=(Dwell(labels=("car",), at_least="3s"), Threshold(quantity="flood_index", above=0.5)),
)


def test_each_rule_gets_what_all_detectors_found_as_one_picture() -> None:
    pipeline = SitePipeline(SITE, Context(site=SITE.place))
    seen = [pipeline.see(frame(i / 5, white=True)) for i in range(20)]
    assert [d.label for d in seen[0].detections or ()] == ["car", "bus"]
    assert [d.track_id for d in seen[0].detections or ()] == [2, 3]
    assert [r.monitor for r in seen[0].readings] == ["car", "bus"]
    raised = [signal for one in seen for signal in one.signals]
    assert [(type(s), s.key.rule, s.at) for s in raised] == [(Raised, "dwell", NOON + timedelta(seconds=3))]


def test_a_still_picture_after_an_empty_one_is_empty_without_a_look_and_after_any_other_it_is_looked_at() -> None:
    pipeline = SitePipeline(SITE, Context(site=SITE.place))
    assert not pipeline.see(frame(0, white=False), still=True).repeated, "nothing is known yet"
    again = pipeline.see(frame(1, white=True), still=True)
    assert again.repeated
    assert again.detections is not None
    assert (len(again.detections), again.detections.at) == (0, NOON + timedelta(seconds=1))
    looked = pipeline.see(frame(2, white=True))
    assert looked.detections is not None
    assert len(looked.detections) == 2
    still = pipeline.see(frame(3, white=True), still=True)
    assert not still.repeated, "what is there must be seen"


def test_readings_and_ticks_reach_the_rules() -> None:
    pipeline = SitePipeline(SITE, Context(site=SITE.place))
    (raised,) = pipeline.read(Reading("gate-3", "g", "flood_index", 0.7, NOON))
    assert isinstance(raised, Raised)
    assert raised.key.rule == "threshold"
    assert list(pipeline.tick(Tick("gate-3", NOON + timedelta(seconds=1)))) == []


def test_open_alerts_go_to_the_rule_that_raised_them() -> None:
    first = SitePipeline(SITE, Context(site=SITE.place))
    (raised,) = [s for i in range(20) for s in first.see(frame(i / 5, white=True)).signals]
    assert isinstance(raised, Raised)
    alert = Alert(
        raised.key, raised.kind, raised.priority, raised.started_at, raised.at, raised.label, xyxy=raised.xyxy, id=1
    )
    again = SitePipeline(SITE, Context(site=SITE.place), [alert])
    standing = [s for i in range(25) for s in again.see(frame(10 + i / 5, white=True)).signals]
    assert standing == []
    gone = [s for i in range(200) for s in again.see(frame(15 + i / 5, white=False)).signals]
    assert [(type(s), s.key) for s in gone] == [(Ended, raised.key)]


def test_untracked_objects_stay_untracked_when_merged() -> None:
    loose = Detections.of("gate-3", NOON, [Detection((0, 0, 1, 1), 0.5, "car", None)])
    both = merged([loose, loose])
    assert both.track_id.tolist() == [-1, -1]
    assert merged([loose]) is loose
