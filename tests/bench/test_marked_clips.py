"""Clips marked by hand are read as they come: pixels and frames become zones, rules and what they should tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.events import wilson
from bench.footage import Recording, recordings
from data.errors import InputRejected

MARKS: dict[str, Any] = {
    "size": [400, 200],
    "fps": 10,
    "frames": 300,
    "camera": "a quay",
    "quay_polygon": [[0, 100], [200, 100], [200, 200], [0, 200]],
    "vehicles": [
        {"what": "van", "stationary_f": [50, 170], "box_while_stopped": [40, 80, 120, 160]},
        {"what": "stops for a moment", "stationary_f": [20, 50], "box_while_stopped": [40, 80, 120, 160]},
        {"what": "stands beside the zone", "stationary_f": [20, 250], "box": [300, 80, 380, 160]},
        {"what": "drives by", "in_picture": [0, 30]},
    ],
}


def marked(folder: Path, **changed: Any) -> Recording:
    (folder / "quay.mp4").write_bytes(b"")
    marks = {key: value for key, value in {**MARKS, **changed}.items() if value is not None}
    (folder / "quay.gt.json").write_text(json.dumps(marks), encoding="utf-8")
    (one,) = recordings(folder, folder)
    return one


def test_what_stands_five_seconds_in_the_zone_is_an_event_in_seconds_and_fractions(tmp_path: Path) -> None:
    one = marked(tmp_path)
    assert (one.name, one.video) == ("quay", tmp_path / "quay.mp4")
    assert one.truth.zones[0].polygon == ((0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0))
    (rule,) = one.truth.recipes()
    (event,) = one.truth.events
    assert (rule.name, event.rule, event.label) == ("parking-quay", "parking-quay", "car")
    assert (event.from_s, event.to_s, event.box) == (5.0, 17.0, (0.1, 0.4, 0.3, 0.8))


def test_who_stands_until_the_last_frame_stands_until_the_end_and_seconds_do_as_well_as_frames(tmp_path: Path) -> None:
    stays = [{"stationary_s": [3.0, 29.9], "box": [40, 80, 120, 160]}]
    (event,) = marked(tmp_path, vehicles=None, stopped_vehicles=stays).truth.events
    assert (event.from_s, event.to_s) == (3.0, None)


def test_persons_come_from_frames_or_from_a_box_that_is_there_all_the_time(tmp_path: Path) -> None:
    (event,) = marked(tmp_path, vehicles=None, person_f=[0, 106]).truth.events
    assert (event.rule, event.from_s, event.to_s) == ("person-quay", 0.0, 10.6)
    one = marked(tmp_path, vehicles=None, persons=1, person_box=[10, 110, 20, 150])
    assert [(e.rule, e.to_s) for e in one.truth.events] == [("person-quay", None)]


def test_no_persons_means_nowhere_in_the_picture(tmp_path: Path) -> None:
    assert marked(tmp_path, vehicles=None, person_f=[]).truth.rules[0]["id"] == "person"
    one = marked(tmp_path, vehicles=None, persons=0)
    assert [(rule.name, rule.zone) for rule in one.truth.recipes()] == [("person", None)]
    assert one.truth.events == ()


def test_what_is_not_scored_is_named(tmp_path: Path) -> None:
    assert marked(tmp_path, dry_f=[0, 9]).left_out == ("camera", "dry_f")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"fps": None}, "'fps' is missing"),
        ({"fps": 0}, "fps: 0 is not above 0"),
        ({"size": None}, "'size' is missing"),
        ({"quay_polygon": [[0, 0], [1, 0]]}, "quay.gt.json"),
        ({"vehicles": [{"stationary_f": [90, 20]}]}, "frames 90 to 20: the end comes first"),
        ({"vehicles": [{"stationary_f": [90]}]}, "quay.gt.json"),
        ({"person_f": [7]}, "quay.gt.json"),
    ],
)
def test_marks_that_cannot_be_understood_are_refused(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputRejected, match=says):
        marked(tmp_path, **changed)


def test_marks_without_a_video_are_refused(tmp_path: Path) -> None:
    marked(tmp_path)
    (tmp_path / "quay.mp4").unlink()
    with pytest.raises(InputRejected, match="no video quay beside it"):
        recordings(tmp_path, tmp_path)


def test_few_events_say_little_about_the_true_share() -> None:
    """Literal values of Wilson's interval, as in Newcombe (1998), table I."""
    for right, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = wilson(right, of)
        assert found is not None
        assert found == pytest.approx((low, high), abs=1e-4)
    assert wilson(9, 9) == pytest.approx((0.7008, 1.0), abs=1e-4)
    assert wilson(0, 0) is None
