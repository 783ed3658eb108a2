"""Link-local and metadata addresses are refused, whatever stands for them; cameras' networks are not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from data.net.guarded_http import GuardedTransport, RefusedByUs
from data.net.outgoing import DestinationRefused, check_literal, checked_addresses, why_refused
from data.ports.channel import DeliveryFailed
from notices._http import request

REFUSED = (
    "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "0.1.2.3", "fe80::1",
    "fe80::1%eth0", "fd00:ec2::254", "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
)  # fmt: skip
ALLOWED = (
    "127.0.0.1",
    "::1",
    "10.0.0.9",
    "192.168.1.7",
    "172.16.3.4",
    "100.64.0.1",
    "fd12::1",
    "8.8.8.8",
    "2001:db8::1",
)


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_refused(address: str) -> None:
    assert why_refused(address)
    with pytest.raises(DestinationRefused):
        check_literal(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_addresses_of_cameras_gauges_and_gateways_are_allowed(address: str) -> None:
    assert why_refused(address) == ""
    check_literal(address)


@pytest.mark.parametrize("written", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
def test_other_ways_to_write_a_metadata_address_are_refused(written: str) -> None:
    with pytest.raises(DestinationRefused):
        check_literal(written)
    with pytest.raises(DestinationRefused):
        checked_addresses(written, 80)


class _Redirecting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("X-Host", self.headers["Host"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Redirecting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_redirect_to_a_metadata_address_is_not_followed(port: int) -> None:
    with httpx.Client(transport=GuardedTransport(), trust_env=False) as client:
        answer = client.get(f"http://localhost:{port}/")  # also where ::1 comes first and nobody listens there
        assert (answer.status_code, answer.headers["X-Host"]) == (302, f"localhost:{port}")
        with pytest.raises(RefusedByUs, match="link-local"):
            client.get(f"http://127.0.0.1:{port}/", follow_redirects=True)


def test_a_name_that_stands_for_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def rebound(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("10.0.0.9", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    with pytest.raises(DestinationRefused, match=r"gateway\.example stands for 169\.254\.169\.254"):
        checked_addresses("gateway.example", 443)
    with pytest.raises(DeliveryFailed, match="is refused") as failed:
        request("POST", "https://gateway.example/send", timeout_s=2, body={})
    assert failed.value.permanent
