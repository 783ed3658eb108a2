"""Nobody waits for the reader of the log: lines wait, or are dropped and counted, and the end comes all the same."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.process.log_queue import LineQueue, QueuedHandler

FULL_PIPE = """
import logging, sys, time
from engine.process.child import leave, set_up_log
set_up_log("worker-1", logging.INFO)
begun = time.monotonic()
for number in range(3000):
    logging.getLogger("cameras").warning("%d %s", number, "." * 200)
sys.stdout.write(f"{time.monotonic() - begun:.3f}\\n")
sys.stdout.flush()
sys.stdin.readline()
leave(0)
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def read_until(reading: int, end: bytes) -> bytes:
    text = b""
    while end not in text:
        text += os.read(reading, 1 << 16)
    return text


def test_lines_arrive_in_their_order(pipe: tuple[int, int]) -> None:
    queue = LineQueue(pipe[1])
    for number in range(1000):
        queue.write(f"{number} 水位\n")
    assert queue.drain(30)
    assert os.read(pipe[0], 1 << 20).decode().splitlines() == [f"{number} 水位" for number in range(1000)]


def test_what_nobody_reads_is_dropped_and_counted(pipe: tuple[int, int]) -> None:
    queue = LineQueue(pipe[1], room=200_000)
    for _ in range(30):
        queue.write("x" * 9_999 + "\n")
    assert not queue.drain(0.05)
    reader = threading.Thread(target=lambda: lines.append(read_until(pipe[0], b"the last\n")))
    lines: list[bytes] = []
    reader.start()
    assert queue.drain(30)
    queue.write("the last\n")
    reader.join(30)
    text = lines[0].decode().splitlines()
    assert len(text) == 22
    assert text[20:] == ["... 10 lines are missing here: this log is read too slowly", "the last"]


def test_a_reader_that_has_gone_stops_nobody(pipe: tuple[int, int]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    queue = LineQueue(writing)
    queue.write("one\n")
    assert queue.drain(30)
    queue.write("two\n")
    assert queue.drain(30)
    os.close(writing)


def test_a_record_that_cannot_be_formatted_stops_nobody_and_shows_no_argument(pipe: tuple[int, int]) -> None:
    handler = QueuedHandler(LineQueue(pipe[1]))
    logger = logging.Logger("gauges")
    logger.addHandler(handler)
    logger.warning("%d of the gauge", "a secret")
    logger.warning("good")
    handler.close()
    expected = b"a line of gauges could not be formatted: '%d of the gauge'\ngood\n"
    assert os.read(pipe[0], 1 << 16) == expected


def test_a_process_goes_on_and_ends_while_its_standard_error_is_full(root: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FULL_PIPE], cwd=root, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert float(process.stdout.readline()) < 10, "3,000 lines were logged while a pipe holds some 300"
        process.stdin.write("end\n")
        process.stdin.flush()
        begun = time.monotonic()
        assert process.wait(60) == 0
        assert time.monotonic() - begun < 30
        assert process.stderr.readline().endswith("WARNING worker-1 cameras: 0 " + "." * 200 + "\n")
    finally:
        process.kill()
        process.communicate()


def test_what_was_logged_last_is_written_when_a_process_ends(root: Path) -> None:
    code = (
        "import logging; from engine.process.child import leave, set_up_log; set_up_log('main', logging.INFO); "
        "logging.getLogger('a').error('the last words'); leave(3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert done.stderr.endswith("ERROR main a: the last words\n")
