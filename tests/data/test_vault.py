"""Evidence on disk."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from data.errors import InputRejected, NotFound
from data.local.vault import FolderVault
from data.model.record import Evidence

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
PICTURE = b"\xff\xd8\xff\xe0 not really a picture \xff\xd9"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_picture_is_kept_by_its_content_and_the_day_in_utc(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path / "evidence")
    just_after_midnight = datetime(2024, 7, 13, 0, 30, tzinfo=timezone(timedelta(hours=8)))
    kept = vault.keep(PICTURE, "image/jpeg", just_after_midnight, "gate-3")
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert kept == Evidence(digest, f"2024/07/12/{digest}.jpg", "image/jpeg", just_after_midnight, 28, "gate-3")
    assert kept.at.utcoffset() == timedelta(0)
    assert vault.open(kept) == PICTURE
    assert files(tmp_path) == [f"evidence/{kept.path}"]


def test_the_same_picture_again_is_the_same_file(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    first = vault.keep(PICTURE, "image/jpeg", NOON, "gate-3")
    written = (tmp_path / first.path).stat().st_ino
    assert vault.keep(PICTURE, "image/jpeg", NOON, "report:4").path == first.path
    assert (tmp_path / first.path).stat().st_ino == written
    assert len(files(tmp_path)) == 1


def test_a_half_written_file_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    kept = vault.keep(PICTURE, "image/png", NOON, "gate-3")
    (tmp_path / kept.path).write_bytes(PICTURE[:5])
    vault.keep(PICTURE, "image/png", NOON, "gate-3")
    assert vault.open(kept) == PICTURE


def test_many_threads_keeping_one_picture_leave_one_whole_file(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    crew = [threading.Thread(target=vault.keep, args=(PICTURE, "image/webp", NOON, str(n))) for n in range(16)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert files(tmp_path) == [f"2024/07/12/{hashlib.sha256(PICTURE).hexdigest()}.webp"]


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "../../jpg", ""])
def test_what_is_not_a_picture_is_refused(tmp_path: Path, media_type: str) -> None:
    with pytest.raises(InputRejected, match="evidence is one of image/jpeg, image/png, image/webp"):
        FolderVault(tmp_path / "evidence").keep(PICTURE, media_type, NOON, "gate-3")
    assert files(tmp_path) == []


def test_an_empty_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="empty"):
        FolderVault(tmp_path).keep(b"", "image/jpeg", NOON, "gate-3")


@pytest.mark.parametrize("path", ["../secret.jpg", "/etc/hostname", "2024/../../secret.jpg", "link.jpg"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(PICTURE)
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    digest = hashlib.sha256(PICTURE).hexdigest()
    outside = Evidence(digest, path, "image/jpeg", NOON, len(PICTURE), "gate-3")
    with pytest.raises(NotFound, match="not in the vault"):
        FolderVault(folder).open(outside)


def test_a_picture_that_is_gone_or_was_changed_is_not_found(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    kept = vault.keep(PICTURE, "image/jpeg", NOON, "gate-3")
    (tmp_path / kept.path).write_bytes(PICTURE[::-1])
    with pytest.raises(NotFound, match="was changed on the disk"):
        vault.open(kept)
    (tmp_path / kept.path).unlink()
    with pytest.raises(NotFound, match="is gone"):
        vault.open(kept)
    with pytest.raises(NotFound, match="is gone"):
        vault.open(replace(kept, path="2024/07/12"))


def test_a_disk_that_refuses_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "2024").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="2024"):
        FolderVault(tmp_path).keep(PICTURE, "image/jpeg", NOON, "gate-3")
    assert files(tmp_path) == ["2024"]
