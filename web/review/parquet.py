"""Alerts, tasks and readings of a span as Parquet: typed columns, names beside ids, every time in the city's zone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from data.config.settings import Settings
from data.model.alert import Alert
from data.model.task import Task
from data.model.units import UNIT_OF
from layouts.review_data import Incident
from web.review.subject import Names

Table = Literal["alerts", "tasks", "readings"]
Row = Mapping[str, Any]

_ALERTS = (
    "alert:int site:text site_name:text rule:text kind:text zone:text subject:text label:text priority:text state:text "
    "value:number unit:text confidence:number occurrence:int started_at:time raised_at:time acknowledged_at:time "
    "acknowledged_by:text acknowledged_by_name:text ended_at:time event:int evidence:text"
)
_TASKS = (
    "task:int event:int alert:int title:text site:text site_name:text grid:text lon:number lat:number priority:text "
    "state:text responder:text responder_name:text unit:text unit_name:text created_by_name:text verified_by_name:text "
    "report_text:text created_at:time accepted_at:time en_route_at:time on_scene_at:time reported_at:time "
    "verified_at:time closed_at:time cancelled_at:time"
)
_READINGS = "site:text site_name:text quantity:text at:time value:number unit:text"
COLUMNS: Mapping[Table, str] = MappingProxyType({"alerts": _ALERTS, "tasks": _TASKS, "readings": _READINGS})
"""Of each table: name and type of its columns."""


def parquet_of(incident: Incident, table: Table, names: Names, settings: Settings) -> bytes:
    """One table as a Parquet file. Its metadata name the span, the time zone, and whether all of the span is in it."""
    # 60 MiB that nobody else in the server's process needs
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    zone = settings.timezone
    types = {"text": pa.string(), "int": pa.int64(), "number": pa.float64(), "time": pa.timestamp("us", tz=zone)}
    columns = [column.split(":") for column in COLUMNS[table].split()]
    told = {
        "since": _local(incident.span.since, settings),
        "until": _local(incident.span.until, settings),
        "time_zone": zone,
        "whole": str(incident.whole).lower(),
    }
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in columns], metadata=told)
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_rows(incident, table, names), schema=schema), file, compression="zstd")
    return file.getvalue()


def _local(at: datetime, settings: Settings) -> str:
    return at.astimezone(settings.zone_info).isoformat()


def _rows(incident: Incident, table: Table, names: Names) -> Sequence[Row]:
    if table == "alerts":
        return [_alert(one, names) for one in incident.alerts]
    if table == "tasks":
        return [_task(one, names) for one in incident.tasks]
    found = incident.readings
    return [
        {
            "site": site,
            "site_name": names.site(site),
            "quantity": quantity,
            "at": at.to_pydatetime(),
            "value": float(value),
            "unit": UNIT_OF.get(quantity, ""),
        }
        for site, quantity, at, value in zip(found["site"], found["quantity"], found["at"], found["value"], strict=True)
    ]


def _alert(alert: Alert, names: Names) -> Row:
    same = ("kind", "label", "value", "unit", "confidence", "occurrence", "started_at", "raised_at", "ended_at")
    return {
        **alert.key._asdict(),
        **{name: getattr(alert, name) for name in (*same, "acknowledged_at", "acknowledged_by", "evidence")},
        "alert": alert.id,
        "site_name": names.site(alert.key.site),
        "priority": alert.priority.value,
        "state": alert.state.value,
        "acknowledged_by_name": names.person(alert.acknowledged_by),
        "event": alert.event_id,
    }


def _task(task: Task, names: Names) -> Row:
    same = ("title", "site", "grid", "responder", "unit", "report_text")
    times = [column.split(":")[0] for column in _TASKS.split() if column.endswith(":time")]
    return {
        **{name: getattr(task, name) for name in (*same, *times)},
        "task": task.id,
        "event": task.event_id,
        "alert": task.alert_id,
        "site_name": names.site(task.site),
        "lon": task.location.lon,
        "lat": task.location.lat,
        "priority": task.priority.value,
        "state": task.state.value,
        "responder_name": names.person(task.responder),
        "unit_name": names.unit(task.unit),
        "created_by_name": names.person(task.created_by),
        "verified_by_name": names.person(task.verified_by),
    }
