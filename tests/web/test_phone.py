"""The phone page without a browser: who sees what, how much is transferred, what is sent only when it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from data.model.task import TaskState
from data.ports.store import Writer
from tests.web.city import Clock, Running
from tests.web.phone_city import call_off, start_phone_city

BUDGET_BYTES = 60 * 1024
BUDGET_REQUESTS = 8


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running, stop = start_phone_city(tmp_path_factory.mktemp("phone"), now=Clock())
    yield running
    stop()


@pytest.fixture
def city(started: Running) -> Iterator[Running]:
    """Everybody is free again after each test."""
    yield started
    started.clock.ahead = timedelta(0)
    call_off(started)


def dispatch(city: Running, alert: int | None = None) -> int:
    with city.client("li") as li:
        answer = li.post(f"/api/v1/alerts/{city.alert() if alert is None else alert}/dispatch", json={})
    assert answer.status_code == 200, answer.text
    task: int = answer.json()["task"]["id"]
    return task


def test_a_stranger_is_sent_to_the_login_and_back_to_the_phone_page(city: Running) -> None:
    with city.client() as stranger:
        answer = stranger.get("/r")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/r")
    with city.browser("zhang") as zhang:
        assert zhang.get("/r").status_code == 200
        assert zhang.get("/", follow_redirects=False).headers["location"] == "/r"


def test_an_offer_is_shown_to_its_responder_only_with_way_and_end(city: Running) -> None:
    task = dispatch(city)
    with city.browser("zhang") as zhang, city.browser("wang") as wang:
        page = zhang.get("/r").text
        assert "小学门口 · 小汽车超时停留" in page
        assert "约 2 分钟 · 290 米" in page
        assert re.search(r'data-until="\d{4}-\d\d-\d\dT', page)
        assert f'data-task="{task}"' in page
        assert 'class="route"' in page
        assert "小汽车超时停留" not in wang.get("/r").text


def test_the_page_and_all_it_needs_stay_within_60_kilobytes_and_few_requests(city: Running) -> None:
    dispatch(city)
    with city.browser("zhang") as zhang:
        page = zhang.get("/r")
        needed = {link for link in re.findall(r'(?:href|src)="(/r/[^"]+)"', page.text) if "lang=" not in link}
        sizes = {link: len(zhang.get(link).content) for link in needed}
        total = len(page.content) + sum(sizes.values()) + len(zhang.get("/r/sw.js").content)
        print(f"phone page: {len(page.content)} bytes, with everything {total} bytes in {len(sizes) + 2} requests")
        assert {"/r/manifest.webmanifest", "/r/assets/icon.svg"} <= needed
        assert total <= BUDGET_BYTES
        assert len(sizes) + 2 <= BUDGET_REQUESTS


def test_the_live_part_is_sent_again_only_when_something_changed(city: Running) -> None:
    task = dispatch(city)
    with city.browser("zhang") as zhang:
        first = zhang.get("/r/live")
        tag = {"If-None-Match": first.headers["etag"]}
        city.clock.ahead = timedelta(seconds=20)
        again = zhang.get("/r/live", headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        with city.client("zhang") as phone:
            assert phone.post(f"/api/v1/tasks/{task}/accept").status_code == 200
        changed = zhang.get("/r/live", headers=tag)
        assert changed.status_code == 200
        assert 'data-state="accepted"' in changed.text


def test_off_shift_and_unlisted_people_are_told_so(city: Running) -> None:
    with city.browser("chen") as chen, city.browser("guest") as guest:
        off = chen.get("/r").text
        assert "未在岗" in off
        assert 'data-on-shift="0"' in off
        assert "您不在处置人员名单中" in guest.get("/r").text


def test_people_of_the_control_room_have_no_phone_page(city: Running) -> None:
    with city.client("li") as li:
        answer = li.get("/r")
        assert answer.status_code == 403
        assert answer.json()["detail"] == "role operator may not read_own_tasks"


def test_the_language_is_switched_and_kept(city: Running) -> None:
    dispatch(city)
    with city.browser("zhang") as zhang:
        english = zhang.get("/r?lang=en").text
        assert '<html lang="en">' in english
        assert "about 2 min · 290 m" in english
        assert "Accept" in zhang.get("/r/live").text


def test_what_people_wrote_is_shown_as_text_and_never_as_html(city: Running) -> None:
    task = dispatch(city)

    def rename(writer: Writer) -> None:
        writer.save_task(replace(writer.task(task), title="<img src=x onerror=alert(1)>"))

    city.store.write(rename)
    with city.browser("zhang") as zhang:
        page = zhang.get("/r").text
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror" in page


def test_manifest_and_service_worker_make_the_page_installable(city: Running) -> None:
    with city.browser("zhang") as zhang:
        manifest = zhang.get("/r/manifest.webmanifest")
        assert manifest.headers["content-type"] == "application/manifest+json"
        document = manifest.json()
        assert (document["start_url"], document["scope"], document["display"]) == ("/r", "/r", "standalone")
        sizes = {icon["sizes"] for icon in document["icons"]}
        assert {"192x192", "512x512"} <= sizes
        for icon in document["icons"]:
            assert zhang.get(icon["src"]).headers["content-type"] == icon["type"]
        assert zhang.get("/r/sw.js").headers["service-worker-allowed"] == "/r"
        assert zhang.get("/r/assets/none.js").status_code == 404


def test_a_write_from_the_page_needs_the_token_of_the_session(city: Running) -> None:
    task = dispatch(city)
    with city.browser("zhang") as zhang:
        assert zhang.post(f"/api/v1/tasks/{task}/accept").status_code == 403
        token = {"X-CSRF-Token": zhang.cookies["yiping_csrf"]}
        assert zhang.post(f"/api/v1/tasks/{task}/accept", headers=token).status_code == 200
    assert city.store.read(lambda reader: reader.task(task)).state is TaskState.ACCEPTED


def test_finished_work_stays_visible_for_a_while(city: Running) -> None:
    task = dispatch(city)
    with city.client("zhang") as zhang, city.client("li") as li, city.browser("zhang") as page:
        for step in ("accept", "en-route", "on-scene"):
            assert zhang.post(f"/api/v1/tasks/{task}/{step}").status_code == 200
        assert zhang.post(f"/api/v1/tasks/{task}/report", data={"text": "好了"}).status_code == 200
        assert 'data-state="reported"' in page.get("/r").text
        assert li.post(f"/api/v1/tasks/{task}/verify", json={}).status_code == 200
        shown = page.get("/r").text
        assert "近期任务" in shown
        assert "已结案" in shown
        assert "暂无任务" in shown
