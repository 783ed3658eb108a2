"""When something moved in a rectangle, and previews of the past: for whom, of what, and what of it is in the trail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.config.settings import Settings
from data.local import motion_maps, previews
from data.local.motion_maps import SEEN, packed
from data.local.previews import Preview
from data.model.people import Role
from data.model.watching import WatchSettings
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user

PICTURES = {n: b"\xff\xd8picture of second %d" % n for n in (0, 1, 30)}


@dataclass
class Past:
    """A running city; at gate-3 and quay something moved in the left half for three seconds, an hour ago."""

    running: Running
    at: datetime

    def motion(self, **changed: Any) -> dict[str, Any]:
        asked = {"since": self.at - timedelta(seconds=10), "until": self.at + timedelta(seconds=20)} | changed
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()}

    def picture(self, second: float, site: str = "gate-3") -> str:
        return f"/media/previews/{site}.jpg?at={round((self.at.timestamp() + second) * 1000)}"

    def trail(self, site: str = "gate-3") -> list[tuple[str, str, dict[str, Any]]]:
        entries = self.running.store.read(lambda reader: reader.audit(subject=f"site:{site}", limit=100))
        return [(one.actor, one.action, dict(one.detail)) for one in entries]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    rules = (WatchSettings(users=("ma",), sites=("quay",)),)
    deps = open_deps(tmp_path / "var", Settings(**{**dict(city()), "watch": rules}))
    for name, role in (("zhou", Role.ANALYST), ("ma", Role.ANALYST), ("li", Role.OPERATOR)):
        add_user(deps.store, name, role, PASSWORD)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    at = hour + timedelta(minutes=5)
    at_s = int(at.timestamp())
    left = np.zeros((45, 80), np.bool_)
    left[20:25, 8:16] = True
    seconds = {at_s + n: (SEEN, left if 0 <= n < 3 else None) for n in range(-10, 20)}
    for site in ("gate-3", "quay"):
        motion_maps.append(deps.var_dir / "motion" / site, at_s - 10, packed(at_s - 10, seconds, 45, 80))
        shown = [Preview((at_s + n) * 1000, jpeg) for n, jpeg in PICTURES.items()]
        previews.append(deps.var_dir / "previews" / site, shown)
    server, thread, port = start(deps)
    yield Past(Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server), at)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_an_analyst_gets_the_moments_of_a_rectangle_and_the_trail_tells_the_search(past: Past) -> None:
    with past.running.client("zhou") as client:
        answer = client.get("/api/v1/sites/gate-3/motion", params=past.motion(right=0.5))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        moment = found["moments"][0]
        assert (datetime.fromisoformat(moment["since"]), datetime.fromisoformat(moment["until"])) == (
            past.at,
            past.at + timedelta(seconds=3),
        )
        assert (found["total"], found["unseen"], moment["share"]) == (1, [], pytest.approx(40 / 1800, abs=1e-3))
        beside = client.get("/api/v1/sites/gate-3/motion", params=past.motion(left=0.5)).json()
        assert (beside["total"], beside["moments"]) == (0, [])
        small = past.motion(left=0.1, top=20 / 45, right=0.2, bottom=25 / 45, least=1.0)
        assert client.get("/api/v1/sites/gate-3/motion", params=small).json()["total"] == 1
    told = [(actor, action, detail["rectangle"], detail["found"]) for actor, action, detail in past.trail()]
    assert told[0] == ("zhou", "search_motion", [0.0, 0.0, 0.5, 1.0], 1)
    assert len(told) == 3


def test_of_what_has_not_come_yet_nothing_is_called_unknown(past: Past) -> None:
    with past.running.client("zhou") as client:
        asked = past.motion(until=past.at + timedelta(days=2))
        found = client.get("/api/v1/sites/gate-3/motion", params=asked).json()
    assert datetime.fromisoformat(found["until"]) <= datetime.now(UTC)
    assert datetime.fromisoformat(found["unseen"][-1]["until"]) <= datetime.now(UTC)


def test_a_rectangle_or_a_span_that_cannot_be_is_refused_in_words(past: Past) -> None:
    with past.running.client("zhou") as client:
        for changed, key in (
            ({"left": 0.5, "right": 0.5}, "motion.rectangle"),
            ({"until": past.at + timedelta(days=4)}, "motion.span"),
            ({"until": past.at - timedelta(days=1)}, "motion.span"),
        ):
            refused = client.get("/api/v1/sites/gate-3/motion", params=past.motion(**changed))
            assert (refused.status_code, refused.json()["words"]["key"]) == (422, key)
        for wrong in ({"left": -0.1}, {"right": 1.5}, {"top": "nan"}, {"since": "yesterday"}):
            assert client.get("/api/v1/sites/gate-3/motion", params=past.motion(**wrong)).status_code == 422
    assert past.trail() == []


def test_it_is_for_those_who_may_review_and_watch_the_camera(past: Past) -> None:
    address = "/api/v1/sites/gate-3/motion"
    with past.running.client("ma") as limited:
        assert limited.get(address, params=past.motion()).status_code == 404
        assert limited.get(past.picture(0)).status_code == 404
        assert limited.get("/api/v1/sites/quay/motion", params=past.motion()).status_code == 200
        assert limited.get(past.picture(0, "quay")).status_code == 200
    with past.running.client("zhang") as responder:
        assert responder.get(address, params=past.motion()).status_code == 403
        assert responder.get(past.picture(0)).status_code == 403
    with past.running.client() as stranger:
        assert stranger.get(address, params=past.motion()).status_code == 401
        assert stranger.get(past.picture(0)).status_code in {303, 401}
    with past.running.client("zhou") as client:
        assert client.get("/api/v1/sites/nowhere/motion", params=past.motion()).status_code == 404
        assert client.get("/media/previews/..%2Fgate-3.jpg?at=0").status_code == 404
    assert past.trail() == []


def test_a_preview_is_the_newest_up_to_a_moment_and_the_first_look_at_an_hour_is_in_the_trail(past: Past) -> None:
    with past.running.client("zhou") as client:
        exact = client.get(past.picture(1.4))
        assert (exact.status_code, exact.content) == (200, PICTURES[1])
        assert exact.headers["content-type"] == "image/jpeg"
        assert datetime.fromisoformat(exact.headers["x-taken-at"]) == past.at + timedelta(seconds=1)
        assert exact.headers["cache-control"] == "private, max-age=3600"
        assert client.get(past.picture(12)).content == PICTURES[1], "a resting camera gives few pictures"
        assert client.get(past.picture(20)).status_code == 204, "none is that near"
        assert client.get(past.picture(31)).content == PICTURES[30]
        assert client.get("/media/previews/gate-3.jpg").status_code == 422
    hour = past.at.replace(minute=0)
    ((actor, action, detail),) = past.trail()
    assert (actor, action, datetime.fromisoformat(detail["since"])) == ("zhou", "view_previews", hour)
