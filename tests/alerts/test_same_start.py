"""The same start is the same occurrence: late, repeated and out-of-order messages of other systems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.alertmanager import apply_signals, signals_of
from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.ports.store import AlertQuery, Store
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
KEY = AlertKey("pump-1", "alertmanager", "", "pump-down")
MINUTE = timedelta(minutes=1)
NOTHING = {"raised": 0, "ended": 0}


def fire(store: Store, began: datetime, now: datetime) -> dict[str, int]:
    signal = Raised(KEY, "alertmanager", Priority.P1, began, now, decided_at=began)
    return store.write(lambda writer: apply_signals(writer, [signal], now, Settings()))


def resolve(store: Store, began: datetime, ended: datetime, now: datetime) -> dict[str, int]:
    signal = Ended(KEY, ended, now, started_at=began)
    return store.write(lambda writer: apply_signals(writer, [signal], now, Settings()))


def alerts_in(store: Store) -> list[Alert]:
    return list(store.read(lambda reader: reader.alerts(AlertQuery())))


def test_firing_again_with_the_same_start_after_resolved_opens_nothing_and_calls_nobody(tmp_path: Path) -> None:
    store = new_store(tmp_path / "alerts.db")
    assert fire(store, NOON, NOON + MINUTE) == {"raised": 1, "ended": 0}
    assert resolve(store, NOON, NOON + 5 * MINUTE, NOON + 5 * MINUTE) == {"raised": 0, "ended": 1}
    assert fire(store, NOON, NOON + 6 * MINUTE) == NOTHING
    (alert,) = alerts_in(store)
    assert (alert.is_open, alert.occurrence, alert.calls, alert.ended_at) == (False, 1, 1, NOON + 5 * MINUTE)
    store.close()


def test_a_new_start_after_resolved_is_a_second_occurrence_whose_own_repeat_opens_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path / "alerts.db")
    fire(store, NOON, NOON)
    resolve(store, NOON, NOON + MINUTE, NOON + MINUTE)
    assert fire(store, NOON + 2 * MINUTE, NOON + 2 * MINUTE) == {"raised": 1, "ended": 0}
    (again,) = alerts_in(store)
    assert (again.occurrence, again.is_open) == (2, True)
    resolve(store, NOON + 2 * MINUTE, NOON + 3 * MINUTE, NOON + 3 * MINUTE)
    for began in (NOON, NOON + 2 * MINUTE):
        assert fire(store, began, NOON + 4 * MINUTE) == NOTHING
    (alert,) = alerts_in(store)
    assert (alert.occurrence, alert.is_open) == (2, False)
    store.close()


def test_a_late_end_of_an_earlier_occurrence_does_not_end_the_one_that_is_open(tmp_path: Path) -> None:
    store = new_store(tmp_path / "alerts.db")
    fire(store, NOON + 10 * MINUTE, NOON + 10 * MINUTE)
    assert resolve(store, NOON, NOON + 5 * MINUTE, NOON + 11 * MINUTE) == NOTHING
    (alert,) = alerts_in(store)
    assert alert.is_open
    store.close()


def test_a_rule_that_decides_anew_after_the_end_opens_the_alert_though_the_start_is_the_same(tmp_path: Path) -> None:
    store = new_store(tmp_path / "alerts.db")
    morning = Raised(KEY, "dwell", Priority.P3, NOON, NOON + 3 * MINUTE)
    evening = Raised(KEY, "dwell", Priority.P3, NOON, NOON + 480 * MINUTE)
    over = Ended(KEY, NOON + 60 * MINUTE, NOON + 60 * MINUTE)
    store.write(lambda writer: raise_alert(writer, morning, None, morning.at))
    store.write(lambda writer: end_alert(writer, over, over.at))
    assert store.write(lambda writer: raise_alert(writer, morning, None, over.at)) is None, "replayed after a restart"
    again = store.write(lambda writer: raise_alert(writer, evening, None, evening.at))
    assert again is not None
    assert again.is_open
    store.close()


Message = tuple[str, int]
"""`firing` or `resolved` of occurrence number 0 or 1 (three would latch the alert as flapping)."""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["firing", "resolved"]), st.integers(0, 1)), min_size=1, max_size=8))
def test_in_any_order_the_alert_is_open_exactly_when_the_newest_occurrence_heard_of_has_not_ended(
    tmp_path_factory: pytest.TempPathFactory, messages: list[Message]
) -> None:
    store = new_store(tmp_path_factory.mktemp("order") / "alerts.db")
    newest, is_open, occurrences = -1, False, 0
    for number, (status, occurrence) in enumerate(messages):
        began, now = NOON + occurrence * 2 * MINUTE, NOON + 20 * MINUTE + number * timedelta(seconds=1)
        if status == "firing":
            fire(store, began, now)
            if occurrence > newest:
                newest, is_open, occurrences = occurrence, True, occurrences + 1
        else:
            resolve(store, began, began + MINUTE, now)
            is_open = is_open and occurrence < newest
    found = alerts_in(store)
    assert [(alert.is_open, alert.occurrence) for alert in found] == ([(is_open, occurrences)] if occurrences else [])
    store.close()


def message(**changes: Any) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": "PumpDown", "site": "pump-1", "severity": "critical"},
        "startsAt": "2026-07-12T03:59:00.000000999Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "pump-down",
    }
    return {"version": "4", "alerts": [alert | changes]}


def test_alerts_that_alertmanager_left_out_are_said() -> None:
    _, (reject,) = signals_of(message() | {"truncatedAlerts": 37}, {"pump-1"}, NOON)
    assert "left 37 alerts out of this message" in reject.reason
    for nothing in (0, None, "3", True, -1):
        assert signals_of(message() | {"truncatedAlerts": nothing}, {"pump-1"}, NOON)[1] == []


def test_resolved_without_an_end_is_over_as_of_now_and_names_its_beginning() -> None:
    (signal,), _ = signals_of(message(status="resolved"), {"pump-1"}, NOON)
    assert signal == Ended(KEY, NOON, NOON, started_at=datetime(2026, 7, 12, 3, 59, tzinfo=UTC))


def test_a_start_that_lies_in_the_future_is_refused_but_not_for_a_clock_some_seconds_ahead() -> None:
    (signal,), rejects = signals_of(message(startsAt="2026-07-12T04:00:20Z"), {"pump-1"}, NOON)
    assert isinstance(signal, Raised)
    assert (signal.started_at - NOON, rejects) == (timedelta(seconds=20), [])
    signals, (reject,) = signals_of(message(startsAt="2026-07-13T04:00:00Z"), {"pump-1"}, NOON)
    assert signals == []
    assert "lies in the future" in reject.reason
    with pytest.raises(InputRejected):
        signals_of({"alerts": None}, {"pump-1"}, NOON)
