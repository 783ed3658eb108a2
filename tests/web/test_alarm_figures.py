"""What is stale now is counted by itself, beside what only holds for long."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx

from alerts.lifecycle import note_condition, raise_alert
from data.model.alert import AlertKey, Priority, Raised, Standing
from data.model.alert_life import Condition
from data.model.case import CaseClock, ClockName, Recorded, TimeKind
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.task import Event
from data.ports.store import Writer
from tests.web.city import Running


def counted(client: httpx.Client) -> tuple[int, int, int]:
    found = client.get("/api/v1/alarm-kpi").json()
    return found["standing"], found["stale"], found["stale_sites"]


def test_alarms_and_sites_of_which_nobody_can_tell_are_counted_while_they_are(running: Running) -> None:
    alert = running.alert()
    now = datetime.now(UTC)
    key = running.store.read(lambda reader: reader.alert(alert).key)
    with running.client("li") as operator:
        standing, stale, sites = counted(operator)
        running.store.write(lambda w: note_condition(w, Standing(key, Condition.STALE, now), now))
        assert counted(operator) == (standing, stale + 1, sites + 1), "it still stands; nobody can tell"
        mute = AlertKey("elsewhere", "silence", "", "")
        signal = Raised(mute, "silence", Priority.P3, now, now, label="water_level")
        running.store.write(lambda w: raise_alert(w, signal, None, now))
        assert counted(operator) == (standing + 1, stale + 1, sites + 2)
        later = now + timedelta(seconds=1)
        running.store.write(lambda w: note_condition(w, Standing(key, Condition.ACTIVE, later), later))
        assert counted(operator) == (standing + 1, stale, sites + 1)
        rows = {row[1]: row[3] for row in csv.reader(io.StringIO(operator.get("/api/v1/alarm-kpi.csv").text))}
    assert (rows["stale"], rows["stale_sites"]) == (str(stale), str(sites + 1))


def test_from_when_on_anything_is_known_is_told_with_the_figures(running: Running) -> None:
    running.alert()
    with running.client("li") as operator:
        found = operator.get(
            "/api/v1/alarm-kpi", params={"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
        )
        now = operator.get("/api/v1/alarm-kpi").json()
    (first,) = running.store.read(lambda reader: reader.audit(limit=1))
    assert found.json()["data_since"] == first.at.isoformat(), "nothing is known of a month before the first entry"
    assert datetime.fromisoformat(now["data_since"]) <= first.at


def test_the_days_are_told_with_their_numbers_by_grid_and_unit_and_as_a_table(running: Running) -> None:
    opened = datetime.now(UTC) - timedelta(days=2)
    clock = CaseClock(ClockName.HANDLING, TimeKind.CALENDAR, 3600, opened, None, stopped=opened + timedelta(hours=2))
    done = Recorded("close", "closed", opened + timedelta(hours=3), "li")
    where = Location(lon=106.51, lat=29.58)

    def work(writer: Writer) -> None:
        writer.put_unit(Unit("trend-unit", UnitKind.DEPARTMENT, "=趋势队"))
        writer.add_event(
            Event(
                "e", "dirty_path", "", where, Priority.P3, opened, grid="500105007003099", lead="trend-unit",
                clocks=(clock,), closed_at=done.at, steps=(done,),
            )
        )  # fmt: skip

    running.store.write(work)
    running.alert()
    with running.client("li") as operator:
        found = operator.get("/api/v1/trends", params={"weeks": 2}).json()
        text = operator.get("/api/v1/trends.csv", params={"weeks": 2}).text.lstrip("\ufeff")
        assert operator.get("/api/v1/trends", params={"weeks": 27}).status_code == 422
    assert len(found["days"]) == 14
    assert all(len(found["whole"][name]) == 14 for name in ("alerts", "opened", "accept_s", "accept_s_n"))
    (unit,) = [one for one in found["units"] if one["id"] == "trend-unit"]
    counted = [unit["total"][name] for name in ("opened", "closed", "handled", "late")]
    assert (unit["name"], counted) == ("=趋势队", [1, 1, 1, 1])
    assert "500105007003099" in {one["id"] for one in found["grids"]}
    assert found["whole"]["alerts"][-1] >= 1
    rows = list(csv.DictReader(io.StringIO(text)))
    (late,) = [row for row in rows if row["id"] == "trend-unit" and row["late"] == "1"]
    assert (late["of"], late["name"], late["handled"]) == ("unit", "'=趋势队", "1")
