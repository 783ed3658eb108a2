"""How long from a frame to its committed alert, and from there to the browser. `make bench-latency`.

A real RTSP server, `python app.py run`, YOLO26n, SQLite, uvicorn and a headless Chromium; nothing is simulated but
the walkers, who come from a clip. Frame to commit counts from the frame on which the rule decided, so the rule's own
delay is not in it. Commit to screen counts until the frame after the card was put into the page.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from alerts.lifecycle import raise_alert
from data.model.alert import AlertKey, Priority, Raised
from data.sql.store import open_store
from tests.conftest import ROOT, shared_folder
from tests.e2e.city import City, city, items, until
from tests.servers.rtsp import rtsp_server

CAMERAS = 2
MEASURE_S = 45
RAISED = 150
PER_SECOND = 10
MUST = {"frame_to_commit_ms_p95": 500.0, "commit_to_screen_ms_p95": 300.0}
OBSERVE = """() => {
  window.seen = {};
  const note = () => document.querySelectorAll("#alert-list [data-alert]").forEach((card) => {
    const id = card.dataset.alert;
    if (!(id in window.seen)) {
      window.seen[id] = null;
      requestAnimationFrame(() => { window.seen[id] = Date.now(); });
    }
  });
  new MutationObserver(note).observe(document.querySelector("#alert-list"), { childList: true, subtree: true });
}"""

SITE = """\
  - id: quay-{n}
    name: 步道 {n}
    location: {{lon: 106.57, lat: 29.56}}
    monitor: {{kind: rtsp_camera, url: "{url}"}}
    detectors: [{{kind: yolo, labels: [person]}}]
    rules: [{{kind: intrusion, labels: [person], priority: P2}}]
"""


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; nan when there is nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def milliseconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000


def frame_to_commit(running: City) -> list[float]:
    """For every alert of the cameras: deciding frame taken (arrived) → committed, in ms. The first 5 s do not count."""
    began = datetime.now(UTC).timestamp() + 5
    time.sleep(MEASURE_S)
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    caller = running.caller("bench")
    while True:
        answer = caller.get("/alerts", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
        found += items(answer)
        cursor = answer.json()["next"]
        if cursor is None:
            break
    counted = [a for a in found if datetime.fromisoformat(a["raised_at"]).timestamp() >= began]
    return [milliseconds(a["raised_at"], a["committed_at"]) for a in counted]


def commit_to_screen(running: City, page: Page) -> list[float]:
    """Alerts put into the store by another process at a steady rate → seen in the page, in ms."""
    page.evaluate(OBSERVE)
    committed: dict[str, float] = {}
    with closing(open_store(running.var / "yiping.db", migrate=False)) as store:
        for number in range(RAISED):
            key = AlertKey("quay-1", "intrusion", "", f"bench-{number}")
            at = datetime.now(UTC)
            raised = Raised(key, "intrusion", Priority.P1, at, at, label="person")
            alert = store.write(lambda writer, r=raised, t=at: raise_alert(writer, r, None, t))  # type: ignore[misc]
            assert alert is not None
            assert alert.committed_at is not None
            committed[str(alert.id)] = time.time() * 1000
            time.sleep(1 / PER_SECOND)
    until(
        lambda: all(page.evaluate("id => window.seen[id]", one) for one in committed),
        20,
        lambda: "alerts are missing on the screen",
    )
    seen: dict[str, float] = page.evaluate("() => window.seen")
    return [seen[one] - at for one, at in committed.items()]


def on_the_wall(running: City) -> list[float]:
    """Log in at the wall in a real browser and measure."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        page.goto(running.url)
        page.fill("#name", "bench")
        page.fill("#password", "bench-kettle-harbour-42")
        page.click("button[type=submit]")
        page.wait_for_selector('#link-state[data-state="live"]', timeout=30_000)
        page.wait_for_timeout(3000)
        found = commit_to_screen(running, page)
        browser.close()
        return found


def main() -> int:
    """Exit status 1 when a figure misses what it must reach, 0 when all hold or nothing could be measured."""
    shared = shared_folder()
    if shared is None:
        print("no reference material (YIPING_SHARED): nothing measured")
        return 0
    clip = shared / "clips" / "vtest_12s.mp4"
    with (
        tempfile.TemporaryDirectory() as folder,
        rtsp_server({f"quay-{n}": clip for n in range(1, CAMERAS + 1)}) as server,
    ):
        config = Path(folder) / "config.yaml"
        sites = "".join(SITE.format(n=n, url=server.url(f"quay-{n}")) for n in range(1, CAMERAS + 1))
        config.write_text(f"inference: {{cache_dir: {ROOT / '.cache'}}}\nsites:\n{sites}", encoding="utf-8")
        with city(config, Path(folder) / "var") as running:
            running.add_user("bench", "duty_officer", "bench-kettle-harbour-42")
            camera = frame_to_commit(running)
            screen = on_the_wall(running)
    figures: dict[str, Any] = {"processor": _processor(), "cores": os.cpu_count()}
    for name, values in (("frame_to_commit_ms", camera), ("commit_to_screen_ms", screen)):
        figures[f"{name}_n"] = len(values)
        figures[f"{name}_p50"] = round(statistics.median(values), 1) if values else None
        figures[f"{name}_p95"] = round(percentile(values, 0.95), 1) if values else None
    print("\n| figure | measured | must |\n|---|---|---|")
    for name, must in MUST.items():
        print(f"| {name} | {figures[name]} | <= {must:.0f} |")
    print(json.dumps(figures, ensure_ascii=False))
    return int(any(figures[name] is None or figures[name] > must for name, must in MUST.items()))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


if __name__ == "__main__":
    sys.exit(main())
