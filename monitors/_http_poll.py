"""A URL asked every so often in a thread of its own; only what is new is given on."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from data.errors import DeviceLost
from data.model.secrets import Credentials, redact
from data.net.guarded_http import GuardedTransport
from monitors._feed import Feed, T


class Poll:
    """Where to ask, how, and how much to take at most. `repeats`: an answer like the one before is given on, too.

    `digest`: how user and password are sent. `conditional`: ask only for what differs from the last answer (ETag).
    `who` answers, and `what`: for errors.
    """

    def __init__(
        self,
        name: str,
        url: str,
        credentials: Credentials | None,
        *,
        every_s: float,
        timeout_s: float,
        most_bytes: int,
        repeats: bool = False,
        digest: bool = False,
        conditional: bool = False,
        who: str = "it",
        what: str = "answer",
    ) -> None:
        self.name = name
        self.every_s = every_s
        self.timeout_s = timeout_s
        self._url = url
        self._most_bytes = most_bytes
        self._repeats = repeats
        self._conditional = conditional
        self._who, self._what = who, what
        self._known = ""  # the ETag of the last answer
        self._headers: dict[str, str] = {}
        self._auth: httpx.Auth | None = None
        if credentials is not None and credentials.token.get_secret_value():
            self._headers["Authorization"] = f"Bearer {credentials.token.get_secret_value()}"
        elif credentials is not None:
            pair = (credentials.username, credentials.password.get_secret_value())
            self._auth = httpx.DigestAuth(*pair) if digest else httpx.BasicAuth(*pair)

    def feed(self, give: Callable[[Feed[T], bytes], None], *, keep: int) -> Feed[T]:
        """Start asking; `give` puts what an answer brought."""
        return Feed(
            self.name, lambda feed: self._read(feed, give), patience_s=self.every_s + 2 * self.timeout_s, keep=keep
        )

    def _read(self, feed: Feed[T], give: Callable[[Feed[T], bytes], None]) -> None:
        last = b""
        with self._client() as client:
            due_s = time.monotonic()
            while not feed.closed.wait(max(0.0, due_s - time.monotonic())):
                due_s = max(due_s + self.every_s, time.monotonic())
                content = self._asked(client)
                feed.alive()
                if content and (self._repeats or content != last):
                    last = content
                    give(feed, content)

    def once(self, accept: str = "*/*") -> bytes:
        """One answer, now; `accept`: the media types that are wanted. Raises DeviceLost."""
        with self._client() as client:
            client.headers["Accept"] = accept
            return self._asked(client)

    def _client(self) -> httpx.Client:
        return httpx.Client(
            auth=self._auth,
            headers=self._headers,
            timeout=httpx.Timeout(self.timeout_s),
            trust_env=False,
            transport=GuardedTransport(),
        )

    def _asked(self, client: httpx.Client) -> bytes:
        """Nothing when it is still the answer of before. Raises DeviceLost."""
        ends_s = time.monotonic() + self.timeout_s
        content = bytearray()
        try:
            with client.stream(
                "GET", self._url, headers={"If-None-Match": self._known} if self._known else {}
            ) as answer:
                if self._known and answer.status_code == httpx.codes.NOT_MODIFIED:
                    return b""
                if answer.status_code != httpx.codes.OK:
                    raise DeviceLost(f"{self.name}: {self._who} answers {answer.status_code} {answer.reason_phrase}")
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > self._most_bytes:
                        raise DeviceLost(f"{self.name}: the {self._what} is larger than {self._most_bytes} bytes")
                    if time.monotonic() > ends_s:
                        raise DeviceLost(f"{self.name}: the {self._what} is not there after {self.timeout_s:g} s")
                self._known = answer.headers.get("ETag", "") if self._conditional else ""
        except httpx.TimeoutException:
            raise DeviceLost(f"{self.name}: no answer in {self.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeviceLost(f"{self.name}: {redact(str(error)) or type(error).__name__}") from None
        return bytes(content)
