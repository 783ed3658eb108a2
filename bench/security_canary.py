"""No configured secret comes back: `python -m bench.security_canary`.

A real installation (`app.py run`) whose gauges, warnings, camera and channels all talk to a peer that echoes what it
was sent: address, headers, body; plain, percent-encoded, as JSON and in Base64. Afterwards the canaries are looked for,
in every form, in the logs, the database, everything else under VAR, the REST answers and `/metrics`.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from ruamel.yaml import YAML

from alerts.lifecycle import raise_alert
from data.alert import AlertKey, Priority, Raised
from data.people import Role
from data.sql.store import open_store
from web.accounts import add_user, issue_token

ROOT = Path(__file__).resolve().parents[1]
CANARIES: Mapping[str, str] = {
    "password": 'can"ary-pa$$ word/1&x',
    "token": "canary-token-2-8f3b9c/+=",
    "header": "canary-header-3-77ab21",
    "query": "canary-query-4-9d2e",
    "hook": "canaryHook5T00000000B0000000xYz",
    "body": "canary-body-6-51fe",
    "environment": "canary-environment-7-c0de",
}
ROUTES = ("notices", "rejects", "sites", "alerts", "audit", "readings", "sites/gauge", "sites/eye", "warnings")
RUNS_S = 30.0


class _Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent; every other request is refused with it."""

    count = 0

    def _answer(self) -> None:
        type(self).count += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        heads = "; ".join(f"{name}: {value}" for name, value in self.headers.items())
        kind = type(self).count % 4
        text = f"{self.path} {heads} {body}"
        if kind == 1:
            text = json.dumps({"errcode": 93, "url": self.path, "said": body, "headers": dict(self.headers.items())})
        elif kind == 2:
            text = base64.b64encode(f"{self.path}|{heads}|{body}".encode()).decode()
        elif kind == 3:
            text = quote(f"{body} {heads} {self.path}", safe="")
        content = text.encode("utf-8", "replace")
        self.send_response((200, 403, 500, 401)[type(self).count // 4 % 4])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _configure(folder: Path, base: str) -> Path:
    """config.yaml and secrets.yaml with a canary in every place that a secret can have."""
    keyed = f"{base}/hooks/{CANARIES['hook']}/send?access_key={CANARIES['query']}"
    channels: list[dict[str, Any]] = [
        {"kind": "webhook", "id": "hook", "url": keyed, "credentials": "robot"},
        {"kind": "wecom", "id": "wecom", "url": base, "credentials": "robot"},
        {"kind": "dingtalk", "id": "dingtalk", "url": base, "credentials": "robot"},
        {"kind": "loudspeaker", "id": "horn", "url": keyed, "credentials": "robot"},
        {
            "kind": "http_message", "id": "sms", "url": keyed, "credentials": "environment",
            "headers": {"X-Api-Key": CANARIES["header"]}, "body": {"appsecret": CANARIES["body"], "text": "{text}"},
        },
    ]  # fmt: skip
    gauge = {
        "kind": "http_poll", "id": "poll", "url": f"{base}/gauge?token={CANARIES['query']}", "credentials": "robot",
        "every": "1s", "quantity": "water_depth", "value": "value", "unit": "cm",
    }  # fmt: skip
    sites = [
        {"id": "gauge", "name": "gauge", "location": {"lon": 106.5, "lat": 29.6}, "monitors": [gauge]},
        {
            "id": "office", "name": "office", "location": {"lon": 106.5, "lat": 29.6},
            "monitors": [{"kind": "cap_warnings", "id": "cap", "url": keyed, "every": "1s"}],
        },
        {
            "id": "eye", "name": "eye", "location": {"lon": 106.5, "lat": 29.6},
            "monitor": {"kind": "http_snapshot", "url": keyed, "credentials": "robot"},
        },
    ]  # fmt: skip
    step = {"channels": [one["id"] for one in channels], "to": ["13800000000"]}
    notices = {"channels": channels, "policies": [{"id": "all", "steps": [step]}]}
    settings = {"name": "canary", "sites": sites, "workers": 1, "notices": notices}
    secrets = {"robot": {"username": "yiping", "password": CANARIES["password"], "token": CANARIES["token"]}}
    config, hidden = folder / "config.yaml", folder / "secrets.yaml"
    writer = YAML(typ="safe", pure=True)
    writer.dump(settings, config)
    writer.dump(secrets, hidden)
    hidden.chmod(0o600)
    return config


@dataclass(frozen=True)
class Leak:
    """A canary that came back: `what` was looked at, `name` of the canary, and the form in which it stood there."""

    what: str
    name: str
    form: str


def forms(secret: str) -> Iterator[str]:
    """How a canary may look; written apart from the product's own list of forms."""
    yield from (secret, quote(secret), quote(secret, safe=""), quote(secret, safe="").replace("%20", "+"))
    yield from (json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3], secret.encode().hex())
    for before in ("", "a", "ab"):
        whole = base64.b64encode((before + secret).encode()).decode()
        yield whole[len(before) and 4 : len(whole) - 4]
    yield secret[:12]


def _looked_at(folder: Path, log: str, base: str, token: str) -> Iterator[tuple[str, bytes]]:
    yield "log", log.encode()
    for path in sorted((folder / "var").rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
    with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
        for route in ROUTES:
            yield f"GET /api/v1/{route}", client.get(f"/api/v1/{route}").content
        yield "GET /metrics", client.get("/metrics").content


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(folder: Path, runs_s: float = RUNS_S) -> tuple[list[Leak], dict[str, int]]:
    """The leaks, and how many notices and rejects there were to leak something."""
    with _echo() as peer:
        config, var, port = _configure(folder, peer), folder / "var", _free_port()
        with closing(open_store(var / "yiping.db")) as store:
            add_user(store, "root", Role.ADMINISTRATOR, None)
            token = issue_token(store, "root")
        log_path = folder / "log.txt"
        command = [sys.executable, "app.py", "run", "--config", str(config), "--var", str(var), "--port", str(port)]
        environment = {**os.environ, "YIPING_CREDENTIALS_ENVIRONMENT": f"yiping:{CANARIES['environment']}"}
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        base = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(base, process)
            with closing(open_store(var / "yiping.db", migrate=False)) as store:
                for number in range(4):
                    now = datetime.now(UTC)
                    raised = Raised(AlertKey("gauge", "dwell", "", str(number)), "dwell", Priority.P1, now, now)
                    store.write(lambda writer, raised=raised, now=now: raise_alert(writer, raised, None, now))  # type: ignore[misc]
                time.sleep(runs_s)
                told = store.read(lambda reader: len(reader.notices(subject="alert:1")))
                refused = store.read(lambda reader: len(reader.rejects_after(0, 1000)))
            texts = list(_looked_at(folder, log_path.read_text("utf-8", "replace"), base, token))
        finally:
            process.terminate()
            process.wait(30)
    leaks = [
        Leak(what, name, form)
        for what, content in texts
        for name, secret in CANARIES.items()
        for form in sorted(set(forms(secret)))
        if form.encode() in content
    ]
    return leaks, {"notices": told, "rejects": refused, "asked": _Echo.count, "looked_at": len(texts)}


def _wait_until_up(base: str, process: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + 120
    while time.monotonic() < ends_s and process.poll() is None:
        try:
            if httpx.get(f"{base}/healthz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise RuntimeError("the server did not come up (see log.txt)")


def measure() -> dict[str, object]:
    """`canary_leaks`, and how much there was to look at."""
    with tempfile.TemporaryDirectory() as temporary:
        leaks, seen = run(Path(temporary))
    for leak in leaks:
        print(f"    {leak.what}: canary {leak.name!r} as {leak.form!r}", file=sys.stderr)
    if not seen["notices"] or not seen["asked"]:
        raise RuntimeError(f"nothing was sent, so nothing could leak: {seen}")
    return {"canary_leaks": len(leaks), **{f"canary_{name}": number for name, number in seen.items()}}


if __name__ == "__main__":
    result = measure()
    print(json.dumps(result))
    sys.exit(bool(result["canary_leaks"]))
