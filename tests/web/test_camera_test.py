"""A camera is tried out by an administrator: real cameras, a real engine's answers, over REST."""

from __future__ import annotations

import base64
import io
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from data.local.vault import FolderVault
from data.model.people import Role
from data.model.secrets import Credentials, Secrets
from engine.catalogue import load_catalogue
from engine.clock import Requests
from engine.process.options import RunOptions
from engine.reactions.answers import Answers
from monitors.video._camera_test import substream_of
from tests.servers.http_pictures import http_pictures
from tests.servers.rtsp import RtspServer, rtsp_server
from tests.web.city import ROLES, Clock, Running, city, open_deps, start
from web.accounts import add_user
from web.api.device_tests import PER_MINUTE

PASSWORD = "gate-kettle-harbour-42"
SECRETS = Secrets(
    credentials={
        "gate": Credentials(username="viewer", password=SecretStr(PASSWORD)),
        "wrong": Credentials(username="viewer", password=SecretStr("quay-kettle-harbour-42")),
    }
)
Asking = Callable[[Mapping[str, Any]], dict[str, Any]]


@contextmanager
def answering(running: Running) -> Iterator[None]:
    """The engine's side: whoever answers requests, as the clock does."""
    options = RunOptions(settings=running.deps.settings, var_dir=running.deps.var_dir, secrets=SECRETS)
    requests = Requests(
        running.store, Answers(running.store, FolderVault(options.evidence_dir), options, load_catalogue())
    )
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(0.1):
            requests.poll()

    thread = threading.Thread(target=poll)
    thread.start()
    yield
    stop.set()
    thread.join(5)
    requests.close()


@contextmanager
def answered_town(folder: Path) -> Iterator[Running]:
    """A server with somebody of each role, and the engine's part that tests devices."""
    deps = open_deps(folder, city(), catalogue=load_catalogue())
    for name, role in ROLES.items():
        add_user(deps.store, name, role, None)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    with answering(running):
        yield running
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with answered_town(tmp_path_factory.mktemp("var")) as running:
        yield running


@pytest.fixture
def ask(town: Running) -> Iterator[Asking]:
    """ask({"kind": ...}) -> the answer to the test of an administrator of its own; no answer holds the password."""
    name = f"admin-{len(town.tokens)}"
    add_user(town.store, name, Role.ADMINISTRATOR, None)
    with town.client(name) as admin:

        def asked(camera: Mapping[str, Any]) -> dict[str, Any]:
            answer = admin.post("/api/v1/settings/camera-test", json={"camera": camera}, timeout=30)
            assert PASSWORD not in answer.text
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        yield asked


@pytest.fixture(scope="module")
def camera(shared: Path) -> Iterator[RtspServer]:
    """One with a main stream and a substream, which wants a password."""
    clip = shared / "clips" / "vtest_12s.mp4"
    streams = {"main": clip, "sub": clip}
    with rtsp_server(streams, user="viewer", password=PASSWORD) as server:
        yield server


@pytest.mark.shared
@pytest.mark.server
def test_a_camera_with_the_right_password_tells_codec_size_rate_key_pictures_and_shows_its_first_picture(
    ask: Asking, camera: RtspServer
) -> None:
    found = ask({"kind": "rtsp_camera", "url": camera.url("main"), "credentials": "gate"})
    assert (found["ok"], found["cause"], found["codec"]) == (True, "", "h264")
    assert (found["width"], found["height"], found["audio"]) == (768, 576, False)
    assert found["frames_per_second"] == pytest.approx(10, rel=0.1)
    assert found["key_every_s"] == pytest.approx(2.4, abs=0.3)
    assert found["after_s"] < 15
    assert found["substream"] == {"url": camera.url("sub"), "answers": True, "width": 768, "height": 576}
    with Image.open(io.BytesIO(base64.b64decode(found["picture"]))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (768, 576))


@pytest.mark.shared
@pytest.mark.server
@pytest.mark.parametrize(
    ("camera_of", "cause"),
    [
        (lambda server: {"url": server.url("main"), "credentials": "wrong"}, "login"),
        (lambda server: {"url": server.url("main")}, "login"),
        (lambda server: {"url": server.url("attic"), "credentials": "gate"}, "not_found"),
        (lambda server: {"url": server.url("main"), "credentials": "nobody"}, "no_credentials"),
        (lambda _: {"url": "rtsp://169.254.169.254/latest"}, "address_refused"),
        (lambda _: {"url": "rtsp://[fd00:ec2::254]/x"}, "address_refused"),
        (lambda _: {"url": "rtsp://127.0.0.1:9/x"}, "refused"),
        (lambda _: {"url": "rtsp://no-such-camera.invalid/x"}, "unknown_name"),
    ],
)  # fmt: skip
def test_why_a_camera_cannot_be_read_is_told_as_a_cause(
    ask: Asking, camera: RtspServer, camera_of: Callable[[RtspServer], dict[str, Any]], cause: str
) -> None:
    found = ask({"kind": "rtsp_camera", **camera_of(camera)})
    assert (found["ok"], found["cause"], found["picture"]) == (False, cause, None), found["reason"]
    assert "rtsp://" not in found["reason"]


