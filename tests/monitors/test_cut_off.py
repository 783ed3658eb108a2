"""A file whose copy was broken off is judged as far as it goes, and named, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.model.observation import Rejected
from data.ports.recipe import Context
from monitors.video._cut_off import missing_bytes
from monitors.video.video_file import Recipe
from tests.monitors.test_packets import film
from tests.servers.stamped_films import stamped

FLOOD = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def whole(folder: Path, kind: str) -> Path:
    """Four seconds; an MP4 has its index in front, as what is to be played from the web."""
    path = folder / f"whole.{kind}"
    if kind == "ts":
        return stamped(path, [100 + n / 10 for n in range(40)])
    if kind != "mp4":
        return film(path, 4, 25)
    plain = film(folder / "plain.mp4", 4, 25)
    content = plain.read_bytes()
    place = content.index(b"moov") - 4
    moov = bytearray(content[place:])
    table = moov.index(b"stco")  # where its pictures lie: behind the index from now on
    for entry in range(int.from_bytes(moov[table + 8 : table + 12], "big")):
        at = table + 12 + 4 * entry
        moov[at : at + 4] = (int.from_bytes(moov[at : at + 4], "big") + len(moov)).to_bytes(4, "big")
    begin = int.from_bytes(content[:4], "big")
    path.write_bytes(content[:begin] + moov + content[begin:place])
    return path


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "ts"])
@pytest.mark.parametrize("more", [{"paced": False}, {"watch": "on_activity"}])
def test_a_cut_off_file_is_shown_as_far_as_it_goes_and_named_in_one_line(
    context: Context, tmp_path: Path, kind: str, more: dict[str, object]
) -> None:
    path = whole(tmp_path, kind)
    assert missing_bytes(path) == 0
    content = path.read_bytes()
    cut = tmp_path / f"cut.{kind}"
    keep = len(content) * 2 // 3
    cut.write_bytes(content[: keep - keep % 188 + 100])
    recipe = Recipe.model_validate({"path": cut, "start": FLOOD, **more})
    items = [item for item in recipe.make(context).observe() if item is not None]
    said = [item.reason for item in items if isinstance(item, Rejected)]
    assert len(said) == 1
    assert f"cut.{kind} is cut off" in said[0]
    assert "bytes of it are missing; its pictures end at" in said[0]
    assert len(items) > 20


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "ts"])
def test_a_whole_file_is_called_whole(context: Context, tmp_path: Path, kind: str) -> None:
    path = whole(tmp_path, kind)
    items = list(Recipe(path=path, paced=False, start=FLOOD).make(context).observe())
    assert [item for item in items if isinstance(item, Rejected)] == []


@pytest.mark.shared
def test_the_clips_that_are_whole_are_called_whole(shared: Path) -> None:
    clips = sorted((shared / "clips").glob("*.mp4"))
    assert clips
    assert {clip.name: missing_bytes(clip) for clip in clips} == {clip.name: 0 for clip in clips}


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x00\x18ftyp", b"RIFF", b"\x1a\x45\xdf\xa3\x18\x53\x80\x67", b"G"])
def test_what_is_too_short_to_tell_raises_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "short"
    path.write_bytes(content)
    assert missing_bytes(path) >= 0
