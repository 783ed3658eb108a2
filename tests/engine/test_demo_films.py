"""What is composed is really found: the demo's pictures through the real model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.observation import Detection, Detections
from data.model.picture import ArrayFrame
from data.ports.recipe import Resources
from engine.catalogue import load_catalogue
from engine.demo.compose import FRAMES_PER_S, SCENES, Film, content_key, encode
from engine.demo.scene import written
from engine.demo.sprites import cut_sprites, load_sprites, photo_path
from engine.process.options import RunOptions

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
Find = Callable[[str, Sequence[float]], list[list[Detection]]]


@pytest.fixture(scope="module")
def city() -> Settings:
    return load_settings(ROOT / "config.yaml", load_catalogue())[0]


@pytest.fixture(scope="module")
def films() -> Callable[[str], Film]:
    sprites = load_sprites(cut_sprites(ROOT / ".cache"))
    made: dict[str, Film] = {}

    def film(scene_id: str) -> Film:
        if scene_id not in made:
            made.clear()  # one at a time: a film holds a loop of whole pictures
            made[scene_id] = Film(next(s for s in SCENES if s.id == scene_id), sprites)
        return made[scene_id]

    return film


@pytest.fixture(scope="module")
def find(city: Settings, films: Callable[[str], Film], tmp_path_factory: pytest.TempPathFactory) -> Find:
    resources = Resources()
    options = RunOptions(city, tmp_path_factory.mktemp("var"), ROOT)

    def found(scene_id: str, seconds: Sequence[float]) -> list[list[Detection]]:
        site = city.site(scene_id)
        detector = site.detectors[0].make(options.context(site, resources))
        seen = []
        for at_s in seconds:
            picture = films(scene_id).picture(round(at_s * FRAMES_PER_S))
            (objects,) = detector.find(ArrayFrame(scene_id, NOON + timedelta(seconds=at_s), picture))
            assert isinstance(objects, Detections)
            seen.append([one for one in objects if one.confidence >= 0.35])
        return seen

    return found


@pytest.mark.model
def test_the_sprites_are_four_people_and_a_bus_of_the_one_allowed_photo(films: Callable[[str], Film]) -> None:
    assert photo_path().name == "bus.jpg"
    sprites = load_sprites(cut_sprites(ROOT / ".cache"))
    assert sorted(sprites) == ["bus", "person_1", "person_2", "person_3", "person_4"]
    assert sprites["bus"].width > 700
    assert all(sprite.alpha.max() == 255 for sprite in sprites.values())


@pytest.mark.model
@pytest.mark.parametrize(
    ("scene_id", "zone_id", "from_s", "until_s"),
    [("quay-1", "river", 48, 100), ("bank-2", "river", 152, 194), ("steps-7", "closed", 104, 128)],
)
def test_the_person_in_the_water_is_found_in_the_zone_in_most_pictures(
    city: Settings, find: Find, *, scene_id: str, zone_id: str, from_s: float, until_s: float
) -> None:
    zone = city.site(scene_id).place.zone(zone_id)
    assert zone is not None
    seen = find(scene_id, np.linspace(from_s, until_s, 14).tolist())
    inside = [any(zone.contains(np.array([d.foot], np.float32))[0] for d in objects) for objects in seen]
    assert sum(inside) >= 11


@pytest.mark.model
@pytest.mark.parametrize(("scene_id", "at_s"), [("quay-1", [24, 30, 172, 178]), ("bank-2", [24, 34, 42])])
def test_who_walks_past_on_dry_land_is_found_but_not_in_the_river(
    city: Settings, find: Find, scene_id: str, at_s: list[float]
) -> None:
    zone = city.site(scene_id).place.zone("river")
    assert zone is not None
    for objects in find(scene_id, at_s):
        assert len(objects) == 1
        assert not zone.contains(np.array([objects[0].foot], np.float32))[0]


@pytest.mark.model
@pytest.mark.parametrize(
    ("scene_id", "zone_id", "at_s"), [("school-3", "gate", [27, 60, 110]), ("market-4", "fire-lane", [104, 140, 190])]
)
def test_the_overstaying_vehicle_is_a_bus_standing_in_the_zone(
    city: Settings, find: Find, scene_id: str, zone_id: str, at_s: list[float]
) -> None:
    zone = city.site(scene_id).place.zone(zone_id)
    assert zone is not None
    for objects in find(scene_id, at_s):
        assert [d.label for d in objects] == ["bus"]
        assert zone.contains(np.array([objects[0].foot], np.float32))[0]


@pytest.mark.model
@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.id)
def test_nothing_is_found_where_nobody_is(find: Find, scene: object) -> None:
    quiet = {"quay-1": [2, 140], "school-3": [2, 130], "underpass-5": [2, 90], "bank-2": [2, 90], "market-4": [2, 210]}
    times = {**quiet, "tunnel-6": [2, 175], "steps-7": [2, 200]}[getattr(scene, "id", "")]
    assert find(getattr(scene, "id", ""), times) == [[], []]


@pytest.mark.model
def test_the_road_in_the_picture_is_under_water_when_the_gauge_says_so(films: Callable[[str], Film]) -> None:
    film = films("underpass-5")
    dry, flooded, dry_again = (film.picture(round(at_s * FRAMES_PER_S)) for at_s in (24, 110, 232))
    road = np.s_[330:640, 420:860]
    changed = np.abs(flooded[road].astype(int) - dry[road]).mean()
    assert changed > 15
    assert np.abs(dry_again[road].astype(int) - dry[road]).mean() < changed / 5


@pytest.mark.model
def test_a_video_is_h264_with_a_keyframe_every_two_seconds_and_repeats_its_quiet_parts(
    films: Callable[[str], Film], tmp_path: Path
) -> None:
    film = films("quay-1")
    encode(film, tmp_path / "quay.mp4", 24.0)
    with av.open(str(tmp_path / "quay.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 1280, 720)
        frames = [(frame.key_frame, frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)]
    assert len(frames) == 24 * FRAMES_PER_S
    assert [number for number, (key, _) in enumerate(frames) if key] == list(range(0, 288, 24))
    assert np.array_equal(frames[0][1], frames[48][1])  # nobody there yet: the same packets
    drawn = film.picture(280)
    assert cv2.PSNR(drawn, frames[280][1]) > 28


def test_every_video_is_marked_as_a_demo() -> None:
    assert written("演示", 30, (80, 200, 255), "DEMO")[..., 3].max() == 255
    assert written("", 30, (80, 200, 255), "DEMO").shape[0] > 0


def test_the_key_of_a_video_is_its_own() -> None:
    keys = [content_key(scene) for scene in SCENES]
    assert len(set(keys)) == len(SCENES)
