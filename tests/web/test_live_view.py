"""`/ws/live`: a camera's own video from its newest key picture on, seamless from the disk to what comes now."""

from __future__ import annotations

import itertools
import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from data.config.settings import Settings
from data.config.web import ConnectionSettings, WebSettings
from data.local.live_socket import LivePublisher
from data.model.people import Role
from data.model.watching import WatchSettings
from engine.recording.ring import Ring
from monitors.video._fragments import Fragmenter
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.films import film
from tests.web.city import PASSWORD, Clock, Running, bearer, city, open_deps, start, until
from web.accounts import add_user


@dataclass
class Street:
    """A server, and a camera whose video a test records and sends."""

    running: Running
    worker: LivePublisher
    ring: Ring
    started_s: float

    def open(self, site: str = "gate-3", name: str = "li") -> ClientConnection:
        headers = bearer(self.running.token(name))
        return connect(
            self.running.ws(f"/ws/live?site={site}"), additional_headers=headers, compression=None, max_size=None
        )

    def actions(self) -> list[tuple[str, str]]:
        trail = self.running.store.read(lambda reader: reader.audit(subject="site:gate-3", limit=100))
        return [(entry.actor, entry.action) for entry in trail if entry.action.startswith("watch_")]


class Both:
    """A `RecordingSink`: to the disk, and to the screens, as in a worker."""

    def __init__(self, street_ring: Ring, worker: LivePublisher) -> None:
        self.ring = street_ring
        self.worker = worker
        self.recording = True

    def begin(self, codec: str, header: bytes) -> None:
        self.worker.begin("gate-3", codec, header)
        self.ring.begin(codec, header)

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        self.worker.fragment("gate-3", content, since_s, until_s, key=key)
        if self.recording:
            self.ring.write(content, since_s, until_s, key=key)

    def refuse(self, reason: str) -> None:
        raise AssertionError(reason)


class Shooting:
    """A film as a camera shows it, second by second."""

    def __init__(self, path: Path, sink: Both, start_s: float) -> None:
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._packets = self._container.demux(self._stream)
        self._fragments = Fragmenter(self._stream, sink)
        self._start_s = start_s
        self._at = 0

    def go_on(self, seconds: float) -> None:
        for _ in range(round(seconds * 25)):
            packet = next(self._packets)
            self._fragments.add(packet, self._start_s + self._at / 25)
            self._at += 1

    def close(self) -> None:
        self._fragments.close()
        self._container.close()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    sites = tuple(
        one.model_copy(update={"monitor": RtspCamera(url=f"rtsp://127.0.0.1:1/{one.id}")})
        if one.id == "gate-3"
        else one
        for one in city().sites
    )
    rules = (WatchSettings(users=("wu",), sites=("quay",)),)
    web = WebSettings(connections=ConnectionSettings(live_per_person=2, live_total=3))
    deps = open_deps(tmp_path / "var", Settings(**{**dict(city()), "sites": sites, "watch": rules, "web": web}))
    for name in ("li", "sun", "wu"):
        add_user(deps.store, name, Role.OPERATOR, PASSWORD)
    server, thread, port = start(deps)
    worker = LivePublisher(deps.var_dir / "run" / "live.sock")
    ring = Ring(deps.var_dir / "recordings" / "gate-3", 3600, 10**9, lambda: None)
    yield Street(
        Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server), worker, ring, time.time() - 120
    )
    worker.close()
    ring.close()
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def message(ws: ClientConnection) -> tuple[dict[str, Any], bytes]:
    got = ws.recv(5)
    assert isinstance(got, bytes)
    (length,) = struct.unpack(">I", got[:4])
    return json.loads(got[4 : 4 + length]), got[4 + length :]


def taken(ws: ClientConnection, until_s: float) -> tuple[list[dict[str, Any]], bytes]:
    """All up to the part that ends then: the headers, and begin and parts behind each other."""
    headers: list[dict[str, Any]] = []
    content = b""
    while not headers or headers[-1].get("until", 0) < until_s - 0.01:
        header, body = message(ws)
        headers.append(header)
        content += body
    return headers, content


def pictures(content: bytes, path: Path) -> int:
    path.write_bytes(content)
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_camera_begins_at_its_newest_key_picture_and_goes_on_without_a_seam(street: Street, tmp_path: Path) -> None:
    camera = Shooting(film(tmp_path / "a.ts", 30, 50), Both(street.ring, street.worker), street.started_s)
    camera.go_on(9.1)  # a key picture at 8 s; what was written ends at 9.0 s
    with street.open() as ws:
        until(lambda: street.worker.wanted("gate-3"))
        camera.go_on(4)
        headers, content = taken(ws, street.started_s + 12.7)
    assert headers[0]["type"] == "begin"
    assert headers[0]["media_type"].startswith('video/mp4; codecs="avc1.')
    assert headers[0]["offset"] == pytest.approx(street.started_s, abs=0.05)
    parts = headers[1:]
    assert [one["type"] for one in parts] == ["part"] * len(parts)
    assert parts[0]["since"] == pytest.approx(street.started_s + 8, abs=0.01)
    assert parts[0]["key"] is True
    for before, one in itertools.pairwise(parts):
        assert one["since"] == pytest.approx(before["until"], abs=0.005)
    lasts_s = parts[-1]["until"] - parts[0]["since"]
    assert pictures(content, tmp_path / "got.mp4") == pytest.approx(lasts_s * 25, abs=1)
    assert street.actions() == [("li", "watch_live")]
    camera.close()


