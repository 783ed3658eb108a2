"""A real local HTTP server that answers what a test lays down, for adapters that ask.

with http_answers() as server:
    server.answer("/level", b'{"level": 3}')
    ... server.url("/level") ... server.asked[0].path
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class RecordedRequest:
    """One request. `query` holds the first value of each name; headers' names are in lower case."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


Answer = Callable[[RecordedRequest], tuple[int, bytes]]


class AnsweringServer(ThreadingHTTPServer):
    """Unknown paths are 404; each request is kept in `asked`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[RecordedRequest] = []
        self.delay_s = 0.0

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def answer(self, path: str, body: bytes | Answer, status: int = 200) -> None:
        """From now on this path gives this, or what the function makes of the request."""
        self.answers[path] = (lambda _: (status, body)) if isinstance(body, bytes) else body


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = RecordedRequest(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
        self.server.asked.append(asked)
        time.sleep(self.server.delay_s)
        answer = self.server.answers.get(asked.path)
        status, body = (404, b"") if answer is None else answer(asked)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


@contextmanager
def http_answers() -> Iterator[AnsweringServer]:
    """A running server on a free port."""
    server = AnsweringServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
