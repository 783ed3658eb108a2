"""An alert is raised, acknowledged and ended, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import acknowledge, end_alert, raise_alert
from data.errors import Forbidden, IllegalMove, NotFound
from data.model.alert import Alert, AlertKey, AlertState, Ended, Priority, Raised
from data.model.people import Actor, Role
from data.model.record import Evidence, broken_link
from data.ports.store import AlertQuery, Store
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LI = Actor("li", Role.OPERATOR)
KEY = AlertKey("river-1", "intrusion", "bank", "17")
RAISED = Raised(
    KEY,
    "intrusion",
    Priority.P1,
    started_at=NOON - timedelta(seconds=2),
    at=NOON,
    label="person",
    confidence=0.75,
    xyxy=(0.25, 0.5, 0.375, 0.75),
)
PICTURE = Evidence("b" * 64, "bb/picture.jpg", "image/jpeg", NOON, 5, "river-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "alerts.db")
    yield store
    store.close()


def raised(store: Store, signal: Raised = RAISED, evidence: Evidence | None = PICTURE) -> Alert | None:
    return store.write(lambda writer: raise_alert(writer, signal, evidence, NOON + timedelta(milliseconds=120)))


def test_a_raised_alert_is_stored_with_picture_trail_and_change_in_one_commit(store: Store) -> None:
    alert = raised(store)
    assert alert is not None
    stored = store.read(lambda reader: reader.alert(alert.id))
    assert (stored.key, stored.priority, stored.label, stored.xyxy) == (KEY, Priority.P1, "person", RAISED.xyxy)
    assert (stored.started_at, stored.raised_at) == (NOON - timedelta(seconds=2), NOON)
    assert (stored.state, stored.evidence) == (AlertState.FIRING, "b" * 64)
    assert store.read(lambda reader: reader.evidence("b" * 64)) == PICTURE
    (entry,) = store.read(lambda reader: reader.audit(subject=f"alert:{alert.id}"))
    assert (entry.actor, entry.action, entry.detail["key"]) == ("system", "raise", list(KEY))
    (change,) = store.read(lambda reader: reader.changes(0))
    assert (change.topic, change.payload["alert"]["state"], change.payload["alert"]["id"]) == (
        "alert",
        "firing",
        alert.id,
    )


def test_raising_what_is_open_already_writes_nothing(store: Store) -> None:
    assert raised(store) is not None
    again = Evidence("c" * 64, "cc/picture.jpg", "image/jpeg", NOON, 5, "river-1")
    assert raised(store, evidence=again) is None
    assert len(store.read(lambda reader: reader.alerts(AlertQuery()))) == 1
    assert store.read(lambda reader: reader.last_change()) == 1
    with pytest.raises(NotFound):
        store.read(lambda reader: reader.evidence("c" * 64))


def test_an_alert_ends_once_and_one_that_comes_long_after_is_new_and_linked(store: Store) -> None:
    first = raised(store)
    assert first is not None
    ended = Ended(KEY, NOON + timedelta(minutes=3), NOON + timedelta(minutes=4))
    over = store.write(lambda writer: end_alert(writer, ended, ended.at))
    assert over is not None
    assert (over.state, over.ended_at) == (AlertState.RETURNED, NOON + timedelta(minutes=3))
    assert store.write(lambda writer: end_alert(writer, ended, ended.at)) is None
    later = NOON + timedelta(minutes=33, seconds=1)
    second = raised(store, replace(RAISED, started_at=later, at=later))
    assert second is not None
    assert (second.id, second.follows, second.occurrence) == (first.id + 1, first.id, 1)


def test_what_appears_again_within_half_an_hour_is_the_same_alert_once_more_and_unacknowledged(store: Store) -> None:
    first = raised(store)
    assert first is not None
    store.write(lambda writer: acknowledge(writer, first.id, LI, NOON))
    over = NOON + timedelta(minutes=3)
    store.write(lambda writer: end_alert(writer, Ended(KEY, over, over), over))
    again_at = over + timedelta(minutes=30)
    again = raised(store, replace(RAISED, started_at=again_at, at=again_at))
    assert again is not None
    assert (again.id, again.occurrence, again.calls, again.follows) == (first.id, 2, 2, None)
    assert (again.state, again.ended_at, again.acknowledged_by) == (AlertState.FIRING, None, None)
    assert (again.started_at, again.active_since) == (first.started_at, again_at)
    steps = store.read(lambda reader: reader.alert_steps(first.id))
    assert [taken.step.value for taken in steps] == ["raise", "acknowledge", "end", "reopen"]
    assert steps[-1].detail["before"] == {
        "ended_at": "2026-07-12T04:03:00.000+00:00",
        "acknowledged_at": "2026-07-12T04:00:00.000+00:00",
        "acknowledged_by": "li",
    }


def test_when_it_gets_worse_the_same_alert_rises_and_asks_anew_and_falls_without_asking(store: Store) -> None:
    first = raised(store, replace(RAISED, priority=Priority.P3))
    assert first is not None
    store.write(lambda writer: acknowledge(writer, first.id, LI, NOON))
    worse = raised(store, RAISED)
    assert worse is not None
    assert (worse.id, worse.priority, worse.state, worse.calls) == (first.id, Priority.P1, AlertState.FIRING, 2)
    store.write(lambda writer: acknowledge(writer, first.id, LI, NOON))
    better = raised(store, replace(RAISED, priority=Priority.P2))
    assert better is not None
    assert (better.priority, better.state, better.calls) == (Priority.P2, AlertState.ACKNOWLEDGED, 2)
    steps = store.read(lambda reader: reader.alert_steps(first.id))
    assert [(taken.step.value, taken.detail.get("to")) for taken in steps] == [
        ("raise", None),
        ("acknowledge", None),
        ("worsen", "P1"),
        ("acknowledge", None),
        ("ease", "P2"),
    ]


def test_an_end_before_the_beginning_is_the_beginning(store: Store) -> None:
    raised(store)
    ended = Ended(KEY, NOON - timedelta(hours=1), NOON)
    over = store.write(lambda writer: end_alert(writer, ended, NOON))
    assert over is not None
    assert over.ended_at == RAISED.started_at


def test_acknowledging_says_who_and_when_and_is_refused_the_second_time_with_both(store: Store) -> None:
    alert = raised(store)
    assert alert is not None
    at = NOON + timedelta(seconds=30)
    seen = store.write(lambda writer: acknowledge(writer, alert.id, LI, at))
    assert (seen.state, seen.acknowledged_by, seen.acknowledged_at) == (AlertState.ACKNOWLEDGED, "li", at)
    chen = Actor("chen", Role.DUTY_OFFICER)
    with pytest.raises(IllegalMove, match=r"alert 1 was acknowledged by li at 2026-07-12T04:00:30\.000\+00:00"):
        store.write(lambda writer: acknowledge(writer, alert.id, chen, at + timedelta(seconds=1)))
    actions = [entry.action for entry in store.read(lambda reader: reader.audit(subject="alert:1"))]
    assert actions == ["raise", "acknowledge"]


def test_an_alert_that_returned_to_normal_can_still_be_acknowledged(store: Store) -> None:
    alert = raised(store)
    assert alert is not None
    store.write(lambda writer: end_alert(writer, Ended(KEY, NOON, NOON), NOON))
    assert store.write(lambda writer: acknowledge(writer, alert.id, LI, NOON)).state is AlertState.CLOSED
    assert broken_link(store.read(lambda reader: reader.audit())) is None


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.ANALYST, Role.ADMINISTRATOR, Role.GRID_LEADER])
def test_who_does_not_run_the_shift_may_not_acknowledge(store: Store, role: Role) -> None:
    raised(store)
    with pytest.raises(Forbidden, match=f"role {role} may not acknowledge"):
        store.write(lambda writer: acknowledge(writer, 1, Actor("x", role), NOON))
    assert store.read(lambda reader: reader.alert(1)).state is AlertState.FIRING


def test_acknowledging_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.write(lambda writer: acknowledge(writer, 99, LI, NOON))


def test_a_condition_after_the_clock_was_put_back_is_an_alert_of_its_own_and_ends(store: Store) -> None:
    """The one before it began and ended by a clock that was an hour ahead."""
    raised(store)
    ended_at = NOON + timedelta(minutes=10)
    store.write(lambda writer: end_alert(writer, Ended(KEY, ended_at, ended_at), ended_at))
    began = NOON - timedelta(minutes=50)
    now = began + timedelta(seconds=5)
    again = store.write(
        lambda writer: raise_alert(writer, replace(RAISED, started_at=began, at=now, decided_at=now), None, now)
    )
    assert again is not None
    assert (again.state, again.started_at, again.occurrence, again.follows) == (AlertState.FIRING, began, 1, 1)
    over_at = now + timedelta(minutes=1)
    over = store.write(lambda writer: end_alert(writer, Ended(KEY, over_at, over_at, started_at=began), over_at))
    assert over is not None
    assert over.ended_at == over_at


def test_an_alert_that_began_by_a_clock_that_was_ahead_ends_by_the_one_that_was_put_back(store: Store) -> None:
    raised(store)
    began, over_at = NOON - timedelta(minutes=50), NOON - timedelta(minutes=45)
    store.write(lambda writer: end_alert(writer, Ended(KEY, over_at, over_at, started_at=began), over_at))
    assert store.read(lambda reader: reader.open_alert(KEY)) is None


def test_what_was_decided_before_the_end_and_comes_after_it_opens_nothing(store: Store) -> None:
    raised(store)
    ended_at = NOON + timedelta(minutes=1)
    store.write(lambda writer: end_alert(writer, Ended(KEY, ended_at, ended_at), ended_at))
    late = replace(RAISED, decided_at=NOON + timedelta(seconds=30))
    now = ended_at + timedelta(milliseconds=1)
    assert store.write(lambda writer: raise_alert(writer, late, None, now)) is None
