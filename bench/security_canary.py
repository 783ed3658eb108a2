"""No configured secret comes back: `python -m bench.security_canary`.

A real installation (`app.py run`) whose gauges, warnings, cameras, platform, broker, channels and identity provider are
peers that echo what they were sent: address, headers, body, login; plain, percent-encoded, as JSON and in Base64. An
administrator logs in, sets up a second factor, issues tokens and codes. Afterwards every secret is looked for, in every
form, in the logs, each file under VAR, each row of the database, every GET of the API, the pages and `/metrics`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from ruamel.yaml import YAML

from alerts.lifecycle import raise_alert
from bench.security_canary_accounts import PUSH_SECRETS, Administrator, log_in_at_provider, subscription, vapid_key
from bench.security_canary_peers import PLATFORM_TOKEN, PLAYED_SIGNATURE, EchoHttp, Peers, peers
from data.config.log import LogFormat
from data.model.alert import AlertKey, Priority, Raised
from data.model.people import Role
from data.sql.store import open_store
from data.stored.web_push import subscribe
from web.accounts import add_user, issue_token

PEERS = ("echo", "push", "api", "oidc", "smtp", "mqtt", "rtsp")
ROOT = Path(__file__).resolve().parents[1]
CANARIES: Mapping[str, str] = {
    "password": 'can"ary-pa$$ word/1&x',
    "token": "canary-token-2-8f3b9c/+=",
    "header": "canary-header-3-77ab21",
    "query": "canary-query-4-9d2e",
    "hook": "canaryHook5T00000000B0000000xYz",
    "body": "canary-body-6-51fe",
    "environment": "canary-environment-7-c0de",
    "mail": "canary-mail-8-1f/+0a",
    "broker": "canary-broker-9-e4%d1",
    "camera": "canary-camera-10-77:ab",
    "stream": "canary-stream-11-0d9f",
    "platform": "canary-platform-12-6e6e",
    "platform key": "canary-platform-key-13-90",
    "played": PLAYED_SIGNATURE,
    "platform token": PLATFORM_TOKEN,
    "client": "canary-client-secret-16-3c",
    "user password": "canary-Kranich-17-Ufer-Steg",
}
STORED: Mapping[str, str] = PUSH_SECRETS  # the store has to know them; only that one value may hold them
RUNS_S = 30.0
LEAST_ANSWERED = 40  # pages, figures and GETs of the API
PAGES = ("", "duty", "events", "organisation", "plans", "review", "notices", "rejects", "load", "setup", "health")


def _channels(base: str, peer: Peers, public_key: str) -> list[dict[str, Any]]:
    keyed = f"{base}/hooks/{CANARIES['hook']}/send?access_key={CANARIES['query']}"
    mail = {"kind": "email", "host": "127.0.0.1", "port": peer.smtp, "security": "none", "credentials": "mail"}
    return [
        {"kind": "webhook", "id": "hook", "url": keyed, "credentials": "robot"},
        {"kind": "wecom", "id": "wecom", "url": base, "credentials": "robot"},
        {"kind": "dingtalk", "id": "dingtalk", "url": base, "credentials": "robot"},
        {"kind": "loudspeaker", "id": "horn", "url": keyed, "credentials": "robot"},
        {
            "kind": "http_message", "id": "sms", "url": keyed, "credentials": "environment",
            "headers": {"X-Api-Key": CANARIES["header"]}, "body": {"appsecret": CANARIES["body"], "text": "{text}"},
        },
        {**mail, "id": "mail", "sender": "yiping@example.org"},
        {
            "kind": "web_push", "id": "push", "public_key": public_key, "contact": "mailto:duty@example.org",
            "services": ["127.0.0.1"], "credentials": "vapid",
        },
    ]  # fmt: skip


def _sites(base: str, peer: Peers) -> list[dict[str, Any]]:
    keyed = f"{base}/hooks/{CANARIES['hook']}/send?access_key={CANARIES['query']}"
    gauge = {
        "kind": "http_poll", "id": "poll", "url": f"{base}/gauge?token={CANARIES['query']}", "credentials": "robot",
        "every": "1s", "quantity": "water_depth", "value": "value", "unit": "cm",
    }  # fmt: skip
    mqtt = {
        "kind": "mqtt_gauge", "id": "mqtt", "host": "127.0.0.1", "port": peer.mqtt, "topic": "gauge",
        "credentials": "broker", "quantity": "water_depth", "value": "value", "unit": "cm", "timeout": "3s",
    }  # fmt: skip
    wvp = {"kind": "wvp_camera", "url": peer.http, "device": "34020000001320000001", "channel": "1", "timeout": "3s"}
    monitors: dict[str, dict[str, Any]] = {
        "gauge": gauge,
        "broker": mqtt,
        "office": {"kind": "cap_warnings", "id": "cap", "url": keyed, "every": "1s"},
        "eye": {"kind": "http_snapshot", "url": keyed, "credentials": "robot"},
        "rtsp": {
            "kind": "rtsp_camera", "url": f"rtsp://127.0.0.1:{peer.rtsp}/a?key={CANARIES['stream']}",
            "credentials": "camera", "timeout": "3s",
        },
        "platform": {**wvp, "credentials": "platform"},
        "platform-key": {**wvp, "credentials": "platform-key"},
    }  # fmt: skip
    place = {"lon": 106.5, "lat": 29.6}
    return [
        {"id": name, "name": name, "location": place}
        | ({"monitor": one} if one["kind"].endswith(("camera", "snapshot")) else {"monitors": [one]})
        for name, one in monitors.items()
    ]


def _configure(folder: Path, peer: Peers, log_format: LogFormat) -> Path:
    """config.yaml and secrets.yaml with a canary in every place that a secret can have."""
    base = f"{peer.http}/echo"
    private, public_key = vapid_key()
    channels = _channels(base, peer, public_key)
    steps = {"13800000000": [one["id"] for one in channels[:5]], "duty@example.org": ["mail"], "root": ["push"]}
    policies = [
        {"id": f"all-{n}", "steps": [{"channels": ids, "to": [to]}]} for n, (to, ids) in enumerate(steps.items())
    ]
    oidc = {"issuer": peer.issuer, "client_id": "yiping", "credentials": "login", "roles": {"duty": "duty_officer"}}
    settings = {
        "name": "canary", "sites": _sites(base, peer), "workers": 1, "accounts": {"oidc": oidc},
        "notices": {"channels": channels, "policies": policies}, "log": {"format": log_format.value},
    }  # fmt: skip

    def login(name: str) -> dict[str, str]:
        return {"username": "yiping", "password": CANARIES[name]}

    secrets = {
        "robot": login("password") | {"token": CANARIES["token"]}, "mail": login("mail"), "broker": login("broker"),
        "camera": login("camera"), "platform": login("platform"), "platform-key": {"token": CANARIES["platform key"]},
        "login": login("client"), "vapid": {"token": private},
    }  # fmt: skip
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
    yield hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()  # what WVP takes for the password
    yield secret[:12]


def _looked_at(folder: Path, log: str, admin: Administrator) -> Iterator[tuple[str, bytes]]:
    """Every text that somebody may read: log, files, each row of the database, answers, pages, figures."""
    yield "log", log.encode()
    var = folder / "var"
    for path in sorted(var.rglob("*")):
        if path.is_file() and path.parent.name not in {"keys", "tls"}:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
    with closing(sqlite3.connect(var / "yiping.db")) as database:
        tables = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                if not (row and str(row[0]).startswith("web_push:")):
                    yield f"table {table}", repr(row).encode()
    yield from admin.answers()
    for page in PAGES:
        yield f"GET /{page}", admin.get(f"/{page}")
    yield "GET /metrics", admin.get("/metrics")


def find_leaks(texts: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> Iterator[Leak]:
    """Every secret (by its name) that stands in one of the texts (by what was looked at)."""
    wanted = [(name, form, form.encode()) for name, secret in secrets.items() for form in sorted(set(forms(secret)))]
    for what, content in texts:
        for name, form, sought in wanted:
            if sought in content and not (name in STORED and what.startswith("var/yiping.db")):
                yield Leak(what, name, form)


def run(
    folder: Path, runs_s: float = RUNS_S, log_format: LogFormat = LogFormat.TEXT
) -> tuple[list[Leak], dict[str, int]]:
    """The leaks, and how much there was that could leak: requests of each peer, notices, rejects, texts looked at."""
    with peers() as peer:
        config, var, port = _configure(folder, peer, log_format), folder / "var", _free_port()
        with closing(open_store(var / "yiping.db")) as store:
            add_user(store, "root", Role.ADMINISTRATOR, CANARIES["user password"])
            token = issue_token(store, "root")
            store.write(lambda writer: subscribe(writer, "root", subscription(f"{peer.http}/push")))
        log_path = folder / "log.txt"
        command = [sys.executable, "app.py", "run", "--config", str(config), "--var", str(var), "--port", str(port)]
        environment = {**os.environ, "YIPING_CREDENTIALS_ENVIRONMENT": f"yiping:{CANARIES['environment']}"}
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        base = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(base, process)
            with closing(open_store(var / "yiping.db", migrate=False)) as store:
                for number in range(8):
                    now = datetime.now(UTC)
                    raised = Raised(AlertKey("gauge", "dwell", "", str(number)), "dwell", Priority.P1, now, now)
                    store.write(lambda writer, raised=raised, now=now: raise_alert(writer, raised, None, now))  # type: ignore[misc]
                with Administrator(base, CANARIES["user password"]) as admin:
                    own = {**CANARIES, **STORED, "bearer token": token, **admin.secrets()}
                    log_in_at_provider(base)
                    time.sleep(runs_s)
                    told = store.read(lambda reader: len(reader.notices(subject="alert:1")))
                    refused = store.read(lambda reader: len(reader.rejects_after(0, 1000)))
                    texts = list(_looked_at(folder, log_path.read_text("utf-8", "replace"), admin))
        finally:
            process.terminate()
            process.wait(30)
    seen = {f"asked_{name}": count for name, count in sorted(EchoHttp.asked.items())}
    seen |= {"notices": told, "rejects": refused, "looked_at": len(texts), "answered": admin.answered}
    return list(find_leaks(texts, own)), seen


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_until_up(base: str, process: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + 120
    while time.monotonic() < ends_s and process.poll() is None:
        try:
            if httpx.get(f"{base}/healthz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    state = "did not come up in two minutes" if process.poll() is None else f"ended with status {process.returncode}"
    raise RuntimeError(f"the server {state} (see log.txt)")


def measure() -> dict[str, object]:
    """`canary_leaks` with both forms of the log, and how much there was to look at in the last run."""
    leaks: list[Leak] = []
    for log_format in LogFormat:
        with tempfile.TemporaryDirectory() as temporary:
            found, seen = run(Path(temporary), log_format=log_format)
        leaks += found
        for leak in found:
            print(f"    {leak.what} ({log_format}): canary {leak.name!r} as {leak.form!r}", file=sys.stderr)
        if seen["answered"] < LEAST_ANSWERED:
            raise RuntimeError(f"only {seen['answered']} pages and answers could be looked at")
        silent = [name for name, count in seen.items() if not count]
        silent += [one for one in PEERS if f"asked_{one}" not in seen]
        if silent:
            raise RuntimeError(f"nothing was sent, so nothing could leak: {silent} of {seen}")
    return {"canary_leaks": len(leaks), **{f"canary_{name}": number for name, number in seen.items()}}


if __name__ == "__main__":
    result = measure()
    print(json.dumps(result))
    sys.exit(bool(result["canary_leaks"]))
