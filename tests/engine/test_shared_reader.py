"""Gauges that send to our server are read on one thread, however many; one that is lost is opened again by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.config.settings import Settings, SiteSettings
from data.local.inbox import Inbox
from data.model.geo import Location
from data.model.observation import Reading
from data.ports.recipe import Resources
from engine.camera.device import Device, Item
from engine.process.options import RunOptions
from engine.process.shared_reader import SharedReader
from monitors.gauges.http_poll import Recipe as HttpPoll
from monitors.gauges.http_push import Recipe as HttpPush

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)


def until(true: Callable[[], bool], within_s: float = 15.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not true() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return true()


def devices(folder: Path, count: int, take: Callable[[Device, Item], None]) -> list[Device]:
    sites = tuple(
        SiteSettings(
            id=f"site-{number}",
            location=Location(lon=106.5, lat=29.6),
            monitors=(HttpPush(id="stage", quantity="water_depth", unit="cm"),),
        )
        for number in range(count)
    )
    options, resources = RunOptions(settings=Settings(sites=sites), var_dir=folder), Resources()
    return [Device(site.sensors[0], options.context(site, resources), take, idle_is_alive=True) for site in sites]


def put(folder: Path, site: str, value: float) -> None:
    Inbox(folder, site, "stage").put([Reading(site, "stage", "water_depth", value, NOON)])


def test_a_hundred_inboxes_are_read_by_one_thread_and_a_lost_one_is_opened_again(tmp_path: Path) -> None:
    came: list[tuple[str, float]] = []
    lock = threading.Lock()

    def take(device: Device, item: Item) -> None:
        assert isinstance(item, Reading)
        with lock:
            came.append((item.site, item.value))
        device.committed(item)

    before = threading.active_count()
    gauges = devices(tmp_path, 100, take)
    for gauge in gauges:
        gauge.start()
    assert until(lambda: threading.active_count() <= before + 3)  # one watches, one opens, one reads
    put(tmp_path, "site-7", 1.0)
    put(tmp_path, "site-99", 2.0)
    assert until(lambda: sorted(came) == [("site-7", 1.0), ("site-99", 2.0)])
    folder = Inbox(tmp_path, "site-7", "stage").folder
    assert until(lambda: not list(folder.glob("*.json"))), "what is stored is taken out of the inbox"
    folder.rmdir()
    folder.write_text("no folder")
    assert until(lambda: bool(gauges[7].trouble))
    folder.unlink()
    put(tmp_path, "site-7", 3.0)
    assert until(lambda: ("site-7", 3.0) in came)
    assert (gauges[7].trouble, gauges[7].losses) == ("", 1)
    for gauge in gauges:
        gauge.check()
        assert gauge.hanging_s() == 0.0
        gauge.stop()
    assert until(lambda: threading.active_count() <= before + 2)


class Bell:
    """Something that is served when it is woken."""

    def __init__(self, rung: list[str]) -> None:
        self.name = "bell"
        self._rung = rung

    def serve(self) -> None:
        self._rung.append("served")


def test_calls_come_in_the_order_of_their_times_and_hold_up_nobody() -> None:
    reader, done = SharedReader(), list[str]()
    reader.later(0.6, lambda: done.append("third"))
    reader.later(0.3, lambda: done.append("second"))
    reader.wake(Bell(done))
    assert until(lambda: len(done) == 3)
    assert done == ["served", "second", "third"]


def refused(folder: Path) -> Device:
    """A gauge whose server is not there."""
    site = SiteSettings(
        id="dry", location=Location(lon=106.5, lat=29.6),
        monitors=(HttpPoll(id="stage", url="http://127.0.0.1:9/", quantity="water_depth", unit="cm", every="100ms"),),
    )  # fmt: skip
    options = RunOptions(settings=Settings(sites=(site,)), var_dir=folder)
    return Device(site.sensors[0], options.context(site, Resources()), lambda _device, _item: None, idle_is_alive=True)


def test_a_gauge_that_pauses_before_it_is_opened_again_has_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    gauge = refused(tmp_path)
    gauge.start()
    assert until(lambda: gauge.losses == 1)
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert not [name for name in names if name.startswith("read")]
    gauge.check()
    assert gauge.losses == 1, "that it has no thread is no defect"
    assert "Connection refused" in (gauge.trouble or "")
    gauge.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_calls_are_made_though_an_unexpected_error_has_ended_the_thread() -> None:
    class Broken(Bell):
        def serve(self) -> None:
            raise SystemExit  # ends a thread without a word

    reader, done = SharedReader(), list[str]()
    reader.later(0.3, lambda: done.append("called"))
    thread = reader._thread
    assert thread is not None
    reader.wake(Broken(done))
    thread.join(15)
    assert not thread.is_alive()
    reader.keep_on()
    assert until(lambda: done == ["called"])


def test_a_gauge_that_had_a_defect_once_does_not_pause_twice_before_it_is_opened_again(tmp_path: Path) -> None:
    gauge = refused(tmp_path)
    gauge._pause_s = 3600.0  # of the defect, an hour ago
    gauge._open_again()
    assert until(lambda: gauge.losses == 1)
    gauge.stop()
