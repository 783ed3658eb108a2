"""Settings of the web server: host names, origins, proxy, and limits of connections."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.errors import InputRejected
from data.net.networks import Networks


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProxySettings(_Settings):
    """A reverse proxy (nginx, Caddy) that stands in front and does TLS."""

    trusted: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Addresses or networks of the proxy, e.g. 127.0.0.1. Only its X-Forwarded-For and "
            "X-Forwarded-Proto are believed.",
        ),
    ]
    path: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9._~-]+)*$",
            description="Path under which the proxy offers the screens, e.g. /yiping; empty: the whole host.",
        ),
    ] = ""

    @field_validator("trusted")
    @classmethod
    def _addresses(cls, trusted: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Networks(trusted)
        except InputRejected as error:
            raise ValueError(str(error)) from error
        return trusted


class ConnectionSettings(_Settings):
    """How many connections are held at once."""

    total: Annotated[int, Field(ge=20, le=50_000, description="Connections in all, sockets included.")] = 1000
    per_address: Annotated[
        int,
        Field(
            ge=10, le=50_000, description="Connections of one address (IPv6: /64 network); a screen holds up to six."
        ),
    ] = 200
    live_per_person: Annotated[
        int, Field(ge=1, le=64, description="Cameras whose own video one person may have open at once.")
    ] = 4
    live_total: Annotated[
        int, Field(ge=1, le=1000, description="The same of all together; each costs the network what its camera sends.")
    ] = 40


class WebSettings(_Settings):
    """The server as browsers reach it."""

    allowed_hosts: Annotated[
        tuple[str, ...],
        Field(
            description="Host names and addresses by which the screens are opened, without port, e.g. "
            "yiping.example.cn. Requests for others are refused. This machine's own and the names in the TLS "
            "certificate need not be named."
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        Field(description="Other origins whose pages may send, e.g. https://portal.example.cn:8443."),
    ] = ()
    behind_proxy: Annotated[
        ProxySettings | None, Field(description="The reverse proxy in front, where there is one.")
    ] = None
    connections: Annotated[ConnectionSettings, Field(description="Limits of connections.")] = ConnectionSettings()

    @field_validator("allowed_hosts")
    @classmethod
    def _plain_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            bare = host.strip("[]")
            if not host or "/" in host or " " in host or (":" in host and bare.count(":") < 2) or "*" in host:
                raise ValueError(f"{host!r}: write a host name or address without scheme, port or *")
        return tuple(host.strip("[]").rstrip(".").lower() for host in hosts)

    @field_validator("allowed_origins")
    @classmethod
    def _plain_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
                raise ValueError(f"{origin!r}: write scheme and host, e.g. https://portal.example.cn")
        return tuple(origin.lower() for origin in origins)