@pytest.mark.slow
def test_a_camera_that_accepts_and_says_nothing_is_given_up_in_time(ask: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/main"
        found = ask({"kind": "rtsp_camera", "url": url, "timeout": "2min"})
    assert (found["ok"], found["cause"]) == (False, "unreachable")
    assert found["after_s"] < 15


def test_a_snapshot_camera_shows_its_picture_and_one_that_refuses_says_so(ask: Asking) -> None:
    with http_pictures() as server:
        found = ask({"kind": "http_snapshot", "url": server.url(), "every": "500ms"})
        assert (found["ok"], found["width"], found["height"], found["audio"]) == (True, 64, 48, None)
        assert found["picture"] is not None
        missing = ask({"kind": "http_snapshot", "url": server.url("nothing.jpg")})
        assert (missing["ok"], missing["cause"]) == (False, "not_found")
        inside = ask({"kind": "http_snapshot", "url": "http://169.254.169.254/latest/meta-data/"})
        assert (inside["ok"], inside["cause"]) == (False, "address_refused")


def test_a_file_of_sound_alone_gives_no_video(ask: Asking, town: Running) -> None:
    tone = town.deps.var_dir / "demo" / "tone.wav"
    tone.parent.mkdir()
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", str(tone)], check=True, timeout=30)
    found = ask({"kind": "video_file", "path": "var:demo/tone.wav"})
    assert (found["ok"], found["cause"]) == (False, "no_video")
    assert ask({"kind": "video_file", "path": "nowhere.mp4"})["cause"] == "file"


@pytest.mark.parametrize("path", ["/etc/passwd", "../films/quay.mp4", "secrets.yaml", "var:keys/audit.pem"])
def test_no_file_of_the_machine_is_opened_as_a_camera(town: Running, path: str) -> None:
    with town.client("admin") as admin:
        asked = {"camera": {"kind": "video_file", "path": path}}
        answer = admin.post("/api/v1/settings/camera-test", json=asked)
    assert (answer.status_code, answer.json()["words"]) == (422, {"key": "setting.file", "values": {"name": path}})


def test_settings_that_are_none_are_refused_at_their_field_before_anything_is_opened(town: Running) -> None:
    with town.client("admin") as admin:

        def refused(camera: Mapping[str, Any]) -> httpx.Response:
            answer = admin.post("/api/v1/settings/camera-test", json={"camera": camera})
            assert answer.status_code == 422, answer.text
            return answer

        login = refused({"kind": "rtsp_camera", "url": f"rtsp://viewer:{PASSWORD}@10.0.0.9/main"})
        assert PASSWORD not in login.text
        assert login.json()["errors"][0]["pointer"] == "#/camera/url"
        assert "put them into the secrets file" in login.json()["errors"][0]["message"]
        odd = refused({"kind": "rtsp_camera", "url": "rtsp://10.0.0.9/main", "transprt": "udp"})
        assert odd.json()["errors"][0]["field"] == "camera.transprt"
        assert "did you mean 'transport'" in odd.json()["detail"]
        assert refused({"kind": "mqtt_gauge"}).json()["errors"]
        gauge = refused({"kind": "http_push", "quantity": "water_depth", "unit": "cm"})
        assert gauge.json()["words"] == {"key": "camera_test.kind", "values": {"kind": "http_push"}}
        assert "did you mean 'rtsp_camera'" in refused({"kind": "rtsp_kamera"}).json()["detail"]
        refused({"kind": 7})


def test_only_administrators_test_cameras_and_only_so_often(town: Running) -> None:
    body = {"camera": {"kind": "rtsp_camera", "url": "rtsp://10.0.0.9/x", "credentials": "nobody"}}
    with town.client("zhao") as officer:
        assert officer.post("/api/v1/settings/camera-test", json=body).status_code == 403
    with town.client("admin") as admin:
        statuses = [
            admin.post("/api/v1/settings/camera-test", json=body, timeout=30).status_code for _ in range(PER_MINUTE + 1)
        ]
    assert statuses == [200] * PER_MINUTE + [429]
    trail = town.store.read(lambda reader: reader.audit())
    entries = [one for one in trail if (one.action, one.actor) == ("camera_test", "admin")]
    assert len(entries) == PER_MINUTE
    assert dict(entries[0].detail) == {"kind": "rtsp_camera", "host": "10.0.0.9"}


@pytest.mark.slow
def test_two_are_tested_at_once_and_the_third_is_told_to_wait(town: Running) -> None:
    add_user(town.store, "hasty", Role.ADMINISTRATOR, None)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(3) as pool:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/main"
        body = {"camera": {"kind": "rtsp_camera", "url": url, "timeout": "3s"}}

        def post(_: int) -> httpx.Response:
            with town.client("hasty") as hasty:
                return hasty.post("/api/v1/settings/camera-test", json=body, timeout=30)

        town.token("hasty")
        answers = list(pool.map(post, range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    (busy,) = [answer for answer in answers if answer.status_code == 503]
    assert busy.json()["words"] == {"key": "camera_test.busy", "values": {"n": 2}}


@pytest.mark.parametrize(
    ("main", "sub"),
    [
        ("rtsp://10.0.0.9:554/Streaming/Channels/101", "rtsp://10.0.0.9:554/Streaming/Channels/102"),
        ("rtsp://10.0.0.9/Streaming/Channels/1201?transportmode=unicast",
         "rtsp://10.0.0.9/Streaming/Channels/1202?transportmode=unicast"),
        ("rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=0", "rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=1"),
        ("rtsp://10.0.0.9/media/video1", "rtsp://10.0.0.9/media/video2"),
        ("rtsp://10.0.0.9/stream1", "rtsp://10.0.0.9/stream2"),
        ("rtsp://10.0.0.9/h264Preview_01_main", "rtsp://10.0.0.9/h264Preview_01_sub"),
        ("rtsp://10.0.0.9/h264/ch1/main/av_stream", "rtsp://10.0.0.9/h264/ch1/sub/av_stream"),
        ("rtsp://10.0.0.9/live", None),
        ("rtsp://main.example.org/live", None),
    ],
)  # fmt: skip
def test_the_usual_address_of_a_substream_follows_from_the_main_streams(main: str, sub: str | None) -> None:
    assert substream_of(main) == sub
