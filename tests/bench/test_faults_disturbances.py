"""Broker, database, disk and clock fail while clients work, some seconds each; `make faults` takes half a minute."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.faults_disturbances import run_disturbances


@pytest.mark.server
@pytest.mark.paired
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_disturbance_is_told_in_words_and_survived_without_losing_what_was_acknowledged(tmp_path: Path) -> None:
    found = run_disturbances(float(os.environ.get("YIPING_DISTURBED_S", "4")), tmp_path)
    assert found.lost == []
    assert found.wrong == []
    expected = {"broker_killed", "database_locked", "disk_slow", "disk_full", "clock_forward", "clock_back"}
    assert set(found.told_s) == set(found.back_s) == expected - set(found.skipped)
    assert found.promised > 20
