"""Ten kills of every kind of process, half of them in the middle of a commit; `make faults` does 500."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.faults_kills import run_kills


@pytest.mark.paired
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_of_every_process_lose_nothing_acknowledged_and_double_no_alert(tmp_path: Path) -> None:
    result = run_kills(int(os.environ.get("YIPING_KILLS", "10")), 4, tmp_path)
    print(result)
    assert result.lost == []
    assert result.duplicates == []
    assert result.damage == []
    assert result.gone == []
    assert result.promised > 10
    assert sum(result.kills.values()) >= 10
