"""A drill's folder: `drill.json` has its span and what really happened then, `result.json` its scores."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.errors import InputRejected
from data.local.whole_file import replace_file

log = logging.getLogger(__name__)

FOLDER = "drills"
NIGHT, RESULT = "drill.json", "result.json"
_LARGEST = 50_000_000
_MOST_LISTED = 50


def write_told(path: Path, told: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises OSError."""
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)
    replace_file(path, text.encode() + b"\n", mode=0o600, durable=True)


def read_told(path: Path) -> dict[str, Any]:
    """What `write_told` wrote. Raises InputRejected for anything else, and where there is nothing."""
    try:
        if path.stat().st_size > _LARGEST:
            raise InputRejected(f"{path.name} is too large")
        told = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputRejected(f"{path.name} cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise InputRejected(f"{path.name} is no JSON object")
    return told


def results(var_dir: Path) -> Sequence[Mapping[str, Any]]:
    """How the drills of this installation went, the newest first; each with the name of its folder."""
    found: list[Mapping[str, Any]] = []
    for path in sorted((var_dir / FOLDER).glob(f"*/{RESULT}"), reverse=True)[:_MOST_LISTED]:
        try:
            found.append({"name": path.parent.name, **read_told(path)})
        except InputRejected as error:
            log.warning("%s: %s", path.parent.name, error)
    return found
