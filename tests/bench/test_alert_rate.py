"""Alerts at 200 a second, short: `make alerts-rate` runs the minute and judges the 99th percentile."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.alert_rate import alert_rate


@pytest.mark.slow
def test_200_alerts_a_second_are_stored_durably_for_3_seconds(tmp_path: Path) -> None:
    found = alert_rate(tmp_path / "yiping.db", 3)
    assert (found.raised, found.stored) == (600, 600)
