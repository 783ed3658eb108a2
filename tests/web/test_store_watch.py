"""A store that takes no writes is seen on every screen, in words, and nothing acknowledged is lost by it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from websockets.sync.client import ClientConnection, connect

from data.errors import StoreClosed, StoreFull
from tests.web.city import PASSWORD, ROLES, Clock, Running, open_deps, start
from web.accounts import add_user
from web.store_watch import StoreState, state_of


@contextmanager
def server_in(var: Path) -> Iterator[Running]:
    """A server of its own on a store in this folder."""
    deps = open_deps(var)
    for name, role in ROLES.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    try:
        yield running
    finally:
        server.should_exit = True
        thread.join(15)
        deps.store.close()


@contextmanager
def following(running: Running) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {running.token('li')}"}
    with connect(running.ws("/ws/events"), additional_headers=headers) as socket:
        yield socket


def store_state(socket: ClientConnection, wanted: str, timeout_s: float = 15) -> dict[str, Any]:
    """The news of the store once it is in the wanted state."""
    ends = time.monotonic() + timeout_s
    while True:
        message = json.loads(socket.recv(timeout=max(0.1, ends - time.monotonic())))
        if message["type"] == "store" and message["data"]["state"] == wanted:
            return dict(message["data"])


@pytest.mark.slow
def test_a_page_that_connects_while_the_store_is_locked_is_told_after_hello(tmp_path: Path) -> None:
    with server_in(tmp_path) as running:
        running.token("li")
        with closing(sqlite3.connect(tmp_path / "yiping.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with following(running) as socket:
                store_state(socket, "waiting", 20)
            with following(running) as socket:
                assert json.loads(socket.recv(timeout=5))["type"] == "hello"
                said = json.loads(socket.recv(timeout=5))
                assert (said["type"], said["data"]["state"]) == ("store", "waiting")
            other.execute("ROLLBACK")


@pytest.mark.slow
def test_a_store_locked_for_a_while_is_told_and_what_was_asked_meanwhile_is_done(tmp_path: Path) -> None:
    seconds = float(os.environ.get("YIPING_LOCKED_S", "6"))
    with server_in(tmp_path) as running, following(running) as socket:
        numbers = [running.alert() for _ in range(3)]
        answers: list[int] = []

        def acknowledge(number: int) -> None:
            with httpx.Client(base_url=running.base, timeout=60) as client:
                headers = {"Authorization": f"Bearer {running.token('zhao')}", "Idempotency-Key": f"a{number}"}
                answers.append(
                    client.post(f"/api/v1/alerts/{number}/acknowledge", json={}, headers=headers).status_code
                )

        running.token("zhao")
        with closing(sqlite3.connect(tmp_path / "yiping.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            threads = [threading.Thread(target=acknowledge, args=(number,)) for number in numbers]
            for thread in threads:
                thread.start()
            told = store_state(socket, "waiting", 12)
            time.sleep(seconds)
            assert answers == []
            assert running.store.read(lambda reader: reader.last_change()) > 0  # reading goes on
            other.execute("ROLLBACK")
        for thread in threads:
            thread.join(30)
        assert answers == [200, 200, 200]
        assert told["since"]
        store_state(socket, "ok")
        for number in numbers:
            alert = running.store.read(lambda reader, number=number: reader.alert(number))  # type: ignore[misc]
            assert alert.acknowledged_by == "zhao"


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[None]:
    """A disk of its own that can be filled."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(file: Path) -> None:
    """Until nothing more fits on its disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, b"x" * 512)
    os.close(handle)


@pytest.mark.slow
def test_a_full_disk_is_told_refuses_what_it_cannot_keep_and_recovers(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 6144), server_in(disk) as running:
        with following(running) as socket:
            numbers = [running.alert() for _ in range(40)]
            running.token("zhao")
            filler = disk / "filler"
            fill(filler)
            kept = []
            with running.client("zhao") as client:
                for number in numbers:
                    answer = client.post(f"/api/v1/alerts/{number}/acknowledge", json={})
                    if answer.status_code == 200:
                        kept.append(number)
                    else:
                        assert answer.status_code == 503, answer.text
                assert len(kept) < len(numbers)
                store_state(socket, "full")
                filler.unlink()
                store_state(socket, "low")
                for number in set(numbers) - set(kept):
                    assert client.post(f"/api/v1/alerts/{number}/acknowledge", json={}).status_code == 200
        for number in numbers:
            alert = running.store.read(lambda reader, number=number: reader.alert(number))  # type: ignore[misc]
            assert alert.acknowledged_by == "zhao"


def test_what_the_errors_of_a_probe_mean() -> None:
    assert state_of(None) is StoreState.OK
    assert state_of(StoreFull("no space left")) is StoreState.FULL
    assert state_of(StoreClosed("nothing was stored: the server is away")) is StoreState.FAILING


@pytest.mark.browser
@pytest.mark.slow
def test_the_banner_says_it_in_chinese_and_english_and_goes_away(tmp_path: Path, browser: Browser) -> None:
    with server_in(tmp_path) as running:
        page = browser.new_context().new_page()
        page.goto(f"{running.base}/login")
        page.fill("input[name=name]", "zhao")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.goto(f"{running.base}/duty")
        banner = page.locator("#store-banner")
        page.wait_for_selector("#link-state[data-state=live]")
        assert not banner.is_visible()
        with closing(sqlite3.connect(tmp_path / "yiping.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            banner.wait_for(state="visible", timeout=15_000)
            assert "数据库忙" in banner.inner_text()
            page.context.add_cookies([{"name": "yiping_language", "value": "en", "url": running.base}])
            page.reload()
            banner.wait_for(state="visible", timeout=15_000)
            assert "The database is busy" in banner.inner_text()
            other.execute("ROLLBACK")
        banner.wait_for(state="hidden", timeout=15_000)


@pytest.mark.slow
def test_a_slow_disk_is_told_while_it_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    monkeypatch.setenv("YIPING_FAILPOINTS", str(orders))
    with server_in(tmp_path / "var") as running, following(running) as socket:
        (orders / f"{os.getpid()}.written").write_text("sleep 5")
        store_state(socket, "waiting", 20)
        store_state(socket, "ok", 20)
