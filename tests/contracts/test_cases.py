"""The Store's contract: alerts, events, tasks, offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.alert import AlertState
from data.model.task import Candidate, TaskState
from data.ports.store import AlertQuery, Store, TaskQuery, Writer
from tests.contracts.samples import NOON, a_picture, a_responder, a_task, after, an_alert, an_event, an_offer


def ids(things: object) -> list[int]:
    return [thing.id for thing in things]  # type: ignore[attr-defined]


def test_an_alert_reads_back_as_it_was_stored_with_id_version_and_commit_time(store: Store) -> None:
    before = datetime.now(UTC)
    stored = store.write(lambda writer: writer.add_alert(an_alert()))
    assert (stored.id, stored.version) == (1, 1)
    assert stored.committed_at is not None
    assert before <= stored.committed_at <= datetime.now(UTC)
    assert store.read(lambda reader: reader.alert(1)) == stored
    assert stored == replace(an_alert(), id=1, version=1, committed_at=stored.committed_at)
    assert store.read(lambda reader: reader.open_alert(stored.key)) == stored


def test_a_second_open_alert_of_a_key_is_refused_until_the_first_has_ended(store: Store) -> None:
    first = store.write(lambda writer: writer.add_alert(an_alert()))
    with pytest.raises(IllegalMove, match="gate-3/dwell/lane/7: one is open already"):
        store.write(lambda writer: writer.add_alert(an_alert()))
    store.write(lambda writer: writer.save_alert(replace(first, ended_at=after(60))))
    assert store.read(lambda reader: reader.open_alert(first.key)) is None
    second = store.write(lambda writer: writer.add_alert(an_alert()))
    assert second.id > first.id


def test_a_refused_second_alert_leaves_the_unit_of_work_usable(store: Store) -> None:
    def twice(writer: Writer) -> int:
        writer.add_alert(an_alert())
        with pytest.raises(IllegalMove):
            writer.add_alert(an_alert())
        return writer.add_alert(an_alert("8")).id

    kept = store.write(twice)
    assert store.read(lambda reader: ids(reader.alerts(AlertQuery()))) == [kept, 1]


def test_alerts_are_found_newest_first_by_site_state_time_and_page(store: Store) -> None:
    def fill(writer: Writer) -> None:
        for n in range(5):
            writer.add_alert(an_alert(str(n), site="gate-3" if n % 2 else "river-1", raised_s=60 * n))
        writer.save_alert(replace(writer.alert(1), ended_at=after(90)))
        writer.save_alert(replace(writer.alert(2), acknowledged_at=after(70), acknowledged_by="li"))

    store.write(fill)

    def found(query: AlertQuery) -> list[int]:
        return store.read(lambda reader: ids(reader.alerts(query)))

    assert found(AlertQuery()) == [5, 4, 3, 2, 1]
    assert found(AlertQuery(site="gate-3")) == [4, 2]
    assert found(AlertQuery(open_only=True)) == [5, 4, 3, 2]
    assert found(AlertQuery(unacknowledged_only=True)) == [5, 4, 3, 1]
    assert found(AlertQuery(since=after(100), until=after(180))) == [3, 2]
    assert found(AlertQuery(since=after(90), until=after(60))) == [1]
    assert found(AlertQuery(before_id=4, limit=2)) == [3, 2]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    read = store.write(lambda writer: writer.add_alert(an_alert()))
    store.write(lambda writer: writer.save_alert(replace(read, acknowledged_at=NOON, acknowledged_by="li")))
    with pytest.raises(StaleVersion, match="alert 1 was changed by somebody else: version 1 is now 2"):
        store.write(lambda writer: writer.save_alert(replace(read, ended_at=NOON)))
    assert store.read(lambda reader: reader.alert(1)).state is AlertState.ACKNOWLEDGED


def test_a_time_is_set_once_and_the_refusal_names_its_column(store: Store) -> None:
    alert = store.write(lambda writer: writer.add_alert(an_alert()))
    acknowledged = replace(alert, acknowledged_at=NOON, acknowledged_by="li")
    alert = store.write(lambda writer: writer.save_alert(acknowledged))
    with pytest.raises(IllegalMove, match="acknowledged_at is set already"):
        store.write(lambda writer: writer.save_alert(replace(alert, acknowledged_at=after(1))))
    with pytest.raises(IllegalMove, match="acknowledged_at is set already"):
        store.write(lambda writer: writer.save_alert(replace(alert, acknowledged_at=None)))
    with pytest.raises(IllegalMove, match="committed_at is set already"):
        store.write(lambda writer: writer.save_alert(replace(alert, committed_at=None)))
    same = store.write(lambda writer: writer.save_alert(replace(alert, ended_at=after(5))))
    assert (same.version, same.state) == (3, AlertState.CLOSED)


def test_saving_what_does_not_exist_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no alert 99"):
        store.write(lambda writer: writer.save_alert(replace(an_alert(), id=99, version=1)))
    with pytest.raises(NotFound, match="no task 4"):
        store.read(lambda reader: reader.task(4))
    with pytest.raises(NotFound, match="no event 4"):
        store.read(lambda reader: reader.event(4))


def test_an_alert_names_only_evidence_and_events_that_are_stored(store: Store) -> None:
    with pytest.raises(IllegalMove, match="gate-3/dwell/lane/7: refers to a row that is not stored"):
        store.write(lambda writer: writer.add_alert(replace(an_alert(), evidence="cd" * 32)))

    def with_picture(writer: Writer) -> str | None:
        writer.add_evidence(a_picture())
        return writer.add_alert(replace(an_alert(), evidence=a_picture().id)).evidence

    assert store.write(with_picture) == a_picture().id


def test_events_are_stored_closed_and_listed(store: Store) -> None:
    first, second = store.write(lambda writer: (writer.add_event(an_event()), writer.add_event(an_event("river-1"))))
    closed = store.write(lambda writer: writer.save_event(replace(first, closed_at=after(300), closed_by="wang")))
    assert store.read(lambda reader: reader.event(first.id)) == closed
    assert store.read(lambda reader: list(reader.events())) == [second, closed]
    assert store.read(lambda reader: list(reader.events(open_only=True))) == [second]
    assert store.read(lambda reader: list(reader.events(before_id=second.id))) == [closed]
    with pytest.raises(IllegalMove, match="event 1: closed_at is set already"):
        store.write(lambda writer: writer.save_event(replace(closed, closed_at=None)))


def test_a_task_keeps_its_candidates_checklist_and_steps(store: Store) -> None:
    def make(writer: Writer) -> int:
        event = writer.add_event(an_event())
        near = Candidate("zhang", 120.5, 840.25, "road")
        far = Candidate("zhao", 300.0, 2100.0, "straight line", "not on shift")
        task = replace(a_task(event.id), candidates=(near, far), checklist=("泵", "围挡"))
        return writer.add_task(task).id

    task = store.read(lambda reader: reader.task(1)) if store.write(make) == 1 else None
    assert task is not None
    assert task.candidates[1].reason == "not on shift"
    assert task.checklist == ("泵", "围挡")
    accepted = replace(task, offered_to="zhang", responder="zhang", accepted_at=after(20))
    saved = store.write(lambda writer: writer.save_task(accepted))
    assert saved.state is TaskState.ACCEPTED
    assert store.read(lambda reader: reader.task(1)) == saved
    with pytest.raises(IllegalMove, match="task 1: accepted_at is set already"):
        store.write(lambda writer: writer.save_task(replace(saved, accepted_at=None)))


def test_tasks_are_found_by_event_alert_responder_state_and_time(store: Store) -> None:
    def fill(writer: Writer) -> None:
        one, two = writer.add_event(an_event()), writer.add_event(an_event())
        alert = writer.add_alert(an_alert())
        writer.add_task(replace(a_task(one.id), offered_to="zhang"))
        writer.add_task(replace(a_task(two.id, created_s=60), alert_id=alert.id, responder="zhang", offered_to="zhang"))
        writer.add_task(replace(a_task(two.id, created_s=120), cancelled_at=after(130)))

    store.write(fill)

    def found(query: TaskQuery) -> list[int]:
        return store.read(lambda reader: ids(reader.tasks(query)))

    assert found(TaskQuery()) == [3, 2, 1]
    assert found(TaskQuery(event_id=2)) == [3, 2]
    assert found(TaskQuery(alert_id=1)) == [2]
    assert found(TaskQuery(responder="zhang")) == [2, 1]
    assert found(TaskQuery(open_only=True)) == [2, 1]
    assert found(TaskQuery(since=after(60), until=after(120))) == [2]
    assert found(TaskQuery(before_id=3, limit=1)) == [2]


def test_a_task_has_one_open_offer_to_each_and_an_offer_one_end(store: Store) -> None:
    def make(writer: Writer) -> None:
        for name in ("zhang", "zhao"):
            writer.put_responder(a_responder(name))
        writer.add_task(a_task(writer.add_event(an_event()).id))

    store.write(make)
    first = store.write(lambda writer: writer.add_offer(an_offer(1)))
    with pytest.raises(IllegalMove, match="task 1 is offered to zhang already"):
        store.write(lambda writer: writer.add_offer(an_offer(1)))
    declined = replace(first, declined_at=after(30), reason="too far")
    store.write(lambda writer: writer.save_offer(declined))
    with pytest.raises(IllegalMove, match="accepted_at and declined_at cannot both be set"):
        store.write(lambda writer: writer.save_offer(replace(declined, accepted_at=after(31))))
    second = store.write(lambda writer: writer.add_offer(an_offer(1, "zhao")))
    assert store.read(lambda reader: list(reader.offers(1))) == [declined, second]


def test_who_holds_an_open_offer_or_an_open_task_is_busy(store: Store) -> None:
    def make(writer: Writer) -> None:
        for name in ("zhang", "zhao", "sun"):
            writer.put_responder(a_responder(name))
        event = writer.add_event(an_event())
        writer.add_task(replace(a_task(event.id), responder="zhang", accepted_at=NOON))
        writer.add_task(replace(a_task(event.id), responder="sun", closed_at=NOON))
        writer.add_offer(an_offer(writer.add_task(a_task(event.id)).id, "zhao"))

    store.write(make)
    assert store.read(lambda reader: reader.busy_responders()) == frozenset({"zhang", "zhao"})


def test_a_unit_of_work_sees_its_own_changes_and_readers_do_not_until_the_commit(store: Store) -> None:
    def look_inside(writer: Writer) -> tuple[int, int]:
        writer.add_alert(an_alert())
        outside = store.read(lambda reader: len(reader.alerts(AlertQuery())))
        return len(writer.alerts(AlertQuery())), outside

    assert store.write(look_inside) == (1, 0)


def test_times_come_back_in_utc_to_the_microsecond_whatever_zone_they_were_given_in(store: Store) -> None:
    shanghai = NOON.astimezone(ZoneInfo("Asia/Shanghai"))
    stored = store.write(lambda writer: writer.add_alert(replace(an_alert(), raised_at=shanghai)))
    read = store.read(lambda reader: reader.alert(stored.id))
    assert read.raised_at == NOON
    assert read.raised_at.utcoffset() == timedelta(0)
    assert read.raised_at.isoformat() == "2024-07-12T04:00:00.123456+00:00"
