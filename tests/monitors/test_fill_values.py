"""Fill values of every adapter give no reading but one refusal that says so, and values that cannot be likewise."""

from __future__ import annotations

import json
import math
import struct
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.errors import InputRejected
from data.model.observation import Reading, Rejected
from data.model.plausible import RANGES
from data.model.units import UNIT_OF
from data.ports.recipe import Context
from monitors.gauges._fill import COUNT_FILLS, REGISTER_FILLS, TEXT_FILLS, WORDS, FillValues
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges._message import measured
from monitors.gauges._modbus import number_in
from monitors.gauges._sl651 import parse_telegram
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from monitors.gauges.http_push import Recipe as HttpPush
from monitors.gauges.modbus_gauge import Recipe as ModbusGauge
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from monitors.gauges.parquet_gauge import Recipe as ParquetGauge
from tests.monitors.sl651_telegrams import telegram

NOW = datetime(2026, 7, 12, 5, 0, tzinfo=UTC)
LEVEL = MqttGauge(host="h", topic="t", quantity="water_level", value="level", time="at")


def read(recipe: MqttGauge, level: object) -> Reading:
    payload = json.dumps({"at": NOW.isoformat(), "level": level}).encode()
    return recipe.reading("quay", measured(recipe, payload, NOW, retained=False), NOW)


@pytest.mark.parametrize(
    "fill",
    [-999999, "-999999", -999999.0, -9999, -9999.9, "-9999.99", -999, -6999, 9999.999, "9999.999", 99999.9, 999999,
     6553.5, 65535, 3276.7, 32767, -32768, 2147483647, 4294967295],
)  # fmt: skip
@pytest.mark.parametrize("quantity", ["water_level", "water_depth", "rainfall", "flow", "temperature"])
def test_a_known_fill_value_is_no_reading_of_any_measured_quantity(quantity: str, fill: object) -> None:
    recipe = LEVEL.model_copy(update={"quantity": quantity})
    with pytest.raises(InputRejected, match=r"there is no value: .* is the gauge's word for that"):
        read(recipe, fill)


@pytest.mark.parametrize(
    "word", ["NaN", "nan", "", " ", "null", "N/A", "--", "***", "Ice", "Eqp", "#DIV/0!", "缺测", None]
)
def test_words_for_no_value_are_named_as_such(word: object) -> None:
    with pytest.raises(InputRejected, match="there is no value"):
        read(LEVEL, word)


def test_nan_in_json_is_no_value() -> None:
    with pytest.raises(InputRejected, match="there is no value: it says NaN"):
        read(LEVEL, float("nan"))


def test_a_gauge_has_its_own_fill_values_besides_and_the_known_ones_can_be_switched_off() -> None:
    own = MqttGauge.model_validate({**LEVEL.model_dump(), "missing": [-1, "dry"]})
    for given_ in (-1, "-1", "dry", "DRY ", -9999):
        with pytest.raises(InputRejected, match="there is no value"):
            read(own, given_)
    assert read(LEVEL, -1).value == -1.0
    bare = MqttGauge.model_validate({**LEVEL.model_dump(), "known_missing": False, "plausible": [-10_000, 10_000]})
    assert read(bare, 9999.999).value == 9999.999


@given(st.sampled_from(sorted(WORDS)), st.booleans())
def test_no_word_for_no_value_ever_becomes_a_number(word: str, loud: bool) -> None:
    with pytest.raises(InputRejected, match="there is no value"):
        read(LEVEL, word.upper() if loud else word)


def is_one_of(value: float, fills: tuple[float, ...]) -> bool:
    """The plain way to say it."""
    return any(math.isclose(value, fill, rel_tol=6e-8) for fill in fills)


_FILLS = st.sampled_from([TEXT_FILLS, COUNT_FILLS, REGISTER_FILLS["uint64"], ()])
_NEAR = st.builds(lambda fill, part: fill * (1 + part * 1e-7), st.sampled_from(TEXT_FILLS), st.floats(-2, 2))


@given(_FILLS, st.one_of(_NEAR, st.floats(allow_nan=False)))
def test_a_number_is_found_among_ordered_fill_values_as_by_looking_at_each(
    fills: tuple[float, ...], value: float
) -> None:
    assert (value in FillValues(fills)) == is_one_of(value, fills)


