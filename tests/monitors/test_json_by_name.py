"""JSON read by name: the entry that is meant, its unit, its zero, its own fill value; what is not sure is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import InputRejected
from data.model.observation import Reading
from monitors.gauges._json_path import locate, parse_json
from monitors.gauges._message import measured
from monitors.gauges.mqtt_gauge import Recipe

NOW = datetime(2026, 11, 29, 1, 0, tzinfo=UTC)
AT = "2026-11-29T08:30:00+08:00"
SERIES: list[dict[str, Any]] = [
    {"name": "water_temperature", "unit": "degC", "last": {"at": AT, "value": 17.4}},
    {"name": "freeboard", "unit": "cm", "last": {"at": AT, "value": 642}},
    {"name": "stage", "unit": "cm", "zero_m": 171.203, "last": {"at": AT, "value": 238}},
]
BRIDGE = {"station": "north bridge", "timeseries": SERIES}
PLACES = {"value": "timeseries.last.value", "time": "timeseries.last.at", "quantity": "water_level"}


def gauge(**more: Any) -> Recipe:
    return Recipe.model_validate({"host": "h", "topic": "t", "id": "stage", **PLACES, **more})


def read(recipe: Recipe, content: object) -> Reading:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return recipe.reading("bridge", measured(recipe, payload, NOW, retained=False), NOW)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_stage_is_found_by_its_name_wherever_it_stands_and_in_its_own_unit(order: tuple[int, ...]) -> None:
    content = {**BRIDGE, "timeseries": [SERIES[place] for place in order]}
    reading = read(gauge(select={"name": "stage"}), content)
    assert (reading.value, reading.vertical_datum) == (2.38, None)
    assert reading.at == datetime(2026, 11, 29, 0, 30, tzinfo=UTC)
    assert read(gauge(select={"name": "stage"}, unit="m"), content).value == 2.38, "the message's unit counts"


def test_a_level_above_a_datum_has_the_zero_that_the_message_names() -> None:
    by_name = {"select": {"name": "stage"}, "vertical_datum": "wusong"}
    assert read(gauge(**by_name), BRIDGE).value == pytest.approx(173.583)
    assert read(gauge(**by_name, zero_field="timeseries.zero_m"), BRIDGE).value == pytest.approx(173.583)
    assert read(gauge(**by_name, zero_field=""), BRIDGE).value == 2.38
    low = [{**SERIES[2], "zero_m": 0.4}]
    with pytest.raises(InputRejected, match=r"its zero lies at 0\.4 m \(zero_m\): set `zero_field`"):
        read(gauge(**by_name), {"timeseries": low})
    absolute = [{**SERIES[2], "last": {"at": AT, "value": 17_358}}]
    with pytest.raises(InputRejected, match=r"its zero lies at 171\.203 m"):
        read(gauge(**by_name), {"timeseries": absolute})
    nested = [{**SERIES[2], "zero_m": None, "gaugeZero": {"unit": "m. ü. NHN", "value": 171.203}}]
    assert read(gauge(**by_name), {"timeseries": nested}).value == pytest.approx(173.583)


@pytest.mark.parametrize("place", ["0", "1", "2", "last", "first"])
def test_a_position_among_named_entries_is_refused(place: str) -> None:
    wrong = gauge(value=f"timeseries.{place}.last.value", time=f"timeseries.{place}.last.at")
    with pytest.raises(
        InputRejected,
        match=r"timeseries: the entries have names \(water_temperature, freeboard, stage\); choose by name",
    ):
        read(wrong, BRIDGE)


def test_a_quantity_of_another_dimension_is_refused_and_names_that_are_not_there_are_told() -> None:
    with pytest.raises(InputRejected, match=r"gives its value in 'degC': that is no unit of water_level \(unit\)"):
        read(gauge(select={"name": "water_temperature"}), BRIDGE)
    with pytest.raises(
        InputRejected, match="no entry with name 'level'; there are freeboard, stage, water_temperature"
    ):
        read(gauge(select={"name": "level"}), BRIDGE)
    with pytest.raises(InputRejected, match="2 entries with name 'stage'"):
        read(gauge(select={"name": "stage"}), {"timeseries": [*SERIES, SERIES[2]]})
    with pytest.raises(InputRejected, match=r"no list on the way to .* has entries with 'naem: stage'"):
        read(gauge(select={"naem": "stage"}), {"timeseries": [SERIES[2]]})
    with pytest.raises(InputRejected, match="the list has 2 entries; choose one with `select"):
        read(gauge(), {"timeseries": [{"last": {"value": 1}}, {"last": {"value": 2}}]})
    with pytest.raises(InputRejected, match="choose by name, not by position"):
        read(gauge(), BRIDGE)
    with pytest.raises(ValidationError, match="say where that is"):
        gauge(value=None, time=None, select={"name": "stage"})


def test_a_nested_public_answer_is_read_by_its_codes() -> None:
    def series(code: str, unit: str, value: str) -> dict[str, Any]:
        return {
            "variable": {"variableCode": [{"value": code}], "unit": {"unitCode": unit}, "noDataValue": -888.5},
            "values": [{"value": [{"value": "1.0", "dateTime": AT}, {"value": value, "dateTime": AT}]}],
        }

    content = {"value": {"timeSeries": [series("00060", "ft3/s", "1240"), series("00065", "ft", "12.5")]}}
    where = {
        "value": "value.timeSeries.values.value.last.value",
        "time": "value.timeSeries.values.value.last.dateTime",
        "select": {"variable.variableCode.0.value": "00065"},
    }
    assert read(gauge(**where), content).value == pytest.approx(3.81)
    flow = gauge(**{**where, "select": {"variable.variableCode.0.value": "00060"}, "quantity": "flow"})
    assert read(flow, content).value == pytest.approx(35.113, abs=0.001)
    content["value"]["timeSeries"][1] = series("00065", "ft", "-888.5")
    with pytest.raises(InputRejected, match=r"-888\.5 is the message's own word for that \(noDataValue\)"):
        read(gauge(**where), content)


def test_a_message_s_own_no_data_value_is_no_reading() -> None:
    flat = gauge(value="value", time="dateTime")
    with pytest.raises(InputRejected, match="there is no value: -999999"):
        read(flat, {"value": "-999999", "dateTime": AT, "noDataValue": -999999.0})
    with pytest.raises(InputRejected, match="the message's own word"):
        read(flat, {"value": "12.75", "dateTime": AT, "noDataValue": "12.75"})
    assert read(flat, {"value": "12.5", "dateTime": AT, "noDataValue": None}).value == 12.5


@pytest.mark.parametrize(
    ("unit", "value", "metres"),
    [
        ("cm", 238, 2.38),
        ("CM", 238, 2.38),
        ("厘米", 238, 2.38),
        ("mm", 2380, 2.38),
        ("feet", 10, 3.048),
        ("Meter", 2, 2.0),
    ],
)
def test_units_are_taken_from_the_message_in_the_ways_they_are_written(unit: str, value: float, metres: float) -> None:
    flat = gauge(value="level", time="at")
    for member in ("unit", "uom", "level_unit", "unitOfMeasurement"):
        assert read(flat, {"level": value, "at": AT, member: unit}).value == pytest.approx(metres)
    assert read(flat, {"level": value, "at": AT, "unitOfMeasurement": {"symbol": unit}}).value == pytest.approx(metres)


def test_an_unknown_unit_is_refused_unless_the_gauge_has_its_own() -> None:
    content = {"level": 2.0, "at": AT, "unit": "pump house 3"}
    with pytest.raises(InputRejected, match=r"gives its value in 'pump house 3' .* set the gauge's `unit`"):
        read(gauge(value="level", time="at"), content)
    assert read(gauge(value="level", time="at", unit="m"), content).value == 2.0
    assert read(gauge(value="level", time="at", unit_field=""), content).value == 2.0
    assert read(gauge(value="level", time="at", unit_field=""), {**content, "unit": "cm"}).value == 2.0


def test_a_datum_in_the_message_is_the_reading_s() -> None:
    content = {"level": 181.2, "at": AT, "datum": "Yellow_Sea"}
    assert read(gauge(value="level", time="at", vertical_datum="wusong"), content).vertical_datum == "Yellow_Sea"
    assert read(gauge(value="level", time="at", vertical_datum="yellow_sea"), content).vertical_datum == "yellow_sea"
    own = gauge(value="level", time="at", vertical_datum="wusong", datum_field="")
    assert read(own, content).vertical_datum == "wusong"


def test_a_name_that_stands_twice_is_refused_where_it_is_meant() -> None:
    twice = b'{"at": "2026-11-29T08:30:00+08:00", "level": 1.5, "level": 7.15, "x": 1}'
    with pytest.raises(InputRejected, match="the message names 'level' twice"):
        read(gauge(value="level", time="at"), twice)
    assert read(gauge(value="x", time="at"), twice).value == 1.0


def test_names_with_dots_and_single_entries_and_plain_lists_are_found() -> None:
    assert locate({"water.level": {"now": 3}}, "water.level.now").value == 3
    assert locate([{"level": 4}], "level").value == 4
    assert locate({"data": [1, 2, 3]}, "data.last").value == 3
    assert locate({"data": [{"t": 1, "v": 5}, {"t": 2, "v": 6}]}, "data.0.v").value == 5
    assert locate([[1, 2], [3, 4]], "last.1").value == 4
    with pytest.raises(InputRejected, match="there is no entry last, the list has 0"):
        locate({"data": []}, "data.last")
    with pytest.raises(InputRejected, match="not JSON"):
        parse_json("[" * 100_000)


@given(st.permutations(range(5)), st.integers(0, 4))
def test_no_order_of_the_entries_changes_what_is_read(order: list[int], wanted: int) -> None:
    entries = [{"name": f"series-{place}", "last": {"at": AT, "value": place + 0.5}} for place in order]
    assert read(gauge(select={"name": f"series-{wanted}"}), {"timeseries": entries}).value == wanted + 0.5
