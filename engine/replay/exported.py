"""The observations of an exported event, judged again: do the rules decide the same, byte for byte?"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.config.catalogue import Catalogue
from data.errors import InputRejected
from data.local.observations import FOLDER
from data.model.alert import AlertKey
from data.model.views import iso
from engine.replay.occurrences import as_text
from engine.replay.replayer import Replayer

_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Again:
    """What the judging said, in words. `same`: exactly what had been decided live; also where nothing is in it."""

    same: bool
    lines: Sequence[str]


def judged_again(path: Path, catalogue: Catalogue) -> Again:
    """`path`: the ZIP. Raises InputRejected for what is none."""
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            manifest, timeline = (json.loads(archive.read(name)) for name in ("manifest.json", "timeline.json"))
            for name in archive.namelist():
                if name.startswith(f"{FOLDER}/"):
                    archive.extract(name, folder)
            return _judged(Replayer(Path(folder) / FOLDER, catalogue), manifest, timeline)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputRejected(f"{path.name}: it cannot be judged again: {error!r}") from error


def _judged(replayer: Replayer, manifest: dict[str, Any], timeline: dict[str, Any]) -> Again:
    sites = sorted(replayer.sites())
    if not sites:
        return Again(True, ("– not judged again: there are no observations in it",))
    since, until = (datetime.fromisoformat(manifest[name]) for name in ("since", "until"))
    try:
        found = replayer.replay(since - _MARGIN, until + _MARGIN, sites)
    except InputRejected as error:
        return Again(True, (f"– not judged again: {error}",))
    again = as_text(found.found)
    live = as_text(replayer.live(since - _MARGIN, until + _MARGIN, sites))
    same = found.same and again == live
    how = "byte for byte as they were decided live" if same else "NOT as they were decided live"
    what = f"{found.lines} observations of {', '.join(sites)}, {len(found.found)} alerts"
    lines = [f"{'✓' if same else '✗'} judged again: {what}, {how}"]
    decided = {(*one.key, iso(one.raised.started_at)) for one in found.found}
    lines += [
        f"– alert {alert['id']} ({alert['site']}, {alert['rule']}) is not among what the rules decide on these "
        f"observations: it came otherwise, or before them"
        for alert in timeline["alerts"]
        if (*(alert[name] for name in AlertKey._fields), alert["started_at"]) not in decided
    ]
    return Again(same, (*lines, *(f"– {remark}" for remark in found.remarks)))
