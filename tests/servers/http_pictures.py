"""A real local HTTP server that gives JPEG snapshots, and every kind of trouble, for tests.

Paths: /picture.jpg (needs `user` when one is set), /error (500), /garbage (200, no picture), /cut.jpg (half a JPEG),
/huge (claims 1 GB), /hang (never answers), anything else 404.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


def jpeg(grey: int, width: int = 64, height: int = 48) -> bytes:
    """A picture of one grey."""
    ok, buffer = cv2.imencode(".jpg", np.full((height, width, 3), grey, np.uint8))
    assert ok
    return buffer.tobytes()


class PictureServer(ThreadingHTTPServer):
    """`picture` is what is given out; `requests` counts by status; `etags` off: a server that knows none."""

    daemon_threads = True

    def __init__(self, user: str, password: str, *, etags: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.picture = jpeg(100)
        self.etags = etags
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self.requests: dict[int, int] = {}
        self.closing = threading.Event()

    def url(self, path: str = "picture.jpg") -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: PictureServer

    def do_GET(self) -> None:
        server = self.server
        if self.path == "/hang":
            server.closing.wait(60)
            return
        if self.path == "/huge":
            self._answer(200, b"\xff\xd8" + b"\0" * 1000, {"Content-Length": str(10**9)})
            return
        if server.authorization and self.headers.get("Authorization") != server.authorization:
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="camera"'})
            return
        etag = f'"{hash(server.picture):x}"'
        plain: dict[str, tuple[int, bytes]] = {
            "/error": (500, b"out of order"),
            "/garbage": (200, b"<html>this is not a picture</html>"),
            "/cut.jpg": (200, server.picture[: len(server.picture) // 2]),
        }
        if self.path in plain:
            self._answer(*plain[self.path], {})
        elif self.path != "/picture.jpg":
            self._answer(404, b"", {})
        elif server.etags and self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", {"ETag": etag})
        else:
            self._answer(200, server.picture, {"ETag": etag} if server.etags else {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.server.requests[status] = self.server.requests.get(status, 0) + 1
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


@contextmanager
def http_pictures(*, user: str = "", password: str = "", etags: bool = True) -> Iterator[PictureServer]:
    """A running server; only for `user` when given."""
    server = PictureServer(user, password, etags=etags)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
