"""A span as Parquet: typed, with names, in the city's zone, without what somebody may not know, and in the trail."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from alerts.lifecycle import acknowledge
from data.model.observation import Reading
from data.model.people import Actor, Role
from tests.web.city import Running


def span() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}


@pytest.mark.usefixtures("nobody_busy")
def test_alerts_tasks_and_readings_have_names_types_and_the_citys_time(running: Running) -> None:
    alert = running.alert("parquet")
    at = datetime.now(UTC)
    reading = Reading("gate-3", "staff", "water_depth", 12.5, at.replace(microsecond=0))
    running.store.write(lambda writer: acknowledge(writer, alert, Actor("zhao", Role.DUTY_OFFICER), at))
    running.store.write(lambda writer: writer.add_readings([reading]))
    with running.client("zhao") as officer:
        assert officer.post(f"/api/v1/alerts/{alert}/dispatch", json={}).status_code == 200
    with running.client("zhou") as analyst:
        tables = {}
        for table in ("alerts", "tasks", "readings"):
            answer = analyst.get("/api/v1/spans.parquet", params={**span(), "table": table})
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/vnd.apache.parquet"
            tables[table] = pq.read_table(io.BytesIO(answer.content))
    (row,) = [one for one in tables["alerts"].to_pylist() if one["alert"] == alert]
    assert (row["site"], row["site_name"], row["rule"], row["priority"]) == ("gate-3", "小学门口", "dwell", "P3")
    assert row["acknowledged_by"] == "zhao"
    assert row["acknowledged_at"] == at
    assert str(tables["alerts"].schema.field("raised_at").type) == "timestamp[us, tz=Asia/Shanghai]"
    assert row["raised_at"].utcoffset() == timedelta(hours=8)
    assert tables["alerts"].schema.metadata[b"time_zone"] == b"Asia/Shanghai"
    (task,) = [one for one in tables["tasks"].to_pylist() if one["alert"] == alert]
    assert (task["site_name"], task["created_at"].tzinfo) == ("小学门口", ZoneInfo("Asia/Shanghai"))
    assert str(tables["readings"].schema.field("value").type) == "double"
    (entry,) = running.store.read(lambda reader: reader.audit(subject="span", newest_first=True, limit=1))
    assert (entry.actor, entry.action, entry.detail["table"]) == ("zhou", "export_span", "readings")


def test_an_empty_span_has_the_same_columns(running: Running) -> None:
    then = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    with running.client("zhou") as analyst:
        for table, columns in (("alerts", 22), ("tasks", 26), ("readings", 6)):
            found = pq.read_table(
                io.BytesIO(analyst.get("/api/v1/spans.parquet", params={**then, "table": table}).content)
            )
            assert (found.num_rows, found.num_columns) == (0, columns)


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "2024-07-12T06:00:00Z", "until": "2024-07-12T03:00:00Z"},
        {"since": "2024-07-12T06:00:00Z", "until": "2024-09-12T03:00:00Z"},
        {"since": "2024-07-12T06:00:00Z"},
        {"since": "2024-07-12T06:00:00Z", "until": "2024-07-12T07:00:00Z", "table": "people"},
    ],
)
def test_a_span_that_cannot_be_exported_is_refused(running: Running, wrong: dict[str, str]) -> None:
    with running.client("zhou") as analyst:
        assert analyst.get("/api/v1/spans.parquet", params=wrong).status_code == 422


def test_a_responder_may_not_export(running: Running) -> None:
    with running.client("zhang") as responder:
        assert responder.get("/api/v1/spans.parquet", params=span()).status_code == 403
