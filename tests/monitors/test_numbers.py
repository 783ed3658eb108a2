"""What is a number: digits with one decimal sign. What Python, YAML or a spreadsheet would also take is none."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputRejected
from monitors.gauges._number import number


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([".", ","]))
def test_every_number_that_is_written_is_read_as_it_is(value: float, decimal: str) -> None:
    written = repr(value).replace(".", decimal)
    assert number(f" {written}\n", decimal) == value  # type: ignore[arg-type]
    assert number(value) == value


@given(st.text(alphabet="0123456789.,_+-eE xX" + "１٣" + string.ascii_letters, max_size=12))
def test_other_text_is_refused_and_never_read_in_another_way(text: str) -> None:
    try:
        value = number(text)
    except InputRejected:
        return
    assert math.isfinite(value) or "e" in text.casefold()
    assert set(text.strip()) <= set("0123456789.+-eE")
    assert value == float(text)


@pytest.mark.parametrize(
    "text",
    ["1_000", "0x1F", "1,234.5", "1 000", "１２", "12m", "<0.1", "inf", "Infinity", "True", "1.2.3", "--1", "e5"],
)  # fmt: skip
def test_what_is_not_written_as_a_measured_value_is_no_number(text: str) -> None:
    with pytest.raises(InputRejected, match="is not a number"):
        number(text)


@pytest.mark.parametrize("given_", [True, False, None, [1], {"value": 1}, b"1", 10**400])
def test_what_is_no_number_in_json_is_refused(given_: object) -> None:
    with pytest.raises(InputRejected, match="is not a number"):
        number(given_)


def test_a_decimal_comma_is_read_only_where_it_is_set_and_the_reason_says_so() -> None:
    assert number("1,59", ",") == 1.59
    assert number("-0,5e2", ",") == -50.0
    with pytest.raises(InputRejected, match=r"'1,59' is not a number with decimal \".\"; set `decimal: \",\"`"):
        number("1,59")
    with pytest.raises(InputRejected, match=r"'1.59' is not a number with decimal \",\"; set `decimal: \".\"`"):
        number("1.59", ",")
    with pytest.raises(InputRejected, match=r"'1\.234,5' is not a number$"):
        number("1.234,5", ",")
