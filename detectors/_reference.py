"""ultralytics, imported with care: offline, installing nothing, and leaving Pillow as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image

from detectors._export import ultralytics_environment


def yolo_class(cache_dir: Path) -> Any:
    """The class `ultralytics.YOLO`. Brings torch: only where half a gigabyte may be spent.

    ultralytics puts its own function in the place of `PIL.Image.open`, which answers a file that is no picture by
    trying to import a HEIF reader; whoever reads people's photos in this process wants Pillow's own answer.
    """
    os.environ.update(ultralytics_environment(cache_dir))
    pillow_open = Image.open
    try:
        from ultralytics import YOLO  # noqa: PLC0415
    finally:
        Image.open = pillow_open
    return YOLO
