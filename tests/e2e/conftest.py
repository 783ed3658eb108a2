"""One city for all end-to-end tests: a real camera with a login, a real broker, three people who may log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.city import City, city
from tests.e2e.config import write_config
from tests.servers.mosquitto import Mosquitto, mosquitto
from tests.servers.rtsp import rtsp_server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def running(shared: Path, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    clip = shared / "clips" / "vtest_12s.mp4"
    with rtsp_server({"quay": clip}, user="viewer", password="f1ood-Gate", method="digest") as camera:
        config = write_config(folder, rtsp=camera.url("quay"), mqtt=broker.port, cache=ROOT / ".cache")
        with city(config, folder / "var") as started:
            for name, role in (("li", "operator"), ("zhao", "duty_officer"), ("chen", "analyst")):
                where = ("--var", str(started.var), "--password-stdin")
                started.command("users", "add", name, "--role", role, *where, given=f"{name}-kettle-harbour-42\n")
            yield started
