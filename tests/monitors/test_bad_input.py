"""The table of bad input: each with its clear error, without a secret, while a good monitor beside it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from data.errors import DeviceLost, InputRejected, YipingError
from data.model.observation import Rejected
from data.ports.recipe import Context, MonitorRecipe
from engine.catalogue import load_catalogue
from tests.monitors.test_mqtt_gauge import publish
from tests.servers.http_pictures import http_pictures
from tests.servers.mosquitto import mosquitto
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.shared, pytest.mark.server]


class Case(NamedTuple):
    """`recipe` is completed with the address of the server it names; `error` is raised, or Rejected is given."""

    name: str
    recipe: dict[str, object]
    error: type[YipingError] | type[Rejected]
    said: str


GAUGE: dict[str, object] = {
    "kind": "mqtt_gauge",
    "host": "127.0.0.1",
    "topic": "gauges/3",
    "quantity": "water_depth",
    "value": "depth",
}
TABLE = [
    Case("dead URL", {"kind": "rtsp_camera", "url": "rtsp://127.0.0.1:9/gate-3"}, DeviceLost, "Connection refused"),
    Case("401", {"kind": "rtsp_camera", "credentials": "camera"}, DeviceLost, "401 Unauthorized"),
    Case("HTTP 401", {"kind": "http_snapshot", "credentials": "camera"}, DeviceLost, "answers 401"),
    Case("unknown login", {"kind": "http_snapshot", "credentials": "cam"}, InputRejected, "no credentials 'cam'"),
    Case("corrupt video", {"kind": "video_file", "path": "half.mp4"}, InputRejected, "half.mp4 is no video"),
    Case("text file as video", {"kind": "video_file", "path": "notes.mp4"}, InputRejected, "notes.mp4 is no video"),
    Case("folder as video", {"kind": "video_file", "path": "."}, DeviceLost, "there is no file"),
    Case("video as series", {"kind": "csv_gauge", "path": "half.mp4"}, InputRejected, "has no column 'time'"),
    Case("MQTT garbage", GAUGE | {"send": "\x00{garbage"}, Rejected, "the message is not JSON"),
    Case(
        "wrong unit",
        GAUGE | {"send": {"depth": 3, "at": 1785000000, "u": "mm/h"}, "time": "at", "unit_field": "u"},
        Rejected,
        "'mm/h' cannot",
    ),
    Case("future", GAUGE | {"send": {"depth": 3, "at": "FUTURE"}, "time": "at"}, Rejected, "from the future"),
    Case("dead broker", GAUGE | {"port": 9}, DeviceLost, "cannot connect"),
]


@pytest.fixture
def servers(shared: Path, context: Context) -> Iterator[dict[str, object]]:
    """Addresses of cameras that want another login, and a broker."""
    clip = shared / "clips" / "vtest_12s.mp4"
    (context.base_dir / "half.mp4").write_bytes(clip.read_bytes()[:900_000])
    (context.base_dir / "notes.mp4").write_text("dear diary, it rained\n" * 100)
    with ExitStack() as stack:
        rtsp = stack.enter_context(rtsp_server({"gate-3": clip}, user="admin", password="another"))
        pictures = stack.enter_context(http_pictures(user="admin", password="another"))
        broker = stack.enter_context(mosquitto(context.base_dir))
        yield {"rtsp_camera": rtsp.url("gate-3"), "http_snapshot": pictures.url(), "mqtt_gauge": broker}


def outcome(recipe: MonitorRecipe, context: Context) -> YipingError | Rejected:
    """The first thing that goes wrong."""
    try:
        monitor = recipe.make(context)
        for seen in monitor.observe():
            if isinstance(seen, Rejected):
                monitor.close()
                return seen
    except YipingError as error:
        return error
    raise AssertionError("nothing went wrong")


def completed(case: Case, servers: dict[str, object]) -> MonitorRecipe:
    settings = {name: value for name, value in case.recipe.items() if name != "send"}
    kind = str(settings["kind"])
    if kind in {"rtsp_camera", "http_snapshot"}:
        settings.setdefault("url", servers[kind])
    if kind == "mqtt_gauge":
        settings.setdefault("port", servers[kind].port)  # type: ignore[attr-defined]
    if kind == "csv_gauge":
        settings |= {"time": "time", "value": "level", "quantity": "water_level"}
    return load_catalogue().monitor(kind).model_validate(settings)


def test_each_bad_input_has_its_clear_error_and_the_rest_goes_on(
    servers: dict[str, object], shared: Path, context: Context
) -> None:
    good = load_catalogue().monitor("video_file")
    beside = good.model_validate({"path": shared / "clips" / "vtest_12s.mp4", "paced": False}).make(context).observe()
    for case in TABLE:
        recipe = completed(case, servers)
        if "send" in case.recipe:
            recipe = recipe.model_copy(update={"topic": f"gauges/{TABLE.index(case)}", "id": f"g{TABLE.index(case)}"})
            sent = case.recipe["send"]
            text = sent if isinstance(sent, str) else json.dumps(sent)
            text = text.replace("FUTURE", (datetime.now(UTC) + timedelta(minutes=5)).isoformat())
            publish(servers["mqtt_gauge"], text, retain=True, topic=f"gauges/{TABLE.index(case)}")  # type: ignore[arg-type]
        wrong = outcome(recipe, context)
        assert isinstance(wrong, case.error), case.name
        told = wrong.reason if isinstance(wrong, Rejected) else str(wrong)
        assert case.said in told, case.name
        assert "p@ss" not in told
        assert wrong.site == "gate-3" if isinstance(wrong, Rejected) else told.startswith("gate-3: "), case.name
        assert next(beside) is not None
