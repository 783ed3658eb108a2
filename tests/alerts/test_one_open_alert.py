"""Ten thousand first messages on one key, from sixteen threads: one alert."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.lifecycle import raise_alert
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.ports.store import AlertQuery
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
KEY = AlertKey("dip-1", "deep", "", "")
MESSAGES, THREADS = 10_000, 16


def test_ten_thousand_first_messages_at_once_on_one_key_are_one_open_alert(tmp_path: Path) -> None:
    store = new_store(tmp_path / "alerts.db")
    together = threading.Barrier(THREADS)

    def send(thread: int) -> list[Alert]:
        together.wait(30)
        futures = []
        for number in range(thread, MESSAGES, THREADS):
            at = NOON + timedelta(microseconds=number)
            raised = Raised(KEY, "threshold", Priority.P2, at, at)
            futures.append(store.submit(lambda writer, r=raised, t=at: raise_alert(writer, r, None, t)))  # type: ignore[misc]
        return [alert for future in futures if (alert := future.result(120)) is not None]

    with ThreadPoolExecutor(THREADS) as threads:
        made = [alert for alerts in threads.map(send, range(THREADS)) for alert in alerts]
    assert len(made) == 1
    (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
    assert (alert.id, alert.is_open, alert.occurrence) == (made[0].id, True, 1)
    assert [taken.step.value for taken in store.read(lambda reader: reader.alert_steps(alert.id))] == ["raise"]
    store.close()
