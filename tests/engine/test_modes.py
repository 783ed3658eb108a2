"""The city's modes, from whoever switches them to the rules."""

from __future__ import annotations

from pathlib import Path

from data.sql.store import open_store
from data.stored.modes import FLOOD_CREST, active_modes, put_modes
from engine.judging.polled import Polled


def test_a_mode_that_is_put_is_known_within_a_second_and_stays_known_while_the_store_is_away(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "yiping.db"))
    try:
        assert store.read(active_modes) == frozenset()
        store.write(lambda writer: put_modes(writer, [FLOOD_CREST]))
        assert store.read(active_modes) == {"flood-crest"}
        modes = Polled(store, active_modes, frozenset[str]())
        assert modes.now() == {"flood-crest"}
    finally:
        store.close()
    assert modes.now() == {"flood-crest"}
