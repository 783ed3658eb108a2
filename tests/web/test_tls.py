"""A local authority and certificate with which https works, on the machine and on phones that know the authority."""

from __future__ import annotations

import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509

from data.errors import InputRejected
from data.model.people import Role
from tests.web.city import PASSWORD, open_deps, start
from web.accounts import add_user
from web.tls import MadeFiles, init

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_certificate_names_its_hosts_and_lasts_at_most_397_days(tmp_path: Path) -> None:
    made = init(tmp_path, ["screen.street.cn", "一屏.cn"], ["192.168.1.7", "fd00::7"], now=NOW)
    server = certificate(made.certificate)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "screen.street.cn", "xn--4gqs26a.cn"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.168.1.7", "fd00::7"]
    assert server.not_valid_after_utc - server.not_valid_before_utc <= timedelta(days=397)
    assert server.not_valid_after_utc == made.ends_at
    server.verify_directly_issued_by(certificate(made.authority))
    for key in (made.key, made.authority_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_authority_stays_and_the_certificate_is_made_anew(tmp_path: Path) -> None:
    first = init(tmp_path, [], [], now=NOW)
    authority, server = first.authority.read_bytes(), first.certificate.read_bytes()
    second = init(tmp_path, ["other.cn"], [], now=NOW + timedelta(days=300))
    assert second.authority.read_bytes() == authority
    assert second.certificate.read_bytes() != server
    certificate(second.certificate).verify_directly_issued_by(certificate(second.authority))


def test_what_is_no_name_or_address_and_an_ended_authority_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="no IP address"):
        init(tmp_path, [], ["192.168.1.999"])
    with pytest.raises(InputRejected, match="no host name"):
        init(tmp_path, ["a" * 64 + ".cn"], [])
    init(tmp_path, [], [], now=NOW)
    with pytest.raises(InputRejected, match="ended on 2035-12-30"):
        init(tmp_path, [], [], now=NOW + timedelta(days=4000))
    (tmp_path / "tls" / "ca.key").write_text("garbage")
    with pytest.raises(InputRejected, match="cannot be read"):
        init(tmp_path, [], [], now=NOW)


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, MadeFiles]]:
    folder = tmp_path_factory.mktemp("tls-var")
    made = init(folder, [], [])
    deps = open_deps(folder)
    add_user(deps.store, "li", Role.OPERATOR, PASSWORD)
    server, thread, port = start(deps, tls_cert=made.certificate, tls_key=made.key)
    yield f"https://localhost:{port}", made
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_https_works_with_the_authority_and_not_without(https: tuple[str, MadeFiles]) -> None:
    base, made = https
    trusting = ssl.create_default_context(cafile=str(made.authority))
    with httpx.Client(base_url=base, verify=trusting) as client:
        answer = client.post("/login", data={"name": "li", "password": PASSWORD}, headers={"Origin": base})
        assert answer.status_code == 303
        assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
        assert "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/api/v1/me").json()["name"] == "li"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{base}/healthz")


def test_old_protocols_and_weak_ciphers_are_refused(https: tuple[str, MadeFiles]) -> None:
    base, made = https
    address = ("127.0.0.1", urlsplit(base).port or 0)

    def shake_hands(least: ssl.TLSVersion, most: ssl.TLSVersion, ciphers: str) -> str:
        context = ssl.create_default_context(cafile=str(made.authority))
        context.minimum_version, context.maximum_version = least, most
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        with (
            socket.create_connection(address, 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            return str(tls.version())

    modern, old = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1
    assert shake_hands(modern, modern, "ECDHE+AESGCM") == "TLSv1.2"
    assert shake_hands(modern, ssl.TLSVersion.TLSv1_3, "ALL") == "TLSv1.3"
    for least, most, ciphers in (
        (old, old, "ALL"),
        (modern, modern, "ECDHE-ECDSA-AES128-SHA:AES128-SHA"),
        (modern, modern, "aNULL"),
    ):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shake_hands(least, most, ciphers)
