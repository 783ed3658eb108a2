"""Under which names, from where and over what the server may be reached: decided once at its start.

A server that others can reach speaks TLS, or stands behind a proxy that does; otherwise it does not start. The parent
process decides it, without a server's libraries; web/front_door_middleware.py holds every request to it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from pydantic import ValidationError

from data.config.web import ProxySettings, WebSettings
from data.errors import InputRejected
from data.net.networks import Networks, is_loopback


@dataclass(frozen=True)
class FrontDoor:
    """`hosts`: names besides this machine's own; `trusted`: proxies; `base`: the proxy's path, empty or `/yiping`."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    trusted: tuple[str, ...] = ()
    base: str = ""
    _networks: Networks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_networks", Networks(self.trusted))

    @property
    def networks(self) -> Networks:
        return self._networks

    def knows(self, host: str) -> bool:
        """Is this (a Host header) one of our names, or this machine's own?"""
        name = host_name(host)
        return name in self.hosts or is_loopback(name)


def host_name(host: str) -> str:
    """Name or address of a Host header, without port, brackets and a dot at its end; empty where there is none."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def front_door(
    settings: WebSettings,
    host: str,
    tls_cert: Path | None,
    *,
    proxies: Sequence[str] = (),
    hosts: Sequence[str] = (),
    path: str | None = None,
) -> FrontDoor:
    """What config.yaml and the command line say together. Raises InputRejected where it is not safe, and says why."""
    if proxies or path is not None:
        known = settings.behind_proxy
        given = tuple(proxies) or (known.trusted if known is not None else ())
        if not given:
            raise InputRejected("--proxy-path: name the proxy too: --behind-proxy 127.0.0.1")
        under = path if path is not None else (known.path if known is not None else "")
        proxy: ProxySettings | None = _proxy(given, under)
    else:
        proxy = settings.behind_proxy
    named = _hosts((*settings.allowed_hosts, *hosts))
    in_certificate = certificate_names(tls_cert) if tls_cert is not None else frozenset()
    public = not is_loopback(host)
    if public and tls_cert is None and proxy is None:
        raise InputRejected(
            f"--host {host} would let other machines in without encryption: give --tls-cert and --tls-key "
            "(python app.py tls init makes them), or name the reverse proxy in front in web.behind_proxy "
            "(--behind-proxy ADDRESS) and the names of the screens in web.allowed_hosts (--allowed-host NAME)"
        )
    if proxy is not None and not named:
        raise InputRejected(
            "behind a proxy web.allowed_hosts (--allowed-host NAME) must say by which names the screens are opened"
        )
    own = {host_name(host)} if public and not _is_everything(host) else set()
    found = frozenset({*named, *in_certificate, *own})
    if public and not found:
        raise InputRejected("web.allowed_hosts: the certificate holds no name, so say by which the screens are opened")
    trusted = proxy.trusted if proxy is not None else ()
    return FrontDoor(found, frozenset(settings.allowed_origins), trusted, proxy.path if proxy is not None else "")


def _proxy(trusted: Sequence[str], path: str) -> ProxySettings:
    try:
        return ProxySettings(trusted=tuple(trusted), path=path.rstrip("/"))
    except ValidationError as error:
        found = error.errors()[0]
        flag = "--behind-proxy" if "trusted" in found["loc"] else "--proxy-path"
        raise InputRejected(f"{flag}: {found['msg']}") from error


def _hosts(named: Sequence[str]) -> tuple[str, ...]:
    try:
        return WebSettings(allowed_hosts=tuple(named)).allowed_hosts
    except ValidationError as error:
        raise InputRejected(f"--allowed-host: {error.errors()[0]['msg']}") from error


def certificate_names(path: Path) -> frozenset[str]:
    """Host names and addresses in a certificate. Raises InputRejected when it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except (OSError, ValueError) as error:
        raise InputRejected(f"--tls-cert {path}: cannot be read as a PEM certificate ({error})") from error
    hosts = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return frozenset(hosts | {str(address) for address in names.get_values_for_type(x509.IPAddress)})


def _is_everything(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def shown_address(scheme: str, host: str, port: int, base: str = "") -> str:
    """The address as a browser takes it: `http://[::1]:8050`."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{base}"
