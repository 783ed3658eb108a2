"""Steps fire once, in time, until somebody acknowledges; what is claimed is sent at least once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.clocks import alerts_due
from alerts.decisions import shelve_alert, verify_alert
from alerts.lifecycle import raise_alert
from data.errors import Forbidden, IllegalMove
from data.model.alert import AlertKey, Priority, Raised
from data.model.alert_life import Verification
from data.model.notice import NoticeState
from data.model.people import Actor, Role
from data.sql.store import open_store
from engine.reactions.watchdog import KEY, Watchdog
from notices.deliveries import answer, claim, delivered, failed
from notices.escalation import fire_due, follow
from tests.notices.street import LI, NOON, Street, city, seconds

LEASE = timedelta(seconds=10)


def test_steps_fire_one_after_the_other_while_nobody_acknowledges(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    assert street.told(alert) == [(0, "speaker")]
    first = street.notices(alert)[0]
    assert (first.title, first.text) == ("一级 P1 临江码头 person-in-river", "临江码头：请立即上岸")
    assert first.delivery_id == f"alert:{alert.id}.1/river/0/speaker"
    street.wait(59)
    assert street.told(alert) == [(0, "speaker")]
    street.wait(1)
    assert street.told(alert) == [(0, "speaker"), (1, "sms")]
    assert street.notices(alert)[1].recipients == ("13800000001",)
    assert street.notices(alert)[1].text == "临江码头 person-in-river person 07-12 12:00:00"
    street.wait(120)
    assert street.told(alert) == [(0, "speaker"), (1, "sms"), (2, "sms"), (2, "voice")]
    street.wait(3600)
    assert len(street.told(alert)) == 4


def test_acknowledging_stops_what_is_waiting_and_what_is_unsent(street: Street) -> None:
    alert = street.swimmer()
    street.wait(60)
    street.acknowledge(alert)
    street.wait(600)
    assert [notice.state for notice in street.notices(alert)] == [NoticeState.STOPPED, NoticeState.STOPPED]
    steps = street.store.read(lambda reader: reader.escalations(f"alert:{alert.id}"))
    assert [(step.fired_at is not None, step.stopped_at is not None) for step in steps] == [
        (True, False),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(("when_over", "steps"), [(False, 1), (True, 2)])
def test_an_alert_that_is_over_is_told_only_where_the_policy_says_so(
    street: Street, when_over: bool, steps: int
) -> None:
    street.settings = city(when_over=when_over)
    alert = street.swimmer()
    street.wait()
    street.gone(alert)
    street.wait(60)
    assert len(street.told(alert)) == steps


def test_only_alerts_that_a_policy_fits_are_told(street: Street) -> None:
    alert = street.swimmer(Priority.P2)
    street.wait(600)
    assert street.told(alert) == []


def test_a_call_out_that_was_answered_ends_the_steps_that_follow(street: Street) -> None:
    alert = street.swimmer()
    street.wait(60)
    speaker, call = street.notices(alert)
    with pytest.raises(IllegalMove, match="asks for no answer"):
        street.do(lambda writer: answer(writer, speaker.id, LI, street.now))
    with pytest.raises(Forbidden):
        street.do(lambda writer: answer(writer, call.id, Actor("w", Role.RESPONDER), street.now))
    street.do(lambda writer: answer(writer, call.id, LI, street.now, " 听到了，在路上 "))
    with pytest.raises(IllegalMove, match="was answered by li"):
        street.do(lambda writer: answer(writer, call.id, LI, street.now))
    street.wait(600)
    assert street.told(alert) == [(0, "speaker"), (1, "sms")]
    kept = street.store.read(lambda reader: reader.notice(call.id))
    assert (kept.state, kept.answered_by, kept.answer) == (NoticeState.ANSWERED, "li", "听到了，在路上")
    trail = street.store.read(lambda reader: reader.audit(subject=f"alert:{alert.id}"))
    assert (trail[-1].action, trail[-1].detail["text"]) == ("answer", "听到了，在路上")


def test_a_claimed_notice_is_sent_again_when_its_sender_was_killed(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    notice = street.notices(alert)[0]
    settings = street.settings.notices
    assert street.do(lambda writer: claim(writer, notice.id, street.now, LEASE, settings)) is not None
    street.wait(9)
    assert street.do(lambda writer: claim(writer, notice.id, street.now, LEASE, settings)) is None
    street.wait(1)
    again = street.do(lambda writer: claim(writer, notice.id, street.now, LEASE, settings))
    assert again is not None
    assert (again.attempts, again.delivery_id) == (2, notice.delivery_id)
    street.do(lambda writer: delivered(writer, notice.id, street.now, "ok"))
    street.wait(3600)
    assert street.do(lambda writer: claim(writer, notice.id, street.now, LEASE, settings)) is None


def test_a_failed_notice_is_tried_again_with_longer_pauses_until_it_is_given_up(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    number, settings = street.notices(alert)[0].id, street.settings.notices
    pauses, began = [], street.now
    while True:
        taken = street.do(lambda writer: claim(writer, number, street.now, LEASE, settings))
        assert taken is not None
        kept = street.do(lambda writer: failed(writer, number, street.now, "away", permanent=False, settings=settings))
        if kept.state is NoticeState.FAILED:
            break
        pauses.append((kept.next_try - street.now).total_seconds())
        street.now = kept.next_try
    assert pauses[:7] == [1, 2, 5, 10, 30, 60, 60]
    assert timedelta(minutes=15) <= street.now - began < timedelta(minutes=16)
    assert (kept.error, kept.attempts) == ("away", len(pauses) + 1)


def test_what_was_overdue_at_a_restart_fires_once(street: Street, tmp_path: Path) -> None:
    alert = street.swimmer()
    street.store.close()
    later = Street(open_store(tmp_path / "street.db"), city(), NOON + seconds(400))
    later.wait()
    later.wait()
    assert later.told(alert) == [(0, "speaker"), (1, "sms"), (2, "sms"), (2, "voice")]
    later.store.close()


def test_following_the_same_changes_twice_begins_nothing_twice(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    street.do(lambda writer: writer.put_value("notices:changes", 0))
    street.wait()
    assert street.told(alert) == [(0, "speaker")]
    assert len(street.store.read(lambda reader: reader.escalations(f"alert:{alert.id}"))) == 3


def test_a_thousand_alerts_at_once_are_all_begun(street: Street) -> None:
    def storm(writer: object) -> None:
        for number in range(1000):
            key = AlertKey("quay-1", "person-in-river", "river", f"s{number}")
            raise_alert(writer, Raised(key, "intrusion", Priority.P1, NOON, NOON), None, NOON)  # type: ignore[arg-type]

    street.do(storm)
    street.wait()
    assert len(street.store.read(lambda reader: reader.notices(limit=2000))) == 1000


def test_a_late_escalation_raises_an_alarm_of_its_own_which_ends_with_it(street: Street) -> None:
    alert = street.swimmer()
    street.do(lambda writer: follow(writer, street.settings, street.now))
    dog = Watchdog(street.store, street.settings, NOON - seconds(60))

    def barking() -> bool:
        return street.store.read(lambda reader: reader.open_alert(KEY)) is not None

    dog.poll(NOON + seconds(4.9))
    assert not barking()
    dog.poll(NOON + seconds(5))
    assert barking()
    raised = street.store.read(lambda reader: reader.open_alert(KEY))
    assert raised is not None
    assert (raised.label, raised.priority, raised.key.site) == (f"alert:{alert.id}", Priority.P1, "centre")
    street.do(lambda writer: fire_due(writer, street.settings, NOON + seconds(6)))
    dog.poll(NOON + seconds(6))
    assert not barking()


def test_after_a_restart_the_watchdog_first_lets_the_notifier_catch_up(street: Street) -> None:
    street.swimmer()
    street.do(lambda writer: follow(writer, street.settings, street.now))
    dog = Watchdog(street.store, street.settings, NOON + seconds(600))
    dog.poll(NOON + seconds(604))
    assert street.store.read(lambda reader: reader.open_alert(KEY)) is None
    dog.poll(NOON + seconds(605))
    assert street.store.read(lambda reader: reader.open_alert(KEY)) is not None


def test_what_is_shelved_dismissed_or_out_of_service_is_not_told_and_calls_anew_when_it_is_free(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    until = street.now + timedelta(minutes=30)
    street.do(lambda w: shelve_alert(w, alert.id, LI, street.now, until=until, reason="演练"))
    street.wait(1200)
    assert street.told(alert) == [(0, "speaker")]
    street.do(lambda w: alerts_due(w, until, settings=street.settings))
    street.now = until
    street.wait(60)
    assert street.told(alert) == [(0, "speaker"), (0, "speaker"), (1, "sms")]
    assert [notice.occurrence for notice in street.notices(alert)] == [1, 2, 2]
    street.do(lambda w: verify_alert(w, alert.id, Verification.DISMISSED, (), LI, street.now, "是浮标"))
    street.wait(600)
    assert len(street.told(alert)) == 3


def test_an_acknowledgement_that_expires_brings_the_escalation_back(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    street.acknowledge(alert)
    street.wait(1799)
    street.do(lambda w: alerts_due(w, street.now, settings=street.settings))
    street.wait(0.5)
    assert street.told(alert) == [(0, "speaker")]
    street.now += seconds(0.5)
    street.do(lambda w: alerts_due(w, street.now, settings=street.settings))
    street.wait(60)
    assert street.told(alert) == [(0, "speaker"), (0, "speaker"), (1, "sms")]


def test_an_unsent_notice_of_an_earlier_call_is_not_sent_when_a_newer_one_is(street: Street) -> None:
    alert = street.swimmer()
    street.wait()
    street.gone(alert)
    street.now += seconds(5)
    again = Raised(alert.key, "intrusion", Priority.P1, street.now, street.now, label="person")
    street.do(lambda w: raise_alert(w, again, None, street.now))
    street.wait()
    old, new = street.notices(alert)
    settings = street.settings.notices
    taken = [street.do(lambda w, n=n: claim(w, n.id, street.now, LEASE, settings)) for n in (old, new)]  # type: ignore[misc]
    assert [one is not None for one in taken] == [False, True]
    assert new.title == "一级 P1 临江码头 person-in-river（第 2 次 / again）"
