"""A gauge asked over HTTP, against a real local server."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from data.errors import DeviceLost
from data.model.observation import Quality, Reading, Rejected
from data.ports.recipe import Context, SharesThread
from monitors.gauges.http_poll import Recipe
from tests.monitors.taking import connections_to, take
from tests.servers.http_answers import http_answers
from tests.servers.modbus_raw import modbus_peer

pytestmark = pytest.mark.server


def gauge(url: str, **more: object) -> Recipe:
    plain = {"url": url, "quantity": "water_level", "every": "100ms", "timeout": "2s", "value": "stations.0.level"}
    return Recipe.model_validate({**plain, "time": "at", **more})


def answer(level: object, at: datetime, **more: object) -> bytes:
    return json.dumps({"at": at.isoformat(), "stations": [{"level": level}], **more}).encode()


def test_a_value_is_found_by_its_path_and_an_unchanged_answer_is_given_once(context: Context) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    with http_answers() as server:
        server.answer("/level", answer(594.6, at, unit="ft", q="uncertain", datum="wusong"))
        recipe = gauge(
            server.url("/level"), credentials="camera", unit_field="unit", quality_field="q", datum_field="datum",
            vertical_datum="yellow_sea",
        )  # fmt: skip
        monitor = recipe.make(context)
        (reading,) = take(monitor, 1)
        assert take(monitor, 1, within_s=1.0) == [], "it asks on, and nothing is new"
        assert isinstance(reading, Reading)
        assert reading.value == pytest.approx(181.234, abs=0.001)
        assert (reading.at, reading.quality, reading.vertical_datum) == (at, Quality.UNCERTAIN, "wusong")
        assert len(server.asked) >= 3
        assert server.asked[0].headers["authorization"].startswith("Basic ")
        server.answer("/level", answer(600, at + timedelta(seconds=1), unit="ft", q="good", datum="wusong"))
        assert len(take(monitor, 1)) == 1
        server.answer("/level", answer("high", at + timedelta(seconds=2), unit="ft", q="good", datum="wusong"))
        (rejected,) = take(monitor, 1)
        assert isinstance(rejected, Rejected)
        assert rejected.reason == "'high' is not a number"
        monitor.close()


def test_a_plain_number_without_a_time_is_a_reading_at_each_answer(context: Context) -> None:
    with http_answers() as server:
        server.answer("/depth", b"12.5\n")
        plain = gauge(server.url("/depth"), quantity="water_depth", value=None, time=None).make(context)
        assert [r.value for r in take(plain, 3) if isinstance(r, Reading)] == [12.5] * 3
        plain.close()


def test_a_refusing_a_silent_and_an_absent_server_are_losses(context: Context) -> None:
    with http_answers() as server:
        with pytest.raises(DeviceLost, match=r"gate-3: http://127\.0\.0\.1:\d+/none: it answers 404"):
            take(gauge(server.url("/none")).make(context), 1)
        server.answer("/slow", b"1")
        server.delay_s = 3
        with pytest.raises(DeviceLost, match=r"no answer in 0\.5 s"):
            take(gauge(server.url("/slow"), timeout="500ms").make(context), 1)
        server.delay_s = 0
        server.answer("/huge", b" " * 1_000_001)
        with pytest.raises(DeviceLost, match="larger than 1000000 bytes"):
            take(gauge(server.url("/huge")).make(context), 1)
    with pytest.raises(DeviceLost, match="Connection refused"):
        take(gauge("http://127.0.0.1:9/level").make(context), 1)


def test_forty_gauges_of_a_server_share_its_connections(context: Context) -> None:
    woken = threading.Event()
    with ExitStack() as opened, http_answers() as server:
        own = cast("type", server.RequestHandlerClass)
        server.RequestHandlerClass = type("Keeping", (own,), {"protocol_version": "HTTP/1.1"})
        server.answer("/depth", b"12.5")
        gauges = [
            gauge(server.url("/depth"), value=None, time=None, every="500ms", timeout="60s").make(context)
            for _ in range(40)
        ]
        shared = [one for one in gauges if isinstance(one, SharesThread)]
        for one in shared:
            opened.callback(one.close)
            one.wake_by(woken.set)
        came = dict.fromkeys(shared, 0)
        ends_s = time.monotonic() + 60
        while min(came.values(), default=0) < 2 and time.monotonic() < ends_s:
            woken.wait(0.1)
            woken.clear()
            for one in came:
                came[one] += len(list(one.waiting()))
        assert min(came.values()) >= 2
        while not 1 <= len(connections_to(server.server_port)) <= 20:  # so many are kept between two rounds
            assert time.monotonic() < ends_s
            time.sleep(0.02)
    _await_no_loop()


def _await_no_loop() -> None:
    """Closed gauges leave nothing running."""
    ends_s = time.monotonic() + 30
    while "gauges-loop" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def test_forty_gauges_are_asked_by_one_thread_and_one_that_hangs_holds_up_no_other(context: Context) -> None:
    woken = threading.Event()
    with http_answers() as server:
        server.answer("/depth", b"12.5")
        with modbus_peer(None) as port:
            before = {thread.name for thread in threading.enumerate()}
            mute = gauge(f"http://127.0.0.1:{port}/", value=None, time=None).make(context)
            gauges = [
                gauge(server.url("/depth"), value=None, time=None, every="500ms", timeout="60s").make(context)
                for _ in range(40)
            ]
            shared = [one for one in (mute, *gauges) if isinstance(one, SharesThread)]
            assert len(shared) == 41
            for one in shared:
                one.wake_by(woken.set)
            came = dict.fromkeys(shared[1:], 0)
            ends_s = time.monotonic() + 60
            while min(came.values()) < 2 and time.monotonic() < ends_s:
                woken.wait(0.1)
                woken.clear()
                for one in came:
                    came[one] += len(list(one.waiting()))
            assert min(came.values()) >= 2
            ours = {thread.name for thread in threading.enumerate()} - before
            assert {name for name in ours if "process_request_thread" not in name} == {"gauges-loop"}
            for opened in (mute, *gauges):
                opened.close()
    _await_no_loop()
