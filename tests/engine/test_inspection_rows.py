"""The clock's process keeps inspections in line with the settings, and brings them forward while rain is warned of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from data.model.inspection import InspectionReason, InspectionState
from data.model.warning import MessageType, WarningArea, WarningLevel, WarningStatus
from data.stored.warnings_in import receive_warning
from engine.reactions.inspection_rows import InspectionRows
from tests.dispatch.inspected_street import BOOK, DAY, NOON, Street, configured, street
from tests.dispatch.plan_city import cap

ELSEWHERE = (WarningArea("别处", geocodes=(("GB/T 2260", "110101"),)),)


def hear(city: Street, level: WarningLevel, **changes: object) -> None:
    warning = cap(1, level, **changes)  # type: ignore[arg-type]
    city.store.write(lambda writer: receive_warning(writer, warning, city.now))


def test_rows_are_made_once_and_follow_a_place_that_is_taken_out() -> None:
    with street() as city:
        assert InspectionRows(city.store, city.settings).poll(NOON) == 3
        assert InspectionRows(city.store, city.settings).poll(NOON) == 0
        fewer = InspectionRows(city.store, configured(places=[]))
        assert fewer.poll(NOON) == 3, "none is inspected any more"
        assert city.store.read(lambda reader: reader.open_inspections()) == []


def test_a_real_warning_of_rain_for_the_district_brings_the_gates_forward_and_its_end_puts_them_back() -> None:
    with street() as city:
        rows = InspectionRows(city.store, city.settings)
        rows.poll(NOON)
        was = city.row("gate-1").due
        hear(city, WarningLevel.ORANGE, hours=8)
        city.at(NOON + timedelta(minutes=10))
        assert rows.poll(city.now) == 1, "the shops are not inspected for rain"
        row = city.row("gate-1")
        assert (row.due, row.reason) == (city.now + timedelta(hours=6), InspectionReason.RAIN)
        assert row.state is InspectionState.DUE
        assert rows.poll(city.now + timedelta(minutes=5)) == 0, "moved once, not again and again"
        city.at(NOON + timedelta(hours=9))
        assert city.row("gate-1").state is InspectionState.OVERDUE
        rows.poll(city.now)
        assert city.row("gate-1").state is InspectionState.OVERDUE, "what nobody did stays told"

    with street() as city:
        rows = InspectionRows(city.store, city.settings)
        rows.poll(NOON)
        hear(city, WarningLevel.ORANGE, hours=2)
        rows.poll(NOON + timedelta(minutes=1))
        assert rows.poll(NOON + timedelta(hours=3)) == 1
        assert (city.row("gate-1").due, city.row("gate-1").reason) == (was, InspectionReason.CALENDAR)


def test_who_was_inspected_since_yesterday_is_not_inspected_again_for_the_same_rain() -> None:
    with street() as city:
        rows = InspectionRows(city.store, city.settings)
        rows.poll(NOON)
        city.inspect("gate-1")
        due = city.row("gate-1").due
        hear(city, WarningLevel.RED, hours=40)
        rows.poll(NOON + timedelta(minutes=1))
        assert city.row("gate-1").due == due
        city.at(NOON + DAY + timedelta(minutes=1))
        InspectionRows(city.store, city.settings).poll(city.now)
        assert city.row("gate-1").reason is InspectionReason.RAIN


@pytest.mark.parametrize(
    "changes",
    [
        {"level": WarningLevel.YELLOW},
        {"level": WarningLevel.RED, "status": WarningStatus.EXERCISE},
        {"level": WarningLevel.RED, "areas": ELSEWHERE},
        {"level": WarningLevel.RED, "event": "高温"},
        {"level": WarningLevel.RED, "kind": MessageType.CANCEL},
    ],
)
def test_a_lower_level_an_exercise_another_district_heat_and_an_all_clear_move_nothing(
    changes: dict[str, object],
) -> None:
    with street() as city:
        rows = InspectionRows(city.store, city.settings)
        rows.poll(NOON)
        due = city.row("gate-1").due
        hear(city, **changes)  # type: ignore[arg-type]
        rows.poll(NOON + timedelta(minutes=1))
        assert city.row("gate-1").due == due
    assert BOOK["types"]["gate"]["before_rain"]["from_level"] == "orange"
