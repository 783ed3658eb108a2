"""Eighty flipped bits in database, spool, inbox, evidence and backups: all are found; `make faults` does 3,000."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults_flips import run_flips


@pytest.mark.slow
def test_every_flipped_bit_is_found_or_changes_nothing_that_is_read(tmp_path: Path) -> None:
    result = run_flips(80, 3, tmp_path)
    print(result)
    assert result.undetected == []
    assert result.bit_flips == 80
    assert {"database found", "spool found", "inbox found", "evidence found", "backup found"} <= result.found.keys()
