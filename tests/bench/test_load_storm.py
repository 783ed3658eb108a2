"""The storm of `make load`, short: alerts, readings and screens while an officer acknowledges; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load_storm import Found, Load, as_json, kept, storm

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.alone]


@pytest.mark.timeout(400)
def test_in_a_storm_of_alerts_and_readings_nothing_is_lost_and_every_screen_is_told(tmp_path: Path) -> None:
    """At a fifth of the rates of `make load`, which judges the times, so that any machine that runs the tests can."""
    load = Load(seconds=20.0, alerts_per_s=40.0, readings_per_s=1000.0, screens=20, sites=20)
    found = storm(tmp_path, load)
    said = as_json(load, found)
    assert found.lost == {"readings": 0, "alerts": 0, "acknowledgements": 0, "changes_of_screens": 0}, said
    assert found.refused == [], said
    assert found.screens["refused"] == {}, said
    assert found.screens["broken"] == 0, said
    assert said["alerts"] >= 780
    assert said["readings"] >= 19_000
    assert len(found.acknowledged) >= 10
    assert set(found.cpu_s) >= {"web", "sensors", "clock", "screens", "publisher", "alerter", "mosquitto"}


def test_a_storm_is_survived_only_when_nothing_is_lost_and_acknowledging_was_quick() -> None:
    quick = Found(ack_ms=[20.0] * 96 + [900.0] * 4, lost={"readings": 0, "alerts": 0})
    assert kept(quick)
    assert not kept(Found(ack_ms=[20.0] * 94 + [301.0] * 6, lost={"readings": 0}))
    assert not kept(Found(ack_ms=[20.0], lost={"readings": 0, "alerts": 1}))
    assert not kept(Found(ack_ms=[20.0], refused=["503"]))
    assert not kept(Found())
