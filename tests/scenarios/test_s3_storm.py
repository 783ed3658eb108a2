"""S3: a storm forecast arrives as CAP 1.2, and the grids that own the waterlogging points have their tasks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.city import City, city, until
from tests.scenarios.storm import POINTS, all_tasks, drop, keys, runs, storm, write_district

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(300)]

WITHIN_S = 5.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[City]:
    """The real system; its drop folder is there."""
    with city(write_district(tmp_path), tmp_path / "var") as started:
        started.add_user("weather", "source", "weather-kettle-harbour-42")
        started.add_user("zhao", "duty_officer", "zhao-kettle-harbour-42")
        until((tmp_path / "drop").is_dir, 60, started.log)
        yield started


def settled(running: City, rest: httpx.Client, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """All tasks, once they are as wanted."""

    def look() -> list[dict[str, Any]]:
        tasks = all_tasks(rest)
        return tasks if wanted(tasks) else []

    return until(look, 60, lambda: f"{len(all_tasks(rest))} tasks:\n{running.log()[-3000:]}")


def seconds_after(began: float, tasks: list[dict[str, Any]]) -> float:
    return max(datetime.fromisoformat(task["created_at"]).timestamp() for task in tasks) - began


def send(weather: httpx.Client, content: bytes) -> dict[str, Any]:
    answer = weather.post("/warnings", content=content, headers={"Content-Type": "application/xml"})
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def clock_of(running: City) -> int:
    """The process that plans; 0 while it is being started."""
    try:
        return running.pid_of("clock")
    except (FileNotFoundError, ValueError):
        return 0


@pytest.mark.alone
def test_S3_a_storm_warning_is_work_in_five_seconds_once_by_difference_and_taken_back(  # noqa: N802
    running: City, tmp_path: Path
) -> None:
    rest, weather, wang = (running.caller(name) for name in ("zhao", "weather", "wang-0"))
    folder = tmp_path / "drop"

    # An exercise is shown and told, and starts no work.
    send(weather, storm(7, "red", status="Exercise"))
    until(lambda: rest.get("/modes").json()["exercises"], 30, running.log)
    assert [(run["plan"], run["state"]) for run in runs(rest)] == [("storm", "exercise")]
    assert all_tasks(rest) == []
    until(lambda: "it triggers no tasks of plan storm" in running.log(), 10, running.log)

    # The forecast, as a file.
    began = time.time()
    drop(folder, "blue", storm(1, "blue"))
    tasks = settled(running, rest, lambda tasks: len(tasks) >= POINTS)
    first_s = seconds_after(began, tasks)
    print(f"\nfile -> {len(tasks)} tasks in {first_s:.2f} s")
    assert first_s <= WITHIN_S
    assert keys(tasks) == [f"积水点排水巡查 · 积水点{n:02d}" for n in range(POINTS)]
    assert {task["unit"] for task in tasks} == {"g-0", "g-1", "g-2", "g-3"}
    assert all(task["checklist"] and task["needs_photo"] and task["state"] == "offered" for task in tasks)

    # The same message twice more, by file and by HTTP: nothing new.
    drop(folder, "blue-again", storm(1, "blue"))
    assert send(weather, storm(1, "blue"))["known"] is True
    until(lambda: len(list((folder / "taken").glob("*.xml"))) == 2, 30, running.log)
    mine = next(task for task in tasks if task["unit"] == "g-0")
    assert wang.post(f"/tasks/{mine['id']}/accept").status_code == 200
    assert [task["id"] for task in all_tasks(rest)] == [task["id"] for task in tasks]

    # The upgrade: only what orange adds.
    began = time.time()
    assert send(weather, storm(2, "orange", "Update", 1))["known"] is False
    more = settled(running, rest, lambda found: len(found) >= 4 * POINTS)
    new = more[POINTS:]
    upgrade_s = seconds_after(began, new)
    print(f"upgrade by HTTP -> {len(new)} more tasks in {upgrade_s:.2f} s")
    assert upgrade_s <= WITHIN_S
    assert [task["id"] for task in more[:POINTS]] == [task["id"] for task in tasks]
    assert len(new) == 3 * POINTS
    assert {task["title"].split(" · ")[0] for task in new} == {"雨中复查", "排水队携泵就位", "封路器材到位"}
    assert len(set(keys(more))) == len(more), "no piece of work is there twice"

    # The cancellation: everything but the one that somebody has begun.
    drop(folder, "cancel", storm(3, "orange", "Cancel", 2))
    left = settled(running, rest, lambda found: sum(task["state"] not in {"cancelled"} for task in found) == 1)
    assert [task["id"] for task in left if task["state"] != "cancelled"] == [mine["id"]]
    assert [run["state"] for run in runs(rest)] == ["ended", "exercise"]
    assert wang.get(f"/tasks/{mine['id']}").json()["state"] == "accepted"
    running.command("audit", "verify", "--var", str(running.var))


def test_S3_a_plan_whose_process_is_killed_again_and_again_loses_and_doubles_nothing(  # noqa: N802
    running: City,
) -> None:
    rest, weather = running.caller("zhao"), running.caller("weather")
    send(weather, storm(1, "red"))
    for enough in (1, 2 * POINTS, 4 * POINTS):
        until(lambda enough=enough: len(all_tasks(rest)) >= enough, 60, running.log)  # type: ignore[misc]
        before = running.pid_of("clock")
        os.kill(before, signal.SIGKILL)
        send(weather, storm(1, "red"))
        until(lambda before=before: clock_of(running) not in {0, before}, 60, running.log)  # type: ignore[misc]
    tasks = settled(running, rest, lambda found: len(found) >= 5 * POINTS)
    until(lambda: all(run["settled"] for run in runs(rest)), 30, running.log)
    tasks = all_tasks(rest)
    assert len(tasks) == 5 * POINTS
    assert len(set(keys(tasks))) == 5 * POINTS
    assert [run["counts"]["withdrawn"] for run in runs(rest)] == [0]
