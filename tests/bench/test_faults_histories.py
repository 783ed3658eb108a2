"""Histories under kills fit the sequential model; and the checker finds those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults_histories import OK, REFUSED, UNKNOWN, Operation, fits, run_histories

INF = float("inf")


def ack(who: str, began_s: float, ended_s: float, answer: str) -> Operation:
    return Operation("alert 1", "acknowledge", who, began_s, ended_s, answer)


def test_of_two_at_once_either_may_be_first() -> None:
    history = [ack("li", 0, 2, REFUSED), ack("zhao", 1, 3, OK)]
    assert fits("alert 1", "", history, "zhao")
    assert not fits("alert 1", "", history, "li")


def test_two_that_were_both_told_that_they_did_it_do_not_fit() -> None:
    assert not fits("alert 1", "", [ack("li", 0, 2, OK), ack("zhao", 1, 3, OK)], "li")


def test_who_was_refused_before_anybody_asked_does_not_fit() -> None:
    assert not fits("alert 1", "", [ack("li", 0, 1, REFUSED), ack("zhao", 2, 3, OK)], "zhao")


def test_what_was_acknowledged_and_is_not_there_does_not_fit() -> None:
    assert not fits("alert 1", "", [ack("li", 0, 1, OK)], "")


def test_what_nobody_answered_may_have_happened_or_not() -> None:
    history = [ack("li", 0, INF, UNKNOWN), ack("zhao", 2, 3, REFUSED)]
    assert fits("alert 1", "", history, "li")
    assert fits("alert 1", "", [ack("li", 0, INF, UNKNOWN)], "")
    assert not fits("alert 1", "", history, "")


def test_a_task_that_was_accepted_after_it_was_cancelled_does_not_fit() -> None:
    accept = Operation("task 1", "accept", "near", 2, 3, OK)
    cancel = Operation("task 1", "cancel", "zhao", 0, 1, OK)
    assert not fits("task 1", "offered", [cancel, accept], "accepted")
    assert fits("task 1", "offered", [cancel, Operation("task 1", "accept", "near", 0.5, 3, OK)], "cancelled")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_histories_under_kills_fit_the_model(tmp_path: Path) -> None:
    result = run_histories(5, 11, tmp_path)
    print(result)
    assert result.violations == []
    assert (result.histories, result.requests) == (5, 75)
