"""Real footage at any frame rate: the network looks at each picture once, everything after it runs again and again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from alerts.dwell import Recipe as Dwell
from data.frame import Frame, Image
from data.geo import Location
from data.observation import Reading, Rejected
from data.picture import ArrayFrame
from data.place import InferenceSettings
from data.recipe import Context, Resources, RuleRecipe
from data.settings import SiteSettings
from data.zone import Zone
from detectors.yolo import Recipe as Yolo
from engine.analyze import analyze_frames
from monitors.video_file import Recipe as VideoFile

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LABELS = ("person", "car", "truck", "bus")
SMALL_PX = 320  # width of the kept pictures: enough for how objects look

Line = dict[str, Any]


class Film:
    """A back end that has seen the whole clip: what the network said to each picture, and the picture."""

    def __init__(self, root: Path, clip: Path) -> None:
        site = SiteSettings(id="gate-3", location=Location(lon=106.5, lat=29.6))
        self.context = Context(site=site.place, base_dir=root, inference=InferenceSettings(threads=2))
        Yolo(labels=LABELS).make(self.context)
        self._model = self.context.resources.share("yolo", lambda: None)
        self.labels: tuple[str, ...] = self._model.labels
        self.recorded: list[tuple[npt.NDArray[np.float32], Image, timedelta]] = []
        self.shown: int | None = None
        self.resources = Resources()
        self.resources.share("yolo", lambda: self)
        detector = Yolo(labels=LABELS).make(replace(self.context, resources=self.resources))
        with closing(VideoFile(path=clip, paced=False, start=NOON).make(self.context)) as recording:
            for frame in recording.observe():
                if frame is not None and not isinstance(frame, Reading | Rejected):
                    detector.find(frame)
                    self.recorded[-1] = (
                        self.recorded[-1][0],
                        frame.bgr(SMALL_PX, round(frame.height * SMALL_PX / frame.width)),
                        frame.at - NOON,
                    )

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6), as the network said when it saw the picture that is shown now."""
        if self.shown is None:
            found: npt.NDArray[np.float32] = self._model.infer(canvas)
            self.recorded.append((found.copy(), np.zeros((1, 1, 3), np.uint8), timedelta()))
            return found
        return self.recorded[self.shown][0]

    @property
    def rate(self) -> float:
        return (len(self.recorded) - 1) / self.recorded[-1][2].total_seconds()

    def frames(self, numbers: Sequence[tuple[int, float]]) -> Iterator[Frame]:
        """Pictures by number, each at its second."""
        for number, second in numbers:
            self.shown = number
            yield ArrayFrame("gate-3", NOON + timedelta(seconds=second), self.recorded[number][1])

    def at_rate(self, per_second: float) -> list[tuple[int, float]]:
        """So many a second: the newest picture of each moment."""
        length_s = self.recorded[-1][2].total_seconds()
        seconds = [i / per_second for i in range(int(length_s * per_second) + 1)]
        return [(min(len(self.recorded) - 1, int(second * self.rate + 1e-6)), second) for second in seconds]

    def judged(self, numbers: Sequence[tuple[int, float]], *rules: RuleRecipe, zone: Zone | None = None) -> list[Line]:
        site = SiteSettings(
            id="gate-3",
            location=Location(lon=106.5, lat=29.6),
            zones=() if zone is None else (zone,),
            detectors=(Yolo(labels=LABELS),),
            rules=rules,
        )
        inference = InferenceSettings(per_second=30)
        context = replace(self.context, site=site.place, inference=inference, resources=self.resources)
        return list(analyze_frames(self.frames(numbers), site, context, NOON))


def kept_at_random(numbers: list[tuple[int, float]], seed: int) -> tuple[list[tuple[int, float]], float]:
    """Half of them, and the longest time between two."""
    chance = random.Random(seed)
    kept = [one for one in numbers if chance.random() < 0.5]
    return kept, max(later[1] - earlier[1] for earlier, later in itertools.pairwise(kept))


@pytest.fixture(scope="module")
def car_park(root: Path, shared: Path) -> Film:
    return Film(root, shared / "clips" / "vtest_12s.mp4")


# The top right corner, where the van and the car stand.
CORNER = Zone(id="corner", polygon=((0.55, 0.0), (1.0, 0.0), (1.0, 0.35), (0.55, 0.35)))
PARKING = Dwell(zone="corner", labels=LABELS, at_least="5s")


def parked_twice(lines: list[Line], interval: float) -> None:
    assert len(lines) == 2
    for line in lines:
        assert line["label"] in {"car", "truck", "bus"}
        assert line["ended_s"] is None
        assert line["started_s"] == pytest.approx(0.0, abs=interval + 0.001)
        assert line["alerted_s"] == pytest.approx(5.0, abs=interval + 0.001)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("rate", [25.0, 10.0, 5.0, 2.0])
def test_the_parked_van_and_car_are_one_alert_each_at_any_frame_rate_and_no_walker_is(
    car_park: Film, rate: float
) -> None:
    parked_twice(car_park.judged(car_park.at_rate(rate), PARKING, zone=CORNER), 1 / rate)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("seed", range(5))
def test_they_are_one_alert_each_with_half_of_the_pictures_dropped(car_park: Film, seed: int) -> None:
    kept, longest = kept_at_random(car_park.at_rate(car_park.rate), seed)
    parked_twice(car_park.judged(kept, PARKING, zone=CORNER), longest)
