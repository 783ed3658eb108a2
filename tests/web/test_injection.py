"""Text from outside stays text: on every page, in both languages, and in every CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from alerts.lifecycle import raise_alert
from data.config.plans import PlansSettings
from data.config.settings import ResponderSettings, Settings
from data.model.alert import AlertKey, Priority, Raised
from data.model.category import Category
from data.model.notice import Notice
from data.model.observation import Rejected
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from data.model.warning import WarningArea
from data.stored.warnings_in import receive_warning
from tests.dispatch.plan_city import cap
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from tests.web.test_pages_browser import log_in
from tests.web.test_site_scope import drawn
from web.access_table import SCREENS
from web.accounts import add_user, set_password

pytestmark = pytest.mark.server

TAGS = (
    '<img src=x onerror="window.hacked=1">"><svg onload="window.hacked=2">\'><script>window.hacked=3</script>'
    '<a href="javascript:window.hacked=4">x</a><img src="http://foreign.invalid/x.png">'
)
HOSTILE = TAGS + "{{7*7}}${7*7}%s{0}{site}\u202eabc"
LONG = "A" * 10_000
FORMULA = '=HYPERLINK("http://foreign.invalid","x")'
PLANS = {
    "plans": [
        {
            "id": "crest", "zh": HOSTILE, "en": HOSTILE, "mode": "flood-crest", "alerts": [{"rules": ["dwell"]}],
            "steps": [{"id": "lock", "zh": HOSTILE, "en": HOSTILE, "places": ["quay"], "checklist": [HOSTILE[:200]]}],
        },
    ],
}  # fmt: skip
SLIPPED_IN = """() => ({
  hacked: window.hacked ?? null,
  elements: [...document.querySelectorAll(
    '[onerror], [onload], a[href^="javascript:"], img[src="x"], img[src*="foreign"]')]
    .map((one) => one.outerHTML.slice(0, 200)),
})"""


def settings() -> Settings:
    given = city()
    sites = tuple(site.model_copy(update={"name": HOSTILE}) for site in given.sites)
    responders = tuple(ResponderSettings(**{**dict(one), "name": HOSTILE, "team": HOSTILE}) for one in given.responders)
    return Settings(
        **{
            **dict(given), "name": HOSTILE, "sites": sites, "responders": responders,
            "plans": PlansSettings.model_validate(PLANS),
        }
    )  # fmt: skip


@dataclass
class Hostile:
    running: Running
    statuses: dict[str, int]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    deps = open_deps(tmp_path_factory.mktemp("var"), settings())
    for name, role in (("li", Role.OPERATOR), ("zhao", Role.DUTY_OFFICER), ("admin", Role.ADMINISTRATOR)):
        add_user(deps.store, name, role, PASSWORD)
    set_password(deps.store, "zhang", PASSWORD)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    now = datetime.now(UTC)
    alerts = []
    for label in (HOSTILE, FORMULA, LONG):
        key = AlertKey("quay", "dwell", "lane", label[:100])
        raised = Raised(key, "dwell", Priority.P2, now, now, label=label)
        stored = deps.store.write(lambda writer, raised=raised: raise_alert(writer, raised, None, now))  # type: ignore[misc]
        assert stored is not None
        alerts.append(stored.id)

    def fill(writer: Any) -> None:
        writer.put_unit(Unit("u-1", UnitKind.GRID, HOSTILE, code="500105007003011", people=("zhang",)))
        writer.put_category(Category(kind="litter", zh=HOSTILE, en=HOSTILE, group=HOSTILE, public=True))
        writer.add_reject(Rejected("quay", "gauge", now, HOSTILE, HOSTILE))
        writer.add_notice(
            Notice(
                delivery_id="x", subject=f"alert:{alerts[0]}", policy="p", step=0, channel="sms", title=HOSTILE,
                text=HOSTILE, recipients=(HOSTILE,), priority=Priority.P1, created_at=now, next_try=now, error=HOSTILE,
            )
        )  # fmt: skip
        receive_warning(
            writer,
            replace(cap(1, areas=(WarningArea(HOSTILE),), event=HOSTILE), headline=HOSTILE, description=LONG),
            now,
        )

    deps.store.write(fill)
    statuses: dict[str, int] = {}
    with running.client("li") as operator, running.client("zhang") as worker, running.client("zhao") as duty:
        task = operator.post(f"/api/v1/alerts/{alerts[0]}/dispatch", json={"responder": "zhang"}).json()["task"]["id"]
        event = {
            "kind": "litter", "location": {"lon": 106.52, "lat": 29.585}, "title": HOSTILE[:150],
            "description": HOSTILE + "A" * 3000, "reporter": {"name": HOSTILE[:200], "phone": HOSTILE[:200]},
        }  # fmt: skip
        statuses["event"] = operator.post("/api/v1/events", json=event).status_code
        for step in ("accept", "en-route", "on-scene"):
            statuses[step] = worker.post(f"/api/v1/tasks/{task}/{step}", json={}).status_code
        report = {"text": HOSTILE, "description": HOSTILE}
        statuses["report"] = worker.post(f"/api/v1/tasks/{task}/report", data=report).status_code
        begun = duty.post("/api/v1/plans/crest/begin", json={"reason": HOSTILE[:500]})
        statuses["plan"] = begun.status_code
        more = operator.post(f"/api/v1/alerts/{alerts[1]}/dispatch", json={"responder": "wang"})
        statuses["dispatch"] = more.status_code
    with running.client() as citizen:
        form = {"service_code": "litter", "lat": "29.58", "long": "106.51", "description": HOSTILE}
        statuses["open311"] = citizen.post("/open311/v2/requests.json", data=form).status_code
    yield Hostile(running, statuses)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_the_hostile_texts_were_taken(hostile: Hostile) -> None:
    assert {name: status for name, status in hostile.statuses.items() if status not in {200, 201}} == {}
    with hostile.running.client("li") as operator:
        for path in ("alerts", "events", "tasks", "warnings", "notices", "units", "categories", "rejects", "modes"):
            assert "onerror=" in operator.get(f"/api/v1/{path}").text, path


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["admin", "zhang"])
def test_no_text_from_outside_becomes_an_element_runs_or_asks_another_host(
    hostile: Hostile, browser: Browser, name: str, language: str
) -> None:
    running = hostile.running
    context = browser.new_context(base_url=running.base, viewport={"width": 1600, "height": 900})
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": "yiping_language", "value": language, "url": running.base}])
    foreign: list[str] = []
    dialogs: list[str] = []
    page = context.new_page()
    page.on("request", lambda sent: foreign.append(sent.url) if "foreign.invalid" in sent.url else None)
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    slipped: dict[str, Any] = {}

    def look(path: str) -> None:
        found = page.evaluate(SLIPPED_IN)
        if found["hacked"] is not None or found["elements"]:
            slipped[path] = found

    page.goto(f"/login?lang={language}&next=%22%3E%3Csvg%20onload%3D%22window.hacked%3D5%22%3E")
    look("/login")
    log_in(page, name)
    page.wait_for_url(lambda url: "/login" not in url)
    pages = ("/r", "/account") if name == "zhang" else (*SCREENS, "/account", "/accounts", "/<svg onload=hacked=1>")
    seen = 0
    for path in pages:
        page.goto(path)
        page.wait_for_timeout(1200)
        if path == "/review":
            page.click("#review-read")
            page.wait_for_timeout(1500)
        if path == "/events":
            _open_first(page)
        look(path)
        seen += "onerror=" in page.inner_text("body")
    context.close()
    assert slipped == {}
    assert foreign == []
    assert dialogs == []
    assert seen >= (1 if name == "zhang" else 5), "the texts are shown as they are"


def _open_first(page: Page) -> None:
    card = page.locator("[data-event]").first
    if card.count():
        card.click()
        page.wait_for_timeout(500)


def test_a_formula_from_outside_is_a_text_in_every_csv_file(hostile: Hostile) -> None:
    with hostile.running.client("admin") as client:
        files = [json.loads(text)["response"]["review-file"]["data"]["content"] for text in drawn(client)
                 if '"response":{"review-file"' in text]  # fmt: skip
        files.append(client.get("/api/v1/alarm-kpi.csv").text)
    assert len(files) == 3
    assert "HYPERLINK" in files[0]
    for content in files:
        for row in csv.reader(io.StringIO(content.removeprefix("\ufeff"))):
            for cell in row:
                assert not cell.startswith(("=", "@", "\t", "\r")), cell


def test_a_line_end_in_a_query_or_a_name_makes_no_header(hostile: Hostile) -> None:
    with hostile.running.client("admin") as client:
        for path in (
            "/login?lang=zh%0d%0aX-Injected:1&next=/%0d%0aX-Injected:1",
            "/duty%0d%0aX-Injected:1",
            "/media/evidence/x%0d%0aX-Injected:1",
            "/media/live/quay%0d%0aX-Injected:1.jpg",
            "/api/v1/alerts?site=%0d%0aX-Injected:1",
            "/r/assets/x%0d%0aX-Injected:1",
        ):
            answer = client.get(path)
            assert "x-injected" not in answer.headers, path
            assert answer.status_code < 500, path
    with hostile.running.client() as stranger:
        answer = stranger.get("/duty?x=%0d%0aX-Injected:1")
        assert "x-injected" not in answer.headers
