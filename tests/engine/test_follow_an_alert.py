"""One alert is followed by its id through the logs of all processes, from the frame to the responder's telephone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.config.log import LogFormat, LogSettings
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import ResponderSettings
from data.local.meter_names import METERS
from data.model.alert import Priority
from data.model.people import Role
from engine.process.child import Target
from engine.process.supervisor import Child
from notices.loudspeaker import Recipe as Loudspeaker
from tests.engine.city import CHONGQING, Cities, City
from tests.notices.street import seconds
from tests.servers.http_peer import http_peer
from tests.web.city import free_port, until
from tests.web.exposition import families_of, labels_of, names_of
from web.accounts import add_user, issue_token
from web.serve_options import ServeOptions

OF_AN_ALERT = {"yiping_alerts_raised", "yiping_alert_commit_seconds", "yiping_frame_age_seconds"}
PASSWORD = "lantern-harbour-kettle-42"


def lines_of(one: City) -> list[dict[str, Any]]:
    """The log so far; every line of it must be a JSON object. The last one may be under way."""
    assert one.running is not None
    return [json.loads(line) for line in one.running.log.splitlines(keepends=True) if line.endswith("\n")]


def server_of(one: City, port: int) -> Child:
    options = ServeOptions(
        settings=one.options.settings, store=str(one.options.store), var_dir=one.options.var_dir, port=port
    )
    return Child("web", Target("web.server", "serve"), (options,), watched=False, forked=True)


@pytest.mark.slow
def test_one_alert_is_followed_from_the_frame_to_the_responder(city: Cities, root: Path) -> None:
    port = free_port()
    with http_peer() as speaker:
        step = StepSettings(after=seconds(0), channels=("quay",), text="请立即上岸")
        notices = NoticeSettings(
            channels=(Loudspeaker(id="quay", url=speaker.url("/play")),),
            policies=(PolicySettings(id="all", priorities=tuple(Priority), steps=(step,)),),
        )
        zhang = ResponderSettings(id="zhang", name="Zhang", location=CHONGQING)
        one = city("gate-1", notices=notices, responders=(zhang,), log=LogSettings(format=LogFormat.JSON), name="Lamps")
        add_user(one.store, "li", Role.DUTY_OFFICER, PASSWORD)
        tokens = {name: issue_token(one.store, name) for name in ("li", "zhang")}
        one.web = server_of(one, port)
        one.start()

        def post(name: str, path: str, request_id: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            headers = {"Authorization": f"Bearer {tokens[name]}", "X-Request-ID": request_id}
            answer = httpx.post(f"http://127.0.0.1:{port}/api/v1{path}", json=body or {}, headers=headers, timeout=20)
            assert answer.is_success, answer.text
            assert answer.headers["X-Request-ID"] == request_id
            made: dict[str, Any] = answer.json()
            return made

        one.wait_for(lambda: one.health("gate-1") == "live")
        one.set("gate-1", "bright")
        one.wait_for(lambda: one.alerts("gate-1"))
        alert = one.alerts("gate-1")[0].id
        one.wait_for(lambda: speaker.received)
        one.wait_for(lambda: (one.options.run_dir / "web.pid").exists() and is_up(port))
        post("li", f"/alerts/{alert}/acknowledge", "from-the-duty-desk")
        made = post("li", f"/alerts/{alert}/dispatch", "sent-by-the-desk", {"responder": "zhang"})
        task = made["task"]["id"]
        post("zhang", f"/tasks/{task}/accept", "from-zhangs-telephone")
        until(lambda: [line for line in lines_of(one) if line["event"] == f"task:{task}: accept by zhang"], 10)

        def counted() -> dict[str, Any]:
            return families_of(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text)

        until(lambda: set(counted()) >= OF_AN_ALERT, 20)  # a worker tells its figures once a second
        families = counted()

    told = [line for line in lines_of(one) if line.get("alert_id") == alert]
    by_event = {line["event"]: line for line in told}
    assert {line["process"] for line in told} >= {"worker-1", "notifier", "web"}

    raised = by_event[f"alert:{alert}: raise by system"]
    assert raised["process"] == "worker-1"
    assert (raised["site"], raised["unit"]) == ("gate-1", "gate-1.camera/1")
    assert raised["observed_at"] <= raised["time"]

    delivered = next(line for line in told if line["event"].endswith(" delivered"))
    assert delivered["process"] == "notifier"
    assert delivered["notice"] == speaker.received[0].json["id"]

    acknowledged = by_event[f"alert:{alert}: acknowledge by li"]
    assert (acknowledged["process"], acknowledged["request_id"]) == ("web", "from-the-duty-desk")
    offered = by_event[f"task:{task}: offer by li"]
    assert (offered["task_id"], offered["request_id"]) == (task, "sent-by-the-desk")
    accepted = by_event[f"task:{task}: accept by zhang"]
    assert (accepted["request_id"], accepted["event_id"]) == ("from-zhangs-telephone", made["task"]["event"])
    assert [line["logger"] for line in told if line.get("request_id") == "from-the-duty-desk"].count("web.access") == 1

    check_dashboard(root, families)


def check_dashboard(root: Path, families: dict[str, Any]) -> None:
    """What the running city counts is named, and has the labels by which the dashboard asks for it."""
    assert set(families) <= {name.removesuffix("_total") for name in METERS}
    dashboard = json.loads((root / "docs/grafana/yiping.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            for name in names_of(target["expr"]):
                family = families.get(name.removesuffix("_total"))
                if family is not None and family.samples:
                    missing = labels_of(target["expr"]) - set(family.samples[0].labels)
                    assert not missing, (panel["title"], name, missing)


def is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
