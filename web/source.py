"""The source of what runs here, for whoever uses it over the network (AGPL-3.0, section 13).

Where the program lies in a Git checkout, that is what is committed. Elsewhere it is the program's own files by their
names and kinds. Never what was configured, put or made beside them: config.yaml, secrets, databases, links.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Response

from data.errors import NotFound
from data.local.lanes import Lanes
from web.serve_options import SOURCE_PATH

FOLDERS = (
    "alerts", "bench", "data", "detectors", "dispatch", "docs",
    "engine", "layouts", "monitors", "notices", "tests", "web",
)  # fmt: skip
FILES = (
    "app.py",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "pyproject.toml",
    "README.en.md",
    "README.md",
    "requirements.lock",
)
KINDS = frozenset(
    {
        *(".c", ".css", ".geojson", ".html", ".ico", ".j2", ".js", ".mako"),
        *(".md", ".mjs", ".png", ".py", ".svg", ".ts", ".woff2"),
    }
)
_TIME_LIMIT_S = 60
_GIT = ("git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false")


def source_archive(root: Path) -> bytes:
    """A gzipped tar of the program. Raises NotFound when Git cannot give what is committed."""
    if not is_checkout(root):
        return packaged_source(root)
    command = [*_GIT, "-C", str(root), "archive", "--format=tar.gz", "--prefix=yiping/", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=_TIME_LIMIT_S).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NotFound(
            "the committed source cannot be read here; the page's footer names where it is published"
        ) from error


def is_checkout(root: Path) -> bool:
    """Is this folder the top of a Git checkout? A folder inside another project's checkout is not."""
    return (root / ".git").exists()


def packaged_source(root: Path) -> bytes:
    """A gzipped tar of the program's own files as they lie on disk."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in packaged_files(root):
            archive.add(path, arcname=f"yiping/{path.relative_to(root)}", recursive=False)
    return buffer.getvalue()


def packaged_files(root: Path) -> Iterator[Path]:
    """The program's own files: no settings (YAML, JSON), nothing hidden, no link that could lead elsewhere."""
    yield from (path for name in FILES if (path := root / name).is_file() and not path.is_symlink())
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root).parts
            odd = path.is_symlink() or any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and path.suffix in KINDS and not odd:
                yield path


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
