"""What is stale now is counted by itself, beside what only holds for long."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx

from alerts.lifecycle import note_condition, raise_alert
from data.model.alert import AlertKey, Priority, Raised, Standing
from data.model.alert_life import Condition
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
