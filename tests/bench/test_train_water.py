"""Whole cameras are held out when a water model is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.train_water import auc, cameras, main, split_by_camera
from data.errors import InputRejected


def pictures(folder: Path, counts: dict[str, int]) -> Path:
    for camera, count in counts.items():
        for number in range(count):
            path = folder / camera / ("water" if number % 2 else "dry") / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return folder


def test_no_camera_is_both_learnt_from_and_tested_on(tmp_path: Path) -> None:
    found = cameras(pictures(tmp_path, {"a": 10, "b": 10, "c": 10, "d": 10}), "cls")
    drawn = {split_by_camera(found, 0.3, seed) for seed in range(20)}
    assert len(drawn) > 3
    for split in drawn:
        assert set(split.train).isdisjoint(split.test)
        assert set(split.train) | set(split.test) == {"a", "b", "c", "d"}
        assert len(split.test) == 2  # one camera holds a quarter, two hold the 30 %


def test_the_same_seed_gives_the_same_cameras(tmp_path: Path) -> None:
    found = cameras(pictures(tmp_path, {"a": 4, "b": 40, "c": 4}), "cls")
    assert split_by_camera(found, 0.3, 5) == split_by_camera(found, 0.3, 5)
    assert all(split_by_camera(found, 0.9, seed).train for seed in range(10))


def test_one_camera_is_not_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(tmp_path, {"only": 6})
    with pytest.raises(InputRejected, match="pictures of 1 cameras"):
        cameras(tmp_path, "cls")
    assert main([str(tmp_path), "--model", "yolo26n-cls.yaml"]) == 2
    assert "at least two are needed" in capsys.readouterr().err


def test_the_figure_is_the_chance_to_rank_water_above_dry() -> None:
    assert auc([0.9, 0.8, 0.1, 0.2], [True, True, False, False]) == 1.0
    assert auc([0.9, 0.1, 0.5, 0.5], [True, True, False, False]) == 0.5
    assert auc([0.3, 0.3], [True, False]) == 0.5
    assert auc([0.3, 0.4], [True, True]) is None
