"""Pictures fetched one by one over HTTP. An unchanged picture is not a new one; a broken one is rejected."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import numpy as np
from PIL import Image as Pictures

from data.errors import DeviceLost, InputRejected
from data.frame import Frame, Image
from data.observation import Reading, Rejected
from data.picture import ArrayFrame
from data.secrets import Credentials, redact
from monitors._feed import Feed

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
KEPT_FRAMES = 2


def decode_picture(content: bytes) -> Image:
    """BGR uint8 (h, w, 3). Raises InputRejected unless it is a whole JPEG or PNG of reasonable size."""
    try:
        with Pictures.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InputRejected(f"the picture is too large: {picture.width} × {picture.height}")
            rgb = np.asarray(picture.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Pictures.DecompressionBombError) as error:
        raise InputRejected("this is no whole JPEG or PNG picture") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


class Snapshots:
    """An open camera. A thread asks for the pictures, so that a hanging server holds up nobody."""

    def __init__(
        self,
        site: str,
        name: str,
        url: str,
        credentials: Credentials | None,
        *,
        digest: bool,
        every_s: float,
        timeout_s: float,
    ) -> None:
        self.site = site
        self.name = name
        self._url = url
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._headers: dict[str, str] = {}
        self._auth: httpx.Auth | None = None
        if credentials is not None and credentials.token.get_secret_value():
            self._headers["Authorization"] = f"Bearer {credentials.token.get_secret_value()}"
        elif credentials is not None:
            pair = (credentials.username, credentials.password.get_secret_value())
            self._auth = httpx.DigestAuth(*pair) if digest else httpx.BasicAuth(*pair)
        self._feed: Feed[Frame | Rejected] = Feed(
            f"{site}: {url}", self._read, patience_s=every_s + timeout_s, keep=KEPT_FRAMES
        )

    def observe(self) -> Iterator[Frame | Rejected | None]:
        return self._feed.items()

    def committed(self, reading: Reading) -> None:
        """A camera waits for no word of its frames."""

    def close(self) -> None:
        self._feed.close()

    def _read(self, feed: Feed[Frame | Rejected]) -> None:
        """Until closed. Raises DeviceLost."""
        known, last = "", b""
        timeout = httpx.Timeout(self._timeout_s)
        with httpx.Client(auth=self._auth, headers=self._headers, timeout=timeout, trust_env=False) as client:
            due_s = time.monotonic()
            while not feed.closed.wait(max(0.0, due_s - time.monotonic())):
                due_s = max(due_s + self._every_s, time.monotonic())
                content, known = self._fetch(client, known)
                if content == last or not content:
                    feed.alive()  # the camera answers, but there is nothing new to see
                    continue
                last = content
                at = datetime.now(UTC)
                try:
                    feed.put(ArrayFrame(self.site, at, decode_picture(content)))
                except InputRejected as error:
                    excerpt = redact(content[:80].decode("ascii", "replace"))
                    feed.put(Rejected(self.site, self.name, at, str(error), excerpt))

    def _fetch(self, client: httpx.Client, known: str) -> tuple[bytes, str]:
        """The picture's bytes (none when it is still the one `known` by its ETag) and its ETag."""
        lost = f"{self.site}: {self._url}"
        ends_s = time.monotonic() + self._timeout_s
        content = bytearray()
        try:
            with client.stream("GET", self._url, headers={"If-None-Match": known} if known else {}) as answer:
                if answer.status_code == httpx.codes.NOT_MODIFIED:
                    return b"", known
                if answer.status_code != httpx.codes.OK:
                    raise DeviceLost(f"{lost}: the camera answers {answer.status_code} {answer.reason_phrase}")
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > MAX_BYTES:
                        raise DeviceLost(f"{lost}: the picture is larger than {MAX_BYTES // 1_000_000} MB")
                    if time.monotonic() > ends_s:
                        raise DeviceLost(f"{lost}: the picture is not there after {self._timeout_s:g} s")
                return bytes(content), answer.headers.get("ETag", "")
        except httpx.TimeoutException:
            raise DeviceLost(f"{lost}: no answer in {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeviceLost(f"{lost}: {redact(str(error)) or type(error).__name__}") from None
