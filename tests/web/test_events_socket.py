"""The events socket: everything, in order, once; also after a break, and never held up by a slow reader."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from data.model.record import Change
from tests.web.city import Running, bearer, until
from web.accounts import revoke

pytestmark = pytest.mark.usefixtures("nobody_busy")


@contextmanager
def following(running: Running, name: str = "li", **query: Any) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """The socket and its hello, when the server has seen everything that is stored."""
    with running.client() as local:
        stored = running.store.read(lambda reader: reader.last_change())
        until(lambda: f'yiping_outbox_seq{{process="web"}} {float(stored)}' in local.get("/metrics").text)
    text = "&".join(f"{key}={value}" for key, value in query.items())
    headers = {"Authorization": f"Bearer {running.token(name)}"}
    with connect(running.ws(f"/ws/events?{text}"), additional_headers=headers, compression=None) as ws:
        yield ws, json.loads(ws.recv(5))


def changes(ws: ClientConnection, count: int, timeout_s: float = 10.0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = json.loads(ws.recv(timeout_s))
        if message["type"] == "change":
            found.append(message)
    return found


def publish(running: Running, count: int, size: int = 0) -> None:
    for number in range(count):
        payload = {"site": "quay", "health": "live", "at": None, "number": number, "filling": "x" * size}
        change = Change("site", "site:quay", datetime.now(UTC), payload)
        running.store.submit(lambda writer, change=change: writer.publish(change))  # type: ignore[misc]


def test_the_first_hello_asks_for_snapshots(running: Running) -> None:
    with following(running) as (ws, hello):
        assert hello["type"] == "hello"
        assert hello["reset"] is True
        assert hello["seq"] == running.store.read(lambda reader: reader.last_change())
        alert = running.alert()
        change = changes(ws, 1)[0]
        assert (change["topic"], change["subject"], change["seq"]) == ("alert", f"alert:{alert}", hello["seq"] + 1)
        assert change["data"]["alert"]["state"] == "firing"


def test_two_hundred_changes_arrive_all_and_in_order(running: Running) -> None:
    with following(running) as (ws, hello):
        publish(running, 200)
        found = changes(ws, 200)
        assert [change["data"]["number"] for change in found] == list(range(200))
        assert [change["seq"] for change in found] == list(range(hello["seq"] + 1, hello["seq"] + 201))


def test_a_change_that_this_server_cannot_read_does_not_end_the_feed(running: Running) -> None:
    """One of another version, say: it has no `site`. All screens would stand still, and go on being pinged."""
    with following(running) as (ws, hello):
        strange = Change("site", "site:quay", datetime.now(UTC), {"place": "quay"})
        running.store.submit(lambda writer: writer.publish(strange))
        publish(running, 1)
        found = changes(ws, 2)
        assert [change["seq"] for change in found] == [hello["seq"] + 1, hello["seq"] + 2]
        assert found[0]["data"] == {"place": "quay"}


def batched(ws: ClientConnection, count: int, timeout_s: float = 10.0) -> tuple[list[dict[str, Any]], int]:
    """So many changes, and in how many messages they came."""
    found: list[dict[str, Any]] = []
    messages = 0
    while len(found) < count:
        message = json.loads(ws.recv(timeout_s))
        if message["type"] in {"change", "changes"}:
            messages += 1
            found += message["changes"] if message["type"] == "changes" else [message]
    return found, messages


def test_who_takes_batches_gets_what_comes_together_as_one_message_and_misses_nothing(running: Running) -> None:
    with following(running, batch=1) as (ws, hello):
        publish(running, 600)
        found, messages = batched(ws, 600)
        assert [change["seq"] for change in found] == list(range(hello["seq"] + 1, hello["seq"] + 601))
        assert [change["data"]["number"] for change in found] == list(range(600))
        assert messages < 100
        time.sleep(0.2)
        alert = running.alert()
        alone = json.loads(ws.recv(5))
        assert (alone["type"], alone["subject"]) == ("change", f"alert:{alert}")
    with following(running, batch=1, since=hello["seq"], epoch=hello["epoch"]) as (ws, again):
        assert again["reset"] is False
        missed, messages = batched(ws, 601)
        assert [change["seq"] for change in missed] == list(range(hello["seq"] + 1, hello["seq"] + 602))
        assert messages <= 2


def test_a_lone_change_waits_for_no_batch(running: Running) -> None:
    with following(running, batch=1) as (ws, _):
        time.sleep(0.3)
        begun_s = time.monotonic()
        publish(running, 1)
        (change,), messages = batched(ws, 1)
        assert (change["data"]["number"], messages) == (0, 1)
        assert time.monotonic() - begun_s < 1.0


def test_a_responder_who_takes_batches_sees_their_own_tasks_only(running: Running) -> None:
    with following(running, "zhang", batch=1) as (ws, _):
        publish(running, 50)
        assert json.loads(ws.recv(7))["type"] == "ping"


def test_after_a_break_nothing_is_missing_and_nothing_comes_twice(running: Running) -> None:
    with following(running) as (ws, hello):
        publish(running, 3)
        last = changes(ws, 3)[-1]["seq"]
    publish(running, 2500)
    until(lambda: running.store.read(lambda reader: reader.last_change()) == last + 2500)
    with following(running, since=last, epoch=hello["epoch"]) as (ws, again):
        assert again["reset"] is False
        publish(running, 5)
        assert [change["seq"] for change in changes(ws, 2505)] == list(range(last + 1, last + 2506))


def test_another_epoch_or_an_impossible_number_means_snapshots_again(running: Running) -> None:
    with following(running) as (_, hello):
        epoch, seq = hello["epoch"], hello["seq"]
    for query in (
        {"since": seq, "epoch": "another"},
        {"since": seq + 1000, "epoch": epoch},
        {"since": "x", "epoch": epoch},
        {"since": -1, "epoch": epoch},
        {"epoch": epoch},
    ):
        with following(running, **query) as (_, hello):
            assert hello["reset"] is True, query
    with following(running, since=seq, epoch=epoch) as (_, hello):
        assert hello["reset"] is False


def test_a_silent_socket_is_pinged(running: Running) -> None:
    with following(running) as (ws, hello):
        ping = json.loads(ws.recv(7))
        assert (ping["type"], ping["seq"]) == ("ping", hello["seq"])
        assert abs((datetime.fromisoformat(ping["at"]) - datetime.now(UTC)).total_seconds()) < 2


def test_strangers_and_other_sites_pages_get_no_socket(running: Running) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(running.ws("/ws/events")):
        pass
    assert refused.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as refused, connect(running.ws("/ws/events"), additional_headers=bearer("wrong")):
        pass
    assert refused.value.response.status_code == 401
    with running.browser("li") as browser:
        cookie = {"Cookie": f"yiping_session={browser.cookies['yiping_session']}"}
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(running.ws("/ws/events"), additional_headers=cookie, origin=Origin("https://evil.example")),
        ):
            pass
        assert refused.value.response.status_code == 403
        with connect(running.ws("/ws/events"), additional_headers=cookie, origin=Origin(running.base)) as ws:
            assert json.loads(ws.recv(5))["type"] == "hello"
    with connect(running.ws("/ws/events"), additional_headers=bearer(running.token("li"))) as ws:
        assert json.loads(ws.recv(5))["type"] == "hello"


def test_a_revoked_token_closes_the_socket(running: Running) -> None:
    token = running.token("zhou")
    with connect(running.ws("/ws/events"), additional_headers=bearer(token)) as ws:
        assert json.loads(ws.recv(5))["type"] == "hello"
        revoke(running.store, "zhou")
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - pings may come before
            for _ in range(4):
                ws.recv(12)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    running.tokens.pop("zhou")


def test_a_responder_hears_of_own_tasks_only_and_learns_when_one_is_gone(running: Running) -> None:
    with running.client("li") as operator, following(running, "zhang") as (ws, _):
        running.alert()
        publish(running, 3)
        task = operator.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={"responder": "zhang"}).json()["task"]
        other = operator.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={"responder": "chen"}).json()["task"]
        with running.client("zhang") as zhang:
            zhang.post(f"/api/v1/tasks/{task['id']}/decline", json={"reason": "no"})
        found: list[dict[str, Any]] = []
        while not (found and found[-1]["data"].get("task", {}).get("state") == "gone"):
            found.append(changes(ws, 1)[0])
        assert {change["topic"] for change in found} == {"task", "responder"}
        assert {c["data"]["task"]["id"] for c in found if c["topic"] == "task"} == {task["id"]}
        assert other["id"] != task["id"]
        assert {c["subject"] for c in found if c["topic"] == "responder"} == {"responder:zhang"}
        assert "wang" not in json.dumps(found[-1]), "not even who has it now"


def test_a_reader_that_does_not_read_is_dropped_and_others_are_not_held_up(running: Running) -> None:
    parts = urlsplit(running.base)
    slow = socket.create_connection((parts.hostname, parts.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(
        (
            f"GET /ws/events HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\n"
            f"Authorization: Bearer {running.token('li')}\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
    )
    with slow, following(running) as (ws, _):

        def open_sockets() -> int:
            with running.client() as local:
                lines = local.get("/metrics").text.splitlines()
            found = [line for line in lines if line.startswith('yiping_sockets{process="web",socket="events"}')]
            return int(float(found[0].split()[-1]))

        until(lambda: open_sockets() == 2)
        latest = 0.0
        for _ in range(4):
            publish(running, 1000, size=3000)
            begun = time.perf_counter()
            changes(ws, 1000)
            latest = max(latest, time.perf_counter() - begun)
        assert latest < 10
        until(lambda: open_sockets() == 1, 10)


def test_a_committed_alert_is_on_the_socket_within_a_moment(running: Running) -> None:
    delays: list[float] = []
    committed: dict[int, float] = {}
    with following(running) as (ws, _):

        def listen() -> None:
            for change in (changes(ws, 1)[0] for _ in range(100)):
                now = time.perf_counter()
                number = change["data"]["alert"]["id"]
                until(lambda number=number: number in committed, 2)  # type: ignore[misc]
                delays.append(max(0.0, now - committed[number]))

        listener = threading.Thread(target=listen)
        listener.start()
        for _ in range(100):
            alert = running.alert()
            committed[alert] = time.perf_counter()
            time.sleep(0.01)
        listener.join(20)
    ordered = sorted(delays)
    p50, p95 = ordered[49] * 1000, ordered[94] * 1000
    print(f"\nalert committed -> on the socket: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    assert len(delays) == 100
    assert p95 < 150
