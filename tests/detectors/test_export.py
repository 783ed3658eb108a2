"""The exported model is made once, whoever asks, and kept by what it was made from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import InputRejected
from data.model.place import InferenceSettings
from detectors._export import exported_model
from detectors._weights import Weights, configured_weights

ASK = """
import sys
from pathlib import Path
from data.model.place import InferenceSettings
from detectors._export import exported_model
from detectors._weights import configured_weights
inference = InferenceSettings(width=64, height=96)
folder = exported_model(configured_weights(inference, Path(".")), inference, Path(sys.argv[1]))
print(folder.name, (folder / "model.xml").stat().st_mtime_ns, "torch" in sys.modules)
"""


@pytest.mark.model
@pytest.mark.slow
def test_two_processes_that_ask_at_once_get_the_one_model_exported_once(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path)]
    askers = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (asker.communicate(timeout=150)[0].split() for asker in askers)
    assert first == second
    assert re.fullmatch(r"yolo26n-9b09cc8bf347f0fc-64x96-f32-\d+", first[0])
    assert first[2] == "False"
    assert sorted(p.name for p in (tmp_path / "models").iterdir() if p.is_dir()) == [first[0]]


@pytest.mark.model
def test_what_is_no_checkpoint_is_refused_and_leaves_no_model(root: Path, tmp_path: Path) -> None:
    (tmp_path / "own.pt").write_bytes(b"not a checkpoint")
    inference = InferenceSettings(weights="own.pt", allow_unverified_weights=True)
    weights = configured_weights(inference, tmp_path)
    assert isinstance(weights, Weights)
    with pytest.raises(InputRejected, match=r"own\.pt cannot be exported to OpenVINO: "):
        exported_model(weights, inference, tmp_path)
    assert not [p for p in (tmp_path / "models").iterdir() if p.is_dir()]
