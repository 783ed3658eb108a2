"""The review's data, from a real store."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.lifecycle import acknowledge, end_alert
from data.errors import InputRejected
from data.local.vault import FolderVault
from data.model.alert import Ended
from data.model.observation import Quality, Reading
from data.model.people import Actor, Role
from data.ports.store import Store
from dispatch import tasks
from dispatch.routing import load_roads
from layouts.review_data import Span, alerts_csv, collect, page_json, read_span, tasks_csv, thinned
from layouts.review_figure import alert_title, review_figure
from layouts.words import Words
from tests.layouts.street import flood, raise_one, settle, street_settings
from tests.stores import new_store

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
CHEN = Actor("chenming", Role.DUTY_OFFICER)
SPAN = Span(NOON - timedelta(hours=2), NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An hour's story: an alert 40 min before noon, acknowledged, dispatched, over 15 min before noon."""
    store = new_store(tmp_path / "yiping.db")
    settings, roads = street_settings(), load_roads(None)
    settle(store, NOON - timedelta(minutes=45))
    store.write(lambda writer: writer.add_readings(flood(NOON)))
    start = NOON - timedelta(minutes=40)
    alert = raise_one(store, FolderVault(tmp_path / "evidence"), start, site="quay-1")
    store.write(lambda writer: acknowledge(writer, alert.id, CHEN, start + timedelta(minutes=1)))
    sent = start + timedelta(minutes=2)
    store.write(lambda writer: tasks.dispatch(writer, alert.id, CHEN, sent, roads=roads, settings=settings))
    over = NOON - timedelta(minutes=15)
    store.write(lambda writer: end_alert(writer, Ended(alert.key, over, over), over))
    yield store
    store.close()


def test_a_span_is_read_in_local_time() -> None:
    span = read_span("2026-07-12T10:00", "2026-07-12T12:00", SHANGHAI)
    assert span == SPAN


@pytest.mark.parametrize(
    ("since", "until", "complaint"),
    [
        ("2026-07-12T12:00", "2026-07-12T10:00", "the end must be after the beginning"),
        ("yesterday", "2026-07-12T10:00", "'yesterday' is not a time"),
        (None, "2026-07-12T10:00", "is not a time"),
        ("2026-01-01T00:00", "2026-07-12T10:00", "at most 31 days"),
    ],
)
def test_a_span_that_is_none_is_refused_with_the_reason(since: str | None, until: str, complaint: str) -> None:
    with pytest.raises(InputRejected, match=complaint):
        read_span(since, until, SHANGHAI)


def test_thinning_keeps_crest_and_trough_and_adds_rainfall_up(tmp_path: Path) -> None:
    start = NOON - timedelta(minutes=10)
    levels = [
        Reading("g", "m", "water_level", v, start + timedelta(seconds=s)) for s, v in ((0, 1.0), (20, 9.0), (40, 2.0))
    ]
    rain = [Reading("g", "m", "rainfall", v, start + timedelta(seconds=s)) for s, v in ((0, 0.2), (20, 0.4), (40, 0.4))]
    bad = [Reading("g", "m", "water_level", 99.0, start + timedelta(seconds=50), Quality.BAD)]
    minute = timedelta(minutes=1)
    store = new_store(tmp_path / "thin.db")
    store.write(lambda writer: writer.add_readings([*levels, *rain, *bad]))
    found = store.read(lambda reader: reader.reading_buckets(["g"], start, start + 2 * minute, minute))
    store.close()
    frame = thinned(found, minute)
    points = {q: list(part["value"]) for q, part in frame.groupby("quantity")}
    assert points == {"rainfall": [pytest.approx(1.0)], "water_level": [1.0, 9.0]}


def test_a_corrected_reading_shows_its_first_value_beside_the_last(store: Store) -> None:
    at = NOON - timedelta(minutes=30)
    for value in (181.5, 180.25):
        reading = Reading("gauge-river", "csv_gauge", "water_level", value, at + timedelta(seconds=7))
        store.write(lambda writer, reading=reading: writer.add_readings([reading]))  # type: ignore[misc]
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    (shown,) = page_json(incident, SHANGHAI)["corrections"]
    assert (shown["value"], shown["first_value"], shown["corrections"]) == (180.25, 181.5, 1)
    (marks,) = [t for t in review_figure(incident, street_settings(), Words("zh")).data if t.name == "更正前的读数"]
    assert list(marks.y) == [181.5]
    assert marks.text[0].endswith("更正：先报 181.5，后报 180.25")


