"""What happened in a span of time, read through the Store port and put in order with pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pandas as pd

from data.alert import Alert
from data.errors import InputRejected
from data.observation import Quality, Reading
from data.record import Evidence
from data.settings import Settings
from data.store import AlertQuery, Reader, TaskQuery
from data.task import Task
from data.units import UNIT_OF
from data.views import alert_view, evidence_view, task_view

LONGEST = timedelta(days=31)
MOST_POINTS = 1500  # a curve; more cannot be seen on a screen
_MOST = 2000  # alerts, and tasks
RAIN = ("rainfall", "rain_intensity")


@dataclass(frozen=True)
class Span:
    """From `since` (included) to `until` (not included), timezone-aware UTC."""

    since: datetime
    until: datetime

    @property
    def bucket(self) -> timedelta:
        """One point of a curve stands for this long."""
        return max(timedelta(seconds=1), (self.until - self.since) / MOST_POINTS)


@dataclass(frozen=True)
class Incident:
    """Everything known of a span. `readings`: columns site, quantity, at (UTC), value, one row a bucket."""

    span: Span
    readings: pd.DataFrame
    alerts: tuple[Alert, ...]
    tasks: tuple[Task, ...]
    evidence: tuple[Evidence, ...]


def read_span(since: str | None, until: str | None, zone: tzinfo) -> Span:
    """The span a person wrote, in local time: `2026-07-12T08:00`. Raises InputRejected."""
    span = Span(_moment(since, zone), _moment(until, zone))
    if span.until <= span.since:
        raise InputRejected("the end must be after the beginning")
    if span.until - span.since > LONGEST:
        raise InputRejected(f"at most {LONGEST.days} days at once")
    return span


def _moment(text: str | None, zone: tzinfo) -> datetime:
    try:
        return datetime.fromisoformat((text or "").strip()).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputRejected(f"{text!r} is not a time; write 2026-07-12T08:00") from error


def collect(reader: Reader, span: Span, settings: Settings) -> Incident:
    """The span's readings (thinned), alerts, tasks and pictures, each in the order of time."""
    readings: list[Reading] = []
    for site in settings.sites:
        if site.sensors or site.detectors:
            readings.extend(reader.readings(site.id, since=span.since, until=span.until))
    alerts = reader.alerts(AlertQuery(since=span.since, until=span.until, limit=_MOST))
    ids = {alert.id for alert in alerts}
    # A task belongs to the span when it was made in it, or when its alert was there.
    tasks = {task.id: task for task in reader.tasks(TaskQuery(since=span.since, until=span.until, limit=_MOST))}
    for task in reader.tasks(TaskQuery(until=span.until, limit=_MOST)):
        if task.alert_id in ids:
            tasks.setdefault(task.id, task)
    evidence = reader.evidence_between(None, span.since, span.until)
    return Incident(
        span,
        thin(readings, span.bucket),
        tuple(sorted(alerts, key=lambda alert: alert.started_at)),
        tuple(sorted(tasks.values(), key=lambda task: task.created_at)),
        tuple(sorted(evidence, key=lambda picture: picture.at)),
    )


def thin(readings: Sequence[Reading], bucket: timedelta) -> pd.DataFrame:
    """One row a bucket: the highest of a level or depth (a crest must not be lost), the sum of rainfall."""
    columns = ["site", "quantity", "at", "value"]
    rows = [(r.site, r.quantity, r.at, r.value) for r in readings if r.quality is not Quality.BAD]
    frame = pd.DataFrame(rows, columns=columns)
    if frame.empty:
        return frame
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    parts = []
    for (site, quantity), part in frame.groupby(["site", "quantity"], sort=True):
        series = part.set_index("at")["value"].sort_index().resample(bucket)
        values = series.sum(min_count=1) if quantity == "rainfall" else series.max()
        parts.append(values.dropna().reset_index().assign(site=str(site), quantity=str(quantity))[columns])
    return pd.concat(parts, ignore_index=True)


def page_json(incident: Incident, zone: tzinfo) -> dict[str, Any]:
    """What assets/50_review.js plays. Times of readings and the span are milliseconds since 1970 (UTC)."""
    curves = []
    for (site, quantity), part in incident.readings.groupby(["site", "quantity"], sort=True):
        at = [round(moment.timestamp() * 1000) for moment in part["at"]]
        unit = UNIT_OF.get(str(quantity), "")
        curves.append({"site": site, "quantity": quantity, "unit": unit, "at": at, "value": list(part["value"])})
    return {
        "since": round(incident.span.since.timestamp() * 1000),
        "until": round(incident.span.until.timestamp() * 1000),
        "offset": round(offset_of(incident.span, zone).total_seconds() * 1000),
        "readings": curves,
        "alerts": [alert_view(alert) for alert in incident.alerts],
        "tasks": [task_view(task) for task in incident.tasks],
        "evidence": [evidence_view(picture) for picture in incident.evidence],
    }


def offset_of(span: Span, zone: tzinfo) -> timedelta:
    """How far local time was from UTC at the span's beginning; the whole axis keeps it."""
    return span.since.astimezone(zone).utcoffset() or timedelta(0)


def alerts_csv(incident: Incident, zone: tzinfo) -> str:
    """The span's alerts as CSV, times in local time with their offset."""
    return _csv([alert_view(alert) for alert in incident.alerts], zone, drop=("xyxy", "version"))


def tasks_csv(incident: Incident, zone: tzinfo) -> str:
    """The span's tasks as CSV, times in local time with their offset."""
    drop = ("candidates", "checklist", "location", "version")
    return _csv([task_view(task) for task in incident.tasks], zone, drop=drop)


def _csv(rows: list[dict[str, Any]], zone: tzinfo, *, drop: tuple[str, ...]) -> str:
    frame = pd.DataFrame(rows).drop(columns=list(drop), errors="ignore")
    for column in frame.columns:
        if column.endswith("_at"):
            frame[column] = [_local(text, zone) for text in frame[column]]
        elif frame[column].dtype == object or isinstance(frame[column].dtype, pd.StringDtype):
            frame[column] = [_harmless(value) for value in frame[column]]
    # The byte order mark makes spreadsheets read it as UTF-8.
    return "\ufeff" + frame.to_csv(index=False)


def _local(text: Any, zone: tzinfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).isoformat(sep=" ") if isinstance(text, str) else ""


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
