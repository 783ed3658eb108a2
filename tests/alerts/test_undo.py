"""Taking back an acknowledgement or a dismissal within ten seconds, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.axes import axes_of_steps
from alerts.decisions import shelve_alert, verify_alert
from alerts.lifecycle import acknowledge, raise_alert
from alerts.undo import undo
from data.config.alarms import AlarmSettings
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove
from data.model.alert import Alert, AlertKey, AlertState, Priority, Raised
from data.model.alert_life import Proof, Verification
from data.model.people import SYSTEM, Actor, Role
from data.ports.store import Store
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LI, CHEN = Actor("li", Role.OPERATOR), Actor("chen", Role.DUTY_OFFICER)
GAUGE = Proof("gauge", "site:dip-1/gauge", NOON, "积水 26 cm", value=26.0, unit="cm")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "alerts.db")
    yield store
    store.close()


@pytest.fixture
def alert(store: Store) -> Alert:
    return deep(store, NOON, Priority.P2)


def deep(store: Store, at: datetime, priority: Priority) -> Alert:
    raised = Raised(AlertKey("dip-1", "deep", "", ""), "threshold", priority, at, at, value=26.0, unit="cm")
    alert = store.write(lambda writer: raise_alert(writer, raised, None, at))
    assert alert is not None
    return alert


def seen(store: Store, alert: Alert, at: datetime, actor: Actor = LI) -> Alert:
    return store.write(lambda writer: acknowledge(writer, alert.id, actor, at))


def dismissed(store: Store, alert: Alert, at: datetime, actor: Actor = LI) -> Alert:
    return store.write(lambda w: verify_alert(w, alert.id, Verification.DISMISSED, (), actor, at, "反光"))


def taken_back(store: Store, alert: Alert, at: datetime, actor: Actor = LI) -> Alert:
    return store.write(lambda writer: undo(writer, alert.id, actor, at))


def test_an_acknowledgement_that_is_taken_back_calls_again_and_stays_in_the_trail(store: Store, alert: Alert) -> None:
    seen(store, alert, after(5))
    again = taken_back(store, alert, after(15))
    assert (again.state, again.acknowledged_by, again.acknowledged_until) == (AlertState.FIRING, None, None)
    assert again.calls == 2, "whoever waited to be told is told anew"
    entries = store.read(lambda reader: reader.audit(subject=f"alert:{alert.id}"))
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("raise", "system"),
        ("acknowledge", "li"),
        ("unacknowledge", "li"),
    ]
    assert seen(store, alert, after(16), CHEN).acknowledged_by == "chen"


def test_a_dismissal_that_is_taken_back_gives_back_what_was_known_before_with_its_evidence(
    store: Store, alert: Alert
) -> None:
    store.write(lambda w: verify_alert(w, alert.id, Verification.PROBABLE, (GAUGE,), SYSTEM, NOON))
    dismissed(store, alert, after(5))
    assert taken_back(store, alert, after(6)).verification is Verification.PROBABLE
    last = store.read(lambda reader: reader.alert_steps(alert.id))[-1]
    assert (last.step.value, last.detail, last.proofs) == (
        "withdraw",
        {"to": "probable", "reason_was": "反光"},
        (GAUGE,),
    )
    axes = axes_of_steps(store.read(lambda reader: reader.alert_steps(alert.id)), after(7))
    assert axes.verification is Verification.PROBABLE


def test_a_dismissal_before_it_got_worse_does_not_come_back(store: Store, alert: Alert) -> None:
    dismissed(store, alert, after(1))
    deep(store, after(2), Priority.P1)
    dismissed(store, alert, after(3))
    assert taken_back(store, alert, after(4)).verification is Verification.UNVERIFIED


@pytest.mark.parametrize("how", ["late", "somebody else", "decided since", "worse since", "nothing", "twice"])
def test_it_is_refused_and_changes_nothing_when(store: Store, alert: Alert, how: str) -> None:
    if how != "nothing":
        seen(store, alert, after(5))
    actor, at, why = LI, after(10), "nothing to take back"
    match how:
        case "late":
            at, why = after(15.01), "for 10 s"
        case "somebody else":
            actor, why = CHEN, "was li's decision"
        case "decided since":
            until = after(600)
            store.write(lambda w: shelve_alert(w, alert.id, CHEN, after(6), until=until, reason="施工"))
        case "worse since":
            deep(store, after(6), Priority.P1)
            why = "is not acknowledged"
        case "twice":
            taken_back(store, alert, after(6))
    before = store.read(lambda reader: reader.last_change())
    with pytest.raises(IllegalMove, match=why):
        taken_back(store, alert, at, actor)
    assert store.read(lambda reader: reader.last_change()) == before


def test_who_may_not_acknowledge_may_not_take_back_and_0_s_switches_it_off(store: Store, alert: Alert) -> None:
    seen(store, alert, NOON)
    with pytest.raises(Forbidden):
        taken_back(store, alert, NOON, Actor("li", Role.ANALYST))
    never = Settings(alarms=AlarmSettings(undo_within=timedelta(0)))
    with pytest.raises(IllegalMove, match="for 0 s"):
        store.write(lambda writer: undo(writer, alert.id, LI, after(0.001), settings=never))
