"""Schemathesis over the whole REST API with all its checks, as four people: `python -m bench.security_schemathesis`.

Starts a server of its own with alerts, events and tasks in it, and prints one line of JSON. Ends with 1 when anything
failed. `--seconds` bounds the run of each person; `--show` prints what schemathesis says.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.model.people import Role
from tests.web.city import Clock, Running, open_deps, start
from web.accounts import add_user, issue_token

VISITORS = (Role.DUTY_OFFICER, Role.ADMINISTRATOR, Role.RESPONDER, Role.SOURCE)
_COMMAND = Path(sys.executable).with_name("schemathesis")
# A schema cannot say which units there are, whether an alert needs a reason now, or which version is the present one:
# such a request is refused by 412, 422 or 428 although its form is right. A 5xx is never right.
_SETTINGS = """[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "428", "429"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
"""


@dataclass(frozen=True)
class Run:
    """What one run of schemathesis found. `failures`: kind of failure -> the operations that have it."""

    role: Role
    operations: int
    requests: int
    failures: dict[str, list[str]]
    said: str


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, dict[Role, str]]]:
    """A server with alerts, an event and a task in it; its address, and a token for each role."""
    deps = open_deps(folder)
    tokens = {}
    for role in VISITORS:
        name = "zhang" if role is Role.RESPONDER else f"a-{role.value}"
        if role is not Role.RESPONDER:  # responders are users already
            add_user(deps.store, name, role, None)
        tokens[role] = issue_token(deps.store, name)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    try:
        alerts = [running.alert() for _ in range(3)]
        with running.client(f"a-{Role.DUTY_OFFICER.value}") as officer:
            officer.post(f"/api/v1/alerts/{alerts[0]}/dispatch", json={}).raise_for_status()
        yield running.base, tokens
    finally:
        server.should_exit = True
        thread.join(20)
        deps.store.close()


def attack(base: str, token: str, role: Role, arguments: Sequence[str], folder: Path) -> Run:
    """One run of schemathesis as this role. Raises CalledProcessError when it could not run at all."""
    report = folder / f"{role.value}.json"
    (folder / "schemathesis.toml").write_text(_SETTINGS, "utf-8")
    command = [
        str(_COMMAND), "run", f"{base}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks", "all",
        "--continue-on-failure", "--warnings", "off", "--report-json-path", str(report), "--no-color", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if not report.is_file():
        raise subprocess.CalledProcessError(done.returncode, command[:3], done.stdout, done.stderr)
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    failures: dict[str, list[str]] = {f"{one['code']} {one['title']}": one["operations"] for one in found["failures"]}
    failures |= {f"error {n}": [str(one)] for n, one in enumerate(found["errors"])}
    said = done.stdout + done.stderr
    return Run(role, found["operations"]["tested"], found["test_cases"]["generated"], failures, said)


def measure(seconds: int = 90) -> dict[str, object]:
    """How often schemathesis, as each of four people, found something wrong: for `make security`."""
    more = ["--max-time", str(seconds), "--max-examples", "100"]
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "var") as (base, tokens):
        runs = [attack(base, tokens[role], role, more, Path(name)) for role in VISITORS]
    for run in runs:
        if run.failures:
            print(run.said, file=sys.stderr)
    return {
        "schemathesis_requests": sum(run.requests for run in runs),
        "schemathesis_failures": sum(len(operations) for run in runs for operations in run.failures.values()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=90, help="how long each person tries at most")
    parser.add_argument("--seed", type=int, help="try the same again")
    parser.add_argument("--show", action="store_true", help="print what schemathesis says")
    given = parser.parse_args()
    more = ["--max-time", str(given.seconds), "--max-examples", "100"]
    more += [] if given.seed is None else ["--seed", str(given.seed)]
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "var") as (base, tokens):
        runs = [attack(base, tokens[role], role, more, Path(name)) for role in VISITORS]
    for run in runs:
        if given.show or run.failures:
            print(run.said, file=sys.stderr)
    summary = {
        "operations": max(run.operations for run in runs),
        "roles": len(runs),
        "schemathesis_requests": sum(run.requests for run in runs),
        "schemathesis_failures": sum(len(operations) for run in runs for operations in run.failures.values()),
    }
    print(json.dumps(summary))
    return int(summary["schemathesis_failures"] > 0)


if __name__ == "__main__":
    sys.exit(main())
