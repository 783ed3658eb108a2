"""Eighty flipped bits in spool, inbox, evidence and backups: all are found; `make faults` does 3,000."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults_flips import run_flips


@pytest.mark.slow
def test_every_flipped_bit_is_found_or_changes_nothing_that_is_read(tmp_path: Path) -> None:
    result = run_flips(80, 3, tmp_path)
    print(result)
    assert [one for one in result.undetected if not one.startswith("database")] == []
    assert result.bit_flips == 80
    assert {"spool found", "inbox found", "evidence found", "backup found"} <= result.found.keys()
