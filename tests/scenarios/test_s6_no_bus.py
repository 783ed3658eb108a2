"""S6: a grid member reports what no camera sees; departments convene; five topics take half a month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.town import GRID, MONDAY, Town, picture

pytestmark = pytest.mark.scenario

TOPICS = (
    ("增开社区微公交", "transport", "tong", "2026-07-24"),
    ("设两处临时站点", "transport", "tong", "2026-07-20"),
    ("平整站点路面", "roads", "zhu", "2026-07-22"),
    ("站点秩序", "traffic", "jiao", "2026-07-17"),
    ("清理占道", "urban", "cheng", "2026-07-16"),
)


def test_S6_a_report_from_the_street_becomes_five_promised_topics_and_ends_after_half_a_month(  # noqa: N802
    town: Town, tmp_path: Path
) -> None:
    number = reported(town, tmp_path)
    judged_and_sent(town, number)
    made = convened(town, number)
    suspended_for_rain(town, number)
    given_back_once(town, made["清理占道"]["id"])
    worked_through(town, number, made)
    ended(town, number)


def reported(town: Town, tmp_path: Path) -> int:
    """By the phone of a grid member, with a photo."""
    reporter = town.by("wang")
    photo = picture(tmp_path / "stop.jpg")
    answer = reporter.client.post(
        "/api/v1/reports",
        data={"kind": "bus_access", "lon": "106.512", "lat": "29.583", "description": "小区附近没有公交"},
        files={"photo": ("stop.jpg", photo, "image/jpeg")},
    )
    assert answer.status_code == 200, answer.text
    event = answer.json()["event"]
    number: int = event["id"]
    assert (event["state"], event["origin"], event["grid"], event["section"]) == (
        "received",
        "grid",
        GRID,
        "livelihood",
    )
    assert event["photo"] is not None
    return number


def judged_and_sent(town: Town, number: int) -> None:
    """The section head names lead, co-handlers and the cooperating community."""
    operator, head = town.by("li"), town.by("qian")
    operator.step(number, "receive")
    operator.step(number, "file")
    assert "no lead is named" in operator.step(number, "dispatch", status=409)
    assert "may not judge_event" in operator.step(number, "judge", status=403, lead="transport")
    judged = head.step(
        number, "judge", lead="transport", co_handlers=["roads", "urban"], cooperating=["community"], limit="15d"
    )
    assert (judged["state"], judged["lead"], judged["cooperating"]) == ("judging", "transport", ["community"])
    sent = head.step(number, "dispatch")
    assert sent["state"] == "dispatched"
    (clock,) = sent["clocks"]
    assert (clock["due"], clock["limit_s"]) == ("2026-07-28T01:00:00.000+00:00", 15 * 86_400)


def convened(town: Town, number: int) -> dict[str, Any]:
    """The whistle is blown: departments meet on the spot and promise five topics."""
    head = town.by("qian")
    assert "meeting has a record" in head.step(number, "convene", status=422, minutes="", topics=[])
    topics = [{"title": t, "department": unit, "promised": by} for t, unit, _, by in TOPICS]
    met = head.step(number, "convene", minutes="7月13日现场会：五项议题，各部门签字。", topics=topics)
    assert met["co_handlers"] == ["roads", "urban", "traffic"]
    whole = head.event(number)
    made = {task["title"]: task for task in whole["tasks"] if task["promised"]}
    assert {title: (task["unit"], task["promised"]) for title, task in made.items()} == {
        title: (unit, by) for title, unit, _, by in TOPICS
    }
    meeting = next(step for step in whole["steps"] if step["step"] == "convene")
    assert (meeting["detail"]["minutes"], len(meeting["detail"]["topics"])) == (
        "7月13日现场会：五项议题，各部门签字。", 5,
    )  # fmt: skip
    return made


def suspended_for_rain(town: Town, number: int) -> None:
    """No road works for two days: the clock pauses and says so."""
    head = town.by("qian")
    town.wait(days=4)
    paused = head.step(number, "suspend", reason="连续暴雨无法施工")
    assert (paused["state"], paused["clocks"][0]["paused"], paused["clocks"][0]["due"]) == ("suspended", True, None)
    town.wait(days=2)
    resumed = head.step(number, "resume")
    assert (resumed["state"], resumed["clocks"][0]["due"]) == ("dispatched", "2026-07-30T01:00:00.000+00:00")


def given_back_once(town: Town, urban: int) -> None:
    """A unit gives its topic back once with a reason; a second time needs a ruling."""
    cheng, officer = town.by("cheng"), town.by("zhao")
    cheng.post(f"tasks/{urban}/return", {"reason": ""}, status=422)
    cheng.post(f"tasks/{urban}/return", {"reason": "占道的是站牌，不归城管"})
    officer.post(f"tasks/{urban}/reassign", {"reason": "仍由城管清理", "unit": "urban"})
    refused = cheng.post(f"tasks/{urban}/return", {"reason": "还是不归我"}, status=409)["detail"]
    assert refused == f"task {urban} was returned once already; a second return needs a ruling"
    officer.post(f"tasks/{urban}/rule", {"reason": "归城管"}, status=403)
    town.by("sun").post(f"tasks/{urban}/rule", {"reason": "裁定：归城管"})


def worked_through(town: Town, number: int, made: dict[str, Any]) -> None:
    """Topic by topic, then each unit's own part; the event cannot close before the last of them."""
    head, officer = town.by("qian"), town.by("zhao")
    town.wait(days=1)
    for title, _, name, _ in TOPICS:
        town.by(name).work(made[title]["id"], f"{title}：完成")
        officer.post(f"tasks/{made[title]['id']}/verify")
        town.wait(days=1)
    assert town.by("qian").step(number, "close", status=409).startswith(f"event {number} is handling")
    parts = {(task["role"], task["unit"]): task for task in head.event(number)["tasks"] if task["state"] == "offered"}
    assert set(parts) == {
        ("lead", "transport"), ("co_handler", "roads"), ("co_handler", "urban"), ("cooperating", "community"),
    }  # fmt: skip
    for (_, unit), task in parts.items():
        who = {"transport": "tong", "roads": "zhu", "urban": "cheng", "community": "she"}[unit]
        town.by(who).work(task["id"], "完成")
        officer.post(f"tasks/{task['id']}/verify")


def ended(town: Town, number: int) -> None:
    """With a standing measure, after half a month; then reviewed."""
    head = town.by("qian")
    assert head.event(number)["state"] == "to_check"
    assert "closing conditions of bus_access are not met: outcome" in head.step(number, "close", status=409)
    head.step(number, "outcome", reason="微公交每日 12 班，社区每周回看")
    closed = head.step(number, "close")
    days = (town.now - MONDAY).total_seconds() / 86_400
    assert (closed["state"], 12 <= days <= 16) == ("closed", True)
    reviewed = town.by("zhou").step(number, "review", reason="跨部门现场会一次定责，周期可再缩短")
    assert reviewed["state"] == "reviewed"
