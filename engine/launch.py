"""The command `yiping` of an installed wheel: puts the program's own folder first on the path and starts `app.py`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    """What `python app.py` does in a checkout; returns its exit status."""
    folder = str(Path(__file__).resolve().parents[1])
    if folder not in sys.path:
        sys.path.insert(0, folder)
    status: int = importlib.import_module("app").main()
    return status
