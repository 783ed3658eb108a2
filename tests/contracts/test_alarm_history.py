"""Alerts as alarms that came: each time one fires, when, and whether it was quiet; what is kept quiet now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.decisions import shelve_alert, take_out_of_service
from alerts.kpi import Period, alarm_figures
from alerts.lifecycle import acknowledge, end_alert, raise_alert
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.people import Actor, Role
from data.ports.store import Store

OFFICER = Actor("zhao", Role.DUTY_OFFICER)


def key(subject: str) -> AlertKey:
    return AlertKey("gate-3", "dwell", "lane", subject)


def fires(store: Store, subject: str, at: datetime, priority: Priority = Priority.P2) -> Alert:
    alert = store.write(lambda w: raise_alert(w, Raised(key(subject), "dwell", priority, at, at), None, at))
    assert alert is not None
    return alert


def ends(store: Store, subject: str, at: datetime) -> None:
    store.write(lambda w: end_alert(w, Ended(key(subject), at, at), at))


def test_an_alert_that_fires_again_is_another_alarm_with_times_of_its_own(store: Store) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    first = fires(store, "1", now)
    store.write(lambda w: acknowledge(w, first.id, OFFICER, now + timedelta(seconds=40)))
    ends(store, "1", now + timedelta(seconds=100))
    again = fires(store, "1", now + timedelta(seconds=200))
    store.write(lambda w: acknowledge(w, first.id, OFFICER, now + timedelta(seconds=500)))
    assert (again.id, again.occurrence) == (first.id, 2)
    other = fires(store, "2", now + timedelta(seconds=300), Priority.P1)

    came = store.read(lambda reader: reader.alarms_after(0))
    assert [(record.id, record.priority, record.quiet) for record in came] == [
        (first.id, Priority.P2, False),
        (first.id, Priority.P2, False),
        (other.id, Priority.P1, False),
    ]
    assert came[1].came_at == now + timedelta(seconds=200)
    assert store.read(lambda reader: reader.alarms_after(came[1].step)) == came[2:]
    assert store.read(lambda reader: reader.alarms_before(came[2].step)) == [came[1], came[0]]
    assert store.read(lambda reader: reader.first_alarm_step(first.id)) == came[0].step

    columns = store.read(lambda r: r.alarm_columns(now - timedelta(hours=1), now + timedelta(hours=1)))
    took = columns.acknowledged_at - columns.came_at
    # The other was stored now, whatever its rule said; the second time the first fired is three minutes ahead.
    by_came = sorted(zip(columns.came_at, took, columns.ended_at, strict=True))
    assert by_came[2][1] == np.timedelta64(300, "s")
    assert by_came[0][2] == np.datetime64((now + timedelta(seconds=100)).replace(tzinfo=None))
    assert np.isnat(by_came[2][2])
    period = Period(now - timedelta(hours=1), now + timedelta(hours=1))
    figures = alarm_figures(columns, period, {"": lambda _site: True})
    assert figures["alarms"] == 3
    assert figures["acknowledgement"]["P2"]["late"] == 1
    assert figures["acknowledgement"]["P1"] == {
        "alarms": 1, "acknowledged": 0, "median_s": None, "p90_s": None, "limit_s": 60.0, "late": 1,
    }  # fmt: skip


def test_what_comes_while_it_is_out_of_service_is_quiet_and_is_not_forgotten_when_it_is_over(store: Store) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    alert = fires(store, "1", now)
    store.write(lambda w: take_out_of_service(w, alert.id, OFFICER, now, work_order="WO-7", reason="replaced"))
    ends(store, "1", now + timedelta(seconds=10))
    shelved = fires(store, "2", now)
    until = now + timedelta(hours=1)
    store.write(lambda w: shelve_alert(w, shelved.id, OFFICER, now, until=until, reason="known"))

    held = store.read(lambda reader: reader.suppressed_alerts(now))
    assert [(one.id, one.work_order, one.shelved_by) for one in held] == [
        (shelved.id, "", "zhao"),
        (alert.id, "WO-7", ""),
    ]
    assert [one.id for one in store.read(lambda reader: reader.suppressed_alerts(until))] == [alert.id]
    later = fires(store, "1", now + timedelta(hours=2))
    assert later.work_order == "WO-7"
    came = store.read(lambda reader: reader.alarms_after(0))
    assert [(record.id, record.quiet) for record in came] == [(alert.id, False), (shelved.id, False), (later.id, True)]
    assert [one.id for one in store.read(lambda reader: reader.suppressed_alerts(until))] == [later.id]
    assert store.read(lambda reader: reader.alarms_in_hand()) == {alert.id, shelved.id, later.id}
