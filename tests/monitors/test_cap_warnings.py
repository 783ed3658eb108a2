"""Warnings from a folder and from a real HTTP server: each once, let go when stored, the bad ones named."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from data.errors import DeviceLost
from data.observation import Rejected
from data.recipe import Context, Monitor, Warns
from data.warning import HazardWarning
from monitors.cap_warnings import Recipe
from tests.data.test_cap import message
from tests.servers.http_answers import http_answers


def dropped(folder: Path, name: str, content: bytes) -> Path:
    """A file that was left alone for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def take(monitor: Monitor, count: int, within_s: float = 10.0) -> list[HazardWarning | Rejected]:
    """What comes until there are `count`; then the monitor stays open."""
    assert isinstance(monitor, Warns)
    taken: list[HazardWarning | Rejected] = []
    ends_s = time.monotonic() + within_s
    for item in monitor.observe():
        taken += monitor.warnings()
        if isinstance(item, Rejected):
            taken.append(item)
        if len(taken) >= count or time.monotonic() > ends_s:
            break
    return taken


def test_a_dropped_file_stays_until_its_warning_is_stored_and_a_bad_one_is_named(context: Context) -> None:
    folder = context.var_dir / "warnings"
    good = dropped(folder, "storm.xml", message())
    dropped(folder, "bad.cap", b"<alert>")
    dropped(folder, "notes.txt", b"no message at all")
    monitor = Recipe(folder=Path("var:warnings")).make(context)
    rejected, warning = sorted(take(monitor, 2), key=lambda item: isinstance(item, HazardWarning))
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("bad.cap: the message is not XML")
    assert (folder / "rejected" / "bad.cap").exists()
    assert isinstance(warning, HazardWarning)
    assert (warning.event, warning.origin) == ("暴雨", "gate-3/cap_warnings")
    assert good.exists()
    assert isinstance(monitor, Warns)
    monitor.warned(warning)
    assert not good.exists()
    assert (folder / "taken" / "storm.xml").exists()


def test_what_was_not_stored_before_a_crash_comes_again_and_what_is_being_written_waits(context: Context) -> None:
    folder = context.var_dir / "warnings"
    dropped(folder, "storm.xml", message())
    (first,) = take(Recipe(folder=Path("var:warnings")).make(context), 1)
    (again,) = take(Recipe(folder=Path("var:warnings")).make(context), 1)
    assert first == again
    (folder / "half.xml").write_bytes(message(identifier="2")[:200])
    monitor = Recipe(folder=Path("var:warnings"), every="100ms").make(context)
    assert take(monitor, 2, within_s=0.3) == [first]
    (folder / "half.xml").write_bytes(message(identifier="2"))
    assert [w.key.identifier for w in take(monitor, 1) if isinstance(w, HazardWarning)] == ["2"]


@pytest.mark.server
def test_a_url_is_asked_with_its_token_and_gives_each_message_once(context: Context) -> None:
    with http_answers() as server:
        server.answer("/cap", message())
        monitor = Recipe(url=server.url("/cap"), credentials="camera", every="100ms").make(context)
        (warning,) = take(monitor, 1)
        assert isinstance(warning, HazardWarning)
        assert server.asked[0].headers["authorization"].startswith("Basic ")
        assert take(monitor, 1, within_s=0.5) == []
        server.answer("/cap", message(identifier="2"))
        assert len(take(monitor, 1)) == 1
        server.answer("/cap", b"", status=503)
        with pytest.raises(DeviceLost, match=r"gate-3: http://127\.0\.0\.1:\d+/cap: it answers 503"):
            take(monitor, 1)


def test_a_recipe_names_one_source() -> None:
    with pytest.raises(ValueError, match="give either `folder` or `url`"):
        Recipe()
    with pytest.raises(ValueError, match="must not hold user and password"):
        Recipe(url="http://a:b@host/cap")
