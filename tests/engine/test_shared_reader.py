"""Gauges that send to our server are read on one thread, however many; one that is lost is opened again by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from data.config.settings import Settings, SiteSettings
from data.local.inbox import Inbox
from data.model.geo import Location
from data.model.observation import Reading
from data.ports.recipe import Resources
from engine.camera.device import Device, Item
from engine.process.options import RunOptions
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
    assert until(lambda: threading.active_count() <= before + 2)
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
    assert until(lambda: threading.active_count() <= before + 1)
