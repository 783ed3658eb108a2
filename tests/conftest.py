"""Where the tests find things."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
