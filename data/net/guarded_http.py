"""HTTP that never goes to a refused address (`data.net.outgoing`), also after a redirect and whatever DNS says.

The name is looked up once and the connection goes to the address that was looked at; TLS still checks the name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import httpx

from data.net.outgoing import DestinationRefused, checked_addresses, is_address

_PORTS = MappingProxyType({"http": 80, "https": 443})


class RefusedByUs(httpx.ConnectError):
    """The request would have gone to an address to which this system never connects."""


def _addresses(request: httpx.Request) -> Sequence[str]:
    url = request.url
    try:
        return checked_addresses(url.host, url.port or _PORTS.get(url.scheme, 443))
    except DestinationRefused as error:
        raise RefusedByUs(str(error), request=request) from None
    except OSError as error:
        raise httpx.ConnectError(str(error), request=request) from error


def _pinned(request: httpx.Request, addresses: Sequence[str]) -> Iterator[httpx.Request]:
    """The request to each address in turn; its Host header and the name in TLS stay those of the URL."""
    for address in addresses:
        extensions = {"sni_hostname": request.url.host, **request.extensions}
        url = request.url.copy_with(host=address)
        yield httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)


class GuardedTransport(httpx.HTTPTransport):
    """Looks at every request's address before it is sent."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        away: httpx.ConnectError | None = None
        for pinned in _pinned(request, _addresses(request)):
            try:
                return super().handle_request(pinned)
            except httpx.ConnectError as error:  # nothing was sent yet: the next address may answer
                away = error
        raise away or httpx.ConnectError("no address", request=request)


class GuardedAsyncTransport(httpx.AsyncHTTPTransport):
    """The same for asyncio; a name is looked up in a thread."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        away: httpx.ConnectError | None = None
        known = is_address(request.url.host)
        addresses = _addresses(request) if known else await asyncio.to_thread(_addresses, request)
        for pinned in _pinned(request, addresses):
            try:
                return await super().handle_async_request(pinned)
            except httpx.ConnectError as error:
                away = error
        raise away or httpx.ConnectError("no address", request=request)
