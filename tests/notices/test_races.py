"""Acknowledging and telling race: whoever has been acknowledged is not told any more."""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from alerts.lifecycle import acknowledge, raise_alert
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.ports.store import Writer
from notices.deliveries import claim, delivered
from tests.notices.street import LI, NOON, Street

RACES = int(os.environ.get("YIPING_RACES", "1000"))  # 10,000 by `make races`
THREADS = 16
LEASE = timedelta(seconds=10)


@pytest.mark.alone  # it asks for a second on the wall
def test_in_many_races_nobody_is_told_after_the_acknowledgement(street: Street) -> None:
    alerts: list[Alert] = []

    def storm(writer: Writer) -> None:
        for number in range(RACES):
            key = AlertKey("quay-1", "person-in-river", "river", str(number))
            alert = raise_alert(writer, Raised(key, "intrusion", Priority.P1, NOON, NOON), None, NOON)
            assert alert is not None
            alerts.append(alert)

    street.do(storm)
    street.wait()
    notices = {notice.subject_id: notice.id for notice in street.store.read(lambda r: r.notices(limit=RACES))}
    settings = street.settings.notices
    told_before: dict[int, bool] = {}  # at the moment of the acknowledgement, in the order of the store
    acknowledged_s: dict[int, float] = {}
    sent_s: dict[int, float] = {}

    def acknowledging(alert: Alert) -> None:
        def work(writer: Writer) -> None:
            acknowledge(writer, alert.id, LI, NOON)
            told_before[alert.id] = writer.notice(notices[alert.id]).attempts > 0

        street.do(work)
        acknowledged_s[alert.id] = time.monotonic()

    def telling(alert: Alert) -> None:
        taken = street.do(lambda writer: claim(writer, notices[alert.id], NOON, LEASE, settings))
        if taken is not None:
            sent_s[alert.id] = time.monotonic()
            street.do(lambda writer: delivered(writer, taken.id, NOON, "ok"))

    chance = random.Random(7)
    jobs = [(kind, alert) for alert in alerts for kind in (acknowledging, telling)]
    for start in range(0, len(jobs), 2):  # neighbours in time, in either order
        if chance.random() < 0.5:
            jobs[start], jobs[start + 1] = jobs[start + 1], jobs[start]
    with ThreadPoolExecutor(THREADS) as threads:
        for future in [threads.submit(kind, alert) for kind, alert in jobs]:
            future.result()
    assert len(told_before) == RACES
    assert {alert_id for alert_id, told in told_before.items() if told} == set(sent_s)
    assert RACES / 100 < len(sent_s) < RACES * 0.99, "both orders happened"
    late = [number for number, at_s in sent_s.items() if at_s > acknowledged_s[number] + 1.0]
    assert late == []
    assert threading.active_count() < 50
