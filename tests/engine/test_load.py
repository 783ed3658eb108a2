"""What a worker says of its own load, and how old its pictures are."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from data.local.meters import Meters
from data.local.stages import StageClock
from engine.camera.frame_age import FrameAge
from engine.camera.load import LoadBook, Tally

START = datetime(2024, 7, 12, tzinfo=UTC)


def gauges(meters: Meters, name: str) -> dict[str, float]:
    return meters.as_dict()["gauges"].get(name, {})


def test_rates_are_those_of_the_last_ten_seconds_only() -> None:
    meters, stages, tally = Meters(), StageClock(), Tally()
    book = LoadBook(meters, stages, {"quay": tally})
    for second in range(31):
        book.note(float(second))
        tally.looks += 5 if second < 15 else 2
        tally.pictures += 25
        stages.add("quay", "infer", 0.1 if second < 15 else 0.04)
    assert gauges(meters, "yiping_looks_per_second") == {'{"camera": "quay"}': 2.0}
    assert gauges(meters, "yiping_pictures_per_second") == {'{"camera": "quay"}': 25.0}
    assert gauges(meters, "yiping_camera_cpu_ms_per_second") == {'{"camera": "quay", "stage": "infer"}': 40.0}
    counters = meters.as_dict()["counters"]
    assert counters["yiping_inferences_total"] == {'{"camera": "quay"}': 5.0 * 15 + 2 * 15}
    assert counters["yiping_frames_total"] == {'{"site": "quay"}': 750.0}


def test_looks_at_a_part_of_the_picture_are_counted_and_given_as_a_share_of_the_looks() -> None:
    meters, stages, tally = Meters(), StageClock(), Tally()
    book = LoadBook(meters, stages, {"quay": tally, "gate": Tally()})
    for second in range(6):
        book.note(float(second))
        tally.looks += 5
        for _ in range(3):
            stages.part("quay")
    assert gauges(meters, "yiping_window_looks_share") == {'{"camera": "quay"}': 0.6}
    assert meters.as_dict()["counters"]["yiping_window_looks_total"] == {'{"camera": "quay"}': 15.0}


def test_shedding_is_said_once_when_it_begins_and_once_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    meters, stages, tally = Meters(), StageClock(), Tally()
    book = LoadBook(meters, stages, {"quay": tally})
    told: list[bool] = []
    with caplog.at_level(logging.INFO):
        for second in range(60):
            book.note(float(second))
            told.append(book.shedding)
            tally.looks += 3
            tally.shed += 2 if 10 <= second < 30 else 0
    assert told.index(True) in range(11, 16)
    assert told[30:36] == [True] * 6, "while a part of it is still in the window"
    assert told[45:] == [False] * 15
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "quay" in caplog.records[0].getMessage()
    assert meters.as_dict()["counters"]["yiping_looks_shed_total"] == {'{"camera": "quay"}': 40.0}


def test_time_of_an_inner_stage_is_not_counted_twice() -> None:
    stages = StageClock()
    with stages.measure("quay", "judge"), stages.measure("quay", "infer"):
        sum(range(400_000))
    spent = stages.taken()
    assert spent["quay", "infer"] > 0.002
    assert spent["quay", "judge"] < 0.2 * spent["quay", "infer"]


def test_a_picture_is_as_old_as_it_is_later_than_the_quickest_one() -> None:
    age = FrameAge()
    for number in range(25):
        late_s = 0.3 if number == 20 else 0.0
        age.arrived(START + timedelta(seconds=number / 25), 1000.0 + number / 25 + late_s)
    assert age.of(START + timedelta(seconds=20 / 25), 1000.0 + 20 / 25 + 0.3) == pytest.approx(0.3, abs=0.01)
    assert age.of(START + timedelta(seconds=24 / 25), 1000.0 + 24 / 25 + 0.05) == pytest.approx(0.05, abs=0.01)


def test_a_camera_whose_clock_is_set_is_not_ten_minutes_late_from_then_on() -> None:
    age = FrameAge()
    age.arrived(START, 1000.0)
    age.arrived(START - timedelta(minutes=10), 1000.04)
    assert age.of(START - timedelta(minutes=10), 1000.1) == pytest.approx(0.06, abs=0.001)