@given(st.sampled_from(TEXT_FILLS))
def test_a_fill_value_that_went_through_32_bits_is_still_one(fill: float) -> None:
    (rounded,) = struct.unpack("f", struct.pack("f", fill))
    with pytest.raises(InputRejected, match="there is no value"):
        read(LEVEL, rounded)


@given(st.sampled_from(sorted(RANGES)), st.floats(allow_nan=False, allow_infinity=False))
def test_a_reading_lies_within_its_quantity_s_range_and_is_no_fill_value(quantity: str, value: float) -> None:
    recipe = LEVEL.model_copy(update={"quantity": quantity})
    low, high = RANGES[quantity]
    fills = COUNT_FILLS if quantity == "count" else TEXT_FILLS
    if is_one_of(value, fills) or not low <= value <= high:
        with pytest.raises(InputRejected, match=r"there is no value|cannot be measured"):
            read(recipe, value)
    else:
        assert read(recipe, value).value == value


def test_counts_pass_through_9999_and_a_level_in_the_mountains_is_high() -> None:
    assert read(LEVEL.model_copy(update={"quantity": "count"}), 9999).value == 9999
    assert read(LEVEL, 4718.0).value == 4718.0


def test_the_range_can_be_set_in_the_gauge_s_unit_and_is_named_where_it_is_left() -> None:
    recipe = MqttGauge.model_validate({**LEVEL.model_dump(), "unit": "ft", "plausible": [500, 640]})
    assert read(recipe, 600).value == pytest.approx(182.88)
    with pytest.raises(
        InputRejected,
        match=r"700 ft cannot be measured: water_level lies between 152\.4 and 195\.072 m \(`plausible`\)",
    ):
        read(recipe, 700)
    with pytest.raises(ValidationError, match="write the lowest value before the highest"):
        MqttGauge.model_validate({**LEVEL.model_dump(), "plausible": [640, 500]})


def test_every_quantity_has_a_range() -> None:
    assert set(RANGES) == set(UNIT_OF)


@pytest.mark.parametrize(
    ("kind", "registers"),
    [("int16", [0x8000]), ("int16", [0x7FFF]), ("uint16", [0xFFFF]), ("int32", [0x8000, 0]),
     ("int32", [0x7FFF, 0xFFFF]), ("uint32", [0xFFFF, 0xFFFF]), ("float32", [0x7FC0, 0]),
     ("float32", [0xFFFF, 0xFFFF]), ("float32", [0xC61C, 0x3C00])],
)  # fmt: skip
def test_the_end_of_a_register_s_range_says_that_there_is_no_value(kind: str, registers: list[int]) -> None:
    plain: dict[str, Any] = {"host": "h", "address": 0, "quantity": "water_depth", "scale": 0.1, "type": kind}
    with pytest.raises(InputRejected, match=r"the device says by .* that it has no value"):
        number_in(registers, ModbusGauge.model_validate(plain))


def test_a_register_is_judged_by_its_count_not_by_the_scaled_value() -> None:
    plain: dict[str, Any] = {"host": "h", "address": 0, "quantity": "water_depth", "type": "uint16"}
    recipe = ModbusGauge.model_validate({**plain, "offset": 655.35, "missing": [7]})
    value = number_in([0], recipe)
    assert recipe.reading("quay", Measured(value, NOW, "cm"), NOW).value == 655.35
    assert number_in([0xFFFF], ModbusGauge.model_validate({**plain, "known_missing": False})) == 65535
    with pytest.raises(InputRejected, match="the device says by 7 that it has no value"):
        number_in([7], recipe)


@pytest.mark.parametrize("raw", ["392399999999", "3923FF999999", "3923FFFFFFFF", "3923AAAAAAAA", "38129999"])
def test_a_telegram_whose_digits_are_all_nine_or_all_ones_has_no_value_there(raw: str) -> None:
    frame = telegram("0012345678", raw, datetime(2026, 7, 12, 13, 0))  # noqa: DTZ001 - the station's own clock
    (element,) = parse_telegram(frame, ZoneInfo("Asia/Shanghai")).elements
    with pytest.raises(InputRejected, match="the station had no value at 2026-07-12T05:00"):
        _ = element.value


