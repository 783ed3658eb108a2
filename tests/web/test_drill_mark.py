"""Every page of a drill says so in red, and its logins are not the city's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from data.local.drill_folder import FOLDER, NIGHT, RESULT, write_told
from data.model.alert import AlertKey, Priority
from data.model.drill import Drill
from dispatch.drill_times import Response
from tests.web.city import PASSWORD, ROLES, Clock, Running, open_deps, start
from web.accounts import add_user
from web.drill_mark import DrillMark

NIGHT_BEGAN = datetime(2026, 7, 12, 12, 0, tzinfo=UTC)
BAR = '<div id="drill-bar"'


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server of a drill that began a minute ago."""
    deps = open_deps(tmp_path_factory.mktemp("drill"))
    deps.drill = Drill(NIGHT_BEGAN, NIGHT_BEGAN + timedelta(hours=1), 2.0, datetime.now(UTC) - timedelta(minutes=1))
    key = AlertKey("quay", "swimmer", "river", "1")
    took = {"acknowledged": 45.0, "dispatched": 50.0, "on_scene": 200.0, "handled": None}
    then = Response(key, "intrusion", Priority.P1, NIGHT_BEGAN + timedelta(seconds=30), took_s=took)
    write_told(deps.var_dir / NIGHT, {"drill": deps.drill.described(), "night": [then.described()]})
    for name, role in ROLES.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (None, "/login"), (None, "/login?lang=en"), (None, "/reset"), ("li", "/"), ("li", "/duty"), ("zhou", "/review"),
        ("zhou", "/drill"), ("li", "/account"), ("zhang", "/r"),
    ],
)  # fmt: skip
def test_every_page_has_the_red_bar_which_its_policy_lets_in(drill: Running, name: str | None, path: str) -> None:
    with drill.client(name) as client:
        answer = client.get(path)
    assert answer.text.count(BAR) == 1
    assert "演练 DRILL" in answer.text
    assert "非真实警情" in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    hashes = re.findall(r"style-src [^;]*('sha256-[^']+')", answer.headers["content-security-policy"])
    assert hashes, "the bar's style would be refused"
    assert "#c4001d" in answer.text


def test_what_is_no_page_is_left_as_it_is(drill: Running) -> None:
    with drill.client("zhang") as phone:
        assert BAR not in phone.get("/r/live").text
    with drill.client("li") as client:
        assert client.get("/api/v1/me").json()["name"] == "li"


def test_a_login_in_a_drill_leaves_the_citys_cookies_alone_and_does_not_use_them(drill: Running) -> None:
    with httpx.Client(
        base_url=drill.base, timeout=60, cookies={"yiping_session": "of the city", "yiping_csrf": "city"}
    ) as client:
        assert client.get("/", follow_redirects=False).status_code == 303, "the city's session counts for nothing here"
        assert client.post("/login", data={"name": "li", "password": PASSWORD}).status_code == 303
        assert client.cookies["yiping_session"] == "of the city"
        assert {"drill_yiping_session", "drill_yiping_csrf"} <= set(client.cookies)
        assert client.get("/api/v1/me").json()["name"] == "li"
        page = client.get("/account").text
        assert 'data-cookies="drill_"' in page, "by it the page's script finds its own CSRF cookie"


def test_the_city_itself_has_no_bar(running: Running) -> None:
    with running.client("li") as client:
        assert BAR not in client.get("/").text
    assert BAR not in httpx.get(f"{running.base}/login").text


def test_the_drills_scores_stand_beside_the_nights(drill: Running) -> None:
    drill.alert("a car", site="gate-3")
    with drill.client("zhou") as analyst:
        told = analyst.get("/api/v1/drill").json()
    acknowledged = next(step for step in told["running"]["steps"] if step["step"] == "acknowledged")
    assert (acknowledged["drill"]["of"], acknowledged["drill"]["open"]) == (1, 1)
    assert acknowledged["night"] == {
        "of": 1, "within": 1, "over": 0, "open": 0, "median_s": 45.0, "worst_s": 45.0,
    }  # fmt: skip
    assert [row["site"] for row in told["running"]["only_in_the_night"]] == ["quay"]
    assert told["running"]["drill"]["speed"] == 2.0


def test_the_city_lists_earlier_drills_without_their_alerts(running: Running) -> None:
    folder = running.deps.var_dir / FOLDER / "20260901T010000Z"
    folder.mkdir(parents=True)
    write_told(folder / RESULT, {"drill": {"speed": 4.0}, "steps": [], "alerts": [{"site": "quay"}]})
    (folder.parent / "20260902T010000Z").mkdir()
    Path(folder.parent / "20260902T010000Z" / RESULT).write_text("no JSON", encoding="utf-8")
    with running.client("zhou") as analyst:
        told = analyst.get("/api/v1/drill").json()
    assert told["running"] is None
    assert told["earlier"] == [{"name": "20260901T010000Z", "drill": {"speed": 4.0}, "steps": []}]


def test_a_page_that_comes_in_pieces_is_marked_once() -> None:
    async def page(scope: object, receive: object, send: object) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", b"style-src 'self'")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator]
        for piece in (b"<html><bo", b"dy class='x'><p>", b"text</p></body></html>"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"", "more_body": False})  # type: ignore[operator]

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=DrillMark(page)),
            base_url="http://drill",
        ) as client:
            return await client.get("/")

    answer = asyncio.run(asked())
    assert answer.text.startswith("<html><body data-cookies=\"drill_\" class='x'><style>#drill-bar")
    assert answer.text.endswith("<p>text</p></body></html>")
    assert int(answer.headers["content-length"]) == len(answer.content)
