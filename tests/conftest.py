"""Where the tests find things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The reference material, or None; with YIPING_REQUIRE_SHARED=1 its absence is an error."""
    folder = Path(os.environ.get("YIPING_SHARED", ROOT.parent / "shared")).resolve()
    if (folder / "clips").is_dir():
        return folder
    if os.environ.get("YIPING_REQUIRE_SHARED") == "1":
        raise RuntimeError(f"YIPING_REQUIRE_SHARED=1 but there is no reference material at {folder}")
    return None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference clips and series; skips with the reason where it is absent."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("no reference material: set YIPING_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(autouse=True)
def pillow_stays_pillow() -> Iterator[None]:
    """ultralytics replaces `Image.open` in a whole process; a test that imports it must not change the next one."""
    pillow_open = Image.open
    yield
    Image.open = pillow_open
