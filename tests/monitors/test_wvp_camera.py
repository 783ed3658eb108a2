"""A channel of a GB/T 28181 platform: its address from a real HTTP server speaking WVP, its pictures by real RTSP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from data.errors import DeviceLost
from data.model.loss import cause_of
from data.model.observation import Rejected, Sensed
from data.model.secrets import Credentials, Secrets
from data.ports.recipe import Context
from monitors.video._wvp import playing
from monitors.video.wvp_camera import Recipe
from tests.monitors.test_packets import film
from tests.servers.http_answers import AnsweringServer, RecordedRequest, http_answers
from tests.servers.rtsp import rtsp_server

DEVICE, CHANNEL = "50010300001320000001", "50010300001310000001"
PLAY = f"/api/play/start/{DEVICE}/{CHANNEL}"


@pytest.fixture
def platform() -> Iterator[AnsweringServer]:
    with http_answers() as server:
        yield server


def says(data: object, code: int = 0, msg: str = "成功") -> bytes:
    return json.dumps({"code": code, "msg": msg, "data": data}, ensure_ascii=False).encode()


def log_in_with(platform: AnsweringServer, password: str, rtsp: str) -> None:
    """The platform knows admin by this password, and plays only for who logged in."""
    digest = hashlib.md5(password.encode()).hexdigest()

    def login(asked: RecordedRequest) -> tuple[int, bytes]:
        known = asked.query == {"username": "admin", "password": digest}
        return (
            200,
            says({"accessToken": "t0ken", "username": "admin"}) if known else says(None, 100, "用户名或密码错误"),
        )

    def play(asked: RecordedRequest) -> tuple[int, bytes]:
        if asked.headers.get("access-token") != "t0ken" and asked.headers.get("api-key") != "k3y":
            return 401, says(None, 401, "请登录后重新请求")
        flv = "http://10.0.0.9/rtp/x.live.flv"
        return 200, says({"app": "rtp", "stream": f"{DEVICE}_{CHANNEL}", "ip": "10.0.0.9", "flv": flv, "rtsp": rtsp})

    platform.answer("/api/user/login", login)
    platform.answer(PLAY, play)


def camera(platform: AnsweringServer, **more: object) -> Recipe:
    plain = {"url": platform.url("/"), "device": DEVICE, "channel": CHANNEL, "timeout": "5s"}
    return Recipe.model_validate({**plain, **more})


@pytest.mark.server
@pytest.mark.shared
def test_the_platform_is_logged_in_to_and_the_channel_gives_pictures(
    platform: AnsweringServer, context: Context, shared: Path
) -> None:
    with rtsp_server({"gate-3": shared / "clips" / "vtest_12s.mp4"}) as server:
        inside = server.url("gate-3").replace("127.0.0.1", "10.255.255.1")
        log_in_with(platform, "p@ss:word", inside)
        monitor = camera(platform, credentials="camera", media_host="127.0.0.1").make(context)
        frame = next(item for item in monitor.observe() if item is not None)
        monitor.close()
    assert not isinstance(frame, Sensed | Rejected)
    assert (frame.site, frame.width, frame.height) == ("gate-3", 768, 576)
    assert [asked.path for asked in platform.asked] == ["/api/user/login", PLAY]


def test_a_refused_login_a_channel_that_is_away_and_a_dead_platform_are_losses_without_secrets(
    platform: AnsweringServer, context: Context
) -> None:
    log_in_with(platform, "another", "rtsp://10.0.0.9/x")
    with pytest.raises(DeviceLost, match="the platform refuses the login: HTTP 200, code 100 用户名或密码错误") as lost:
        camera(platform, credentials="camera").make(context)
    assert str(lost.value).startswith(f"gate-3: {platform.url('')}")
    assert hashlib.md5(b"p@ss:word").hexdigest() not in str(lost.value)
    with pytest.raises(DeviceLost, match="refuses playing: HTTP 401, code 401"):
        camera(platform).make(context)
    platform.answer(PLAY, says(None, -1, "设备离线"))
    with pytest.raises(DeviceLost, match="refuses playing: HTTP 200, code -1 设备离线"):
        camera(platform).make(context)
    platform.answer(PLAY, says({"rtsp": None}))
    with pytest.raises(DeviceLost, match="names no rtsp address"):
        camera(platform).make(context)
    platform.answer(PLAY, b"<html>")
    with pytest.raises(DeviceLost, match="answers 200 without JSON"):
        camera(platform).make(context)
    with pytest.raises(DeviceLost, match="cannot be asked: ConnectError"):
        camera(platform, url="http://127.0.0.1:9").make(context)
    platform.delay_s = 2
    with pytest.raises(DeviceLost, match="does not answer in time"):
        camera(platform, timeout="500ms").make(context)


def test_an_api_key_needs_no_login(platform: AnsweringServer, context: Context) -> None:
    log_in_with(platform, "another", "rtsp://127.0.0.1:9/nothing")
    secrets = Secrets(credentials={"wvp": Credentials(token=SecretStr("k3y"))})
    monitor = camera(platform, credentials="wvp").make(Context(context.site, secrets=secrets))
    with pytest.raises(DeviceLost, match="cannot open it: Connection refused"):
        list(monitor.observe())
    assert [asked.path for asked in platform.asked] == [PLAY]


def test_numbers_that_would_lead_elsewhere_are_refused() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Recipe(url="http://10.0.0.9", device="../user/all", channel="1")


def play_with(platform: AnsweringServer, **data: object) -> None:
    platform.answer(PLAY, says({"app": "rtp", "stream": "x", **data}))


@pytest.mark.parametrize("kind", ["flv", "https_flv", "ts", "hls"])
def test_a_channel_without_rtsp_is_played_by_what_the_platform_has(
    platform: AnsweringServer, context: Context, tmp_path: Path, kind: str
) -> None:
    form = {"ts": "ts", "hls": "ts"}.get(kind, "flv")
    platform.answer(f"/rtp/x.{form}", film(tmp_path / f"x.{form}", 3, 25).read_bytes())
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3,\nx.ts\n#EXT-X-ENDLIST\n"
    platform.answer("/rtp/x.m3u8", playlist.encode())
    address = platform.url(f"/rtp/x.{'m3u8' if kind == 'hls' else form}")
    play_with(platform, **{"rtsp": None, kind: address, "rtc": "webrtc://10.0.0.9/x"})
    monitor = camera(platform).make(context)
    frame = next(item for item in monitor.observe() if item is not None)
    monitor.close()
    assert not isinstance(frame, Sensed | Rejected)
    assert (frame.width, frame.height) == (128, 96)


def test_rtsps_is_taken_where_there_is_no_rtsp(context: Context) -> None:
    recipe = Recipe(url="http://10.0.0.9", device=DEVICE, channel=CHANNEL)
    data = {"rtsp": "", "rtsps": "rtsps://10.0.0.9:332/rtp/x?sign=s3cret", "flv": "http://10.0.0.9/rtp/x.flv"}
    assert playing(data, recipe, "gate-3").address == "rtsps://10.0.0.9:332/rtp/x?sign=s3cret"


def test_what_the_platform_lacks_is_told_apart(platform: AnsweringServer, context: Context) -> None:
    platform.answer(PLAY, says(None))
    with pytest.raises(DeviceLost, match="the platform has opened no stream: its answer holds no data") as lost:
        camera(platform).make(context)
    causes = [cause_of(str(lost.value))]
    play_with(platform, rtc="webrtc://10.0.0.9/x", ws_flv="ws://10.0.0.9/x")
    with pytest.raises(DeviceLost, match="names no rtsp address or other that can be played; it has only ws_flv, rtc"):
        camera(platform).make(context)
    play_with(platform, rtsp="rtsp://127.0.0.1:9/x", mediaInfo={"online": True, "bytesSpeed": 0})
    monitor = camera(platform).make(context)
    with pytest.raises(
        DeviceLost, match=r"Connection refused; the platform receives nothing .*\(bytesSpeed 0\)"
    ) as lost:
        list(monitor.observe())
    causes.append(cause_of(str(lost.value)))
    assert causes == ["no_stream", "no_push"]


def test_one_login_serves_all_channels_until_it_expires(platform: AnsweringServer, context: Context) -> None:
    log_in_with(platform, "p@ss:word", "rtsp://127.0.0.1:9/x")
    channels = [CHANNEL[:-1] + str(n) for n in range(8)]
    for channel in channels:
        platform.answer(f"/api/play/start/{DEVICE}/{channel}", platform.answers[PLAY])
    for channel in channels * 3:
        camera(platform, channel=channel, credentials="camera").make(context).close()
    assert [asked.path for asked in platform.asked].count("/api/user/login") == 1
    once = iter([(401, says(None, 401, "请登录后重新请求"))])
    plain = platform.answers[PLAY]
    platform.answer(PLAY, lambda asked: next(once, None) or plain(asked))
    camera(platform, credentials="camera").make(context).close()
    assert [asked.path for asked in platform.asked][-3:] == [PLAY, "/api/user/login", PLAY]


def test_a_refused_login_is_not_tried_again_by_every_channel(platform: AnsweringServer, context: Context) -> None:
    log_in_with(platform, "another", "rtsp://127.0.0.1:9/x")
    for _ in range(10):
        with pytest.raises(DeviceLost, match=r"^gate-3: .*the platform refuses the login: .*用户名或密码错误"):
            camera(platform, credentials="camera").make(context)
    assert len(platform.asked) == 1


@pytest.mark.parametrize(
    ("media_host", "played"),
    [
        (None, "rtsp://u:p@10.0.0.9:554/x"),
        ("127.0.0.1", "rtsp://u:p@127.0.0.1:554/x"),
        ("127.0.0.1:18254", "rtsp://u:p@127.0.0.1:18254/x"),
        ("[2001:db8::9]", "rtsp://u:p@[2001:db8::9]:554/x"),
        ("[2001:db8::9]:8554", "rtsp://u:p@[2001:db8::9]:8554/x"),
    ],
)
def test_another_host_is_played_from_with_its_own_port_if_it_has_one(media_host: str | None, played: str) -> None:
    recipe = Recipe(url="http://10.0.0.9", device=DEVICE, channel=CHANNEL, media_host=media_host)
    assert playing({"rtsp": "rtsp://u:p@10.0.0.9:554/x"}, recipe, "gate-3").address == played


@pytest.mark.parametrize(
    "media_host", ["rtsp://127.0.0.1", "127.0.0.1/live", "a b", "", "2001:db8::9", "127.0.0.1:99999", "u@h", "h:x"]
)
def test_a_media_host_that_is_none_is_refused_with_what_to_write(media_host: str) -> None:
    with pytest.raises(ValueError, match=r"media_host\n.*write the host alone or with its port"):
        Recipe(url="http://10.0.0.9", device=DEVICE, channel=CHANNEL, media_host=media_host)


@pytest.mark.parametrize("credentials", ["camera", "key"])
def test_a_platform_that_repeats_what_was_agreed_on_has_no_say_in_what_is_kept(
    platform: AnsweringServer, context: Context, credentials: str
) -> None:
    token = "a-token-of-this-login-7f3c"
    platform.answer("/api/user/login", lambda _: (200, says({"accessToken": token})))
    told: list[str] = []

    def refuse(asked: RecordedRequest) -> tuple[int, bytes]:
        told.append(asked.headers.get("access-token") or asked.headers["api-key"])
        return 200, says(None, 100, f"no: {told[-1]} may not, nor {base64.b64encode(told[-1].encode()).decode()}")

    platform.answer(PLAY, refuse)
    key = Credentials(token=SecretStr("a-key-of-the-platform-51d0"))
    both = replace(context, secrets=Secrets(credentials={**context.secrets.credentials, "key": key}))
    with pytest.raises(DeviceLost, match=r"code 100 no: \*\*\* may not") as lost:
        camera(platform, credentials=credentials).make(both)
    assert told == [token if credentials == "camera" else "a-key-of-the-platform-51d0"]
    assert told[0][:8] not in str(lost.value)
    assert base64.b64encode(told[0].encode()).decode()[:12] not in str(lost.value)
