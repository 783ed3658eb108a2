"""A gauge that is refused every second fills no log."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from data.model.observation import Rejected
from engine.judging.reject_log import RejectLog

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)


def test_one_line_for_a_source_and_kind_of_reason_and_one_more_after_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    rejects = RejectLog(lambda: now_s)
    with caplog.at_level(logging.WARNING):
        for second in range(3700):
            now_s = float(second)
            rejects.warn(Rejected("quay", "stage", NOON, f"-999999 is no value (poll {second})"))
        rejects.warn(Rejected("quay", "stage", NOON, "the unit is missing"))
        rejects.warn(Rejected("quay", "rain", NOON, "-999999 is no value (poll 1)"))
    assert [record.getMessage() for record in caplog.records] == [
        "quay/stage: -999999 is no value (poll 0)",
        "quay/stage: -999999 is no value (poll 3600) (3599 more like it in the last hour)",
        "quay/stage: the unit is missing",
        "quay/rain: -999999 is no value (poll 1)",
    ]


def test_how_long_it_was_silent_is_told_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    rejects = RejectLog(lambda: now_s)
    with caplog.at_level(logging.WARNING):
        for later_s in (0.0, 1.0, 1.0, 179_998.0):
            now_s += later_s
            rejects.warn(Rejected("quay", "stage", NOON, "the unit is missing"))
    assert caplog.messages[1] == "quay/stage: the unit is missing (2 more like it in the last 50.0 hours)"


def test_of_too_many_kinds_those_that_still_come_stay_known(caplog: pytest.LogCaptureFixture) -> None:
    rejects = RejectLog(lambda: 5.0)
    for number in range(10_001):
        rejects.warn(Rejected(f"site-{number}", "stage", NOON, "the unit is missing"))
        if number % 100 == 0:
            rejects.warn(Rejected("quay", "stage", NOON, "the unit is missing"))
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        for site in ("quay", "site-10000", "site-0"):
            rejects.warn(Rejected(site, "stage", NOON, "the unit is missing"))
    assert [message.partition("/")[0] for message in caplog.messages] == ["site-0"]
