"""What those who run it can ask: alive, ready, figures; and what everybody who uses it can: its source."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from data.config.settings import Settings, SiteSettings
from data.local.meters import Meters
from data.model.geo import Location
from data.model.observation import Reading
from data.model.record import Change
from data.ports.store import Writer
from monitors.video.rtsp_camera import Recipe as RtspCamera
from monitors.warnings.cap_warnings import Recipe as CapWarnings
from tests.web.city import Running, open_deps, start, until
from web.setup import setup_view


def test_alive_and_ready_are_told_to_everybody(tmp_path: Path) -> None:
    """By a server of its own: the shared one has no clock, and timers of the tests before may be late."""
    deps = open_deps(tmp_path)
    server, thread, port = start(deps)
    try:
        base = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{base}/healthz", timeout=20).json() == {"status": "ok"}
        ready = httpx.get(f"{base}/readyz", timeout=20)
        assert (ready.status_code, ready.json()["checks"]) == (
            200,
            {"store": True, "outbox": True, "process": True, "timers": True, "disk": True},
        )
    finally:
        server.should_exit = True
        thread.join(15)
        deps.store.close()


def test_figures_of_every_process_are_merged(running: Running) -> None:
    worker = Meters()
    worker.count("yiping_frames_total", 25, site="quay")
    worker.gauge("yiping_frame_age_seconds", 0.2, site="quay")
    worker.observe("yiping_commit_seconds", 0.03)
    run_dir = running.deps.var_dir / "run"
    worker.save(run_dir / "metrics-worker-1.json")
    (run_dir / "metrics-broken.json").write_text("{")
    with running.client() as local:
        local.get("/healthz")
        text = local.get("/metrics").text
    assert 'yiping_frames_total{process="worker-1",site="quay"} 25.0' in text
    assert 'yiping_frame_age_seconds{process="worker-1",site="quay"} 0.2' in text
    assert 'yiping_commit_seconds_bucket{le="0.05",process="worker-1"} 1.0' in text
    assert "# TYPE yiping_commit_seconds histogram" in text
    assert 'yiping_http_requests_total{area="page",process="web",status="2xx"}' in text


def test_figures_are_for_this_machine_and_administrators(running: Running) -> None:
    away = {"X-Forwarded-For": "203.0.113.9"}
    with running.client() as stranger, running.client("admin") as admin, running.client("li") as operator:
        assert stranger.get("/metrics", headers=away).status_code == 403
        assert operator.get("/metrics", headers=away).status_code == 403
        assert admin.get("/metrics", headers=away).status_code == 200


def test_sites_are_listed_with_health_and_latest_readings_and_no_device_address(running: Running) -> None:
    now = datetime.now(UTC)
    state = {"site": "quay", "health": "lost", "reason": "no picture", "at": now.isoformat()}
    readings = [Reading("quay", "gauge", "water_level", 181.24 + n / 100, now - timedelta(minutes=n)) for n in range(9)]

    def work(writer: Writer) -> None:
        writer.add_readings(readings)
        writer.publish(Change("site", "site:quay", now, state))

    running.store.write(work)
    with running.client("li") as client:

        def quay() -> dict[str, object]:
            found: dict[str, object] = client.get("/api/v1/sites/quay").json()
            return found

        until(lambda: quay()["health"] == "lost")
        latest = quay()["readings"]
        assert isinstance(latest, list)
        assert [(r["quantity"], r["value"], r["unit"]) for r in latest] == [("water_level", 181.24, "m")]
        assert "monitor" not in quay()
        whole = client.get("/api/v1/readings?site=quay&quantity=water_level").json()["items"]
        assert [round(r["value"], 2) for r in whole] == [round(181.24 + n / 100, 2) for n in range(8, -1, -1)]
        parts, cursor = [], None
        while True:
            page = client.get(
                "/api/v1/readings", params={"site": "quay", "limit": 4, **({"next": cursor} if cursor else {})}
            )
            parts += page.json()["items"]
            cursor = page.json()["next"]
            if cursor is None:
                break
        assert parts == whole


def test_the_source_of_what_runs_is_offered_to_whoever_uses_it(running: Running) -> None:
    with running.client() as stranger, running.client("zhang") as responder:
        assert stranger.get("/source.tar.gz").status_code == 303
        archive = responder.get("/source.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as found:
        names = found.getnames()
    assert {"yiping/LICENSE", "yiping/web/server.py", "yiping/pyproject.toml"} <= set(names)
    assert not any(("secret" in name and name.endswith((".yaml", ".env"))) or ".db" in name for name in names)


def test_an_unexpected_error_shows_nothing_of_itself(running: Running) -> None:
    with running.client("li") as client:
        picture = running.deps.vault.keep(b"not really a jpeg", "image/jpeg", datetime.now(UTC), "quay")
        running.store.write(lambda writer: writer.add_evidence(picture))
        assert client.get(f"/media/evidence/{picture.id}").status_code == 200
        (running.deps.var_dir / "evidence" / picture.path).unlink()
        gone = client.get(f"/media/evidence/{picture.id}")
        assert gone.status_code == 404
        assert str(running.deps.var_dir) not in json.dumps(gone.json())


def test_the_api_is_fast_enough_for_a_screen_that_asks_often(running: Running) -> None:
    with running.client("li") as client:
        client.get("/api/v1/alerts")
        begun = datetime.now(UTC)
        for _ in range(50):
            answer: httpx.Response = client.get("/api/v1/alerts?open=true&limit=50")
        each_ms = (datetime.now(UTC) - begun).total_seconds() / 50 * 1000
    print(f"\nGET /api/v1/alerts: {each_ms:.1f} ms")
    assert answer.status_code == 200
    assert each_ms < 100


def test_a_refusal_is_logged_with_who_asked_for_what(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "web.access"), running.browser("li") as browser:
        assert browser.get("/api/v1/users").status_code == 403
        until(lambda: any("/api/v1/users" in one.getMessage() for one in caplog.records))
    line = next(one.getMessage() for one in caplog.records if "/api/v1/users" in one.getMessage())
    assert line.startswith("127.0.0.1 li GET /api/v1/users 403 ")


def test_the_set_up_masks_keys_in_addresses_wherever_they_stand() -> None:
    place, hook = Location(lon=106.5, lat=29.6), "T0B0aaaabbbbccccdddd99"
    feed = CapWarnings(id="cap", url=f"https://cap.example/hooks/{hook}/feed?access_key=q-key-2")
    eye = RtspCamera(url="rtsp://10.0.0.7/main?key=q-key-1-of-camera")
    sites = (SiteSettings(id="a", location=place, monitor=eye), SiteSettings(id="b", location=place, monitors=(feed,)))
    shown = json.dumps(setup_view(Settings(sites=sites)))
    assert all(secret not in shown for secret in ("q-key-1-of-camera", hook, "q-key-2"))
    assert "rtsp://10.0.0.7/main?key=***" in shown
    assert "https://cap.example/hooks/***/feed" in shown
