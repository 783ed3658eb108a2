"""What happened in a span of time, read through the Store port and put in order with pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pandas as pd

from data.config.settings import Settings
from data.errors import InputRejected
from data.model.alert import Alert
from data.model.observation import Position, Reading
from data.model.people import TrackPoint, User
from data.model.record import Evidence
from data.model.spans import ReadingBucket, buckets
from data.model.spreadsheet import harmless_cell
from data.model.task import Task
from data.model.units import UNIT_OF
from data.model.views import alert_view, evidence_view, reading_view, task_view
from data.ports.store import AlertQuery, Reader, TaskQuery

LONGEST = timedelta(days=31)
MOST_POINTS, FEWEST_POINTS, ALL_POINTS = 1000, 100, 20_000  # buckets of a curve, and of all sites together
MOST_ALERTS, MOST_TASKS = 2000, 500  # of more the newest are shown, and it is said
_MOST_PEOPLE, _TRACK_READ, _TRACK_SHOWN = 40, 3000, 300  # who is followed on the map, and by how many points
_MOST_PICTURES = 300  # of each camera; alerts and reports keep theirs
RAIN = ("rainfall", "rain_intensity")

# What assets/50_review.js reads; a month of whole views would be tens of megabytes.
_OF_ALERT = frozenset(
    [
        "id",
        "site",
        "rule",
        "kind",
        "label",
        "value",
        "unit",
        "priority",
        "started_at",
        "ended_at",
        "acknowledged_at",
        "xyxy",
        "evidence",
        "subject",
        "vehicle",
        "zone",
    ]
)
_OF_TASK = frozenset(
    [
        "id",
        "site",
        "title",
        "responder",
        "offered_to",
        "created_at",
        "accepted_at",
        "en_route_at",
        "on_scene_at",
        "reported_at",
        "verified_at",
        "closed_at",
        "cancelled_at",
    ]
)


@dataclass(frozen=True)
class Span:
    """From `since` (included) to `until` (not included), timezone-aware UTC."""

    since: datetime
    until: datetime

    @property
    def picture_every(self) -> timedelta:
        """Of each camera one picture in so long is shown."""
        return buckets(self.until - self.since, _MOST_PICTURES)


@dataclass(frozen=True)
class Incident:
    """Everything known of a span. `readings`: columns site, quantity, at (UTC), value, thinned to the span's buckets.

    `whole`: False when there were more alerts or tasks than are shown.
    """

    span: Span
    readings: pd.DataFrame
    alerts: tuple[Alert, ...]
    tasks: tuple[Task, ...]
    evidence: tuple[Evidence, ...]
    whole: bool = True
    corrections: tuple[Reading, ...] = ()  # readings whose first value is no longer theirs
    tracks: Mapping[str, tuple[TrackPoint, ...]] = field(default_factory=dict)  # of who had a task, oldest first
    vehicles: Mapping[str, tuple[Position, ...]] = field(default_factory=dict)  # by plate, of alerts; oldest first


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
        return datetime.fromisoformat(str(text or "").strip()).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputRejected(f"{text!r} is not a time; write 2026-07-12T08:00") from error


def collect(reader: Reader, span: Span, settings: Settings, user: User | None = None) -> Incident:
    """The span's readings, alerts, tasks and pictures, each in the order of time; none of them without a limit.

    Readings and pictures are thinned by the database; of more alerts or tasks than can be shown the newest are.
    Sites of which `user` may not know are left out, and the pictures of cameras that they may not watch.
    """
    hidden, unwatched = (frozenset(), frozenset()) if user is None else hidden_and_unwatched(settings, user)
    settings = settings if user is None else settings.seen_by(user.role)
    sites = [site.id for site in settings.sites if site.sensors or site.detectors]
    width = buckets(span.until - span.since, max(FEWEST_POINTS, min(MOST_POINTS, ALL_POINTS // max(1, len(sites)))))
    readings = reader.reading_buckets(sites, span.since, span.until, width)
    corrections = reader.corrected_readings(sites, since=span.since, until=span.until)
    alerts = [
        replace(alert, evidence=None) if alert.key.site in unwatched else alert
        for alert in reader.alerts(AlertQuery(since=span.since, until=span.until, limit=MOST_ALERTS + 1, hidden=hidden))
    ]
    # A task belongs to the span when it was made in it, or when its alert was there.
    asked = TaskQuery(since=span.since, until=span.until, limit=MOST_TASKS + 1, hidden=hidden)
    tasks = {task.id: task for task in reader.tasks(asked)}
    of_alerts = reader.tasks_of_alerts([alert.id for alert in alerts[:MOST_ALERTS]], limit=MOST_TASKS + 1)
    tasks |= {task.id: task for task in of_alerts}
    newest = sorted(tasks.values(), key=lambda task: task.id, reverse=True)
    thin = reader.evidence_thinned(span.since, span.until, span.picture_every, hidden=hidden | unwatched)
    evidence = {picture.id: picture for picture in thin}
    wanted = [alert.evidence for alert in alerts[:MOST_ALERTS] if alert.evidence] + [
        task.report_photo for task in newest[:MOST_TASKS] if task.report_photo
    ]
    for picture in reader.evidence_of(wanted):
        if span.since <= picture.at < span.until and picture.origin not in unwatched:
            evidence[picture.id] = picture
    return Incident(
        span,
        thinned(readings, width),
        tuple(sorted(alerts[:MOST_ALERTS], key=lambda alert: alert.started_at)),
        tuple(sorted(newest[:MOST_TASKS], key=lambda task: task.created_at)),
        tuple(sorted(evidence.values(), key=lambda picture: picture.at)),
        whole=len(alerts) <= MOST_ALERTS and len(newest) <= MOST_TASKS,
        corrections=tuple(corrections),
        tracks=_tracks(reader, span, newest[:MOST_TASKS]),
        vehicles=_vehicles(reader, span, alerts[:MOST_ALERTS], hidden),
    )


def _tracks(reader: Reader, span: Span, tasks: Sequence[Task]) -> dict[str, tuple[TrackPoint, ...]]:
    """Where those who had a task were: their believed positions of the span, thinned, and the one before it."""
    people = sorted({task.responder for task in tasks if task.responder})[:_MOST_PEOPLE]
    found = {}
    for name in people:
        points = [point for point in reader.track(name, _TRACK_READ, until=span.until) if not point.doubt]
        inside = [point for point in points if point.at >= span.since]
        every = max(1, -(-len(inside) // _TRACK_SHOWN))
        before = points[len(inside) : len(inside) + 1]
        found[name] = tuple(reversed([*inside[::every], *before]))
    return found


def _vehicles(
    reader: Reader, span: Span, alerts: Sequence[Alert], hidden: frozenset[str]
) -> dict[str, tuple[Position, ...]]:
    """Where the vehicles were that alerts of the span are about; of many alerts the newest ones' vehicles."""
    newest = sorted((one for one in alerts if one.vehicle is not None), key=lambda one: one.started_at, reverse=True)
    plates = list(dict.fromkeys(one.vehicle.plate for one in newest if one.vehicle is not None))[:_MOST_PEOPLE]
    found = {}
    for plate in plates:
        points = reader.vehicle_track(plate, span.since, span.until, _TRACK_READ)
        seen = [point for point in points if point.site not in hidden]
        found[plate] = tuple(seen[:: max(1, -(-len(seen) // _TRACK_SHOWN))])
    return found


def hidden_and_unwatched(settings: Settings, user: User) -> tuple[frozenset[str], frozenset[str]]:
    """Sites of which this user may not know; sites whose camera they may not watch."""
    cameras = frozenset(site.id for site in settings.sites if site.camera is not None)
    return settings.hidden_from(user.role), cameras - settings.cameras_of(user)


def thinned(buckets: Sequence[ReadingBucket], width: timedelta) -> pd.DataFrame:
    """The curve's points: of rainfall the sum of a bucket, of everything else its lowest and its highest value."""
    rows: list[tuple[str, str, datetime, float]] = []
    rain: dict[tuple[str, str, datetime], float] = {}
    range_of: dict[tuple[str, str, datetime], tuple[float, float]] = {}
    for one in buckets:  # several gauges of one site may measure the same
        key = (one.site, one.quantity, one.start)
        if one.quantity == "rainfall":
            rain[key] = rain.get(key, 0.0) + one.total
        else:
            low, high = range_of.get(key, (one.low, one.high))
            range_of[key] = (min(low, one.low), max(high, one.high))
    rows += [(*key, value) for key, value in rain.items()]
    for (site, quantity, start), (low, high) in range_of.items():
        if low < high:
            rows.append((site, quantity, start, low))
        rows.append((site, quantity, start + width / 2 if low < high else start, high))
    frame = pd.DataFrame(rows, columns=["site", "quantity", "at", "value"])
    if frame.empty:
        return frame
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    return frame.sort_values(["site", "quantity", "at"], kind="stable", ignore_index=True)


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
        "corrections": [reading_view(reading) for reading in incident.corrections],
        "alerts": [_only(alert_view(alert), _OF_ALERT) for alert in incident.alerts],
        "tasks": [_only(task_view(task), _OF_TASK) for task in incident.tasks],
        "evidence": [evidence_view(picture) for picture in incident.evidence],
        "tracks": {
            name: [[round(one.at.timestamp() * 1000), one.location.lon, one.location.lat] for one in points]
            for name, points in incident.tracks.items()
        },
        "vehicles": {
            plate: [[round(one.at.timestamp() * 1000), round(one.lon, 6), round(one.lat, 6)] for one in points]
            for plate, points in incident.vehicles.items()
        },
    }


def _only(view: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in view.items() if name in names}


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
            frame[column] = [harmless_cell(value) for value in frame[column]]
    # The byte order mark makes spreadsheets read it as UTF-8.
    return "\ufeff" + frame.to_csv(index=False)


def _local(text: Any, zone: tzinfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).isoformat(sep=" ") if isinstance(text, str) else ""
