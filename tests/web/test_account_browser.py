"""The account pages in a real browser: an officer, an administrator, a newcomer with a code, a responder on a phone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from data.model.people import Role
from tests.web.city import PASSWORD, Running
from web.accounts import add_user, allow_reset, issue_token

pytestmark = pytest.mark.browser
NEW = "the river rises at night"
Enter = Callable[..., Page]


@pytest.fixture
def enter(running: Running, browser: Browser) -> Iterator[Enter]:
    """enter("li", "/account") -> the page, logged in; complaints of the console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(name: str | None, path: str, *, width: int = 1280, language: str = "zh") -> Page:
        context = browser.new_context(base_url=running.base, viewport={"width": width, "height": 900})
        contexts.append(context)
        context.add_cookies([{"name": "yiping_language", "value": language, "url": running.base}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(path)
        if name is not None:
            page.fill("#name", name)
            page.fill("#password", PASSWORD)
            page.click("button[type=submit]")
            page.wait_for_url(f"**{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def somebody(running: Running, role: Role = Role.OPERATOR) -> str:
    running.raised += 1
    name = f"seat-{running.raised}"
    add_user(running.store, name, role, PASSWORD, display_name="何雨晴")
    return name


def picture(page: Page, name: str) -> None:
    """Kept only where somebody wants to look: YIPING_PICTURES names the folder."""
    folder = os.environ.get("YIPING_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_an_officer_changes_the_password_and_ends_other_sessions(running: Running, enter: Enter) -> None:
    name = somebody(running)
    issue_token(running.store, name, label="脚本")
    page = enter(name, "/account")
    with running.browser(name) as other:
        page.reload()
        expect(page.locator("tbody tr")).to_have_count(3)
        picture(page, "account-zh")
        page.locator("tbody tr", has_text="python-httpx").get_by_role("button", name="结束").click()
        expect(page.locator("tbody tr")).to_have_count(2)
        assert other.get("/api/v1/me").status_code == 401
    form = page.locator("#password")
    form.locator("[name=current]").fill(PASSWORD)
    form.locator("[name=new]").fill("123456789012")
    form.locator("[name=again]").fill("1234567890123")
    form.get_by_role("button").click()
    expect(form.locator(".refused")).to_have_text("两次输入的新密码不一致")
    form.locator("[name=again]").fill("123456789012")
    form.get_by_role("button").click()
    expect(form.locator(".refused")).to_contain_text("这个密码容易被猜到")
    for field in ("new", "again"):
        form.locator(f"[name={field}]").fill(NEW)
    form.get_by_role("button").click()
    expect(page.locator("#told")).to_contain_text("密码已修改；其他登录和全部令牌已失效（1 个）")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_newcomer_sets_the_password_by_the_link(running: Running, enter: Enter) -> None:
    name = somebody(running)
    page = enter(None, f"/reset#{allow_reset(running.store, name)}", language="en")
    assert "#" not in page.url, "the code stays in no history"
    for field in ("new", "again"):
        page.fill(f"[name={field}]", NEW)
    picture(page, "reset-en")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator("main")).to_contain_text(f"The password of {name} is set; please log in.")
    page.get_by_role("link", name="Log in").click()
    page.fill("#name", name)
    page.fill("#password", NEW)
    page.click("button[type=submit]")
    page.wait_for_url(running.base + "/")


def test_an_administrator_adds_disables_and_resets_users(running: Running, enter: Enter) -> None:
    name, new = somebody(running), f"new-{running.raised}"
    page = enter("admin", "/accounts")
    page.fill("#add-user [name=name]", new)
    page.fill("#add-user [name=display_name]", "新来的")
    page.select_option("#add-user [name=role]", "commander")
    page.click("#add-user button")
    assert "/reset#" in page.locator("#secret").inner_text()
    page.get_by_role("button", name="关闭").click()
    expect(page.locator(f"tr[data-user={new}]")).to_contain_text("指挥长")
    row = page.locator(f"tr[data-user={name}]")
    page.on("dialog", lambda question: question.accept())
    row.locator("[data-step=disable]").click()
    expect(row).to_contain_text("已停用 · admin")
    picture(page, "accounts-zh")
    row.locator("[data-step=enable]").click()
    expect(row).to_contain_text("可登录")
    row.locator("[data-step=show_sessions]").click()
    expect(page.locator("dialog")).to_be_visible()
    page.locator("dialog input[maxlength]").fill("雨量站")
    page.locator("dialog").get_by_role("button", name="签发").click()
    expect(page.locator("#secret")).to_be_visible()
    page.get_by_role("button", name="关闭").click()
    expect(row).to_contain_text("0 / 1")
    page.goto("/accounts?lang=en")
    expect(page.locator(f"tr[data-user={new}]")).to_contain_text("Commander")
    picture(page, "accounts-en")


def test_a_responder_has_the_account_page_on_the_phone(running: Running, enter: Enter) -> None:
    name = somebody(running, Role.RESPONDER)
    page = enter(name, "/account", width=390)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    picture(page, "account-phone")
    page.get_by_role("link", name="返回").click()
    page.wait_for_url("**/r")
    page.locator("header a", has_text="账号").click()
    page.wait_for_url("**/account")
