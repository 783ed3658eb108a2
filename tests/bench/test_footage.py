"""Truth files are read or refused by name; the figures that must hold do, on the shortest clip and in little time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.degraded import DEGRADED, Clip, false_alarms
from bench.footage import TRUTHS, recordings, scored
from data.errors import InputRejected
from data.ports.recipe import Resources

GOOD: dict[str, Any] = {
    "video": "gate.mp4",
    "zones": [{"id": "lane", "polygon": [[0, 0], [1, 0], [1, 1]]}],
    "rules": [{"kind": "dwell", "id": "parking", "zone": "lane", "at_least": "60s"}],
    "events": [{"rule": "parking", "label": "car", "from_s": 1.0, "to_s": None}],
}


def folder(path: Path, **changed: Any) -> Path:
    (path / "gate.json").write_text(json.dumps({**GOOD, **changed}), encoding="utf-8")
    return path


def test_a_folder_of_truth_files_is_read_and_videos_lie_beside_them(tmp_path: Path) -> None:
    (one,) = recordings(folder(tmp_path), tmp_path)
    assert (one.name, one.video) == ("gate", tmp_path / "gate.mp4")
    assert one.truth.recipes()[0].name == "parking"
    assert one.truth.events[0].to_s is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"events": [{"rule": "park", "label": "car", "from_s": 1, "to_s": 2}]}, "rules that are not there: park"),
        ({"rules": [{"kind": "dwel", "at_least": "60s"}]}, "did you mean 'dwell'"),
        ({"rules": [{"kind": "dwell", "at_least": 60}]}, "a duration needs a unit"),
        ({"evnts": []}, "evnts"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(
    tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputRejected, match=says):
        recordings(folder(tmp_path, **changed), tmp_path)


@pytest.mark.model
@pytest.mark.shared
def test_both_parked_vehicles_are_found_in_their_places_and_nothing_else(root: Path, shared: Path) -> None:
    (vtest,) = (one for one in recordings(TRUTHS, shared) if one.name == "vtest")
    score = scored(root, vtest)["parking"]
    assert (score.right, score.false, score.missed) == (2, 0, 0)
    assert score.dwell_error_s is not None
    assert score.dwell_error_s[1] <= 0.5


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.parametrize("kind", DEGRADED)
def test_bad_pictures_of_cars_driving_past_raise_nothing(root: Path, shared: Path, kind: str) -> None:
    """The first eight seconds; `make accuracy-degraded` has ten minutes of each."""
    clip = Clip.read(root, shared / "clips" / "intel_car-detection.mp4", until_s=8.0)
    alarms = false_alarms(root, [clip], DEGRADED[kind], 8 / 60, Resources())
    assert alarms.seconds >= 8.0
    assert alarms.raised == ()
