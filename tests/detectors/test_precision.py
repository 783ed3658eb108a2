"""The arithmetic of the exported model is what is faster and finds the same here, and the log says so."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from data.model.place import InferenceSettings
from detectors._backend import load
from detectors._precision import Processor, Trial, choose

EPYC = Processor("AMD EPYC", "avx512")


def cpuinfo(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse2 {flags}\n\nprocessor\t: 1\n")
    return path


@pytest.mark.parametrize(
    ("flags", "bf16"),
    [("avx512f avx512_bf16 amx_bf16 amx_tile", "amx"), ("avx512f avx512_bf16", "avx512"), ("avx512f", "none")],
)
def test_the_processor_tells_its_bf16_arithmetic(tmp_path: Path, flags: str, bf16: str) -> None:
    assert Processor.read(cpuinfo(tmp_path, flags)) == Processor("Some CPU", bf16)  # type: ignore[arg-type]


def test_an_unreadable_processor_counts_as_one_without_bf16(tmp_path: Path) -> None:
    assert Processor.read(tmp_path / "nothing") == Processor("unknown", "none")


@pytest.mark.parametrize(
    ("trial", "wins"),
    [(Trial(38.0, 23.0, True), True), (Trial(38.0, 36.0, True), False), (Trial(38.0, 23.0, False), False)],
)
def test_bf16_wins_only_when_it_is_faster_and_finds_the_same(trial: Trial, wins: bool) -> None:
    assert trial.wins is wins


def test_without_bf16_arithmetic_nothing_is_tried(tmp_path: Path) -> None:
    choice = choose(tmp_path, "auto", Processor("Old CPU", "none"))
    assert (choice.precision, choice.why) == ("f32", "Old CPU has no BF16 arithmetic")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_tried_runs_in_f32(tmp_path: Path) -> None:
    choice = choose(tmp_path, "auto", EPYC)
    assert choice.precision == "f32"
    assert choice.why.startswith("bf16 could not be tried: ")


@pytest.mark.model
def test_the_trial_is_made_once_and_remembered(root: Path, tmp_path: Path) -> None:
    model = load(InferenceSettings(precision="f32"), root)  # exports it where that was not done yet
    assert getattr(model, "precision", None) == "f32"
    (exported,) = (root / ".cache" / "models").glob("yolo26n-*-640x384-f32-*/model.xml")
    for path in (*exported.parent.glob("model.*"), *exported.parent.glob("labels.json")):
        (tmp_path / path.name).symlink_to(path)
    first = choose(tmp_path, "auto", EPYC)
    (kept,) = tmp_path.glob("precision-*.json")
    trial = Trial(**json.loads(kept.read_text()))
    assert 0 < trial.bf16_ms < 1000
    assert 0 < trial.f32_ms < 1000
    assert (first.precision == "bf16") == trial.wins
    kept.write_text(json.dumps({"f32_ms": 40.0, "bf16_ms": 10.0, "alike": False}))
    second = choose(tmp_path, "auto", EPYC)
    assert second.precision == "f32"
    assert second.why.endswith("its findings differ: 10.0 against 40.0 CPU-ms an inference")


@pytest.mark.model
def test_one_line_says_what_runs_and_why(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="detectors._backend"):
        load(InferenceSettings(precision="f32"), root)
    assert caplog.messages == ["inference: OpenVINO f32, as configured"]