def rows(recipe: GaugeRecipe, context: Context) -> tuple[list[float], list[str]]:
    with closing(recipe.make(context)) as monitor:
        seen = list(monitor.observe())
    return [r.value for r in seen if isinstance(r, Reading)], [r.reason for r in seen if isinstance(r, Rejected)]


def test_files_lose_only_the_rows_without_a_value(context: Context) -> None:
    (context.base_dir / "stage.csv").write_text(
        "at;stage\n2026-07-12T04:00:00Z;1,59\n2026-07-12T04:05:00Z;-999,9\n2026-07-12T04:10:00Z;Ice\n"
        "2026-07-12T04:15:00Z;1_6\n2026-07-12T04:20:00Z;trocken\n2026-07-12T04:25:00Z;9000\n2026-07-12T04:30:00Z;1,61\n"
    )
    recipe = CsvGauge.model_validate(
        {"path": "stage.csv", "time": "at", "value": "stage", "quantity": "water_level", "separator": ";",
         "decimal": ",", "missing": ["trocken"]}
    )  # fmt: skip
    values, reasons = rows(recipe, context)
    assert values == [1.59, 1.61]
    assert sorted(reasons) == [
        "line 3: there is no value: -999.9 is the gauge's word for that (`missing`)",
        "line 4: there is no value: it says 'Ice'",
        "line 5: '1_6' is not a number",
        "line 6: there is no value: it says 'trocken'",
        "line 7: 9000 m cannot be measured: water_level lies between -450 and 6500 m (`plausible`)",
    ]
    times = [NOW - timedelta(minutes=minutes) for minutes in (15, 10, 5)]
    pd.DataFrame({"at": times, "mm": [0.5, -9999.0, 0.7]}).to_parquet(context.base_dir / "rain.parquet")
    parquet = ParquetGauge.model_validate({"path": "rain.parquet", "time": "at", "value": "mm", "quantity": "rainfall"})
    values, reasons = rows(parquet, context)
    assert values == [0.5, 0.7]
    assert reasons == ["line 2: there is no value: -9999 is the gauge's word for that (`missing`)"]


def test_two_columns_of_one_name_are_refused_where_one_of_them_is_meant(context: Context) -> None:
    (context.base_dir / "two.csv").write_text("At,Depth,Depth \n2026-07-12 08:00,17.31,998\n")
    plain = {"path": "two.csv", "time": "At", "quantity": "water_depth", "timezone": "Asia/Shanghai"}
    with pytest.raises(InputRejected, match=r"has the column 'Depth' twice \(columns 2 and 3\): rename all but one"):
        rows(CsvGauge.model_validate({**plain, "value": "Depth"}), context)
    (context.base_dir / "two.csv").write_text("At,Depth,Note,Note\n2026-07-12 08:00,17.31,a,b\n")
    assert rows(CsvGauge.model_validate({**plain, "value": "Depth"}), context) == ([17.31], [])


def test_a_pushed_fill_value_is_named() -> None:
    recipe = HttpPush(quantity="water_depth", unit="cm")
    with pytest.raises(InputRejected, match="result: there is no value"):
        recipe.accept("quay", {"result": None}, NOW)
    with pytest.raises(InputRejected, match="result: '1_0' is not a number"):
        recipe.accept("quay", {"result": "1_0"}, NOW)
    with pytest.raises(InputRejected, match="there is no value: -999999"):
        recipe.accept("quay", {"result": -999999}, NOW)


def test_a_batch_loses_only_the_observations_without_a_value() -> None:
    receiver = HttpPush(id="probe", quantity="water_depth", unit="cm").receiver("quay", None)
    sent = [{"result": 12.0}, {"result": -9999}, {"result": "Ice"}, {"result": 13.0}]
    found = receiver.accept(sent, NOW)
    assert [one.value for one in found if isinstance(one, Reading)] == [12.0, 13.0]
    assert [one.reason for one in found if isinstance(one, Rejected)] == [
        "observation 2: result: there is no value: -9999 is the gauge's word for that (`missing`)",
        "observation 3: result: there is no value: it says 'Ice'",
    ]
    with pytest.raises(InputRejected, match="observation 2: result: '1_0' is not a number"):
        receiver.accept([{"result": 12.0}, {"result": "1_0"}], NOW)
