"""A minute and a half of what `make soak` does for two hours, and how it judges what it has sampled."""

from __future__ import annotations

import os

import pytest

from bench.soak import Process, Soaked, growth, soak, theil_sen


def sampled(rss_mib: list[float], fds: list[int]) -> Process:
    at_s = [60.0 * number for number in range(len(rss_mib))]
    return Process(1, at_s, rss_mib, fds, [20] * len(rss_mib))


def test_a_single_peak_is_no_growth_and_a_steady_rise_is() -> None:
    at_s = [0.0, 60.0, 120.0, 180.0, 240.0]
    assert theil_sen(at_s, [200.0, 200.0, 290.0, 200.0, 200.0]) == 0.0
    assert theil_sen(at_s, [200.0, 201.0, 202.0, 290.0, 204.0]) == pytest.approx(1 / 60)
    assert growth([5, 5, 9, 5, 5, 5]) == 0


def test_what_grows_is_named_and_what_is_flat_is_not() -> None:
    rising = [200.0 + number * 0.25 for number in range(120)]  # 15 MiB an hour, 2.5 for each of six cameras
    worn = Soaked(120.0, reconnects=50, processes={"worker-1": sampled(rising, [40 + n for n in range(120)])})
    assert worn.exceeded() == [
        "2.50 MiB more an hour and camera",
        "0.400 MiB more for each reconnection",
        "80 descriptors more",
    ]
    flat = Soaked(120.0, reconnects=900, processes={"worker-1": sampled([200.0] * 120, [40] * 120)})
    assert flat.exceeded() == []
    assert (flat.as_line()["rss_mib_per_hour_per_camera"], flat.as_line()["fds_growth"]) == (0.0, 0)


@pytest.mark.alone
@pytest.mark.browser
@pytest.mark.model
@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(280)
@pytest.mark.skipif(
    not os.environ.get("YIPING_SOAK"),
    reason="a real city for three minutes: make soak-short (what a connection leaves behind: tests/monitors)",
)
def test_a_city_whose_cameras_flap_does_not_grow() -> None:
    soaked = soak(1.5, warm_up_s=40.0)
    print(soaked.as_line())
    assert soaked.reconnects >= 10
    assert soaked.exceeded() == []
