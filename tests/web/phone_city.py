"""A server with streets, responders who have passwords, and one who may log in but is on no list."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from data.config.settings import ResponderSettings, Settings
from data.config.web import WebSettings
from data.model.category import Category
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role
from data.ports.store import TaskQuery, Writer
from dispatch.routing import load_roads
from dispatch.tasks import cancel
from tests.web.city import PASSWORD, Running, city, open_deps, start
from web.accounts import add_user, set_password
from web.deps import ServerDeps
from web.front_door import front_door
from web.tls import MadeFiles

GATE = Location(lon=106.51, lat=29.58)
STEP_LON, STEP_LAT = 0.0010, 0.0009  # about 100 m


def log_in(page: Page, name: str, home: str = "/r") -> None:
    """On this person's phone; the server is the page's base, or named in `home`."""
    page.goto(home)
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/r")


def streets(file: Path) -> Path:
    """A grid of streets 100 m apart around the gate, with one missing block and one slanting street."""
    lines: list[list[list[float]]] = []
    for i in range(-4, 5):
        lon, lat = GATE.lon + i * STEP_LON, GATE.lat + i * STEP_LAT
        lines.append([[lon, GATE.lat + j * STEP_LAT] for j in range(-4, 5)])
        if i != 1:
            lines.append([[GATE.lon + j * STEP_LON, lat] for j in range(-4, 5)])
    features: list[dict[str, Any]] = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": line}} for line in lines
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return file


def settings() -> Settings:
    """Zhang stands three streets away, Wang five; Chen is off shift."""
    people = [
        ("zhang", "张伟", 2, 1, True),
        ("wang", "王芳", -3, 2, True),
        ("chen", "陈晨", 0, 1, False),
    ]
    return city().model_copy(
        update={
            "responders": tuple(
                ResponderSettings(
                    id=name,
                    name=shown,
                    travel="e-bike",
                    on_shift=on_shift,
                    location=Location(lon=GATE.lon + east * STEP_LON, lat=GATE.lat + north * STEP_LAT),
                )
                for name, shown, east, north, on_shift in people
            )
        }
    )


def _organise(writer: Writer) -> None:
    writer.put_unit(Unit("drainage", UnitKind.DEPARTMENT, "排水队", people=("zhang",)))
    for kind, zh, en in (("litter", "暴露垃圾", "Litter"), ("manhole", "井盖缺失", "Manhole cover missing")):
        writer.put_category(Category(kind=kind, zh=zh, en=en))


def call_off(running: Running) -> None:
    """Cancel every open task."""

    def work(writer: Writer) -> None:
        for task in writer.tasks(TaskQuery(open_only=True, limit=1000)):
            cancel(writer, task.id, Actor("zhao", Role.DUTY_OFFICER), running.deps.now())

    running.store.write(work)


def start_phone_city(
    folder: Path, tls: MadeFiles | None = None, *, kinds: bool = True, **given: Any
) -> tuple[Running, Any]:
    """The running server (https with `tls`) and what stops it."""
    roads = load_roads(streets(folder / "roads.geojson"))
    deps: ServerDeps = replace(open_deps(folder, settings(), **given), roads=roads)
    if tls is not None:
        deps = replace(deps, door=front_door(WebSettings(), "127.0.0.1", tls.certificate))
    if kinds:
        deps.store.write(_organise)
    for name in ("zhang", "wang", "chen"):
        set_password(deps.store, name, PASSWORD)
    add_user(deps.store, "li", Role.OPERATOR, PASSWORD)
    add_user(deps.store, "guest", Role.RESPONDER, PASSWORD)
    encrypted: dict[str, Any] = {} if tls is None else {"tls_cert": tls.certificate, "tls_key": tls.key}
    server, thread, port = start(deps, **encrypted)

    def stop() -> None:
        server.should_exit = True
        thread.join(15)
        deps.store.close()

    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, given.get("now", deps.now), server)
    if tls is not None:
        running.base = f"https://localhost:{port}"
        running.trusted = ssl.create_default_context(cafile=str(tls.authority))
    return running, stop
