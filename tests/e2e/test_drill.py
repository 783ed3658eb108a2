"""`app.py drill` with its real processes: a recorded night as an exercise that leaves the city as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx

from data.model.people import Role
from data.model.task import TaskState
from data.ports.store import AlertQuery, TaskQuery
from data.sql.store import open_for_reading, open_store
from tests.conftest import ROOT
from tests.e2e.city import until
from tests.engine.recorded_night import BEGAN, SITE, UNTIL, record_night
from tests.engine.test_drill import tree
from tests.servers.mosquitto import free_port
from web.accounts import add_user

PASSWORD = "zhao-kettle-harbour-42"
CONFIG = """
name: 测试街道
timezone: Asia/Shanghai
sites:
  - id: dip-1
    name: 下穿道
    location: {{lon: 106.5102, lat: 29.58}}
    monitor: {{kind: http_push, id: staff, quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 25, clear_at: 20, priority: P1}}]
responders: [{{id: zhang, name: 张, location: {{lon: 106.51, lat: 29.58}}}}]
dispatch: {{automatic: {{rules: [deep]}}}}
drill: {{accept_after: 10s, work_for: 20s, unanswered: 0}}
heartbeat: {{url: "http://127.0.0.1:{port}/beat", every: 10s}}
notices:
  channels: [{{kind: webhook, id: alarm, url: "http://127.0.0.1:{port}/alarm"}}]
  policies: [{{id: all, steps: [{{channels: [alarm]}}]}}]
"""


@contextmanager
def gateway() -> Iterator[tuple[int, list[str]]]:
    """What would send notices to people; its port, and who has called it."""
    called: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - as http.server calls it

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, called
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running_drill(config: Path, var: Path, log_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`app.py drill` at ten times the speed; its address and its process."""
    port = free_port()
    command = [sys.executable, "app.py", "drill", "--config", str(config), "--var", str(var), "--port", str(port)]
    command += ["--from", BEGAN.isoformat(), "--to", UNTIL.isoformat(), "--speed", "10", "--countdown", "4"]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env=dict(os.environ, PYTHONUNBUFFERED="1"),
            start_new_session=True,
        )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def test_a_recorded_night_is_a_live_exercise_that_tells_nobody_and_leaves_the_city_as_it_was(tmp_path: Path) -> None:
    var, log = tmp_path / "var", tmp_path / "drill.log"
    var.mkdir(mode=0o700)
    (then,) = record_night(var)
    with closing(open_store(var / "yiping.db")) as store:
        add_user(store, "zhao", Role.DUTY_OFFICER, PASSWORD)
    before = tree(var)
    with gateway() as (port, called):
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(port=port), encoding="utf-8")
        with running_drill(config, var, log) as (url, process):

            def told() -> str:
                return f"{process.poll()}\n{log.read_text(encoding='utf-8')[-3000:]}"

            until(lambda: _is_ready(url), 120, told)
            (folder,) = (var / "drills").iterdir()
            with (
                closing(open_for_reading(folder / "yiping.db")) as store,
                httpx.Client(base_url=url, timeout=60) as officer,
            ):
                assert officer.post("/login", data={"name": "zhao", "password": PASSWORD}).status_code == 303
                assert '<div id="drill-bar"' in officer.get("/duty").text
                until(lambda: store.read(lambda reader: reader.alerts(AlertQuery(open_only=True))), 60, told)
                os.kill(int((folder / "run" / "player.pid").read_text(encoding="utf-8")), signal.SIGKILL)
                headers = {"X-CSRF-Token": officer.cookies["drill_yiping_csrf"]}
                (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
                done = officer.post(f"/api/v1/alerts/{alert.id}/acknowledge", json={}, headers=headers)
                assert done.status_code == 200, done.text
                task = until(
                    lambda: [
                        one
                        for one in store.read(lambda reader: reader.tasks(TaskQuery()))
                        if one.state is TaskState.REPORTED
                    ],
                    60,
                    told,
                )[0]
                assert task.responder == "zhang"
                done = officer.post(f"/api/v1/tasks/{task.id}/verify", json={}, headers=headers)
                assert done.status_code == 200, done.text
                until(lambda: officer.get("/api/v1/drill").json()["running"]["ended"], 60, told)
                (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, told()
        assert called == []
    assert (alert.key.site, alert.value, alert.occurrence, alert.evidence) == (SITE, then.value, 1, then.evidence)
    assert tree(var) == before
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    reached = {step["step"]: step["drill"]["within"] for step in result["steps"]}
    assert reached == {"acknowledged": 1, "dispatched": 1, "on_scene": 1, "handled": 1}
    assert result["steps"][0]["night"]["over"] == 1, "that night somebody needed 90 s"
    assert "Traceback" not in told()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