def test_everything_of_the_span_is_collected_in_the_order_of_time(store: Store) -> None:
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    assert [alert.key.site for alert in incident.alerts] == ["quay-1"]
    assert [task.alert_id for task in incident.tasks] == [1]
    assert [picture.origin for picture in incident.evidence] == ["quay-1"]
    assert set(incident.readings["quantity"]) == {"water_level", "water_depth", "rain_intensity"}
    page = page_json(incident, SHANGHAI)
    assert page["offset"] == 8 * 3600 * 1000
    assert (page["until"] - page["since"]) == 2 * 3600 * 1000
    crest = next(c for c in page["readings"] if c["site"] == "gauge-river")
    assert max(crest["value"]) == pytest.approx(181.24, abs=0.02)
    assert crest["at"] == sorted(crest["at"])


def test_an_alert_of_another_day_is_not_in_the_span(store: Store) -> None:
    later = Span(NOON + timedelta(days=1), NOON + timedelta(days=1, hours=2))
    incident = store.read(lambda reader: collect(reader, later, street_settings()))
    assert (incident.alerts, incident.tasks, incident.evidence, len(incident.readings)) == ((), (), (), 0)
    figure = review_figure(incident, street_settings(), Words("zh"))
    assert "这段时间没有记录" in [note.text for note in figure.layout.annotations]


def test_the_csv_has_local_times_with_their_offset_and_opens_as_utf8(store: Store) -> None:
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    text = alerts_csv(incident, SHANGHAI)
    assert text.startswith("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["site"] == "quay-1"
    assert row["started_at"] == "2026-07-12 11:20:00+08:00"
    assert row["ended_at"] == "2026-07-12 11:45:00+08:00"
    (task,) = csv.DictReader(io.StringIO(tasks_csv(incident, SHANGHAI).removeprefix("\ufeff")))
    assert task["created_at"] == "2026-07-12 11:22:00+08:00"
    assert task["accepted_at"] == ""


def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(store: Store) -> None:
    task = store.read(lambda reader: reader.task(1))
    assert task.offered_to is not None
    who = Actor(task.offered_to, Role.RESPONDER)
    at = NOON - timedelta(minutes=37, seconds=30)  # the offer holds for a minute
    for step in (tasks.accept, tasks.en_route, tasks.on_scene):
        store.write(lambda writer, step=step: step(writer, 1, who, at))  # type: ignore[misc]
    store.write(lambda writer: tasks.report(writer, 1, who, at, "=1+1", None))
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    (row,) = csv.DictReader(io.StringIO(tasks_csv(incident, SHANGHAI).removeprefix("\ufeff")))
    assert row["report_text"] == "'=1+1"


def test_alerts_tasks_and_pictures_stand_on_one_time_axis_with_rain_and_stage(store: Store) -> None:
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    figure = review_figure(incident, street_settings(), Words("zh"))
    axes = [axis for axis in figure.to_dict()["layout"] if axis.startswith("xaxis")]
    assert len(axes) == 6  # rain, depth, stage, alerts, tasks, pictures
    assert all(figure.layout[axis].matches in (None, "x6") for axis in axes)
    assert figure.layout.xaxis.range == (datetime(2026, 7, 12, 10, 0), datetime(2026, 7, 12, 12, 0))  # noqa: DTZ001
    bar = next(trace for trace in figure.data if trace.hovertext and "人 · 进入禁区" in str(trace.hovertext))
    assert [f"{at:%H:%M}" for at in bar.x] == ["11:20", "11:45"]
    assert figure.layout.yaxis.autorange == "reversed", "rain hangs from above"
    assert bar.y == ("滨江一号码头", "滨江一号码头")
    assert bar.line.color == "#ff4d52"
    assert bar.text[0] == "P1"
    assert alert_title(incident.alerts[0], Words("en")) == "Person · in the danger zone"
    assert figure.layout.images[0].source == f"/media/evidence/{incident.evidence[0].id}"


def test_every_row_is_there_also_when_nothing_happened_in_it(tmp_path: Path) -> None:
    store = new_store(tmp_path / "quiet.db")
    store.write(lambda writer: writer.add_readings(flood(NOON)))
    incident = store.read(lambda reader: collect(reader, SPAN, street_settings()))
    store.close()
    figure = review_figure(incident, street_settings(), Words("zh"))
    assert {trace.yaxis for trace in figure.data} == {"y", "y2", "y3", "y4", "y5", "y6"}
