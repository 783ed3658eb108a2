"""The Store's contract: readings, evidence, audit, outbox, timers, answers, requests, values."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from data.errors import IllegalMove, NotFound
from data.model.observation import Quality, Rejected
from data.model.record import Change, Timer, broken_link
from data.ports.requests import Request, RequestKind
from data.ports.store import Answered, Store, Writer
from data.sql.engine import store_url, writing_engine
from tests.contracts.samples import NOON, a_change, a_picture, a_reading, after, an_entry


def test_a_repeated_reading_is_counted_once(store: Store) -> None:
    batch = [a_reading(10.0 + n, at_s=n) for n in range(3)]
    assert store.write(lambda writer: writer.add_readings(batch)) == 3
    assert store.write(lambda writer: writer.add_readings([*batch, a_reading(13.0, at_s=3)])) == 1
    assert store.write(lambda writer: writer.add_readings(batch)) == 0
    assert store.write(lambda writer: writer.add_readings([])) == 0
    twice = [a_reading(1.0, at_s=9), a_reading(1.0, at_s=9)]
    assert store.write(lambda writer: writer.add_readings(twice)) == 1


def test_readings_are_read_oldest_first_in_a_half_open_span(store: Store) -> None:
    rain = [a_reading(float(n), at_s=n, quantity="rainfall") for n in range(3)]
    depth = [replace(a_reading(float(n), at_s=n), quality=Quality.BAD, vertical_datum="1985") for n in range(5)]
    store.write(lambda writer: writer.add_readings([*reversed(depth), *rain]))
    read = store.read(lambda reader: reader.readings("dip-1", "water_depth", since=after(1), until=after(4)))
    assert list(read) == depth[1:4]
    everything = store.read(lambda reader: reader.readings("dip-1", since=NOON, until=after(60)))
    assert [r.at for r in everything] == sorted(r.at for r in [*depth, *rain])
    assert len(store.read(lambda reader: reader.readings("dip-1", since=NOON, until=after(60), limit=2))) == 2
    assert list(store.read(lambda reader: reader.readings("dip-2", since=NOON, until=after(60)))) == []


def test_the_latest_reading_is_the_newest_by_its_own_time(store: Store) -> None:
    store.write(lambda writer: writer.add_readings([a_reading(2.0, at_s=20), a_reading(1.0, at_s=10)]))
    store.write(lambda writer: writer.add_readings([a_reading(1.5, at_s=15), a_reading(7.0, quantity="rainfall")]))
    latest = store.read(lambda reader: list(reader.latest_readings()))
    assert latest == [a_reading(7.0, quantity="rainfall"), a_reading(2.0, at_s=20)]
    assert store.read(lambda reader: list(reader.latest_readings([latest[0].site, "dip-9"]))) == latest
    assert store.read(lambda reader: list(reader.latest_readings(["dip-9"]))) == []


def test_many_changes_are_published_in_their_order(store: Store) -> None:
    changes = [Change("reading", f"dip-{number}/stage", NOON, {"value": number}) for number in range(300)]
    store.write(lambda writer: writer.publish_all(changes))
    store.write(lambda writer: writer.publish_all([]))
    found = store.read(lambda reader: reader.changes(0))
    assert [(one.subject, one.payload) for one in found] == [(one.subject, dict(one.payload)) for one in changes]
    assert [one.seq for one in found] == sorted({one.seq for one in found})


def test_rejects_keep_even_what_is_not_text(store: Store) -> None:
    garbage = Rejected("dip-1", "gauge", NOON, "not JSON", "a\0b\udc80水")
    store.write(lambda writer: writer.add_reject(garbage))
    store.write(lambda writer: writer.add_reject(replace(garbage, site="dip-2")))
    read = store.read(lambda reader: list(reader.rejects(site="dip-1")))
    assert read == [replace(garbage, excerpt="a\ufffdb\ufffd水")]
    assert [r.site for r in store.read(lambda reader: reader.rejects())] == ["dip-2", "dip-1"]


def test_the_same_picture_twice_is_one_row(store: Store) -> None:
    store.write(lambda writer: writer.add_evidence(a_picture()))
    store.write(lambda writer: writer.add_evidence(a_picture(at_s=1)))
    store.write(lambda writer: writer.add_evidence(a_picture("cd" * 32, "river-1", at_s=60)))
    assert store.read(lambda reader: reader.evidence("ab" * 32)) == a_picture()
    found = store.read(lambda reader: reader.evidence_between(None, NOON, after(61)))
    assert [picture.origin for picture in found] == ["gate-3", "river-1"]
    assert list(store.read(lambda reader: reader.evidence_between("river-1", NOON, after(60)))) == []
    with pytest.raises(NotFound, match="no evidence ef"):
        store.read(lambda reader: reader.evidence("ef"))


def test_the_audit_chain_holds_over_units_of_work_and_odd_details(store: Store) -> None:
    def three(writer: Writer) -> list[int]:
        return [writer.record(an_entry(action)).seq for action in ("acknowledge", "dispatch", "accept")]

    assert store.write(three) == [1, 2, 3]
    odd = replace(an_entry(), detail=MappingProxyType({10: (1, 2.5e16, 1e-7), 9: {"深": "水"}, "b": None}))  # type: ignore[dict-item]
    store.write(lambda writer: writer.record(odd))
    store.write(lambda writer: writer.record(an_entry(subject="task:9")))
    entries = store.read(lambda reader: list(reader.audit()))
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert broken_link(entries) is None
    newest = store.read(lambda reader: list(reader.audit(newest_first=True, limit=2)))
    assert newest == entries[:-3:-1]
    assert store.read(lambda reader: list(reader.audit(after=3, subject="task:9"))) == entries[4:]


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_audit_rows(store: Store, url: str, change: str) -> None:
    store.write(lambda writer: writer.record(an_entry()))
    engine = writing_engine(store_url(url))
    with pytest.raises(DBAPIError, match="audit rows are never changed"), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    assert broken_link(store.read(lambda reader: list(reader.audit()))) is None


def test_changes_are_numbered_and_read_on_from_a_number(store: Store) -> None:
    assert store.read(lambda reader: reader.last_change()) == 0
    sent = store.write(lambda writer: [writer.publish(a_change(n)) for n in range(1, 4)])
    assert [change.seq for change in sent] == [1, 2, 3]
    assert store.read(lambda reader: list(reader.changes(1))) == sent[1:]
    assert store.read(lambda reader: list(reader.changes(0, limit=2))) == sent[:2]
    assert store.read(lambda reader: reader.last_change()) == 3


def test_what_is_not_json_is_refused_and_undone(store: Store) -> None:
    def bad(writer: Writer) -> None:
        writer.publish(a_change())
        writer.record(replace(an_entry(), detail={"value": float("nan")}))

    with pytest.raises(ValueError, match="JSON compliant"):
        store.write(bad)
    assert store.read(lambda reader: reader.last_change()) == 0


def test_timers_are_due_at_their_time_and_finished_once(store: Store) -> None:
    def make(writer: Writer) -> list[Timer]:
        return [writer.add_timer(Timer("offer", n, after(60 * n))) for n in (3, 1, 2)]

    three, one, two = store.write(make)
    assert list(store.read(lambda reader: reader.timers_due(after(120)))) == [one, two]
    assert store.write(lambda writer: writer.finish_timer(one.id, after(61))) is True
    assert store.write(lambda writer: writer.finish_timer(one.id, after(62))) is False
    assert store.write(lambda writer: writer.finish_timer(99, after(62))) is False
    assert store.write(lambda writer: writer.finish_timers_of("offer", 3, after(62))) == 1
    assert list(store.read(lambda reader: reader.timers_due(after(600)))) == [two]
    assert three.id != one.id


def test_an_answer_is_remembered_once_for_each_key_and_user(store: Store) -> None:
    first = Answered(201, {"task": {"id": 4}}, "hash")
    store.write(lambda writer: writer.remember_answer("k1", "li", first, NOON))
    with pytest.raises(IllegalMove, match="Idempotency-Key was answered already"):
        store.write(lambda writer: writer.remember_answer("k1", "li", replace(first, status=500), NOON))
    store.write(lambda writer: writer.remember_answer("k1", "wang", replace(first, status=409), NOON))
    assert store.read(lambda reader: reader.answered("k1", "li")) == first
    assert store.read(lambda reader: reader.answered("k2", "li")) is None


def test_a_request_waits_until_it_is_answered_once(store: Store) -> None:
    asked = Request(RequestKind.SNAPSHOT, {"site": "gate-3"}, "li", NOON)
    first, second = store.write(lambda writer: (writer.add_request(asked), writer.add_request(asked)))
    assert list(store.read(lambda reader: reader.unanswered_requests())) == [first, second]
    store.write(lambda writer: writer.answer_request(first.id, after(1), {"evidence": "ab"}))
    store.write(lambda writer: writer.answer_request(second.id, after(2), None, "camera lost"))
    assert list(store.read(lambda reader: reader.unanswered_requests())) == []
    answered = replace(first, answered_at=after(1), answer={"evidence": "ab"})
    assert store.read(lambda reader: reader.request(first.id)) == answered
    failed = replace(second, answered_at=after(2), error="camera lost")
    assert store.read(lambda reader: reader.request(second.id)) == failed
    with pytest.raises(IllegalMove, match=f"request {first.id} is answered already"):
        store.write(lambda writer: writer.answer_request(first.id, after(3), {}))


def test_of_an_answered_request_the_keys_in_what_was_asked_are_masked_in_the_answer_too(store: Store) -> None:
    camera = {"kind": "http_snapshot", "url": "http://192.0.2.8/p.jpg?token=kettleharbour42xyz", "every": "2s"}
    asked = Request(RequestKind.CAMERA_TEST, {"camera": camera}, "li", NOON)
    made = store.write(lambda writer: writer.add_request(asked))
    assert store.read(lambda reader: reader.request(made.id)).payload == {"camera": camera}, "the engine needs it"
    reason = "http://192.0.2.8/p.jpg?token=kettleharbour42xyz answers 404"
    store.write(lambda writer: writer.answer_request(made.id, after(1), {"reason": reason}, reason))
    kept = store.read(lambda reader: reader.request(made.id))
    assert kept.payload == {"camera": camera | {"url": "http://192.0.2.8/p.jpg?token=***"}}
    told = "http://192.0.2.8/p.jpg?token=*** answers 404"
    assert (kept.answer, kept.error) == ({"reason": told}, told)


def test_named_values_are_json_and_a_new_store_has_an_epoch_of_its_own(store: Store) -> None:
    assert store.read(lambda reader: reader.value("position")) is None

    def put(value: object) -> None:
        store.write(lambda writer: writer.put_value("position", value))

    for value in ({"offset": 12, "file": "深.csv"}, [1, 2], None, 0.5, "text"):
        put(value)
        assert store.read(lambda reader: reader.value("position")) == value
    epoch = store.read(lambda reader: reader.value("epoch"))
    assert isinstance(epoch, str)
    assert len(epoch) == 32


def test_old_rejects_go_and_of_a_source_that_is_always_refused_the_newest_stay(store: Store) -> None:
    def refuse(writer: Writer) -> None:
        for second in range(12):
            writer.add_reject(Rejected("dip-1", "gauge", after(second), f"no value {second}"))
        writer.add_reject(Rejected("dip-2", "gauge", after(0), "too old"))
        writer.add_reject(Rejected("dip-2", "gauge", after(60), "another source"))

    store.write(refuse)
    assert store.write(lambda writer: writer.prune_rejects(after(1), 5)) == 2 + 6
    kept = [one.reason for one in store.read(lambda reader: reader.rejects())]
    assert kept == ["another source", *(f"no value {second}" for second in range(11, 6, -1))]


def test_named_values_are_written_and_read_several_at_once(store: Store) -> None:
    store.write(lambda writer: writer.put_values({"a": 1, "b": {"c": [2]}}))
    store.write(lambda writer: writer.put_values({"b": None, "d": "四"}))
    store.write(lambda writer: writer.put_values({}))
    found = store.read(lambda reader: reader.values(["a", "b", "d", "absent"]))
    assert found == {"a": 1, "b": None, "d": "四"}
    assert store.read(lambda reader: reader.values([])) == {}
