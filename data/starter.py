"""A configuration to begin with, written into somebody's own folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.errors import InputRejected
from data.local.whole_file import replace_file

CONFIG = "config.yaml"
DEMO_PARTS = ("data/demo", "data/plans")  # what the demo city's configuration names


def write_starter(program: Path, folder: Path, *, demo: bool) -> list[Path]:
    """Write `config.yaml` into `folder` (made if missing); with `demo`, also the files that it names.

    `program`: the folder where the program lies. Raises InputRejected, before anything is written, when one of them
    exists.
    """
    sources = {CONFIG: program / (CONFIG if demo else "data/starter.yaml")}
    sources |= {part: program / part for part in DEMO_PARTS} if demo else {}
    written = [folder / name for name in sources]
    for path in written:
        if path.exists():
            raise InputRejected(f"{path} exists already; nothing was written")
    for path, source in zip(written, sources.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, path, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        else:
            replace_file(path, source.read_bytes())
    return written