def test_the_newest_minute_is_given_from_the_disk_and_then_what_comes(street: Street, tmp_path: Path) -> None:
    camera = Shooting(film(tmp_path / "a.ts", 60, 50), Both(street.ring, street.worker), street.started_s)
    camera.go_on(40)
    with street.open() as ws:
        until(lambda: street.worker.wanted("gate-3"))
        wanted_s = street.started_s + 11
        ws.send(json.dumps({"from": wanted_s}))
        headers: list[dict[str, Any]] = []
        content = b""
        camera.go_on(3)
        while not headers or headers[0]["from"] is None or headers[-1].get("until", 0) < street.started_s + 42.5:
            header, body = message(ws)
            if header["type"] == "begin" and header["from"] == wanted_s:
                headers, content = [], b""
            headers.append(header)
            content += body
    assert headers[1]["since"] == pytest.approx(street.started_s + 10, abs=0.01), "the key picture before it"
    assert pictures(content, tmp_path / "got.mp4") == pytest.approx(
        25 * (headers[-1]["until"] - headers[1]["since"]), abs=2
    )
    assert street.actions() == [("li", "watch_live"), ("li", "watch_recent")]
    camera.close()


def test_without_a_recording_it_begins_with_the_next_key_picture(street: Street, tmp_path: Path) -> None:
    sink = Both(street.ring, street.worker)
    sink.recording = False
    camera = Shooting(film(tmp_path / "a.ts", 30, 50), sink, street.started_s)
    camera.go_on(3)
    with street.open() as ws:
        until(lambda: street.worker.wanted("gate-3"))
        camera.go_on(4)
        headers, content = taken(ws, street.started_s + 6.5)
    assert headers[1]["since"] == pytest.approx(street.started_s + 4, abs=0.01)
    assert pictures(content, tmp_path / "got.mp4") >= 60
    camera.close()


def test_another_connection_of_the_camera_is_another_movie(street: Street, tmp_path: Path) -> None:
    sink = Both(street.ring, street.worker)
    path = film(tmp_path / "a.ts", 10, 50)
    first = Shooting(path, sink, street.started_s)
    first.go_on(5)
    with street.open() as ws:
        until(lambda: street.worker.wanted("gate-3"))
        first.close()
        again = Shooting(path, sink, street.started_s + 20)
        again.go_on(3)
        headers, _ = taken(ws, street.started_s + 22.4)
    begins = [one["offset"] - street.started_s for one in headers if one["type"] == "begin"]
    assert begins == [pytest.approx(0, abs=0.05), pytest.approx(20, abs=0.05)]
    again.close()


def closed_with(ws: ClientConnection) -> tuple[int, str]:
    def to_the_end() -> None:
        for _ in range(1000):
            ws.recv(5)

    with pytest.raises(ConnectionClosed) as raised:
        to_the_end()
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason


def test_who_may_not_watch_the_camera_is_refused_and_leaves_no_trace_of_it(street: Street) -> None:
    for site, name in (("gate-3", "wu"), ("no-such-site", "li"), ("", "li")):
        with street.open(site, name) as ws:
            assert closed_with(ws)[0] == 4403
    with street.open("quay", "wu") as ws:
        assert closed_with(ws)[0] == 4404, "it gives single pictures"
    assert street.actions() == []


def test_a_camera_that_is_hidden_by_other_settings_is_shown_no_longer_and_its_worker_is_left_alone(
    street: Street, tmp_path: Path
) -> None:
    camera = Shooting(film(tmp_path / "a.ts", 20, 50), Both(street.ring, street.worker), street.started_s)
    camera.go_on(5)
    deps = street.running.deps
    with street.open() as ws, street.open(name="sun") as other:
        for one in (ws, other):
            assert message(one)[0]["type"] == "begin"
        rules = (*deps.settings.watch, WatchSettings(users=("li",), sites=("quay",)))
        deps.settings = deps.settings.model_copy(update={"watch": rules})
        assert closed_with(ws)[0] == 4403
        camera.go_on(3)
        taken(other, street.started_s + 7.4)
    until(lambda: not street.worker.wanted("gate-3"))
    camera.close()


def test_what_no_browser_plays_is_told_by_its_name(street: Street, tmp_path: Path) -> None:
    camera = Shooting(film(tmp_path / "a.ts", 5, codec="libx265"), Both(street.ring, street.worker), street.started_s)
    camera.go_on(3)
    with street.open() as ws:
        assert closed_with(ws) == (4415, "hevc")
    camera.close()


def test_one_person_and_all_together_open_only_so_many(street: Street) -> None:
    with street.open() as one, street.open() as two:
        until(lambda: len(street.actions()) == 2)
        with street.open() as third:
            assert closed_with(third)[0] == 4429
        with street.open(name="sun"):
            until(lambda: len(street.actions()) == 3)
            with street.open(name="sun") as fifth:
                assert closed_with(fifth)[0] == 4429, "all places are taken"
        assert one.protocol.state == two.protocol.state
    until(lambda: not street.worker.wanted("gate-3"))
    with street.open():
        until(lambda: len(street.actions()) == 4)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"from": "x"}', '{"from": [1]}', '{"from": Infinity}', "x" * 2000])
def test_a_message_that_is_none_of_ours_ends_it(street: Street, text: str) -> None:
    with street.open() as ws:
        ws.send(text)
        assert closed_with(ws)[0] == 4400


def test_times_beyond_what_is_kept_are_answered_with_what_there_is(street: Street, tmp_path: Path) -> None:
    camera = Shooting(film(tmp_path / "a.ts", 20, 50), Both(street.ring, street.worker), street.started_s)
    camera.go_on(10)
    for wanted in (0, -1e9, 1e300):
        with street.open() as ws:
            ws.send(json.dumps({"from": wanted}))
            while True:
                header, _ = message(ws)
                if header["type"] == "begin" and header["from"] == wanted:
                    break
            header, _ = message(ws)
            assert header["key"] is True
    camera.close()
