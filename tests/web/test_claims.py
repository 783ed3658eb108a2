"""Claims over REST and the socket: who is on an alert, and steps that cross somebody else's work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from data.model.people import Role, User
from tests.web.city import ROLES, Running, bearer
from web.claims import ClaimBook

pytestmark = pytest.mark.usefixtures("nobody_busy")


@contextmanager
def following(running: Running, name: str) -> Iterator[ClientConnection]:
    headers = bearer(running.token(name))
    with connect(running.ws("/ws/events"), additional_headers=headers, compression=None) as ws:
        assert json.loads(ws.recv(5))["type"] == "hello"
        yield ws


def heard(ws: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(ws.recv(5))
        if message["type"] == kind:
            data: dict[str, Any] = message["data"]
            return data


def claim(client: httpx.Client, alert: int, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/claims", json={"alert": alert, **more})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["items"][0] if status == 200 else answer.json()["words"]
    return found


def test_a_claim_is_on_every_screen_at_once_and_in_the_list(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as li, following(running, "zhou") as screen:
        claim(li, alert)
        told = heard(screen, "claim")
        assert (told["subject"], told["by"]) == (f"alert:{alert}", "li")
        listed = li.get("/api/v1/claims").json()["items"]
        assert [one["by"] for one in listed if one["subject"] == f"alert:{alert}"] == ["li"]
        li.post("/api/v1/claims/release", json={"alert": alert})
        assert heard(screen, "claim") == {"subject": f"alert:{alert}", "by": ""}


def test_it_is_taken_over_after_twenty_silent_seconds_or_by_saying_so(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as li, running.client("zhao") as zhao, following(running, "li") as screen:
        claim(li, alert)
        assert claim(zhao, alert, 409)["key"] == "claim.held"
        running.clock.ahead = timedelta(seconds=19)
        claim(li, alert)
        running.clock.ahead = timedelta(seconds=38)
        assert claim(zhao, alert, 409)["values"]["who"] == "li"
        running.clock.ahead = timedelta(seconds=40)
        assert claim(zhao, alert)["by"] == "zhao"
        assert claim(li, alert, take_over=True)["by"] == "li"
        assert claim(zhao, alert, take_over=True)["by"] == "zhao"
        told = heard(screen, "told")
        assert (told["key"], told["values"]["who"]) == ("claim.taken", "zhao")


def test_who_comes_back_after_ten_minutes_is_on_it_since_then() -> None:
    now = [datetime(2024, 7, 12, 4, tzinfo=UTC)]
    book = ClaimBook(lambda *_: None, lambda: now[0])
    li = User("li", Role.OPERATOR)
    first = book.claim("alert:1", li)
    now[0] += timedelta(minutes=10)
    assert book.claim("alert:1", li).since == first.since
    now[0] += timedelta(minutes=10, seconds=1)
    assert book.claim("alert:1", li).since == now[0]


def test_dismissing_while_somebody_has_dispatched_is_asked_about_and_told_to_them(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as li, running.client("zhao") as zhao, following(running, "li") as screen:
        assert li.post(f"/api/v1/alerts/{alert}/dispatch", json={}).status_code == 200
        asked = zhao.post(f"/api/v1/alerts/{alert}/dismiss", json={"reason": "反光"})
        assert asked.status_code == 409
        assert (asked.json()["words"]["key"], asked.json()["words"]["values"]["who"]) == ("conflict.dispatched", "li")
        assert running.store.read(lambda reader: reader.alert(alert)).verification.value == "unverified"
        done = zhao.post(f"/api/v1/alerts/{alert}/dismiss", json={"reason": "反光", "anyway": True})
        assert done.status_code == 200
        told = heard(screen, "told")
        assert (told["subject"], told["key"], told["values"]["who"]) == (f"alert:{alert}", "told.dismiss", "zhao")
        own = li.post(f"/api/v1/alerts/{alert}/confirm", json={})
        assert own.status_code == 200, "one's own work is no conflict"


def test_dispatching_what_somebody_else_is_on_is_asked_about(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as li, running.client("zhao") as zhao:
        claim(li, alert)
        asked = zhao.post(f"/api/v1/alerts/{alert}/dispatch", json={})
        assert (asked.status_code, asked.json()["words"]["key"]) == (409, "conflict.claimed")
        assert zhao.post(f"/api/v1/alerts/{alert}/dispatch", json={"anyway": True}).status_code == 200
        assert zhao.post(f"/api/v1/alerts/{alert}/acknowledge", json={}).status_code == 409, "it was by the dispatch"


def test_only_who_acknowledges_claims_and_only_one_s_own_is_released(running: Running) -> None:
    alert = running.alert()
    for name in [*ROLES, "wang"]:
        with running.client(name) as client:
            status = client.post("/api/v1/claims", json={"alert": alert, "take_over": True}).status_code
            assert (status == 200) == (name in {"li", "zhao", "qian", "sun"}), name
    with running.client("li") as li, running.client("sun") as sun:
        li.post("/api/v1/claims/release", json={"alert": alert})
        assert f"alert:{alert}" in [one["subject"] for one in sun.get("/api/v1/claims").json()["items"]]
        assert li.post("/api/v1/claims", json={"alert": 10**9}).status_code == 404


def test_responders_and_other_people_do_not_hear_what_is_told_to_one(running: Running) -> None:
    alert = running.alert()
    with (
        running.client("li") as li,
        running.client("zhao") as zhao,
        following(running, "wang") as phone,
        following(running, "zhou") as analyst,
    ):
        claim(li, alert)
        claim(zhao, alert, take_over=True)
        li.post(f"/api/v1/alerts/{alert}/acknowledge", json={})
        kinds: list[str] = []
        while not kinds or kinds[-1] != "change":
            kinds.append(json.loads(analyst.recv(5))["type"])
        assert "told" not in kinds
        kinds = []
        while "ping" not in kinds:
            kinds.append(json.loads(phone.recv(8))["type"])
        assert set(kinds) <= {"ping", "change"}
