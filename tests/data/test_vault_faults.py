"""Evidence whose file was changed on the disk: never served, named, and mended when the picture comes again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.local.vault import EvidenceDamaged, FolderVault

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
PICTURE = b"\xff\xd8 a picture of the quay"


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: b"\xfe" + c[1:], lambda c: c + b" ", lambda _: b""])
def test_a_picture_that_was_changed_is_not_served(tmp_path: Path, change: object) -> None:
    vault = FolderVault(tmp_path)
    kept = vault.keep(PICTURE, "image/jpeg", NOON, "quay-2")
    path = tmp_path / kept.path
    path.write_bytes(change(PICTURE))  # type: ignore[operator]
    with pytest.raises(EvidenceDamaged, match=rf"evidence {kept.id} was changed on the disk"):
        vault.open(kept)


def test_the_same_picture_again_mends_a_damaged_file_of_the_same_size(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path)
    kept = vault.keep(PICTURE, "image/jpeg", NOON, "quay-2")
    path = tmp_path / kept.path
    path.write_bytes(b"\xfe" + PICTURE[1:])
    assert vault.keep(PICTURE, "image/jpeg", NOON, "quay-2").id == kept.id
    assert vault.open(kept) == PICTURE
