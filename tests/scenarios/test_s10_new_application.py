"""S10: a new application is one new file and some YAML; nothing else of the project changes, and it alerts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.e2e.city import City, city, until

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.server]

LEFT_OUT = shutil.ignore_patterns(".*", "var", "tests", "bench", "__pycache__", "*.pt", "var-*")

SEPTIC_GAS = '''"""A gas probe in a septic tank that tells its parts per million as plain text."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.errors import DeviceLost
from data.model.frame import Frame
from data.model.observation import Reading, Rejected, Sensed
from data.ports.recipe import Context, Monitor, MonitorRecipe


class Recipe(MonitorRecipe):
    """Asks the probe every half second."""

    title: ClassVar[str] = "化粪池气体 / septic-tank gas"

    kind: Annotated[Literal["septic_gas"], Field(description="This adapter.")] = "septic_gas"
    url: Annotated[str, Field(description="Address of the probe.")]

    def make(self, context: Context) -> Monitor:
        return Probe(self, context.site.id)


class Probe:
    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe, self._site, self._closed = recipe, site, False

    def observe(self) -> Iterator[Frame | Reading | Rejected | None]:
        while not self._closed:
            try:
                with urllib.request.urlopen(self._recipe.url, timeout=2) as answer:
                    value = float(answer.read())
            except OSError as error:
                raise DeviceLost("the probe does not answer") from error
            yield Reading(self._site, self._recipe.name, "gas_concentration", value, datetime.now(UTC))
            time.sleep(0.5)

    def committed(self, reading: Sensed) -> None:
        pass

    def close(self) -> None:
        self._closed = True
'''

CONFIG = """\
name: 试验街道
timezone: Asia/Shanghai
sites:
  - id: tank-7
    name: 七号化粪池
    location: {{lon: 106.5700, lat: 29.5600}}
    monitor: {{kind: septic_gas, url: "{url}"}}
    rules: [{{kind: threshold, id: gas, quantity: gas_concentration, above: 1000, unit: ppm, samples: 2,
             priority: P2}}]
"""


class Tank(ThreadingHTTPServer):
    """The probe's other end."""

    daemon_threads = True
    ppm = 12.0


class _Answer(BaseHTTPRequestHandler):
    server: Tank

    def do_GET(self) -> None:
        content = str(self.server.ppm).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def tank() -> Iterator[Tank]:
    server = Tank(("127.0.0.1", 0), _Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def sums(project: Path) -> dict[str, str]:
    files = (file for file in project.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@contextmanager
def new_application(root: Path, folder: Path, url: str) -> Iterator[City]:
    """A copy of the project with one more file, running on a configuration that names it."""
    project = folder / "project"
    shutil.copytree(root, project, ignore=LEFT_OUT)
    before = sums(project)
    (project / "monitors" / "septic_gas.py").write_text(SEPTIC_GAS, encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(url=url), encoding="utf-8")
    with city(config, folder / "var", root=project) as running:
        assert running.command("check", "--config", str(config)).strip().endswith("all right")
        yield running
    after = sums(project)
    assert {name for name in after if after[name] != before.get(name)} == {"monitors/septic_gas.py"}


def test_S10_a_new_kind_of_sensor_is_one_file_and_yaml(root: Path, tmp_path: Path) -> None:  # noqa: N802
    with tank() as probe, new_application(root, tmp_path, f"http://127.0.0.1:{probe.server_port}/ppm") as running:
        running.add_user("li", "operator", "Flood-crest-2024")
        operator = running.caller("li")

        def readings() -> list[Any]:
            since = "2024-01-01T00:00:00Z"
            return list(operator.get("/readings", params={"site": "tank-7", "since": since}).json()["items"])

        until(readings, 60, running.log)
        assert readings()[0]["quantity"] == "gas_concentration"
        assert operator.get("/alerts").json()["items"] == []
        probe.ppm = 2400.0
        (alert,) = until(lambda: operator.get("/alerts").json()["items"], 60, running.log)
        assert (alert["site"], alert["rule"], alert["priority"], alert["unit"]) == ("tank-7", "gas", "P2", "ppm")
        assert alert["value"] == 2400.0
