"""A gauge asked over HTTP. An answer like the one before brings nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from data.errors import InputRejected
from data.model.observation import Reading, Rejected
from data.model.secrets import Credentials, redact
from monitors._feed import Feed
from monitors._http_poll import Poll
from monitors.gauges._gauge import Measured
from monitors.gauges._json_source import JsonSource
from monitors.gauges._message import measured
from monitors.gauges._times import LocalTimes

LARGEST_BYTES = 1_000_000
KEPT = 100


class PolledGauge:
    """An open gauge (implements `data.ports.recipe.Monitor`)."""

    def __init__(
        self,
        recipe: JsonSource,
        site: str,
        url: str,
        credentials: Credentials | None,
        *,
        every_s: float,
        timeout_s: float,
        times: LocalTimes | None = None,
    ) -> None:
        self._times = times
        self._recipe = recipe
        self._site = site
        # Without a time of its own an equal answer is a new value; with one it is the value known already.
        poll = Poll(
            f"{site}: {url}", url, credentials, every_s=every_s, timeout_s=timeout_s, most_bytes=LARGEST_BYTES,
            repeats=recipe.time is None,
        )  # fmt: skip
        self._feed: Feed[Reading | Rejected] = poll.feed(self._give, keep=KEPT)

    def observe(self) -> Iterator[Reading | Rejected | None]:
        return self._feed.items()

    def committed(self, reading: Reading) -> None:
        """Polled values need no acknowledgement."""

    @property
    def has_answered(self) -> bool:
        return self._feed.has_answered

    def close(self) -> None:
        self._feed.close()

    def _measured(self, content: bytes, now: datetime) -> Measured:
        return measured(self._recipe, content, now, retained=False, times=self._times)

    def _give(self, feed: Feed[Reading | Rejected], content: bytes) -> None:
        now = datetime.now(UTC)
        try:
            feed.put(self._recipe.reading(self._site, self._measured(content, now), now))
        except InputRejected as error:
            excerpt = redact(content[:200].decode("utf-8", "replace"))
            feed.put(Rejected(self._site, self._recipe.name, now, str(error), excerpt))
