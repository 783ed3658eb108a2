"""Pictures fetched one by one over HTTP. An unchanged picture is not a new one; a broken one is rejected."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from PIL import Image as Pictures
from PIL import ImageOps

from data.errors import InputRejected
from data.model.frame import Frame, Image
from data.model.observation import Rejected, Sensed
from data.model.picture import ArrayFrame
from data.model.picture_limits import LARGEST_PIXELS
from data.model.secrets import Credentials, redact
from monitors._feed import Feed
from monitors._http_poll import Poll

MAX_BYTES = 20_000_000
KEPT_FRAMES = 2


def decode_picture(content: bytes) -> Image:
    """BGR uint8 (h, w, 3), upright as its EXIF orientation tells.

    Raises InputRejected unless it is a whole JPEG or PNG of reasonable size.
    """
    try:
        with Pictures.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise InputRejected(f"the picture is too large: {picture.width} × {picture.height}")
            rgb = np.asarray(_eight_bits(ImageOps.exif_transpose(picture)).convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Pictures.DecompressionBombError) as error:
        raise InputRejected("this is no whole JPEG or PNG picture") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _eight_bits(picture: Pictures.Image) -> Pictures.Image:
    """Grey levels of 16 bits scaled to 8, where Pillow would cut them off at white."""
    if not picture.mode.startswith("I"):
        return picture
    levels = np.asarray(picture, dtype=np.int64)
    return Pictures.fromarray((np.clip(levels, 0, 65535) >> 8).astype(np.uint8))


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
        poll = Poll(
            f"{site}: {url}",
            url,
            credentials,
            every_s=every_s,
            timeout_s=timeout_s,
            most_bytes=MAX_BYTES,
            digest=digest,
            conditional=True,
            who="the camera",
            what="picture",
        )
        self._feed: Feed[Frame | Rejected] = poll.feed(self._give, keep=KEPT_FRAMES)

    def observe(self) -> Iterator[Frame | Rejected | None]:
        return self._feed.items()

    def committed(self, reading: Sensed) -> None:
        """Snapshots need no acknowledgement."""

    @property
    def has_answered(self) -> bool:
        return self._feed.has_answered

    def close(self) -> None:
        self._feed.close()

    def _give(self, feed: Feed[Frame | Rejected], content: bytes) -> None:
        at = datetime.now(UTC)
        try:
            feed.put(ArrayFrame(self.site, at, decode_picture(content)))
        except InputRejected as error:
            excerpt = redact(content[:80].decode("ascii", "replace"))
            feed.put(Rejected(self.site, self.name, at, str(error), excerpt))
