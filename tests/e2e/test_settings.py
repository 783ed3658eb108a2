"""Settings saved over REST while everything runs, in the real processes: seen within two seconds, undone at a click."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.e2e.city import City, city, items, until

pytestmark = pytest.mark.timeout(400)  # a city starts twice, and commands run beside it

WITHIN_S = 2.0
CONFIG = f"""\
config: screen
name: River district
workers: 2
inference: {{cache_dir: "{ROOT / ".cache"}"}}
sites:
  - id: underpass
    location: {{lon: 106.5720, lat: 29.5610}}
    monitor: {{kind: http_push, id: depth, quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 25, unit: cm, priority: P2}}]
responders:
  - {{id: near, name: Near, location: {{lon: 106.5702, lat: 29.5601}}}}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    config = folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    with city(config, folder / "var") as started:
        started.add_user("admin", "administrator", "admin-kettle-harbour-42")
        yield started


@pytest.fixture
def admin(running: City) -> Iterator[httpx.Client]:
    with running.caller("admin") as client:
        yield client


def now(admin: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = admin.get("/settings").json()
    return found


def took_s(running: City, condition: Callable[[], object]) -> float:
    began = time.monotonic()
    until(condition, 20, lambda: running.log()[-3000:])
    return time.monotonic() - began


def people(admin: httpx.Client) -> dict[str, bool]:
    return {one["id"]: one["on_shift"] for one in items(admin.get("/responders"))}


def test_a_city_without_a_camera_has_a_worker_the_gauges_process_and_the_notifier_waiting(running: City) -> None:
    for child in ("worker-1", "sensors", "clock", "notifier", "web"):
        assert running.pid_of(child)


def test_a_save_is_seen_by_server_and_clock_within_two_seconds_and_going_back_undoes_it(
    running: City, admin: httpx.Client
) -> None:
    first = now(admin)
    assert (first["mode"], first["version"]) == ("screen", 1)
    gate = {"id": "gate", "location": {"lon": 106.57, "lat": 29.56}, "name": "Gate"}
    document = first["document"]
    document = document | {
        "sites": [*document["sites"], gate],
        "responders": [*document["responders"], {"id": "next", "name": "Next"}],
    }
    saved = admin.put("/settings", json={"base_version": 1, "document": document})
    assert saved.status_code == 200, saved.text
    assert [site["id"] for site in items(admin.get("/sites"))] == ["underpass", "gate"]
    clock_s = took_s(running, lambda: people(admin) == {"near": True, "next": True})
    assert clock_s < WITHIN_S, f"the clock took {clock_s:.2f} s"
    back = admin.post("/settings/versions/1/restore")
    assert back.status_code == 200, back.text
    assert [site["id"] for site in items(admin.get("/sites"))] == ["underpass"]
    assert took_s(running, lambda: people(admin) == {"near": True, "next": False}) < WITHIN_S
    assert now(admin)["document"] == first["document"]


def test_a_gauge_that_is_added_is_read_and_judged_by_the_process_that_runs(running: City, admin: httpx.Client) -> None:
    running.add_user("gateway", "source", "gateway-kettle-harbour-42")
    deep = {"kind": "threshold", "id": "deep", "quantity": "water_depth", "above": 25, "unit": "cm", "priority": "P2"}
    depth = {"kind": "http_push", "id": "depth", "quantity": "water_depth", "unit": "cm"}
    ford = {"id": "ford", "location": {"lon": 106.58, "lat": 29.56}, "monitor": depth, "rules": [deep]}
    added = admin.post("/settings/sites", json={"base_version": now(admin)["version"], "site": ford})
    assert added.status_code == 201, added.text
    sensors = running.pid_of("sensors")
    with running.caller("gateway") as gateway:

        def told() -> bool:
            reading = {"result": 40.0, "phenomenonTime": datetime.now(UTC).isoformat()}
            assert gateway.post("/datastreams/ford/depth/observations", json=reading).status_code == 202
            return bool(items(admin.get("/alerts", params={"site": "ford", "open": "true"})))

        until(told, 20, lambda: running.log()[-3000:])
    assert running.pid_of("sensors") == sensors, "nothing was started again"
    assert admin.post("/settings/versions/1/restore").status_code == 200


def test_a_poisoned_version_never_stops_a_start_and_health_says_so(running: City, admin: httpx.Client) -> None:
    before = now(admin)
    number = before["newest"] + 1
    with closing(sqlite3.connect(running.var / "yiping.db", isolation_level=None)) as database:
        database.execute(
            "INSERT INTO settings_versions (number, at, who, role, note, document, hash, workers, difference) "
            "VALUES (?, '2024-07-12 12:00:00.000000', 'mallory', '', '', '{\"sites\": 7', 'none', '{}', '[]')",
            (number,),
        )
    running.stop()
    running.start()
    found = now(admin)
    assert (found["version"], found["newest"]) == (before["version"], number)
    assert [site["id"] for site in items(admin.get("/sites"))] == ["underpass"]
    assert "passed over" in running.log()
    findings = [one for one in items(admin.get("/health")) if one["part"] == "settings"]
    assert [(one["state"], one["key"]) for one in findings] == [("warn", "settings_unreadable")]
    where = ("--config", str(running.config), "--var", str(running.var))
    assert "settings restore" in running.command("doctor", *where, "--language", "en", status=0)
    assert admin.post("/settings/versions/1/restore").status_code == 200
    assert now(admin)["trouble"] == ""


def test_settings_are_exported_imported_and_gone_back_to_on_the_command_line(
    running: City, admin: httpx.Client, tmp_path: Path
) -> None:
    where = ("--config", str(running.config), "--var", str(running.var))
    exported = tmp_path / "config.yaml"
    exported.write_text(running.command("settings", "export", *where), encoding="utf-8")
    assert "1 sites, 1 responders: all right" in running.command("check", "--config", str(exported))
    exported.write_text(exported.read_text(encoding="utf-8").replace("River district", "Harbour district"))
    before = now(admin)
    told = running.command("settings", "import", str(exported), "--note", "renamed", *where)
    assert "~ name: River district -> Harbour district" in told
    assert "stay in config.yaml: config, workers, inference" in told
    assert took_s(running, lambda: now(admin)["document"]["name"] == "Harbour district") < WITHIN_S
    assert (now(admin)["who"], now(admin)["note"]) == ("console", "renamed")
    exported.write_text(exported.read_text(encoding="utf-8").replace("kind: threshold", "kind: treshold"))
    running.command("settings", "import", str(exported), *where, status=2)
    running.command("settings", "restore", str(before["version"]), *where)
    assert took_s(running, lambda: now(admin)["document"]["name"] == "River district") < WITHIN_S
    listed = running.command("settings", "versions", *where)
    assert listed.startswith("*")
    assert "renamed" in listed
    assert json.loads(json.dumps(now(admin)["document"])) == before["document"]
