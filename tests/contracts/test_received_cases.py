"""Cases of other systems and their personal values on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from data.errors import IllegalMove
from data.model.alert import Priority
from data.model.geo import Location
from data.model.people import Role
from data.model.received_case import PersonalValue, ReceivedCase, key_of
from data.model.task import Event
from data.ports.store import Store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)


def received(store: Store, external_id: str = "FZ-1") -> tuple[ReceivedCase, PersonalValue]:
    made = Event("反诈预警", "fraud_warning", "", Location(lon=106.5, lat=29.5), Priority.P1, NOON)
    event = store.write(lambda writer: writer.add_event(made))
    case = ReceivedCase("fraud", key_of(external_id), external_id, event.id, NOON, NOON + timedelta(days=30))
    value = PersonalValue(event.id, "name", "姓名", "Name", frozenset({Role.DUTY_OFFICER}), "李秀英\x00")
    return store.write(lambda writer: writer.add_received_case(case, [value])), value


def test_a_case_is_found_by_its_key_and_its_event_and_there_is_one_of_each(store: Store) -> None:
    case, _ = received(store)
    assert store.read(lambda reader: reader.received_case("fraud", key_of("FZ-1"))) == case
    assert store.read(lambda reader: reader.received_case("other", key_of("FZ-1"))) is None
    assert store.read(lambda reader: reader.received_case_of_event(case.event_id)) == case
    with pytest.raises(IllegalMove):
        received(store)
    counts = store.read(lambda reader: reader.received_counts(NOON))
    assert [(one.source, one.count, one.last_at) for one in counts] == [("fraud", 1, NOON)]
    assert store.read(lambda reader: reader.received_counts(NOON + timedelta(seconds=1))) == []


def test_personal_values_come_back_with_their_roles_and_are_gone_once_deleted(store: Store) -> None:
    case, value = received(store)
    (kept,) = store.read(lambda reader: reader.personal_values(case.event_id))
    assert (kept.value, kept.roles, kept.zh) == ("李秀英\ufffd", value.roles, "姓名")
    assert "李秀英" not in repr(kept)
    later = NOON + timedelta(days=30)
    assert store.write(lambda writer: writer.delete_personal_values(case.event_id, later)) == 1
    assert store.write(lambda writer: writer.delete_personal_values(case.event_id, later + timedelta(days=1))) == 0
    assert store.read(lambda reader: reader.personal_values(case.event_id)) == []
    gone = store.read(lambda reader: reader.received_case_of_event(case.event_id))
    assert gone is not None
    assert gone.deleted_at == later
