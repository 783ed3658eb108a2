"""A gauge asked over HTTP. An answer like the one before brings nothing new."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import partial

import httpx

from data.errors import InputRejected
from data.model.observation import Reading, Rejected
from data.model.secrets import redact
from data.ports.recipe import Context
from monitors._http_poll import Poll
from monitors.gauges._asked_gauge import AskedGauge
from monitors.gauges._json_source import JsonSource
from monitors.gauges._message import measured
from monitors.gauges._times import LocalTimes

LARGEST_BYTES = 1_000_000


class PolledGauge(AskedGauge):
    """An open gauge that answers JSON or a number."""

    def __init__(self, recipe: JsonSource, poll: Poll, context: Context, times: LocalTimes | None = None) -> None:
        super().__init__(poll.name, context)
        self._recipe = recipe
        self._poll = poll
        self._times = times
        self._tls: ssl.SSLContext = context.resources.share("TLS of gauges", httpx.create_ssl_context)

    async def ask_on(self) -> None:
        await self._poll.ask_on(self._tls, self._take, self.answered)

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
