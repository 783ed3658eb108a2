"""From a real camera to a closed task, at the screens: an officer at the wall, a responder with a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.city import City, items, photo, until

pytestmark = [
    pytest.mark.alone,
    pytest.mark.e2e,
    pytest.mark.server,
    pytest.mark.model,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


@pytest.fixture
def sit_down(browser: Browser, running: City) -> Iterator[Callable[..., Page]]:
    """sit_down("li", "password", width, height) -> their page, logged in; closed when the test ends."""
    opened = []

    def log_in(name: str, password: str, width: int, height: int, asked: list[str] | None = None) -> Page:
        context = browser.new_context(locale="zh-CN", viewport={"width": width, "height": height})
        opened.append(context)
        page = context.new_page()
        page.on("request", lambda request: None if asked is None else asked.append(request.url))
        page.goto(running.url)
        page.fill("#name", name)
        page.fill("#password", password)
        page.click("button[type=submit]")
        page.wait_for_load_state()
        return page

    yield log_in
    for context in opened:
        context.close()


def test_the_whole_way_from_the_wall_to_a_phone_and_back(
    running: City, sit_down: Callable[..., Page], tmp_path: Path
) -> None:
    running.add_user("sun", "duty_officer", "sun-kettle-harbour-42")
    running.command(
        "users", "password", "near", "--var", str(running.var), "--password-stdin", given="near-kettle-harbour-42\n"
    )
    rest = running.caller("sun")
    wall = sit_down("sun", "sun-kettle-harbour-42", 1920, 1080)
    expect(wall.locator('#link-state[data-state="live"]')).to_be_visible(timeout=20_000)

    # The alert comes by itself; nobody reloads the page.
    untouched = '#alert-list .alert.P1.fresh:has(button[data-do="dispatch"])'
    card = wall.locator(untouched).first
    expect(card).to_be_visible(timeout=60_000)
    number = card.get_attribute("data-alert")
    card = wall.locator(f'#alert-list [data-alert="{number}"]')
    acknowledging = card.locator('button[data-do^="acknowledge"]').first  # several at one place are one card
    acknowledging.click()
    expect(acknowledging).to_have_count(0)
    card.locator('button[data-do="dispatch"]').click()
    expect(wall.locator('#dispatch-panel [data-step="task.offered"].done')).to_be_visible()
    task = until(
        lambda: [t for t in items(rest.get("/tasks")) if t["alert"] == int(number or 0)], 10, lambda: "no task"
    )[0]
    wall.screenshot(path=tmp_path / "wall-offered.png")

    phone = sit_down("near", "near-kettle-harbour-42", 390, 844)
    assert phone.url.endswith("/r")
    work = phone.locator(f'[data-task="{task["id"]}"]')
    work.locator('button[data-do="accept"]').click()
    work.locator('button[data-do="en-route"]').click()
    expect(wall.locator('#dispatch-panel [data-step="task.en_route"].done')).to_be_visible()
    work.locator('button[data-do="on-scene"]').click()
    picture = tmp_path / "scene.jpg"
    picture.write_bytes(photo())
    work.locator('input[name="photo"]').set_input_files(picture)
    work.locator('textarea[name="text"]').fill("人已劝离水边")
    work.locator('form[data-do="report"] button.go').click()
    expect(work.locator('[data-when="reported"]')).to_be_visible()
    phone.screenshot(path=tmp_path / "phone-reported.png")

    panel = wall.locator("#dispatch-panel")
    expect(panel.locator(".report")).to_contain_text("人已劝离水边")
    panel.locator('button[data-do="verify"]').click()
    # An alert that is over leaves the list with its last step, and the panel goes on to the next one.
    until(lambda: rest.get(f"/tasks/{task['id']}").json()["state"] == "closed", 15, lambda: running.log()[-3000:])

    trail = items(rest.get("/audit", params={"limit": 1000}))
    of_task = [(e["action"], e["actor"]) for e in trail if e["subject"] == f"task:{task['id']}"]
    assert {"near", "sun"} <= {actor for _, actor in of_task}
    assert {("acknowledge", "sun")} <= {(e["action"], e["actor"]) for e in trail if e["subject"] == f"alert:{number}"}
    assert len(of_task) >= 6, of_task
    running.command("audit", "verify", "--var", str(running.var))


def test_the_wall_shows_live_pictures_and_asks_no_other_host(running: City, sit_down: Callable[..., Page]) -> None:
    asked: list[str] = []
    wall = sit_down("li", "li-kettle-harbour-42", 1920, 1080, asked)
    errors: list[str] = []
    wall.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    wall.reload()
    expect(wall.locator('#link-state[data-state="live"]')).to_be_visible(timeout=20_000)
    canvas = wall.locator("#camera-wall canvas").first
    expect(canvas).to_be_visible()
    colours = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    until(lambda: canvas.evaluate(colours) > 60, 30, lambda: f"the tile stays empty: {errors}")
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{running.port}"}
    assert errors == []
