"""A gauge asked over HTTP. An answer like the one before brings nothing new."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import httpx

from data.errors import InputRejected
from data.model.observation import Reading, Rejected
from data.model.secrets import redact
from data.net.guarded_http import GuardedAsyncTransport
from data.ports.recipe import Context
from monitors._http_poll import Poll
from monitors.gauges._asked_gauge import AskedGauge
from monitors.gauges._json_source import JsonSource
from monitors.gauges._message import measured
from monitors.gauges._times import LocalTimes

LARGEST_BYTES = 1_000_000
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)  # a slow answer holds up no other gauge


class Clients:
    """A client for each server and login: gauges of one server share its connections. In the event loop.

    One for all servers would look at all connections for each request.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[str, tuple[str, str]], _Client] = {}
        self._tls: ssl.SSLContext = httpx.create_ssl_context()  # one for all, as each takes a megabyte

    @classmethod
    def of(cls, context: Context) -> Clients:
        """Those of this process."""
        clients: Clients = context.resources.share("HTTP clients of gauges", cls)
        return clients

    @contextlib.asynccontextmanager
    async def client(self, url: str, login: tuple[str, str]) -> AsyncIterator[httpx.AsyncClient]:
        """Open while anybody asks there. What the server keeps by cookies is of one `login`."""
        parts, loop = urlsplit(url), asyncio.get_running_loop()
        place = f"{parts.scheme}://{parts.netloc}", login
        one = self._clients.get(place)
        if one is None or one.loop is not loop:
            transport = GuardedAsyncTransport(verify=self._tls, limits=LIMITS)
            one = self._clients[place] = _Client(httpx.AsyncClient(trust_env=False, transport=transport), loop)
        one.users += 1
        try:
            yield one.client
        finally:
            one.users -= 1
            if not one.users:
                if self._clients.get(place) is one:
                    del self._clients[place]
                await one.client.aclose()


@dataclass
class _Client:
    client: httpx.AsyncClient
    loop: asyncio.AbstractEventLoop
    users: int = 0


class PolledGauge(AskedGauge):
    """An open gauge that answers JSON or a number."""

    def __init__(self, recipe: JsonSource, poll: Poll, context: Context, times: LocalTimes | None = None) -> None:
        super().__init__(poll.name, context)
        self._recipe = recipe
        self._poll = poll
        self._times = times
        self._clients = Clients.of(context)

    async def ask_on(self) -> None:
        async with self._clients.client(self._poll.url, self._poll.login) as client:
            await self._poll.ask_on(client, self._take, self.answered)

    def _take(self, content: bytes) -> None:
        self.give(partial(self._read, content, datetime.now(UTC)))

    def _read(self, content: bytes, now: datetime) -> Reading | Rejected:
        try:
            return self._recipe.reading(
                self.site, measured(self._recipe, content, now, retained=False, times=self._times), now
            )
        except InputRejected as error:
            excerpt = redact(content[:200].decode("utf-8", "replace"))
            return Rejected(self.site, self._recipe.name, now, str(error), excerpt)
