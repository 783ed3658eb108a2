"""Evidence on disk: pictures by their content, flushed before the row that names them is written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from data.errors import InputRejected, NotFound
from data.model.record import Evidence

SUFFIX_OF = MappingProxyType({"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"})
CLIP_SUFFIX = "mp4"


class EvidenceDamaged(NotFound):
    """The file is there, but it is not the picture that was kept."""


class FolderVault:
    """`data.ports.store.EvidenceVault` in a folder: `YYYY/MM/DD/<sha256>.<suffix>`, the day in UTC."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def keep(self, content: bytes, media_type: str, at: datetime, origin: str) -> Evidence:
        """On the disk, also after a power cut, when this returns. The same picture again is the same file.

        Raises InputRejected for what is not a picture, OSError when the disk does not take it.
        """
        if media_type not in SUFFIX_OF:
            raise InputRejected(f"evidence is one of {', '.join(SUFFIX_OF)}, not {media_type!r}")
        if not content:
            raise InputRejected("an empty picture is no evidence")
        digest = hashlib.sha256(content).hexdigest()
        day = at.astimezone(UTC)
        path = Path(f"{day:%Y}", f"{day:%m}", f"{day:%d}", f"{digest}.{SUFFIX_OF[media_type]}")
        self._write(self._folder / path, content)
        return Evidence(digest, path.as_posix(), media_type, day, len(content), origin)

    def keep_clip(self, file: Path, at: datetime) -> tuple[str, str]:
        """Take a finished clip from where it was written, on the same disk: its SHA-256, and its path in the folder.

        On the disk, also after a power cut, when this returns. Raises OSError when the disk does not take it.
        """
        day = at.astimezone(UTC)
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            os.fsync(content.fileno())
        path = Path(f"{day:%Y}", f"{day:%m}", f"{day:%d}", f"{digest}.{CLIP_SUFFIX}")
        target = self._folder / path
        made = _make_folder(target.parent)
        file.replace(target)
        for folder in (target.parent, *made):
            _flush_folder(folder)
        return digest, path.as_posix()

    def clip_file(self, digest: str, path: str) -> Path:
        """Where the clip lies. Raises NotFound when it is gone or outside the folder, EvidenceDamaged when changed."""
        file = self.clip_path(digest, path)
        try:
            with file.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise NotFound(f"clip {digest} is gone: {error.strerror}") from error
        if found != digest:
            raise EvidenceDamaged(f"clip {digest} was changed on the disk")
        return file

    def delete_clip(self, digest: str, path: str) -> None:
        """Idempotent. Raises OSError when the disk refuses."""
        self.clip_path(digest, path).unlink(missing_ok=True)

    def clip_path(self, digest: str, path: str) -> Path:
        """Where the clip should lie. Raises NotFound for a path outside the folder."""
        located = (self._folder / path).resolve()
        if not path or not located.is_relative_to(self._folder) or located.stem != digest:
            raise NotFound(f"evidence {digest} is not in the vault")
        return located

    def clip_files(self) -> Iterator[tuple[str, str, float]]:
        """Every clip on the disk: SHA-256 by its name, path in the folder, and when it was written (epoch seconds)."""
        for path in self._folder.glob(f"[0-9]*/[0-9]*/[0-9]*/*.{CLIP_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                yield path.stem, path.relative_to(self._folder).as_posix(), path.stat().st_mtime

    def delete_unfinished(self, before_s: float) -> int:
        """Delete what a killed process left half written before then (epoch seconds); how many files."""
        count = 0
        for path in self._folder.glob("[0-9]*/[0-9]*/[0-9]*/.*.part"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s:
                    path.unlink()
                    count += 1
        return count

    def _write(self, path: Path, content: bytes) -> None:
        made = _make_folder(path.parent)
        if not (path.exists() and path.read_bytes() == content):  # one that was damaged is written anew
            with contextlib.ExitStack() as undo:
                handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
                undo.callback(Path(temporary).unlink, missing_ok=True)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
                undo.pop_all()
        for folder in (path.parent, *made):
            _flush_folder(folder)

    def open(self, evidence: Evidence) -> bytes:
        """Raises NotFound when the file is gone or lies outside the folder, EvidenceDamaged when it was changed."""
        path = (self._folder / evidence.path).resolve()
        if not path.is_relative_to(self._folder):
            raise NotFound(f"evidence {evidence.id} is not in the vault")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NotFound(f"evidence {evidence.id} is gone: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != evidence.id:
            raise EvidenceDamaged(f"evidence {evidence.id} was changed on the disk")
        return content


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder; the parents whose entries are new and must be flushed too."""
    missing: list[Path] = []
    above = folder
    while not above.exists():
        missing.append(above.parent)
        above = above.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return missing


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
