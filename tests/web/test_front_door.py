"""What the server may be reached over: said at its start, in words, before anything runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import MutableHeaders

from data.config.web import ProxySettings, WebSettings
from data.errors import InputRejected
from data.net.networks import Networks, is_loopback
from tests.web.city import Running
from web.front_door import FrontDoor, front_door, host_name, shown_address
from web.front_door_middleware import _put_base
from web.service import owners
from web.tls import init

PROXY = WebSettings(behind_proxy=ProxySettings(trusted=("10.0.0.5",)), allowed_hosts=("yiping.example.cn",))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_this_machine_alone_needs_nothing(host: str) -> None:
    assert front_door(WebSettings(), host, None) == FrontDoor()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "yiping.example.cn", "2001:db8::7"])
def test_an_address_for_others_without_encryption_is_refused_and_the_ways_are_named(host: str) -> None:
    with pytest.raises(InputRejected, match=r"--tls-cert and --tls-key .*web\.behind_proxy .*web\.allowed_hosts"):
        front_door(WebSettings(), host, None)


def test_with_tls_the_names_in_the_certificate_are_ours(tmp_path: Path) -> None:
    made = init(tmp_path, ["Screen.example.cn"], ["192.0.2.7"])
    door = front_door(WebSettings(), "0.0.0.0", made.certificate)
    assert door.hosts >= {"screen.example.cn", "192.0.2.7"}
    assert door.knows("screen.example.cn:8050")
    assert door.knows("SCREEN.example.cn.")
    assert door.knows("[::1]:8050")
    assert not door.knows("evil.example.cn")
    assert not door.knows("")
    with pytest.raises(InputRejected, match="cannot be read as a PEM certificate"):
        front_door(WebSettings(), "0.0.0.0", made.key)


def test_behind_a_proxy_its_address_and_our_names_are_needed() -> None:
    door = front_door(PROXY, "0.0.0.0", None)
    assert door == FrontDoor(frozenset({"yiping.example.cn"}), trusted=("10.0.0.5",))
    given_by_flags = front_door(
        WebSettings(), "0.0.0.0", None, proxies=["10.0.0.0/24"], hosts=["Yiping.example.cn"], path="/yiping/"
    )
    assert given_by_flags == FrontDoor(frozenset({"yiping.example.cn"}), trusted=("10.0.0.0/24",), base="/yiping")
    with pytest.raises(InputRejected, match="must say by which names"):
        front_door(WebSettings(), "127.0.0.1", None, proxies=["127.0.0.1"])
    with pytest.raises(InputRejected, match="--proxy-path: name the proxy too"):
        front_door(WebSettings(), "127.0.0.1", None, path="/yiping")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"behind_proxy": {"trusted": ["*"]}}, "no address or network"),
        ({"behind_proxy": {"trusted": ["0.0.0.0/0"]}}, "is everybody"),
        ({"behind_proxy": {"trusted": []}}, "at least 1"),
        ({"behind_proxy": {"trusted": ["10.0.0.5"], "path": "yiping"}}, "pattern"),
        ({"behind_proxy": {"trusted": ["10.0.0.5"], "path": "/yiping/../x y"}}, "pattern"),
        ({"allowed_hosts": ["https://yiping.example.cn"]}, "without scheme, port"),
        ({"allowed_hosts": ["yiping.example.cn:8050"]}, "without scheme, port"),
        ({"allowed_hosts": ["*.example.cn"]}, "without scheme, port"),
        ({"allowed_origins": ["yiping.example.cn"]}, "write scheme and host"),
        ({"allowed_origins": ["https://yiping.example.cn/login"]}, "write scheme and host"),
    ],
)
def test_settings_that_would_open_the_door_or_mean_nothing_are_refused(
    settings: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        WebSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "would let other machines in without encryption"),
        (["--host", "::"], "would let other machines in without encryption"),
        (["--behind-proxy", "*", "--allowed-host", "a"], "no address or network"),
        (["--behind-proxy", "127.0.0.1"], "must say by which names"),
    ],
)
def test_the_program_does_not_start_then(root: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("name: 测试\n")
    command = [sys.executable, "app.py", "run", "--config", str(config), "--var", str(tmp_path / "var"), *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_are_shown_as_a_browser_takes_them() -> None:
    assert shown_address("http", "::", 8050) == "http://[::]:8050"
    assert shown_address("https", "::1", 443) == "https://[::1]:443"
    assert shown_address("http", "127.0.0.1", 8050) == "http://127.0.0.1:8050"
    assert [host_name(text) for text in ("[::1]:80", "A.b:1", "a.", "", "[fe80::1")] == [
        "::1",
        "a.b",
        "a",
        "",
        "fe80::1",
    ]


def test_ipv4_in_ipv6_clothes_is_the_same_address() -> None:
    assert "::ffff:10.0.0.5" in Networks(["10.0.0.0/24"])
    assert "10.0.1.5" not in Networks(["10.0.0.0/24"])
    assert "somewhere" not in Networks(["10.0.0.0/24"])
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("127.example.cn")


@given(st.sampled_from(["/", "/login", "/login?next=/duty", "/yiping/", "/yiping/duty", "/r"]), st.booleans())
def test_a_redirect_gets_the_proxys_path_once_and_foreign_ones_never(aim: str, again: bool) -> None:
    headers = MutableHeaders({"location": aim})
    _put_base(headers, "/yiping")
    if again:
        _put_base(headers, "/yiping")
    assert headers["location"] == (aim if aim.startswith("/yiping/") else "/yiping" + aim)
    for foreign in ("https://other.example.cn/", "//other.example.cn/x"):
        headers = MutableHeaders({"location": foreign})
        _put_base(headers, "/yiping")
        assert headers["location"] == foreign


def test_a_foreign_host_is_refused_and_our_own_names_are_not(running: Running) -> None:
    with running.client() as visitor:
        for host in ("127.0.0.1", "localhost:8050", "[::1]"):
            assert visitor.get("/login", headers={"Host": host}).status_code == 200
        for host in ("evil.example.cn", "127.0.0.1.evil.example.cn", "192.0.2.1", "", "evil.example.cn@127.0.0.1"):
            answer = visitor.get("/login", headers={"Host": host})
            assert answer.status_code == 421, host
        assert visitor.get("/healthz", headers={"Host": "192.0.2.1"}).status_code == 200


def test_figures_are_for_who_asks_on_this_machine_by_its_own_address(running: Running) -> None:
    with running.client() as local:
        assert local.get("/metrics").status_code == 200
        for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP"):
            assert local.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403, header


def test_who_holds_a_socket_of_this_machine_is_looked_up(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    table.write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F72 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        "   1: 0100007F:C350 0100007F:1F72 01 00000000:00000000 00:00000000 00000000    33        0 2 1\n"
    )
    assert owners(50000, 8050, [table]) == {33}
    assert owners(50001, 8050, [table]) == set()
    assert owners(50000, 8050, [tmp_path / "missing"]) == set()
