"""A record of the log is one line, as text and as JSON, without secrets, with the ids of what it is about."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from data.config.log import LogFormat
from data.model.masking import SecretMask
from engine.process.log_lines import log_formatter
from tests.data.test_masking import PASSWORD

MASK = SecretMask([PASSWORD, "canary-88-key"], [("yiping", PASSWORD)])
FORMS = [LogFormat.TEXT, LogFormat.JSON]


def record_of(text: str, *given_args: Any, trace: bool = False) -> logging.LogRecord:
    return logging.LogRecord(
        "monitors.wire", logging.WARNING, "f", 1, text, given_args, sys.exc_info() if trace else None
    )


def json_of(text: str, *given_args: Any, trace: bool = False) -> dict[str, Any]:
    line = log_formatter("sensors", MASK, LogFormat.JSON).format(record_of(text, *given_args, trace=trace))
    assert line.isprintable(), "one line, no terminal sequences"
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_json_has_time_level_process_logger_and_event() -> None:
    fields = json_of("%s: 水位 is %.1f", "quay", 3.25)
    assert fields.pop("time").endswith("+00:00")
    assert fields == {
        "level": "warning",
        "process": "sensors",
        "logger": "monitors.wire",
        "event": "quay: 水位 is 3.2",
    }


def test_chinese_stays_readable_in_json() -> None:
    assert "水位" in log_formatter("main", MASK, LogFormat.JSON).format(record_of("水位"))


def test_the_bound_ids_are_fields_of_json_and_the_end_of_a_line_of_text() -> None:
    with bound_contextvars(alert_id=12, site="quay"):
        fields = json_of("raised")
        text = log_formatter("worker-1", MASK).format(record_of("raised"))
    assert (fields["alert_id"], fields["site"]) == (12, "quay")
    assert text.endswith(" WARNING worker-1 monitors.wire: raised [alert_id=12 site=quay]")
    assert log_formatter("worker-1", MASK).format(record_of("raised")).endswith(": raised"), "none is bound any more"


def test_a_bound_id_can_neither_replace_a_field_nor_begin_a_line_nor_show_a_secret() -> None:
    with bound_contextvars(level="info", event="forged", site="a\n2024 INFO forged", notice="canary-88-key"):
        fields = json_of("true")
        text = log_formatter("main", MASK).format(record_of("true"))
    assert (fields["level"], fields["event"], fields["notice"]) == ("warning", "true", "***")
    assert text.isprintable()
    assert "canary-88" not in text


@pytest.mark.parametrize("form", FORMS)
@given(st.text(max_size=60), st.text(max_size=20))
def test_whatever_is_logged_is_one_line_without_control_characters(form: LogFormat, text: str, site: str) -> None:
    with bound_contextvars(site=site):
        line = log_formatter("main", MASK, form).format(record_of("%s", text))
    # whether a text can be printed beyond that (unassigned characters) is no matter of safety
    assert len(line.splitlines()) == 1
    assert not any(ord(sign) < 0x20 and sign != "\t" for sign in line)
    if form is LogFormat.JSON:
        line.encode("utf-8")
        assert json.loads(line)["event"] == MASK(text)


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_holds_no_secret_and_forges_no_record(form: LogFormat) -> None:
    try:
        raise OSError("canary-88-key\n2024-01-01 INFO forged")
    except OSError:
        lines = log_formatter("main", MASK, form).format(record_of("broken", trace=True)).splitlines()
    assert "canary-88" not in "".join(lines)
    if form is LogFormat.JSON:
        assert len(lines) == 1
        assert json.loads(lines[0])["exception"].endswith("OSError: ***\n2024-01-01 INFO forged")
    else:
        assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("echoed", [PASSWORD, json.dumps(PASSWORD), repr(PASSWORD), json.dumps({"k": PASSWORD})])
def test_a_secret_with_quotes_is_masked_before_it_becomes_json(form: LogFormat, echoed: str) -> None:
    line = log_formatter("main", MASK, form).format(record_of("the gateway says %s", echoed))
    assert "asser" not in line
    assert "tand" not in line
    assert "***" in line
