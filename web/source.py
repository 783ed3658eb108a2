"""The source of what runs here, for whoever uses it over the network (AGPL-3.0, section 13)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Response

from data.lanes import Lanes

SOURCE_PATH = "/source.tar.gz"
FOLDERS = ("alerts", "bench", "data", "detectors", "dispatch", "docs", "engine", "layouts", "monitors", "tests", "web")
FILES = (
    "app.py",
    "CHANGELOG.md",
    "config.yaml",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    "README.en.md",
    "README.md",
    "requirements.lock",
)
KINDS = frozenset({".css", ".geojson", ".html", ".js", ".json", ".mako", ".md", ".png", ".py", ".svg", ".woff2"})


def source_files(root: Path) -> Iterator[Path]:
    """The files that make up the program; never secrets, databases or what was made at run time.

    config.yaml holds no secret by its own rule; secrets.yaml is not named here and no folder above holds one.
    """
    yield from (root / name for name in FILES if (root / name).is_file())
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in KINDS and "__pycache__" not in path.parts:
                yield path


def source_archive(root: Path) -> bytes:
    """A gzipped tar of the program as it lies on disk."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in source_files(root):
            archive.add(path, arcname=f"yiping/{path.relative_to(root)}", recursive=False)
    return buffer.getvalue()


def source_router(root: Path, lanes: Lanes) -> APIRouter:
    """`GET /source.tar.gz`, for everybody who is logged in."""
    router = APIRouter()

    @router.get(SOURCE_PATH, include_in_schema=False)
    async def source() -> Response:
        content = await lanes.heavy.run(source_archive, root)
        return Response(
            content,
            media_type="application/gzip",
            headers={"Content-Disposition": "attachment; filename=yiping.tar.gz"},
        )

    return router
