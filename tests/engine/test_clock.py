"""Timers are ended and requests answered by one process, which may be killed at any moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.lifecycle import raise_alert
from alerts.threshold import Recipe as Threshold
from data.config.dispatch import DispatchSettings
from data.config.settings import ResponderSettings, SiteSettings
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.observation import Reading
from data.model.people import Actor, Role
from data.ports.requests import Request, RequestKind
from dispatch.routing import load_roads
from dispatch.tasks import dispatch
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, Cities, City

OFFICER = Actor("li", Role.DUTY_OFFICER)


def ask(city: City, kind: RequestKind, payload: Mapping[str, Any]) -> Request:
    """The answered request."""
    now = datetime.now(UTC)
    asked = city.store.write(lambda writer: writer.add_request(Request(kind, payload, "li", now)))

    def answered() -> bool:
        return city.store.read(lambda reader: reader.request(asked.id)).answered_at is not None

    city.wait_for(answered)
    return city.store.read(lambda reader: reader.request(asked.id))


def test_an_offer_nobody_answers_goes_to_the_next_also_when_the_clock_was_killed(city: Cities) -> None:
    people = tuple(
        ResponderSettings(id=name, name=name, location=Location(lon=106.5 + distance, lat=29.6))
        for name, distance in (("near", 0.001), ("far", 0.01))
    )
    within = DispatchSettings(accept_within=dict.fromkeys(Priority, timedelta(seconds=2)))
    site = SiteSettings(id="gate-3", location=CHONGQING)
    one = city(sites=(site,), responders=people, dispatch=within)
    running = one.start()
    one.wait_for((one.options.run_dir / "clock.lock").exists)
    now = datetime.now(UTC)
    signal_ = Raised(AlertKey("gate-3", "dwell", "", "1"), "dwell", Priority.P2, now, now)
    alert = one.store.write(lambda writer: raise_alert(writer, signal_, None, now))
    assert alert is not None
    settings, roads = one.options.settings, load_roads(None)
    task = one.store.write(lambda w: dispatch(w, alert.id, OFFICER, now, roads=roads, settings=settings))
    assert task.offered_to == "near"
    running.signal("clock")
    one.wait_for(lambda: one.store.read(lambda reader: reader.task(task.id)).offered_to == "far")
    offers = one.store.read(lambda reader: reader.offers(task.id))
    assert [(offer.responder, offer.expired_at is not None) for offer in offers] == [("near", True), ("far", False)]


def test_a_probe_says_what_a_camera_gives_or_why_it_cannot_be_read(city: Cities, shared: Path) -> None:
    one = city()
    one.start()
    clip = str(shared / "clips" / "vtest_12s.mp4")
    good = ask(one, RequestKind.PROBE, {"monitor": {"kind": "video_file", "path": clip}})
    assert good.error == ""
    assert good.answer is not None
    assert (good.answer["ok"], good.answer["width"], good.answer["height"]) == (True, 768, 576)
    text = str(shared / "clips" / "README.md")
    for monitor, said in (
        ({"kind": "video_file", "path": text}, "is no video that can be read"),
        ({"kind": "video_file", "path": "/nowhere.mp4"}, "there is no file /nowhere.mp4"),
        ({"kind": "video_fyle"}, "no monitor 'video_fyle', did you mean 'video_file'?"),
        ({"kind": "rtsp_camera"}, "url: Field required"),
        ({"kind": "rtsp_camera", "url": "rtsp://127.0.0.1:9/x", "timeout": "1s"}, "cannot open it"),
        ("gate-3", 'a probe needs {"monitor"'),
    ):
        bad = ask(one, RequestKind.PROBE, {"monitor": monitor})
        assert said in bad.error
        assert bad.answer is None


def test_a_snapshot_is_kept_as_evidence(city: Cities, shared: Path) -> None:
    clip = VideoFile(path=shared / "clips" / "vtest_12s.mp4", loop=True)
    one = city(sites=(SiteSettings(id="gate-3", location=CHONGQING, monitor=clip),))
    one.start()
    request = ask(one, RequestKind.SNAPSHOT, {"site": "gate-3"})
    assert request.error == ""
    evidence_id = str((request.answer or {})["evidence"])
    evidence = one.store.read(lambda reader: reader.evidence(evidence_id))
    assert FolderVault(one.options.evidence_dir).open(evidence)[:2] == b"\xff\xd8"
    assert ask(one, RequestKind.SNAPSHOT, {"site": "gate-4"}).error == "there is no site 'gate-4'"


def test_a_rule_is_tried_on_the_readings_of_the_last_hours(city: Cities) -> None:
    one = city(sites=(SiteSettings(id="point-3", location=CHONGQING),))
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    depths = [5, 5, 30, 30, 30, 5, 5, 40, 40]
    readings = [
        Reading("point-3", "gauge", "water_depth", float(depth), began + timedelta(minutes=minute))
        for minute, depth in enumerate(depths)
    ]
    one.store.write(lambda writer: writer.add_readings(readings))
    one.start()
    rule = Threshold(quantity="water_depth", above=25).model_dump(mode="json")
    tried = ask(one, RequestKind.TRY_RULE, {"site": "point-3", "rule": rule, "hours": 3})
    assert tried.error == ""
    answer = tried.answer or {}
    assert answer["readings"] == 9
    assert [(episode["value"], episode["ended_at"] is None) for episode in answer["alerts"]] == [
        (30.0, False),
        (40.0, True),
    ]
    higher = {**rule, "above": 35}
    again = ask(one, RequestKind.TRY_RULE, {"site": "point-3", "rule": higher, "hours": 3})
    assert [episode["value"] for episode in (again.answer or {})["alerts"]] == [40.0]
    for payload, said in (
        ({"site": "point-3", "rule": rule, "hours": 1}, "point-3 has no stored readings in the last 1 h"),
        ({"site": "point-3", "rule": {"kind": "intrusion"}}, "only rules on readings can be tried"),
        (
            {"site": "point-3", "rule": {"kind": "threshold", "quantity": "wetness", "above": 1}},
            "no quantity 'wetness'",
        ),
    ):
        assert said in ask(one, RequestKind.TRY_RULE, payload).error


@pytest.mark.slow
def test_a_request_is_answered_though_the_clock_was_away_when_it_was_asked(city: Cities) -> None:
    one = city()
    running = one.start()
    one.wait_for((one.options.run_dir / "clock.lock").exists)
    running.signal("clock", signal.SIGSTOP)
    now = datetime.now(UTC)
    request = Request(RequestKind.SNAPSHOT, {"site": "x"}, "li", now)
    asked = one.store.write(lambda writer: writer.add_request(request))
    time.sleep(1.0)
    running.signal("clock")
    one.wait_for(lambda: one.store.read(lambda reader: reader.request(asked.id)).error == "there is no site 'x'")
