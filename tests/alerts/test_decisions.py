"""Verified, shelved, out of service, kept quiet by design: four axes that move apart, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.clocks import alerts_due
from alerts.decisions import return_to_service, shelve_alert, take_out_of_service, unshelve_alert, verify_alert
from alerts.lifecycle import acknowledge, end_alert, note_condition, raise_alert
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.alert import Alert, AlertKey, AlertState, Ended, Priority, Raised, Standing
from data.model.alert_life import Condition, Proof, Suppression, Verification
from data.model.people import SYSTEM, Actor, Role
from data.ports.store import Store
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LI, CHEN, CHIEF = Actor("li", Role.OPERATOR), Actor("chen", Role.DUTY_OFFICER), Actor("wang", Role.COMMANDER)
KEY = AlertKey("dip-1", "deep", "", "")
SETTINGS = Settings()


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "alerts.db")
    yield store
    store.close()


def deep(store: Store, at: datetime = NOON, priority: Priority = Priority.P2) -> Alert:
    raised = Raised(KEY, "threshold", priority, at, at, value=26.0, unit="cm")
    alert = store.write(lambda writer: raise_alert(writer, raised, None, at))
    assert alert is not None
    return alert


def now_is(store: Store, alert: Alert) -> Alert:
    return store.read(lambda reader: reader.alert(alert.id))


def time_passes(store: Store, now: datetime) -> None:
    store.write(lambda writer: alerts_due(writer, now, settings=SETTINGS))


GAUGE = Proof("gauge", "site:dip-1/gauge", NOON, "积水 26 cm", value=26.0, unit="cm")
CAMERA = Proof("camera_water", "alert:9", NOON, "画面见水")


def test_one_kind_of_evidence_is_probable_two_confirm_and_each_step_lists_them(store: Store) -> None:
    alert = deep(store)
    store.write(lambda w: verify_alert(w, alert.id, Verification.PROBABLE, (GAUGE,), SYSTEM, NOON))
    store.write(lambda w: verify_alert(w, alert.id, Verification.PROBABLE, (GAUGE,), SYSTEM, after(1)))
    store.write(lambda w: verify_alert(w, alert.id, Verification.CONFIRMED, (GAUGE, CAMERA), SYSTEM, after(2)))
    assert now_is(store, alert).verification is Verification.CONFIRMED
    steps = store.read(lambda reader: reader.alert_steps(alert.id))
    assert [(taken.step.value, [proof.kind for proof in taken.proofs]) for taken in steps] == [
        ("raise", []),
        ("suspect", ["gauge"]),
        ("confirm", ["gauge", "camera_water"]),
    ]
    assert steps[1].proofs == (GAUGE,)
    with pytest.raises(IllegalMove, match="alert 1 is confirmed already"):
        store.write(lambda w: verify_alert(w, alert.id, Verification.PROBABLE, (GAUGE,), SYSTEM, after(3)))


def test_a_human_dismisses_with_a_reason_and_no_sensor_takes_that_back(store: Store) -> None:
    alert = deep(store)
    with pytest.raises(InputRejected, match="needs a reason"):
        store.write(lambda w: verify_alert(w, alert.id, Verification.DISMISSED, (), LI, NOON, " "))
    store.write(lambda w: verify_alert(w, alert.id, Verification.DISMISSED, (), LI, NOON, "演练"))
    for told in (Verification.PROBABLE, Verification.CONFIRMED):
        with pytest.raises(IllegalMove, match="dismissed"):
            store.write(lambda w, t=told: verify_alert(w, alert.id, t, (GAUGE,), SYSTEM, NOON))  # type: ignore[misc]
    assert not now_is(store, alert).calls_for_attention(NOON)
    confirmed = store.write(lambda w: verify_alert(w, alert.id, Verification.CONFIRMED, (), CHEN, NOON))
    assert (confirmed.verification, confirmed.calls) == (Verification.CONFIRMED, 2)


def test_shelving_has_a_limit_for_each_role_and_ends_by_itself(store: Store) -> None:
    alert = deep(store)
    with pytest.raises(Forbidden, match="role operator may not shelve"):
        store.write(lambda w: shelve_alert(w, alert.id, LI, NOON, until=after(5), reason="x"))
    with pytest.raises(Forbidden, match="duty_officer may shelve for 8h at most"):
        store.write(lambda w: shelve_alert(w, alert.id, CHEN, NOON, until=after(481), reason="x"))
    with pytest.raises(InputRejected, match="say why"):
        store.write(lambda w: shelve_alert(w, alert.id, CHEN, NOON, until=after(60), reason=""))
    shelved = store.write(lambda w: shelve_alert(w, alert.id, CHEN, NOON, until=after(60), reason="泵站在抽"))
    assert shelved.suppressions(after(59)) == (Suppression.SHELVED,)
    with pytest.raises(IllegalMove, match="is shelved by chen until 2026-07-12T05:00:00"):
        store.write(lambda w: shelve_alert(w, alert.id, CHIEF, after(1), until=after(90), reason="x"))
    assert store.write(lambda w: acknowledge(w, alert.id, LI, after(1))).state is AlertState.ACKNOWLEDGED
    time_passes(store, after(59))
    assert now_is(store, alert).shelved_by == "chen"
    time_passes(store, after(60))
    back = now_is(store, alert)
    assert (back.shelved_until, back.calls) == (None, 1)  # somebody has acknowledged: nobody is called
    with pytest.raises(IllegalMove, match="is not shelved"):
        store.write(lambda w: unshelve_alert(w, alert.id, CHEN, after(61)))


def test_a_shelf_is_the_alarms_and_holds_for_its_next_alert_but_not_when_it_gets_worse(store: Store) -> None:
    alert = deep(store)
    store.write(lambda w: shelve_alert(w, alert.id, CHEN, NOON, until=after(300), reason="x"))
    store.write(lambda w: end_alert(w, Ended(KEY, after(1), after(1)), after(1)))
    following = deep(store, after(60))
    assert (following.follows, following.shelved_until) == (alert.id, after(300))
    worse = deep(store, after(61), Priority.P1)
    assert (worse.id, worse.shelved_until, worse.calls) == (following.id, None, 2)


def test_out_of_service_needs_a_work_order_and_lasts_until_it_is_returned(store: Store) -> None:
    alert = deep(store)
    with pytest.raises(InputRejected, match="work order"):
        store.write(lambda w: take_out_of_service(w, alert.id, CHEN, NOON, work_order=" ", reason="换探头"))
    store.write(lambda w: take_out_of_service(w, alert.id, CHEN, NOON, work_order="WX-7", reason="换探头"))
    store.write(lambda w: end_alert(w, Ended(KEY, after(1), after(1)), after(1)))
    following = deep(store, after(60))
    assert following.suppressions(after(60)) == (Suppression.OUT_OF_SERVICE,)
    with pytest.raises(IllegalMove, match="is out of service under work order WX-7"):
        store.write(lambda w: shelve_alert(w, following.id, CHEN, after(60), until=after(70), reason="x"))
    back = store.write(lambda w: return_to_service(w, following.id, CHEN, after(61)))
    assert (back.work_order, back.calls, back.calls_for_attention(after(61))) == ("", 2, True)


def test_an_acknowledgement_lapses_while_the_condition_lasts(store: Store) -> None:
    alert = deep(store)
    store.write(lambda w: acknowledge(w, alert.id, LI, NOON))
    time_passes(store, after(119))
    assert now_is(store, alert).state is AlertState.ACKNOWLEDGED
    time_passes(store, after(120))
    lapsed = now_is(store, alert)
    assert (lapsed.state, lapsed.calls) == (AlertState.FIRING, 2)


def test_a_silent_gauge_makes_its_alert_stale_and_never_cleared(store: Store) -> None:
    alert = deep(store)
    store.write(lambda w: note_condition(w, Standing(KEY, Condition.STALE, after(1)), after(2)))
    store.write(lambda w: note_condition(w, Standing(KEY, Condition.STALE, after(1)), after(3)))
    assert now_is(store, alert).condition is Condition.STALE
    store.write(lambda w: note_condition(w, Standing(KEY, Condition.CLEARING, after(4)), after(4)))
    assert now_is(store, alert).condition is Condition.CLEARING
    store.write(lambda w: note_condition(w, Standing(KEY, Condition.ACTIVE, after(5)), after(5)))
    steps = [taken.step.value for taken in store.read(lambda reader: reader.alert_steps(alert.id))]
    assert steps == ["raise", "fall_silent", "be_heard", "clear", "recur"]


def test_what_is_pending_is_told_until_it_is_an_alert_or_gone(store: Store) -> None:
    pending = Standing(KEY, Condition.PENDING, NOON, "threshold", Priority.P2)
    store.write(lambda w: note_condition(w, pending, NOON))
    assert store.read(lambda reader: reader.pending_conditions("dip-1")) == [pending]
    deep(store, after(1))
    assert store.read(lambda reader: reader.pending_conditions()) == []


def test_what_comes_and_goes_is_latched_and_ends_when_it_was_quiet(store: Store) -> None:
    for n in range(0, 40, 2):
        alert = deep(store, NOON + timedelta(seconds=3 * n)) if n <= 4 else None
        if alert is None:
            at = NOON + timedelta(seconds=3 * n)
            raised = Raised(KEY, "threshold", Priority.P2, at, at)
            store.write(lambda w, r=raised, t=at: raise_alert(w, r, None, t))  # type: ignore[misc]
        at = NOON + timedelta(seconds=3 * n + 3)
        store.write(lambda w, t=at: end_alert(w, Ended(KEY, t, t), t))  # type: ignore[misc]
    (flapping,) = store.read(lambda reader: [reader.alert(1)])
    assert (flapping.occurrence, flapping.is_open, flapping.latched_since) == (3, True, NOON + timedelta(seconds=12))
    last = NOON + timedelta(seconds=3 * 38 + 3)
    time_passes(store, last + timedelta(seconds=599))
    assert now_is(store, flapping).is_open
    time_passes(store, last + timedelta(seconds=600))
    over = now_is(store, flapping)
    assert (over.ended_at, over.latched_since, over.condition) == (last, None, Condition.CLEARED)


def test_a_dead_camera_keeps_its_detectors_quiet_and_they_call_again_when_it_is_back(store: Store) -> None:
    def camera(at: datetime, over: datetime | None = None) -> None:
        key = AlertKey("dip-1", "camera_health", "", "video_black")
        if over is None:
            dead = Raised(key, "camera_health", Priority.P3, at, at)
            store.write(lambda w: raise_alert(w, dead, None, at))
        else:
            store.write(lambda w: end_alert(w, Ended(key, over, over), over))

    def parked(subject: str, at: datetime, priority: Priority = Priority.P3) -> Alert:
        key = AlertKey("dip-1", "parked", "lane", subject)
        raised = Raised(key, "dwell", priority, at, at, xyxy=(0, 0, 1, 1))
        alert = store.write(lambda w: raise_alert(w, raised, None, at))
        assert alert is not None
        return alert

    water, before, swimmer = deep(store), parked("a", NOON), parked("b", NOON, Priority.P1)
    camera(after(1))
    during = parked("c", after(2))
    assert during.suppressions(after(2)) == (Suppression.BY_DESIGN,)
    assert [now_is(store, one).inhibited_by for one in (water, before, swimmer)] == ["", "alert:4", ""]
    camera(after(1), over=after(3))
    back = [now_is(store, one) for one in (water, before, during)]
    assert [(one.inhibited_by, one.calls) for one in back] == [("", 1), ("", 2), ("", 2)]
