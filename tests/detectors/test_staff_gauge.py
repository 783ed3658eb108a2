"""The waterline on a marked line: on a real river from dusk to infrared, and on drawn ones."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Ended, Raised
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Quality, Reading
from data.model.picture import ArrayFrame
from data.ports.recipe import Context
from detectors._waterline import Unseen
from detectors.staff_gauge import Mark, Recipe, StaffGauge
from engine.judging.pipeline import SitePipeline

EVENING = datetime(2012, 5, 31, 23, 0, tzinfo=UTC)
HEIGHT, WIDTH = 600, 800


@dataclass(frozen=True)
class Picture:
    image: Image
    row: int


@pytest.fixture(scope="module")
def river(shared: Path) -> list[Picture]:
    """GRIME2, 31 May 2012, every 15 min from 18:00 to 23:45, with the row of the waterline."""
    folder = shared / "water_level" / "grime2_2012-05"
    with (folder / "gt.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Picture(_read(folder / row["file"]), int(row["waterline_y_px"])) for row in rows]


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def gauge(x: float, top: float, bottom: float) -> StaffGauge:
    """On an upright line, pixels of an 800 x 600 picture."""
    line = ((x / WIDTH, top / HEIGHT), (x / WIDTH, bottom / HEIGHT))
    marks = (Mark(row=top / HEIGHT, cm=100), Mark(row=bottom / HEIGHT, cm=0))
    return StaffGauge(Recipe(line=line, marks=marks), "river-1")


def row_seen(live: StaffGauge, image: Image) -> float | None:
    """In pixels; None when the gauge says it cannot see."""
    seen = live.look(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8))
    return None if isinstance(seen, Unseen) else seen[0] * HEIGHT


@pytest.mark.shared
@pytest.mark.parametrize("x", [300, 400, 520])  # the thin wooden staff; the white board
def test_the_river_is_read_within_four_pixels_from_dusk_to_infrared(river: list[Picture], x: int) -> None:
    rows = [row_seen(gauge(x, 60, 560), picture.image) for picture in river]
    errors = [row - p.row for row, p in zip(rows, river, strict=True) if row is not None]
    assert sum(abs(error) <= 4 for error in errors) >= 22
    assert max(abs(error) for error in errors) <= 10


@pytest.mark.shared
@pytest.mark.parametrize("x", [20, 80, 160, 220, 260, 340, 640, 740, 780])
def test_at_any_line_it_is_right_or_says_that_it_cannot_see(river: list[Picture], x: int) -> None:
    wrong = []
    for number, picture in enumerate(river[::2]):
        row = row_seen(gauge(x, 60, 560), picture.image)
        if row is not None and abs(row - picture.row) > 10:
            wrong.append((number, row - picture.row))
    assert wrong == []


@pytest.mark.shared
@pytest.mark.parametrize("above_px", [10, 60])
def test_a_line_that_ends_above_the_water_gives_no_level(river: list[Picture], above_px: int) -> None:
    given = []
    for x in (300, 400, 520, 740):
        for picture in river[::3]:
            given.append(row_seen(gauge(x, 60, picture.row - above_px), picture.image))
    assert given == [None] * len(given)


def darker(image: Image) -> Image:
    return np.asarray(image // 50, dtype=np.uint8)


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 8), dtype=np.uint8)


@pytest.mark.shared
@pytest.mark.parametrize("degrade", [darker, blurred])
def test_dark_and_blurred_pictures_give_no_level(river: list[Picture], degrade: Callable[[Image], Image]) -> None:
    given = [row_seen(gauge(x, 60, 560), degrade(p.image)) for x in (300, 400, 520) for p in river[::3]]
    assert given == [None] * len(given)


@pytest.mark.shared
def test_the_trend_is_right_rise_crest_and_fall(river: list[Picture]) -> None:
    rows = [row_seen(gauge(520, 60, 560), picture.image) for picture in river]
    seen = [(number, row) for number, row in enumerate(rows) if row is not None]
    crest = min(seen, key=lambda one: one[1])[0]
    assert crest in (4, 5)  # 19:00, 19:15
    rising = [row for number, row in seen if number <= crest]
    falling = [row for number, row in seen if number > crest]
    assert all(np.diff(rising) < 2)
    assert all(np.diff(falling) > -2)
    assert rising[0] - rising[-1] > 10
    assert falling[-1] - falling[0] > 180


def drawn_river(row: int, *, roll_deg: float = 0.0) -> Image:
    """A wall of irregular blocks standing in dark, mirroring water whose surface is at `row`."""
    random = np.random.default_rng(7)
    wall = cv2.resize(random.integers(90, 240, (30, 50), dtype=np.uint8), (800, 600), interpolation=cv2.INTER_NEAREST)
    picture = np.asarray(wall, dtype=np.float64)
    below = np.arange(row, 600)
    picture[below] = 12 + 0.35 * picture[np.clip(2 * row - 1 - below, 0, None)]
    if roll_deg:
        turn = cv2.getRotationMatrix2D((400, 300), -roll_deg, 1.0)
        picture = np.asarray(cv2.warpAffine(picture, turn, (800, 600), borderMode=cv2.BORDER_REPLICATE), np.float64)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


MARKS = (Mark(row=0.1, cm=200), Mark(row=0.9, cm=0))
LINE = ((0.5, 0.1), (0.5, 0.95))


def read(recipe: Recipe, image: Image, second: float = 0) -> list[Reading]:
    live = recipe.make(Context(site=SITE.place))
    found = live.find(ArrayFrame("river-1", EVENING + timedelta(seconds=second), image))
    return [one for one in found if isinstance(one, Reading)]


SITE = SiteSettings(
    id="river-1",
    location=Location(lon=106.5, lat=29.6),
    detectors=(Recipe(line=LINE, marks=MARKS),),
    rules=(Threshold(quantity="water_depth", above=110),),
)


def test_a_reading_in_centimetres_with_its_uncertainty() -> None:
    (reading,) = read(Recipe(line=LINE, marks=MARKS), drawn_river(300))
    assert reading.quantity == "water_depth"
    assert reading.monitor == "staff_gauge"
    assert reading.value == pytest.approx(100, abs=1)
    assert reading.quality is Quality.GOOD
    assert reading.uncertainty is not None
    assert 0.4 <= reading.uncertainty <= 2  # one row is 0.42 cm


def test_a_level_is_in_metres_above_the_zero_of_its_datum() -> None:
    recipe = Recipe(line=LINE, marks=MARKS, quantity="water_level", zero_m=160.0, vertical_datum="吴淞")
    (reading,) = read(recipe, drawn_river(300))
    assert reading.value == pytest.approx(161.0, abs=0.01)
    assert reading.vertical_datum == "吴淞"


def test_three_marks_account_for_perspective() -> None:
    marks = tuple(Mark(row=row, cm=cm) for row, cm in ((0.1, 400.0), (0.5, 100.0), (0.9, 0.0)))
    (reading,) = read(Recipe(line=LINE, marks=marks), drawn_river(420))
    # (600 - 2000/3 r) / (1 + 10/3 r) goes through the three; at r = 0.7 it is 40, where straight pieces give 50.
    assert reading.value == pytest.approx(40.0, abs=2)


def test_a_rolled_camera_is_set_right() -> None:
    rolled = drawn_river(300, roll_deg=6)
    line = ((0.7, 0.1), (0.7, 0.95))
    (reading,) = read(Recipe(line=line, marks=MARKS, camera_roll_deg=6), rolled)
    # 160 px right of the centre the surface stands 160 tan 6° = 16.8 px lower
    assert reading.value == pytest.approx(100 - 16.8 * 200 / 480, abs=1.5)


def test_it_looks_only_so_often_and_says_why_it_saw_nothing() -> None:
    live = StaffGauge(Recipe(line=LINE, marks=MARKS), "river-1")
    looks = [
        len(live.find(ArrayFrame("river-1", EVENING + timedelta(seconds=s), drawn_river(300)))) for s in (0, 5, 10)
    ]
    assert looks == [1, 0, 1]
    assert live.unseen is None
    assert live.find(ArrayFrame("river-1", EVENING + timedelta(seconds=20), np.zeros((600, 800, 3), np.uint8))) == []
    assert live.unseen == "no contrast: dark and bright parts differ by 0 of 255 grey levels"


def test_a_camera_reading_obeys_the_threshold_rule_of_gauges() -> None:
    pipeline = SitePipeline(SITE, Context(site=SITE.place))
    rows = [320, 290, 260, 240, 300, 340]  # 92, 104, 117, 125, 100, 83 cm
    signals = [
        signal
        for number, row in enumerate(rows)
        for signal in pipeline.see(ArrayFrame("river-1", EVENING + timedelta(minutes=number), drawn_river(row))).signals
    ]
    assert [(type(s), (s.at - EVENING) / timedelta(minutes=1)) for s in signals] == [(Raised, 2), (Ended, 5)]
    by_gauge = pipeline.read(Reading("river-1", "mqtt", "water_depth", 130, EVENING + timedelta(minutes=9)))
    assert [type(s) for s in by_gauge] == [Raised]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"line": ((0.5, 0.9), (0.5, 0.1))}, "from top to bottom"),
        ({"marks": ({"row": 0.1, "cm": 0}, {"row": 0.9, "cm": 200})}, "cm must grow upwards"),
        ({"marks": ({"row": 0.1, "cm": 0}, {"row": 0.1, "cm": 200})}, "two marks have the same row"),
        ({"zero_m": 160.0}, "belong to quantity water_level"),
    ],
)
def test_marks_that_make_no_sense_are_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Recipe.model_validate({"line": LINE, "marks": [m.model_dump() for m in MARKS], **change})
