"""Every request has an id, in its answer, in problems and in the log; a hostile one is replaced."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from data.config.log import LogFormat
from data.model.masking import SecretMask
from engine.process.log_lines import log_formatter
from tests.web.city import Running, until
from web.problems import install_problems
from web.request_ids import RequestIds


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server logs meanwhile, as JSON lines."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(log_formatter("web", SecretMask(), LogFormat.JSON))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


def lines(text: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_a_plain_id_of_a_proxy_is_kept_through_answer_problem_log_and_commit(
    running: Running, log: io.StringIO
) -> None:
    alert = running.alert()
    with running.client("li") as operator:
        done = operator.post(f"/api/v1/alerts/{alert}/acknowledge", headers={"X-Request-ID": "proxy-7f3a.1"})
        again = operator.post(f"/api/v1/alerts/{alert}/acknowledge", headers={"X-Request-ID": "proxy-7f3a.2"})
    assert (done.status_code, done.headers["X-Request-ID"]) == (200, "proxy-7f3a.1")
    assert (again.status_code, again.json()["request_id"]) == (409, "proxy-7f3a.2")
    assert again.json()["instance"] == "urn:yiping:request:proxy-7f3a.2"

    def told() -> set[tuple[str, int]]:
        return {(line["logger"], line["alert_id"]) for line in lines(log) if line.get("request_id") == "proxy-7f3a.1"}

    until(lambda: len(told()) > 1)  # steps are logged by a thread of its own
    assert told() == {("data.sql.step_log", alert), ("web.access", alert)}


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "with space in it", "quote\"and'more", "-leading-dash", "日志"]
)
def test_any_other_id_is_replaced(running: Running, given: str) -> None:
    with running.client() as stranger:
        answer = stranger.get("/healthz", headers=[(b"X-Request-ID", given.encode())])
    made = answer.headers["X-Request-ID"]
    assert len(made) == 32
    assert made.isalnum()


def test_two_ids_are_none(running: Running) -> None:
    with running.client() as stranger:
        answer = stranger.get("/healthz", headers=[("X-Request-ID", "first-of-two"), ("X-Request-ID", "second-of-two")])
    assert len(answer.headers["X-Request-ID"]) == 32


def test_refusals_before_login_have_an_id_each(running: Running) -> None:
    with running.client() as stranger:
        answers = [stranger.get("/api/v1/alerts") for _ in range(2)]
    ids = [answer.json()["request_id"] for answer in answers]
    assert ids == [answer.headers["X-Request-ID"] for answer in answers]
    assert ids[0] != ids[1]


@pytest.mark.anyio
async def test_a_defect_is_found_in_the_log_by_the_id_that_its_answer_names() -> None:
    app = FastAPI()
    install_problems(app)
    app.add_middleware(RequestIds)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("not foreseen")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get("/broken", headers={"X-Request-ID": "the-broken-one"})
    assert answer.status_code == 500
    assert answer.headers.get_list("X-Request-ID") == ["the-broken-one"]
    assert answer.json()["request_id"] == "the-broken-one"
    assert "not foreseen" not in answer.text
