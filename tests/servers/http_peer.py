"""A real local HTTP server that takes messages, answers as told, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Received:
    """One request. `at_s` is `time.monotonic()`."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    content: bytes
    at_s: float

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Manner:
    """How the peer answers; `hang` makes it never answer."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"errcode": 0, "errmsg": "ok"})
    hang: bool = False


class Peer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = Manner()
        self.received: list[Received] = []
        self.closing = threading.Event()

    def url(self, path: str = "/send") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Peer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts, headers = urlsplit(self.path), {name.lower(): value for name, value in self.headers.items()}
        query = parse_qs(parts.query)
        self.server.received.append(Received(self.command, parts.path, query, headers, content, time.monotonic()))
        manner = self.server.manner
        if manner.hang:
            self.server.closing.wait(60)
            return
        answer = json.dumps(manner.body).encode() if not isinstance(manner.body, bytes) else manner.body
        self.send_response(manner.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.do_POST()

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def http_peer() -> Iterator[Peer]:
    """Listens on a free port."""
    peer = Peer()
    thread = threading.Thread(target=peer.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.closing.set()
        peer.shutdown()
        peer.server_close()
        thread.join()
