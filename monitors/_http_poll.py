"""A URL asked every so often, in a thread of its own or in an event loop; only what is new is given on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator

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
        self.url = url
        self.login = ("", "") if credentials is None else _login_of(credentials)
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

    async def ask_on(
        self, client: httpx.AsyncClient, give: Callable[[bytes], None], answered: Callable[[], None]
    ) -> None:
        """Ask in a running event loop until cancelled. `give` gets what is new; `answered` is called after each answer.

        `client`: also others', who ask the same server. Raises DeviceLost.
        """
        last = b""
        due_s = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            due_s = max(due_s + self.every_s, time.monotonic())
            content = await self._asked_in_loop(client)
            answered()
            if content and (self._repeats or content != last):
                last = content
                give(content)

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
        with self._losses(), client.stream("GET", self.url, headers=self._condition) as answer:
            if self._is_known(answer):
                return b""
            content = bytearray()
            for part in answer.iter_bytes():
                self._add(content, part, ends_s)
            self._note_tag(answer)
            return bytes(content)

    async def _asked_in_loop(self, client: httpx.AsyncClient) -> bytes:
        ends_s = time.monotonic() + self.timeout_s
        with self._losses():
            async with (
                asyncio.timeout(self.timeout_s + 1.0),  # also of a name that is looked up
                client.stream(
                    "GET",
                    self.url,
                    headers=self._headers | self._condition,
                    auth=self._auth,
                    timeout=httpx.Timeout(self.timeout_s),
                ) as answer,
            ):
                if self._is_known(answer):
                    return b""
                content = bytearray()
                async for part in answer.aiter_bytes():
                    self._add(content, part, ends_s)
                self._note_tag(answer)
                return bytes(content)

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        """Raises DeviceLost for whatever can go wrong between question and answer."""
        try:
            yield
        except (httpx.TimeoutException, TimeoutError):
            raise DeviceLost(f"{self.name}: no answer in {self.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeviceLost(f"{self.name}: {redact(_words(error)) or type(error).__name__}") from None

    @property
    def _condition(self) -> dict[str, str]:
        return {"If-None-Match": self._known} if self._known else {}

    def _is_known(self, answer: httpx.Response) -> bool:
        """Is it still the answer of before? Raises DeviceLost for what is no answer."""
        if self._known and answer.status_code == httpx.codes.NOT_MODIFIED:
            return True
        if answer.status_code != httpx.codes.OK:
            raise DeviceLost(f"{self.name}: {self._who} answers {answer.status_code} {answer.reason_phrase}")
        return False

    def _note_tag(self, answer: httpx.Response) -> None:
        self._known = answer.headers.get("ETag", "") if self._conditional else ""

    def _add(self, content: bytearray, part: bytes, ends_s: float) -> None:
        content += part
        if len(content) > self._most_bytes:
            raise DeviceLost(f"{self.name}: the {self._what} is larger than {self._most_bytes} bytes")
        if time.monotonic() > ends_s:
            raise DeviceLost(f"{self.name}: the {self._what} is not there after {self.timeout_s:g} s")


def _login_of(credentials: Credentials) -> tuple[str, str]:
    """Tells apart who has different ones."""
    token, password = credentials.token.get_secret_value(), credentials.password.get_secret_value()
    return credentials.username, token or password


def _words(error: BaseException) -> str:
    """What the operating system said, where it was the cause: an event loop says only "failed"."""
    cause: BaseException | None = error
    number = None
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) and cause.errno is not None else number
        cause = cause.__cause__ or cause.__context__
    return str(error) if number is None else f"[Errno {number}] {os.strerror(number)}"
