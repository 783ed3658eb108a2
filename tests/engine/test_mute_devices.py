"""A device that accepts connections and never answers is lost once and stays lost, whatever it is asked by."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data.model.geo import Location
from data.model.place import Place
from data.model.secrets import Secrets
from data.ports.recipe import Context, MonitorRecipe
from engine.camera.device import Device
from monitors.gauges.http_poll import Recipe as HttpPoll
from monitors.gauges.modbus_gauge import Recipe as Modbus
from monitors.gauges.mqtt_gauge import Recipe as Mqtt
from monitors.warnings.cap_warnings import Recipe as Cap
from tests.servers.modbus_raw import frame, modbus_peer, registers

pytestmark = pytest.mark.server

QUICK = {"every": "100ms", "timeout": "1s"}
LEVEL = {"quantity": "water_level", "vertical_datum": "wusong"}
MUTE_FOR_S = 6.0

SOURCES: dict[str, Callable[[int], MonitorRecipe]] = {
    "modbus": lambda port: Modbus(host="127.0.0.1", port=port, address=0, **LEVEL, **QUICK),
    "http": lambda port: HttpPoll(url=f"http://127.0.0.1:{port}/", unit="m", **LEVEL, **QUICK),
    "cap": lambda port: Cap(url=f"http://127.0.0.1:{port}/", **QUICK),
    "mqtt": lambda port: Mqtt(host="127.0.0.1", port=port, topic="stage", unit="m", timeout="2s", **LEVEL),
}


def device_of(recipe: MonitorRecipe, folder: Path) -> Device:
    place = Place(id="pump-1", location=Location(lon=106.5, lat=29.6))
    context = Context(place, secrets=Secrets(), base_dir=folder, var_dir=folder / "var")
    return Device(recipe, context, lambda _device, _item: None, idle_is_alive=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(SOURCES))
def test_a_device_that_never_answers_is_lost_once_and_never_back(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with modbus_peer(None) as port, caplog.at_level(logging.INFO, logger="engine.camera.device"):
        device = device_of(SOURCES[kind](port), tmp_path)
        device.start()
        ends_s, well = time.monotonic() + MUTE_FOR_S, 0
        while time.monotonic() < ends_s:
            well += device.trouble == ""
            time.sleep(0.02)
        device.stop()
    assert well == 0
    assert device.losses == 1
    assert device.trouble
    assert [record.message for record in caplog.records if "is back" in record.message] == []


def test_a_device_that_answers_again_is_back_once(tmp_path: Path) -> None:
    answers = False

    def answer(transaction: int, unit: int) -> bytes:
        return frame(transaction, unit, registers(3, 181)) if answers else b""

    with modbus_peer(answer) as port:
        device = device_of(SOURCES["modbus"](port), tmp_path)
        device.start()
        wait_for(lambda: bool(device.trouble))
        answers = True
        wait_for(lambda: device.trouble == "")
        device.stop()
    assert device.losses == 1


def wait_for(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.02)
