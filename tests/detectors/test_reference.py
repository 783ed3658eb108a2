"""ultralytics beside the rest of a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_importing_ultralytics_leaves_pillow_as_it_was(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from PIL import Image; before = Image.open\n"
        "from detectors._reference import yolo_class\n"
        "yolo_class(Path(sys.argv[1])); print(Image.open is before, 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert told.stdout.split() == ["True", "True"]
