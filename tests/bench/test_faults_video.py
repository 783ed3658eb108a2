"""Twenty seconds of what `make faults-video` does for half an hour."""

from __future__ import annotations

import pytest

from bench.faults_video import run


@pytest.mark.alone
@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_cameras_that_flap_are_soon_back_and_take_nothing_from_the_others() -> None:
    measured = run(20.0, dead=30, seed=3, warm_up_s=3.0)
    assert measured.flaps >= 1
    assert len(measured.all_back_s) == 2, "the server was stopped, and killed"
    assert measured.broken(20.0) == []
