"""How much of a road is lost under water: real cameras by night and day, and users' own models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from data.config.settings import SiteSettings
from data.errors import InputRejected, UnverifiedWeights
from data.model.alert import Ended, Raised
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Quality, Reading
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.ports.recipe import Context
from detectors._water_model import WeightsSettings
from detectors._weights import known_weights, sha256_of
from detectors.flood_extent import Recipe
from engine.judging.pipeline import SitePipeline
from tests.detectors.waterlogging import DAY, EVENING, NIGHT, ZONES, camera, index, live, picture, reading


@pytest.fixture
def folder(shared: Path) -> Path:
    return shared / "waterlogging"


@pytest.mark.shared
@pytest.mark.parametrize(("references", "third"), [("163 208", "220"), ("163 220", "208"), ("208 220", "163")])
def test_a_wet_road_at_night_is_not_flooded_and_a_flooded_one_is(folder: Path, references: str, third: str) -> None:
    detector = live(camera(folder, NIGHT, references.split()))
    wet = reading(detector, picture(folder / NIGHT / f"not_flooded_{third}.jpg"))
    assert wet is not None
    assert wet.value < 0.3
    assert wet.quality is Quality.GOOD
    flooded = [index(detector, picture(folder / NIGHT / f"flooded_{n}.jpg")) for n in (192, 202, 222, 239)]
    assert all(value is not None and value > 0.6 for value in flooded)


@pytest.mark.shared
@pytest.mark.parametrize(("references", "third"), [("136 140", "212"), ("136 212", "140"), ("140 212", "136")])
def test_cars_on_a_dry_road_are_no_flood(folder: Path, references: str, third: str) -> None:
    detector = live(camera(folder, DAY, references.split()))
    dry = index(detector, picture(folder / DAY / f"not_flooded_{third}.jpg"))
    assert dry is not None
    assert dry < 0.3


def fogged(image: Image) -> Image:
    return np.asarray(image * 0.12 + 150, dtype=np.uint8)


def moved(image: Image) -> Image:
    shift = np.array([[1, 0, 90], [0, 1, -60]], dtype=np.float32)
    return np.asarray(cv2.warpAffine(image, shift, (480, 480), borderMode=cv2.BORDER_REFLECT), dtype=np.uint8)


def black(image: Image) -> Image:
    return np.asarray(image // 50, dtype=np.uint8)


@pytest.mark.shared
@pytest.mark.parametrize("spoil", [fogged, moved, black])
@pytest.mark.parametrize(("name", "references", "third"), [(NIGHT, "163 208", "220"), (DAY, "136 140", "212")])
def test_a_moved_fogged_or_black_view_is_refused(
    folder: Path, name: str, references: str, third: str, spoil: Callable[[Image], Image]
) -> None:
    detector = live(camera(folder, name, references.split()))
    assert reading(detector, spoil(picture(folder / name / f"not_flooded_{third}.jpg"))) is None
    assert detector.refused is not None
    assert detector.refused.startswith("the fixed background is ")


@pytest.mark.shared
def test_another_framing_is_not_comparable(folder: Path) -> None:
    detector = live(camera(folder, DAY, ("136", "140")))
    assert reading(detector, picture(folder / DAY / "not_flooded_124.jpg")) is None
    with pytest.raises(InputRejected, match=r"not_flooded_124\.jpg does not show the view of not_flooded_136\.jpg"):
        live(camera(folder, DAY, ("136", "124")))


@pytest.mark.shared
def test_an_index_obeys_the_threshold_rule_like_any_reading(folder: Path) -> None:
    site = camera(folder, NIGHT, ("163", "220"))
    pipeline = SitePipeline(site, Context(site=site.place))
    names = ["not_flooded_208", "flooded_192", "flooded_222", "not_flooded_208"]
    seen = [
        pipeline.see(ArrayFrame("point-1", EVENING + timedelta(minutes=n), picture(folder / NIGHT / f"{name}.jpg")))
        for n, name in enumerate(names)
    ]
    signals = [signal for one in seen for signal in one.signals]
    assert [(type(s), (s.at - EVENING) / timedelta(minutes=1)) for s in signals] == [(Raised, 1), (Ended, 3)]
    assert [one.readings[0].quantity for one in seen] == ["flood_index"] * 4
    by_hand = pipeline.read(Reading("point-1", "other", "flood_index", 0.9, EVENING + timedelta(minutes=5)))
    assert [type(s) for s in by_hand] == [Raised]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"references": ["a.jpg"], "fixed": ["wall"]}, "at least two pictures"),
        ({"references": ["a.jpg", "b.jpg"]}, "name the zones of the background"),
        ({}, "either references or weights"),
    ],
)
def test_half_a_recipe_is_refused(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Recipe.model_validate({"zone": "road", **given})


def test_a_zone_that_is_not_there_is_named() -> None:
    site = camera(Path("nowhere"), DAY, ("1", "2"))
    recipe = Recipe(zone="raod", fixed=("shop",), references=(Path("a.jpg"), Path("b.jpg")))
    with pytest.raises(InputRejected, match="no zone 'raod', did you mean 'road'"):
        recipe.make(Context(site=site.place))
    with pytest.raises(InputRejected, match=r"not_flooded_1\.jpg is not there or is no picture"):
        live(site)


def by_weights(weights: WeightsSettings) -> SiteSettings:
    recipe = Recipe(zone="road", weights=weights, every=timedelta(0))
    place = Location(lon=-43.2, lat=-22.9)
    return SiteSettings(id="point-1", location=place, zones=ZONES[DAY], detectors=(recipe,))


def test_weights_of_another_hash_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"not a checkpoint")
    weights = WeightsSettings(path=tmp_path / "mine.pt", task="seg", water_class="water", licence="own", sha256="00")
    with pytest.raises(UnverifiedWeights, match="if you trust its origin, write that hash"):
        live(by_weights(weights))


@pytest.mark.shared
@pytest.mark.model
def test_a_segmentation_model_gives_the_covered_share_of_the_road(folder: Path, root: Path) -> None:
    """The pinned weights know no water: cars stand in for it."""
    path = known_weights("yolo26n-seg", root / InferenceSettings().cache_dir).path
    weights = WeightsSettings(
        path=path, task="seg", water_class="car", licence="AGPL-3.0", sha256=sha256_of(path), threshold=0.3
    )
    detector = live(by_weights(weights))
    cars, empty = (index(detector, picture(folder / DAY / f"not_flooded_{n}.jpg")) for n in (136, 212))
    assert cars is not None
    assert empty is not None
    assert cars > 0.08
    assert empty < 0.02
    unknown = weights.model_copy(update={"water_class": "water"})
    with pytest.raises(InputRejected, match="knows no 'water'"):
        live(by_weights(unknown))
