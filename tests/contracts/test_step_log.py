"""The store goes on when nobody reads the log: steps wait on a thread of their own, or are dropped and counted."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path

import pytest

from data.sql.step_log import LoggedStep, StepLog
from data.sql.store import open_store
from tests.contracts.crew import whole_unit


class Stuck(logging.Handler):
    """A log whose reader has stopped, until `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.go_on.wait(20)
        self.lines.append(record.getMessage())


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    handler, logger = Stuck(), logging.getLogger("data.sql.step_log")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    handler.go_on.set()
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_log_that_nobody_reads_stops_no_writer(tmp_path: Path, stuck: Stuck) -> None:
    store = open_store(tmp_path / "yiping.db")
    for number in range(20):
        store.submit(whole_unit(number)).result(timeout=5)
    stuck.go_on.set()
    store.close()
    assert len(stuck.lines) >= 20


def test_a_full_pipe_stops_no_writer(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        handler, logger = logging.StreamHandler(pipe), logging.getLogger("data.sql.step_log")
        handler.setFormatter(logging.Formatter("%(message)s" + "." * 20_000))
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            store = open_store(tmp_path / "yiping.db")
            for number in range(30):  # the pipe holds 64 KiB
                store.submit(whole_unit(number)).result(timeout=5)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            draining = threading.Thread(target=_drain, args=(reading,))
            draining.start()
        store.close()
    draining.join()


def _drain(reading: int) -> None:
    while os.read(reading, 65_536):
        pass
    os.close(reading)


def test_steps_for_which_there_is_no_room_are_dropped_and_counted(stuck: Stuck) -> None:
    steps = StepLog(room=2)
    for number in range(10):
        steps.put(copy_context(), [LoggedStep(f"alert:{number}", "acknowledge", "li")])
    dropped = steps.dropped
    assert dropped in {7, 8}  # the thread may have taken the first one already
    stuck.go_on.set()
    steps.close()
    assert stuck.lines[0] == "alert:0: acknowledge by li"
    assert f"{dropped} steps were not logged, since this log is read too slowly" in stuck.lines
