"""Times that come from outside: those of a clock that was never set, and those of the future, are named as such."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from alerts.alertmanager import signals_of
from data.errors import InputRejected
from data.model.alert import Raised
from data.model.moments import plausible

NOON = datetime(2026, 7, 12, 12, 0, tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(1, 1, 1, tzinfo=EAST), "at: 0001-01-01T00:00:00+14:00 is of a clock that was never set"),
        (datetime(1999, 12, 31, 23, 59, tzinfo=UTC), "is of a clock that was never set"),
        (NOON + timedelta(seconds=61), "at: 2026-07-12T12:01:01+00:00 lies in the future"),
        (datetime(9999, 12, 31, 23, tzinfo=WEST), "at: 9999-12-31T23:00:00-12:00 lies in the future"),
    ],
)
def test_what_cannot_be_is_refused_also_at_the_edge_of_the_calendar(at: datetime, said: str) -> None:
    with pytest.raises(InputRejected) as refused:
        plausible(at, NOON, timedelta(seconds=60), "at:")
    assert said in str(refused.value)


def test_what_can_be_is_given_in_utc() -> None:
    assert plausible(NOON.astimezone(EAST), NOON, timedelta(0), "at:") == NOON
    assert plausible(NOON.astimezone(EAST), NOON, timedelta(0), "at:").tzinfo is UTC
    assert plausible(NOON + timedelta(seconds=60), NOON, timedelta(seconds=60), "at:") == NOON + timedelta(seconds=60)


def test_an_alert_of_another_system_does_not_begin_in_the_year_1() -> None:
    alert = {"labels": {"site": "quay", "alertname": "Flood"}, "fingerprint": "f", "status": "firing"}
    starts = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-07-12", "2026-07-12T11:00:00Z")
    sent = {"alerts": [alert | {"startsAt": start} for start in starts]}
    signals, rejects = signals_of(sent, {"quay"}, NOON)
    assert [one.reason for one in rejects] == [
        "alert 1: startsAt 0001-01-01T00:00:00+00:00 is of a clock that was never set",
        "alert 2: startsAt 1970-01-01T00:00:00+00:00 is of a clock that was never set",
        "alert 3: startsAt '2026-07-12' has no offset from UTC",
    ]
    (raised,) = signals
    assert isinstance(raised, Raised)
    assert raised.started_at == NOON - timedelta(hours=1)
