"""Addresses and logins in recipes: a URL never holds a password, and credentials are found by their name."""

from __future__ import annotations

from urllib.parse import urlsplit

from data.errors import InputRejected
from data.model.secrets import Credentials
from data.ports.recipe import Context


def require_plain_url(url: str, schemes: tuple[str, ...]) -> str:
    """The URL itself. Raises ValueError, without repeating the URL, for another scheme, no host, or a login in it."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is not a URL with a host and a port of 1..65535") from None
    if "@" in parts.netloc:
        raise ValueError(
            "a URL must not hold user and password; put them into the secrets file "
            "and write their name here as `credentials: NAME`"
        )
    if parts.scheme not in schemes:
        raise ValueError(f"the URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not host:
        raise ValueError("the URL names no host")
    return url


def require_host(host: str) -> str:
    """A host name or address with or without a port, and nothing else. Raises ValueError saying what to write."""
    wanted = "write the host alone or with its port, as 10.0.0.9, media.example.org:554 or [2001:db8::9]:554"
    try:
        parts = urlsplit(f"//{host}")
        plain = bool(parts.hostname) and parts.netloc == host and parts.port != 0
    except ValueError:
        plain = False
    bare_ipv6 = host.count(":") > 1 and not host.startswith("[")
    if not plain or bare_ipv6 or "@" in host or any(c.isspace() or c in "/\\?#,;" for c in host):
        raise ValueError(wanted)
    return host


def login(context: Context, name: str | None) -> Credentials | None:
    """The credentials called `name`. Raises InputRejected when there are none of that name."""
    try:
        return context.secrets.get(name)
    except KeyError:
        raise InputRejected(f"{context.site.id}: there are no credentials {name!r} in the secrets") from None
