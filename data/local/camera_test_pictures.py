"""The first pictures of cameras that are being tested: small files between the engine and the server, for minutes."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

from data.local.whole_file import replace_file

KEPT_S = 300.0
_NAME = re.compile(r"[0-9a-f]{32}")


class CameraTestPictures:
    """A picture is kept by the engine, taken once by the server, and gone after `KEPT_S` seconds at the latest."""

    def __init__(self, run_dir: Path) -> None:
        self._folder = run_dir / "camera-tests"

    def keep(self, jpeg: bytes) -> str:
        """The name by which it is taken. Raises OSError when it cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.jpg"):
            if time.time() - old.stat().st_mtime > KEPT_S:
                old.unlink(missing_ok=True)
        name = secrets.token_hex(16)
        replace_file(self._folder / f"{name}.jpg", jpeg)
        return name

    def take(self, name: str) -> bytes:
        """The picture, which is removed; empty when there is none of this name (any more)."""
        if not _NAME.fullmatch(name):
            return b""
        file = self._folder / f"{name}.jpg"
        try:
            jpeg = file.read_bytes()
        except OSError:
            return b""
        file.unlink(missing_ok=True)
        return jpeg
