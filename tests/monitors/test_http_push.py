"""Observations that the server took: they reach the gauge, and go only when they are stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from data.errors import InputRejected
from data.local.inbox import Inbox
from data.model.observation import Reading, Rejected
from data.ports.recipe import Context, Receptive
from monitors.gauges.http_push import Recipe

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
RECIPE = Recipe(quantity="water_depth", unit="m")


def given(context: Context, count: int) -> tuple[object, list[Reading | Rejected]]:
    monitor = RECIPE.make(context)
    found: list[Reading | Rejected] = []
    for item in monitor.observe():
        if isinstance(item, Reading | Rejected):
            found.append(item)
        if len(found) >= count:
            break
    return monitor, found


def test_what_was_sent_comes_again_until_all_of_it_is_stored(context: Context) -> None:
    assert isinstance(RECIPE, Receptive)
    first, second = RECIPE.accept(
        "gate-3", [{"result": 0.25}, {"result": 0.3, "phenomenonTime": NOON.isoformat()}], NOON
    )
    assert (first.value, second.value, first.at) == (25.0, 30.0, NOON)
    first = replace(first, at=NOON - timedelta(minutes=1))
    inbox = Inbox(context.var_dir, "gate-3", "http_push")
    inbox.put([first, second])
    monitor = RECIPE.make(context)
    seen = monitor.observe()
    assert [next(seen), next(seen)] == [first, second]
    monitor.committed(first)
    assert len(inbox.waiting()) == 1
    _, again = given(context, 2)
    assert again == [first, second]
    monitor.committed(second)
    assert inbox.waiting() == []
    monitor.close()


def test_a_spoiled_letter_is_named_and_put_aside(context: Context) -> None:
    inbox = Inbox(context.var_dir, "gate-3", "http_push")
    inbox.put([Reading("gate-3", "http_push", "water_depth", 25.0, NOON)])
    (path,) = inbox.waiting()
    path.write_text("[[1]]")
    _, (rejected,) = given(context, 1)
    assert isinstance(rejected, Rejected)
    assert rejected.reason.endswith("holds no readings")
    assert inbox.waiting() == []


def test_a_reading_from_the_future_is_refused() -> None:
    ahead = (NOON + timedelta(minutes=2)).isoformat()
    with pytest.raises(InputRejected, match="120 s from the future"):
        RECIPE.accept("gate-3", {"result": 1, "phenomenonTime": ahead}, NOON)
