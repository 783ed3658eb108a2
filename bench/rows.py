"""The configurations of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bench.cameras import Footage, Row
from bench.clip import CLIPS, made
from bench.truth import full_events

ROWS: Mapping[str, Row] = MappingProxyType(
    {
        row.name: row
        for row in (
            Row("all_ticks", CLIPS["busy"], must=7, every_tick=True),
            Row("active30", CLIPS["active30"], must=12, watch="on_activity"),
            Row("active10", CLIPS["active10"], must=20, watch="on_activity"),
            Row("substream30", CLIPS["substream30"], must=40, watch="on_activity"),
            Row("sub_all_ticks", CLIPS["busy"], must=0, every_tick=True, small=CLIPS["busy-small"]),
            Row("all_ticks_h265", CLIPS["busy-h265"], must=0, every_tick=True),
            Row("active30_h265", CLIPS["active30-h265"], must=0, watch="on_activity"),
        )
    }
)
QUICK = ("all_ticks", "active30", "active10", "substream30")


def footage(row: Row, shared: Path, cache: Path) -> Footage:
    """The row's clip, and the events of its full run where it has pauses (made and computed when first asked for)."""
    path = made(row.clip, shared, cache / "bench")
    return Footage(path, full_events(path, cache) if row.clip.pauses() else (), cache)
