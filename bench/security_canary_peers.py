"""Peers of the canary test that refuse, and put into the refusal what they were sent: SMTP, MQTT, RTSP, HTTP, OIDC."""

from __future__ import annotations

import base64
import itertools
import json
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import quote

PLAYED_SIGNATURE = "canary-play-sign-14-5a1c"  # in the address that the platform of cameras gives
PLATFORM_TOKEN = "canary-platform-token-15-b7d2"
_LARGEST = 64 * 1024


class EchoHttp(BaseHTTPRequestHandler):
    """Answers with what it was sent, in one of four forms; every other request is refused with it."""

    asked: ClassVar[Counter[str]] = Counter()
    rtsp_port: ClassVar[int] = 0
    issuer: ClassVar[str] = ""

    def _answer(self) -> None:
        kind = self.path.split("/")[1].partition("?")[0]
        EchoHttp.asked[kind] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))[:_LARGEST].decode("utf-8", "replace")
        heads = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
        number = EchoHttp.asked[kind]
        given = {"oidc": self._oidc, "api": self._platform}.get(kind)
        if given is not None:
            status, text = given(f"{heads} {body}")
        else:
            status, text = (200, 403, 500, 401)[number // 4 % 4], self._echoed(number % 4, heads, body)
        content = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _echoed(self, form: int, heads: str, body: str) -> str:
        if form == 1:
            return json.dumps({"errcode": 93, "url": self.path, "said": body, "headers": dict(self.headers.items())})
        if form == 2:
            return base64.b64encode(f"{self.path}|{heads}|{body}".encode()).decode()
        if form == 3:
            return quote(f"{body} {heads} {self.path}", safe="")
        return f"{self.path} {heads} {body}"

    def _platform(self, sent: str) -> tuple[int, str]:
        """A WVP platform: a login, then by turns a refusal that repeats it and an address that cannot be played."""
        number = EchoHttp.asked["api"]
        if "/user/login" in self.path and number % 3:
            return 200, json.dumps({"code": 0, "data": {"accessToken": PLATFORM_TOKEN}})
        if "/user/login" not in self.path and number % 2:
            address = f"rtsp://127.0.0.1:{self.rtsp_port}/live?sign={PLAYED_SIGNATURE}"
            return 200, json.dumps({"code": 0, "data": {"rtsp": address}})
        told = next((part for part in sent.split("; ") if part.startswith(("access-token", "api-key"))), self.path)
        return 200, json.dumps({"code": 100, "msg": f"{told.partition('?')[2] or told} refused"})

    def _oidc(self, sent: str) -> tuple[int, str]:
        if self.path.endswith("openid-configuration"):
            names = ("authorization", "token", "end_session")
            ends = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
            return 200, json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **ends})
        return 400, json.dumps({"error": "invalid_client", "error_description": f"{self.path} {sent}"})

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Nothing."""


class EchoSmtp(socketserver.StreamRequestHandler):
    """A mail server that refuses logins, senders, recipients and mails by turns, and says what it was sent."""

    turns = itertools.count()

    def handle(self) -> None:
        EchoHttp.asked["smtp"] += 1
        refused = ("AUTH", "AUTH", "MAIL", "RCPT", "DATA")[next(EchoSmtp.turns) % 5]
        said: list[str] = []
        self._say("220 echo")
        while line := self.rfile.readline(_LARGEST).decode("utf-8", "replace").strip():
            said.append(line)
            command = line.split(" ")[0].upper()
            plain = f"{' '.join(said)} {self._decoded(said)}"[:400]
            if command == "QUIT":
                self._say("221 bye")
                return
            if command == refused:
                self._say(f"{535 if command == 'AUTH' else 554} 5.7.8 refused: {plain}")
            elif command == "EHLO":
                self._say("250-echo")
                self._say("250 AUTH PLAIN")
            elif command == "DATA":
                self._say("354 go on")
                while self.rfile.readline(_LARGEST).strip() != b".":
                    pass
                self._say(f"250 taken {plain}")
            else:
                self._say({"AUTH": "235 welcome"}.get(command, "250 ok"))

    def _decoded(self, said: list[str]) -> str:
        words = [line.split(" ")[-1] for line in said if line.upper().startswith("AUTH PLAIN ")]
        return " ".join(base64.b64decode(word).decode("utf-8", "replace").replace("\0", ":") for word in words)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class EchoMqtt(socketserver.BaseRequestHandler):
    """A broker (MQTT 5) that refuses with a reason text, or lets in and publishes the login as a reading."""

    turns = itertools.count()

    def handle(self) -> None:
        EchoHttp.asked["mqtt"] += 1
        connect = self._packet()
        told = b" ".join(bytes(part) for part in self._texts(connect))
        if next(EchoMqtt.turns) % 2 == 0:
            reason = b"\x1f" + len(told).to_bytes(2, "big") + told
            self._send(0x20, b"\x00\x87" + self._length(len(reason)) + reason)
            return
        self._send(0x20, b"\x00\x00\x00")
        subscribe = self._packet()
        self._send(0x90, subscribe[:2] + b"\x00\x01")
        topic = b"gauge"
        for payload in (b"not JSON: " + told, json.dumps({"value": told.decode("utf-8", "replace")}).encode()):
            self._send(0x30, len(topic).to_bytes(2, "big") + topic + b"\x00" + payload)
        while self._packet():
            pass

    def _texts(self, connect: bytes) -> Iterator[bytes]:
        """The strings at the end of CONNECT: client id, user name, password."""
        at = 10
        at += 1 + connect[at]
        while at + 2 <= len(connect):
            size = int.from_bytes(connect[at : at + 2], "big")
            yield connect[at + 2 : at + 2 + size]
            at += 2 + size

    def _packet(self) -> bytes:
        try:
            head = self.request.recv(1)
            size = shift = 0
            while head and (byte := self.request.recv(1)):
                size |= (byte[0] & 0x7F) << shift
                shift += 7
                if not byte[0] & 0x80:
                    break
            body = b""
            while len(body) < size and (more := self.request.recv(size - len(body))):
                body += more
        except OSError:
            return b""
        return body

    def _send(self, head: int, body: bytes) -> None:
        self.request.sendall(bytes([head]) + self._length(len(body)) + body)

    @staticmethod
    def _length(size: int) -> bytes:
        found = bytearray()
        while True:
            size, low = divmod(size, 128)
            found.append(low | (0x80 if size else 0))
            if not size:
                return bytes(found)


class EchoRtsp(socketserver.StreamRequestHandler):
    """A camera that asks for Basic, then Digest, and refuses with the whole request in its status line."""

    turns = itertools.count()

    def handle(self) -> None:
        EchoHttp.asked["rtsp"] += 1
        wants = ('Basic realm="eye"', 'Digest realm="eye", nonce="0011"')[next(EchoRtsp.turns) % 2]
        while lines := self._request():
            heads = dict(line.partition(": ")[::2] for line in lines[1:])
            echoed = " ".join(lines)[:600]
            status = "200 OK" if lines[0].startswith("OPTIONS") else f"401 {echoed}"
            if heads.get("Authorization"):
                status = f"403 {echoed}"
            self.wfile.write(
                f"RTSP/1.0 {status}\r\nCSeq: {heads.get('CSeq', '1')}\r\nWWW-Authenticate: {wants}\r\n"
                f"Server: {echoed}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    def _request(self) -> list[str]:
        lines: list[str] = []
        try:
            while line := self.rfile.readline(_LARGEST).decode("utf-8", "replace").strip():
                lines.append(line)
        except OSError:
            return []
        return lines


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@dataclass(frozen=True)
class Peers:
    """Where they listen, all on 127.0.0.1."""

    http: str
    smtp: int
    mqtt: int
    rtsp: int

    @property
    def issuer(self) -> str:
        return f"{self.http}/oidc"


@contextmanager
def peers() -> Iterator[Peers]:
    """All of them, until the block ends."""
    servers: list[Any] = [
        ThreadingHTTPServer(("127.0.0.1", 0), EchoHttp),
        *(_Tcp(("127.0.0.1", 0), handler) for handler in (EchoSmtp, EchoMqtt, EchoRtsp)),
    ]
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        http, smtp, mqtt, rtsp = (int(server.server_address[1]) for server in servers)
        found = Peers(f"http://127.0.0.1:{http}", smtp, mqtt, rtsp)
        EchoHttp.rtsp_port, EchoHttp.issuer = rtsp, found.issuer
        yield found
