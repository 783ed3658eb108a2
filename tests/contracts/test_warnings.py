"""Official warnings in every store: each message once, in any order, and what ends what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from data.errors import NotFound
from data.model.warning import HazardWarning, MessageType, WarningArea, WarningId, WarningLevel, WarningStatus
from data.ports.store import Store
from data.stored.warnings_in import receive_warning
from tests.contracts.samples import NOON, after

STORM = WarningId("cq@weather.cn", "50010041600000_20240712", NOON)
DISTRICT = WarningArea(
    "渝中区", (((106.5, 29.5), (106.6, 29.5), (106.6, 29.6), (106.5, 29.5)),), (), (("code", "500103"),)
)


def a_warning(
    number: int = 1,
    kind: MessageType = MessageType.ALERT,
    *references: WarningId,
    level: WarningLevel = WarningLevel.BLUE,
) -> HazardWarning:
    key = STORM._replace(identifier=f"{STORM.identifier}_{number}", sent=after(60 * number))
    return HazardWarning(
        key, WarningStatus.ACTUAL, kind, references, "暴雨", level, "Severe", "Immediate", "Likely",
        after(0), after(600), after(7200), (DISTRICT,), headline="暴雨蓝色预警",
        event_codes=(("code", "11B03"),), origin="weather/cap",
    )  # fmt: skip


def deliver(store: Store, warning: HazardWarning, at_s: float = 0) -> HazardWarning | None:
    return store.write(lambda writer: receive_warning(writer, warning, after(at_s)))


def test_a_warning_delivered_three_times_is_one_warning_and_one_change(store: Store) -> None:
    stored = deliver(store, a_warning())
    assert stored is not None
    assert [deliver(store, a_warning(), 5), deliver(store, a_warning(), 9)] == [None, None]
    assert store.read(lambda reader: reader.warning(stored.id)) == replace(a_warning(), id=stored.id, received_at=NOON)
    assert store.read(lambda reader: reader.warning_by_key(a_warning().key)) == stored
    (change,) = store.read(lambda reader: reader.changes(0))
    assert (change.topic, change.subject) == ("warning", str(stored.id))
    assert change.payload["warning"]["level"] == "blue"
    assert change.payload["warning"]["geocodes"] == [["code", "500103"]]


def test_an_update_supersedes_and_a_cancel_cancels_what_they_refer_to(store: Store) -> None:
    first, second = a_warning(1), a_warning(2, MessageType.UPDATE, a_warning(1).key, level=WarningLevel.ORANGE)
    deliver(store, first, 0)
    deliver(store, second, 60)
    in_force = store.read(lambda reader: reader.warnings(in_force_at=after(61)))
    assert [warning.level for warning in in_force] == [WarningLevel.ORANGE]
    assert in_force[0].references == (first.key,)
    deliver(store, a_warning(3, MessageType.CANCEL, second.key), 120)
    assert store.read(lambda reader: reader.warnings(in_force_at=after(121))) == []
    ended = {w.key: w for w in store.read(lambda reader: reader.warnings())}
    assert ended[first.key].superseded_at == after(60)
    assert ended[second.key].cancelled_at == after(120)
    assert not ended[second.key].is_in_force(after(121))


def test_a_cancel_that_overtakes_its_alert_still_cancels_it(store: Store) -> None:
    deliver(store, a_warning(2, MessageType.CANCEL, a_warning(1).key), 10)
    late = deliver(store, a_warning(1), 20)
    assert late is not None
    assert late.cancelled_at == after(10)
    assert store.read(lambda reader: reader.warnings(in_force_at=after(21))) == []


def test_a_warning_ends_by_itself_when_it_expires_and_an_unknown_one_is_not_found(store: Store) -> None:
    deliver(store, a_warning())
    assert len(store.read(lambda reader: reader.warnings(in_force_at=NOON + timedelta(seconds=7199)))) == 1
    assert store.read(lambda reader: reader.warnings(in_force_at=NOON + timedelta(seconds=7200))) == []
    with pytest.raises(NotFound, match="no warning 99"):
        store.read(lambda reader: reader.warning(99))


def test_a_hundred_warnings_are_read_in_three_statements_with_what_they_refer_to(store: Store) -> None:
    for number in range(1, 101):
        refers = (a_warning(number - 1).key,) if number > 1 else ()
        deliver(store, a_warning(number, MessageType.UPDATE if refers else MessageType.ALERT, *refers), number)
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        found = store.read(lambda reader: reader.warnings(limit=100))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [warning.references for warning in found[:2]] == [(a_warning(99).key,), (a_warning(98).key,)]
    assert [warning.id for warning in found] == list(range(100, 0, -1))
    assert len([statement for statement in statements if "warning" in statement]) == 3
