"""S8: a dirty path on the border of two districts, which nobody owns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.town import Town, picture

pytestmark = pytest.mark.scenario

PATH = {"lon": 106.5290, "lat": 29.5830}
METRE = 1 / 96_750  # degrees of longitude here


def told(event: Any) -> list[tuple[int, list[str]]]:
    """(share of the limit, posts that were told) of every escalation by the clock."""
    found = [step["detail"] for step in event["steps"] if step["step"] == "escalate" and step["by"] == "system"]
    return [(detail["percent"], sorted(detail["to"])) for detail in found]


def brought(town: Town, east_m: float) -> Any:
    place = {"lon": PATH["lon"] + east_m * METRE, "lat": PATH["lat"]}
    body = {"kind": "dirty_path", "location": place, "description": "小路又脏了"}
    return town.by("li").post("events", body)["event"]


def test_S8_a_path_between_two_districts_is_shared_split_cleaned_and_kept_clean(town: Town, tmp_path: Path) -> None:  # noqa: N802
    number, task = escalated_to_the_district(town)
    photo = picture(tmp_path / "clean.jpg")
    shared_and_split(town, number, task, photo)
    kept_clean(town, number)
    noticed_when_it_comes_back(town, number, photo)


def escalated_to_the_district(town: Town) -> tuple[int, Any]:
    """Nobody owns it: the lead gives it back, the clock goes on, from the responder to the district."""
    operator, head = town.by("li"), town.by("qian")
    event = operator.post(
        "events", {"kind": "dirty_path", "location": PATH, "description": "两区交界 200 米小路无人清扫"}
    )["event"]
    number: int = event["id"]
    operator.step(number, "file")
    head.step(number, "dispatch")
    (task,) = operator.event(number)["tasks"]
    town.by("cheng").post(f"tasks/{task['id']}/return", {"reason": "一半在邻区，不归我区"})
    assert operator.event(number)["state"] == "judging", "the lead gave it back: it is to be judged again"
    town.wait(hours=8)
    escalated = operator.event(number)
    assert told(escalated) == [
        (50, ["responder"]),
        (80, ["grid_leader", "responder"]),
        (100, ["duty_officer", "section_head"]),
        (150, ["commander", "district"]),
    ]
    last = [one["detail"]["to"] for one in escalated["steps"] if one["step"] == "escalate"][-1]
    assert last == {"commander": ["sun"], "district": ["sun"]}
    head.step(number, "escalate", reason="街道无法协调，上报区级")
    by_hand = operator.event(number)["steps"][-1]
    assert (by_hand["by"], by_hand["detail"]["to"]) == ("qian", {"district": ["sun"]}), "all below were told"
    return number, task


def shared_and_split(town: Town, number: int, task: Any, photo: bytes) -> None:
    """Both districts take it in the same system; no closing before responsibility is split."""
    operator, head, officer = town.by("li"), town.by("qian"), town.by("zhao")
    shared = head.step(number, "share", district="heyang", reason="路段跨区")
    assert shared["holders"] == ["qingshi"]
    officer.post(f"tasks/{task['id']}/reassign", {"reason": "我区半段先清扫", "unit": "urban"})
    other = officer.post(f"events/{number}/tasks", {"unit": "he-urban", "part": "co_handler", "title": "邻区半段"})[
        "task"
    ]
    for name, one in (("cheng", task), ("hcheng", other)):
        town.by(name).work(one["id"], "已清扫", photo)
        officer.post(f"tasks/{one['id']}/verify")
    assert operator.event(number)["state"] == "to_check"
    assert "heyang has not taken it yet" in head.step(number, "close", status=409)
    assert "does not speak for heyang" in head.step(number, "hold", status=403, district="heyang")
    held = town.by("he").step(number, "hold", district="heyang")
    assert held["holders"] == ["qingshi", "heyang"]
    assert "responsibility is not split yet" in head.step(number, "close", status=409)
    assert "say what heyang is responsible for" in town.by("sun").step(
        number, "split", status=422, reason="现场划界", shares={"qingshi": "西段 100 米"}
    )
    shares = {"qingshi": "西段 100 米", "heyang": "东段 100 米"}
    town.by("sun").step(number, "split", reason="两区现场划界", shares=shares)
    closed = head.step(number, "close")
    assert closed["state"] == "closed"
    split = next(one for one in head.event(number)["steps"] if one["step"] == "split")
    assert split["detail"]["shares"] == shares


def kept_clean(town: Town, number: int) -> None:
    """Handed over to routine upkeep: a task every day, by itself."""
    operator, head = town.by("li"), town.by("qian")
    head.step(number, "hand_over", unit="urban", title="交界小路日常清扫", every="1d")
    town.wait(days=2, minutes=5)
    kept = [one for one in operator.get("events?limit=20")["items"] if one["origin"] == "upkeep"]
    assert [(one["title"], one["recurs"], one["holders"]) for one in kept] == [
        ("交界小路日常清扫", number, ["qingshi", "heyang"])
    ] * 2


def noticed_when_it_comes_back(town: Town, number: int, photo: bytes) -> None:
    """Near and soon it is the same event again; farther away, or later, it is another one."""
    operator, head, officer = town.by("li"), town.by("qian"), town.by("zhao")
    far = brought(town, east_m=60)
    assert (far["id"] != number, far["recurs"]) == (True, None)
    operator.step(far["id"], "refuse", reason="只是落叶")
    town.wait(days=4)
    near = brought(town, east_m=45)
    assert (near["id"], near["state"]) == (number, "filed"), "within 7 days and 50 m it is reopened"
    assert [one["by"] for one in operator.event(number)["steps"] if one["step"] == "reopen"] == ["system"]
    head.step(number, "judge", lead="urban")
    head.step(number, "dispatch")
    (again,) = [one for one in operator.event(number)["tasks"] if one["state"] == "offered"]
    town.by("cheng").work(again["id"], "已清扫", photo)
    officer.post(f"tasks/{again['id']}/verify")
    head.step(number, "close")
    town.wait(days=7, minutes=1)
    late = brought(town, east_m=0)
    assert (late["id"] != number, late["recurs"]) == (True, None), "after 7 days it is another event"
