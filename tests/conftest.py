"""Where the tests find things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.contracts.postgres import binaries, running_cluster
from tests.stores import on_postgresql, use_cluster

pytest_plugins = ["tests.once_more"]

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
EXPECT_MS = 30_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process of several has a long one left when the others are done."""
    apart = ("alone", "paired")
    unnamed = {
        f"{one.path}: {name}"
        for one in items
        for name in apart
        if one.get_closest_marker(name) and f"mark.{name}" not in source(one.path)
    }
    if unnamed:  # .ci/pytest.sh finds the files by it
        raise pytest.UsageError(f"tests have a marker that their file does not name: {', '.join(sorted(unnamed))}")
    slow = {one.path for one in items if one.get_closest_marker("slow") and not any(map(one.get_closest_marker, apart))}
    items.sort(key=lambda item: item.path not in slow)


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


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


@pytest.fixture(scope="session", autouse=True)
def chosen_store() -> Iterator[None]:
    """With YIPING_TEST_STORE=postgresql one server for this process, on which `tests.stores` makes the stores."""
    if not on_postgresql():
        yield
        return
    folder = binaries()
    assert folder is not None, "no PostgreSQL server: apt-get install postgresql"
    with running_cluster(folder) as cluster:
        use_cluster(cluster.port)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ends with the module: its synchronous interface can be open only once in a process, and leaves no event loop."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium; each test makes a context of its own. What a page is to show may take a busy machine a while."""
    expect.set_options(timeout=EXPECT_MS)
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture(autouse=True)
def pillow_stays_pillow() -> Iterator[None]:
    """ultralytics replaces `Image.open` in a whole process; a test that imports it must not change the next one."""
    pillow_open = Image.open
    yield
    Image.open = pillow_open
