"""Bent inputs over every parser: none crashes, and every one that is refused is counted and named.

100,000 each time; `make fuzz` runs a million with another seed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.fuzz import parsers

SHARES = {
    "mqtt": 0.25,
    "sl651": 0.25,
    "cap": 0.2,
    "sensorthings": 0.15,
    "alertmanager": 0.1,
    "modbus": 0.04,
    "csv": 0.01,
}
FEWEST_REASONS = {"cap": 2}  # a sloppy warning is kept: only what is no XML, or forbidden, is refused
SEED = int(os.environ.get("YIPING_FUZZ_SEED", "20240712"))
INPUTS = int(os.environ.get("YIPING_FUZZ", "100000"))


@pytest.mark.parametrize("parser", SHARES)
def test_bent_inputs_crash_nothing_and_each_reject_is_named(parser: str, tmp_path: Path) -> None:
    parse = parsers.csv_in(tmp_path) if parser == "csv" else getattr(parsers, parser)
    tally = parsers.run(parser, parse, round(INPUTS * SHARES[parser]) + 1, seed=SEED)
    assert tally.accepted + sum(tally.rejected.values()) == tally.inputs
    assert tally.unnamed == 0
    assert tally.accepted > 0
    assert len(tally.rejected) >= FEWEST_REASONS.get(parser, 3)
    sys.stderr.write(f"\n{parsers.as_json({parser: tally})}\n")


def test_a_crash_would_be_seen() -> None:
    def broken(content: bytes) -> None:
        raise IndexError(len(content))

    with pytest.raises(IndexError) as crash:
        parsers.run("cap", broken, 1, seed=1)
    assert crash.value.__notes__[0].startswith("cap: b'")
