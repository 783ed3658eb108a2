"""S13: methane rises in a septic tank beside a school: trained people cordon and ventilate, the fall verifies it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.city import City, city, first_alert, items, photo, seconds, until

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(300)]

CONFIG = """\
name: 试验街道
timezone: Asia/Shanghai
applications: [./packs/septic_tanks]
dispatch: {deliver_within: null}
sites:
  - {id: tank-3, name: 小学东侧化粪池, location: {lon: 106.5700, lat: 29.5600}, template: septic_tank,
     monitors: [{kind: http_push, id: methane, quantity: methane, unit: "%LEL"}]}
  - {id: tank-4, name: 菜场化粪池, location: {lon: 106.5720, lat: 29.5600}, template: septic_tank,
     monitors: [{kind: http_push, id: methane, quantity: methane, unit: "%LEL"}]}
responders:
  # 近的人未受训 / who is nearest is not trained
  - {id: grid-1, name: 周晓琳, skills: [patrol, order], location: {lon: 106.5700, lat: 29.5600}}
  - {id: gas-1, name: 罗平, skills: [confined_space], location: {lon: 106.5760, lat: 29.5600}}
  - {id: gas-2, name: 卢静, skills: [confined_space], location: {lon: 106.5770, lat: 29.5600}}
  - {id: gas-3, name: 钱坤, skills: [confined_space], location: {lon: 106.5780, lat: 29.5600}}
"""
CORDON, VENTILATE, PUMP = "化粪池警戒封控", "化粪池强制通风", "抽排清掏 · 小学东侧化粪池"
TRAINED = {"gas-1", "gas-2", "gas-3"}


class Probe:
    """A gas probe that tells its value each half second; `told` is the first time of each value."""

    def __init__(self, gateway: httpx.Client) -> None:
        self._gateway = gateway
        self.percent_lel = 1.5
        self.told: dict[float, str] = {}
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            value, at = self.percent_lel, datetime.now(UTC).isoformat()
            sent = self._gateway.post(
                "/datastreams/tank-3/methane/observations", json={"result": value, "phenomenonTime": at}
            )
            if sent.status_code == 202:
                self.told.setdefault(value, at)


@contextmanager
def measuring(gateway: httpx.Client) -> Iterator[Probe]:
    probe = Probe(gateway)
    thread = threading.Thread(target=probe.run, name="probe")
    thread.start()
    try:
        yield probe
    finally:
        probe.stopped.set()
        thread.join(20)


@pytest.fixture
def running(root: Path, tmp_path: Path) -> Iterator[City]:
    """The pack as it comes, but that an alert ends after a second of normal values instead of two minutes."""
    pack = tmp_path / "packs" / "septic_tanks"
    shutil.copytree(root / "data" / "applications" / "septic_tanks", pack)
    text = (pack / "application.yaml").read_text("utf-8")
    assert "keep_firing_for: 2min" in text
    (pack / "application.yaml").write_text(text.replace("keep_firing_for: 2min", "keep_firing_for: 1s"), "utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, "utf-8")
    with city(config, tmp_path / "var") as started:
        for name, role in (("li", "operator"), ("zhao", "duty_officer"), ("gateway", "source")):
            started.add_user(name, role, f"{name}-kettle-harbour-42")
        yield started


def work(rest: httpx.Client) -> dict[str, dict[str, Any]]:
    return {task["title"]: task for task in items(rest.get("/tasks"))}


def offered_to(rest: httpx.Client, title: str, *, open_only: bool = False) -> set[str]:
    """Who was asked; `open_only`: who is being asked now."""
    ends = ("accepted_at", "declined_at", "expired_at", "withdrawn_at") if open_only else ()
    offers = rest.get(f"/tasks/{work(rest)[title]['id']}").json()["offers"]
    return {offer["responder"] for offer in offers if not any(offer[end] for end in ends)}


def do(someone: httpx.Client, task: int) -> None:
    """Accept, go there, report."""
    for step in ("accept", "en-route", "on-scene"):
        answer = someone.post(f"/tasks/{task}/{step}")
        assert answer.status_code == 200, f"{step}: {answer.text}"
    answer = someone.post(
        f"/tasks/{task}/report", data={"text": "已通风复测"}, files={"photo": ("a.jpg", photo(), "image/jpeg")}
    )
    assert answer.status_code == 200, answer.text


def test_S13_methane_beside_a_school_sends_trained_people_at_once_and_its_fall_verifies_their_work(  # noqa: N802
    running: City,
) -> None:
    rest, officer, gateway = running.caller("li"), running.caller("zhao"), running.caller("gateway")
    assert {row["kind"] for row in items(rest.get("/categories"))} == {"septic_gas"}
    with measuring(gateway) as probe:
        until(lambda: items(rest.get("/readings")), 60, running.log)
        assert items(rest.get("/alerts")) == [], "1.5 %LEL is no news"

        # The value rises to a fifth of the explosive limit.
        probe.percent_lel = 21.0
        alert = first_alert(rest, "tank-3", running)
        assert (alert["rule"], alert["priority"], alert["value"], alert["unit"]) == ("methane", "P1", 21.0, "%LEL")
        to_alert_s = seconds(probe.told[21.0], datetime.now(UTC).isoformat())
        assert to_alert_s <= 5.0

        # Cordon and ventilation are offered to trained people only; evacuating asks a human.
        tasks = until(lambda: work(rest) if len(work(rest)) == 3 else {}, 60, running.log)
        assert tasks["疏散下风向人员"]["state"] == "draft"
        assert "以井口为中心 20 米设警戒" in tasks[CORDON]["checklist"][0]
        first = {title: offered_to(rest, title) for title in (CORDON, VENTILATE)}
        assert all(names and names <= TRAINED for names in first.values()), first

        # The plan is proposed; begun by the officer it pumps out only the tank that alerts, again by trained people.
        proposed = until(lambda: list(rest.get("/plans/septic-gas").json()["runs"]), 60, running.log)
        assert (proposed[0]["state"], proposed[0]["level"]) == ("proposed", "red")
        assert officer.post("/plans/septic-gas/begin", json={}).status_code == 200
        until(lambda: PUMP in work(rest), 60, running.log)
        assert not any("菜场" in title for title in work(rest))
        assert offered_to(rest, PUMP) <= TRAINED

        # They work and report; the value falls, and that verifies the first response.
        for title in (CORDON, VENTILATE):
            task = work(rest)[title]
            (who, *_) = until(lambda title=title: sorted(offered_to(rest, title, open_only=True)), 60, running.log)  # type: ignore[misc]
            do(running.caller(who), task["id"])
        assert (
            officer.post(f"/tasks/{tasks['疏散下风向人员']['id']}/cancel", json={"reason": "无人"}).status_code == 200
        )
        probe.percent_lel = 0.8
        event = until(
            lambda: (
                (one := rest.get(f"/events/{alert['event'] or work(rest)[CORDON]['event']}").json())["closed_at"]
                and one
            ),
            90,
            lambda: f"not verified: {rest.get('/tasks').text}\n{running.log()[-3000:]}",
        )
    done = work(rest)
    assert {done[title]["verified_by"] for title in (CORDON, VENTILATE)} == {"system"}
    assert done[PUMP]["state"] != "cancelled", "pumping out goes on until a human ends the plan"
    print(f"\n20 %LEL -> P1 {to_alert_s:.2f} s, closed {seconds(probe.told[21.0], event['closed_at']):.0f} s")
    running.command("audit", "verify", "--var", str(running.var))
