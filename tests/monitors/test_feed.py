"""A library that ignores its own time-out holds nobody up."""

from __future__ import annotations

import threading
import time

import pytest

from data.errors import DeviceLost, InputRejected
from monitors._feed import Feed


def test_a_read_that_never_returns_is_a_loss_in_time() -> None:
    release = threading.Event()

    def stuck(_feed: Feed[int]) -> None:
        release.wait(30)

    feed = Feed("gate-3", stuck, patience_s=1.0, keep=2)
    began = time.monotonic()
    with pytest.raises(DeviceLost, match="gate-3: nothing new for 1 s"):
        list(feed.items())
    assert time.monotonic() - began < 2.0
    assert feed.closed.is_set()
    release.set()


def test_the_newest_items_win_over_a_slow_observer() -> None:
    def produce(feed: Feed[int]) -> None:
        for number in range(100):
            feed.put(number)
        raise DeviceLost("it is over")

    feed: Feed[int] = Feed("gate-3", produce, patience_s=5, keep=3)
    time.sleep(0.2)
    seen = feed.items()
    assert [next(seen) for _ in range(3)] == [97, 98, 99]
    with pytest.raises(DeviceLost, match="it is over"):
        next(seen)


def test_what_the_reading_thread_raises_reaches_the_observer() -> None:
    def produce(_feed: Feed[int]) -> None:
        raise InputRejected("never")

    with pytest.raises(InputRejected, match="never"):
        list(Feed("gate-3", produce, patience_s=5, keep=1).items())


def test_a_reader_that_ends_without_a_word_is_not_a_quiet_street() -> None:
    with pytest.raises(DeviceLost, match="gate-3: reading ended unexpectedly"):
        list(Feed[int]("gate-3", lambda _: None, patience_s=5, keep=1).items())
