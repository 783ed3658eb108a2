"""Shift handovers in every store: one is open, steps and notes only grow, and what both have signed stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.case import Recorded
from data.model.handover import Handover, HandoverNote, HandoverState
from data.ports.store import Store
from tests.contracts.samples import NOON, after


def a_handover() -> Handover:
    return Handover(NOON, (Recorded("begin", "draft", NOON, "li", "operator"),), change=after(3600))


def add(store: Store, handover: Handover) -> Handover:
    return store.write(lambda writer: writer.add_handover(handover))


def save(store: Store, handover: Handover) -> Handover:
    return store.write(lambda writer: writer.save_handover(handover))


def test_a_handover_is_read_as_it_was_written_and_only_grows_until_both_have_signed(store: Store) -> None:
    added = add(store, a_handover())
    assert store.read(lambda reader: reader.handover(added.id)) == added
    assert store.read(lambda reader: reader.open_handover()) == added
    with pytest.raises(IllegalMove, match=f"handover {added.id} is open"):
        add(store, a_handover())
    noted = save(store, replace(added, notes=(HandoverNote("alert:7", "水泵已叫\0修", "li", after(5)),)))
    assert store.read(lambda reader: reader.handover(added.id)).notes[0].text == "水泵已叫\ufffd修"
    with pytest.raises(IllegalMove, match="recorded steps and notes stay"):
        save(store, replace(noted, notes=()))
    with pytest.raises(StaleVersion):
        save(store, added)
    noted = store.read(lambda reader: reader.handover(added.id))
    signed = replace(
        noted,
        steps=(*noted.steps, Recorded("sign", "signed", after(9), "li", "operator", detail={"how": "password"})),
        items={"at": "2024-07-12T04:00:09.000+00:00", "groups": {"alerts": [{"key": "alert:7", "value": 12.5}]}},
    )
    taken = replace(
        save(store, signed),
        steps=(*signed.steps, Recorded("take", "taken", after(12), "zhao", "duty_officer")),
        document='{"文":1}',
        digest="ab",
    )
    assert taken.outgoing is not None
    kept = save(store, taken)
    assert store.read(lambda reader: reader.handover(added.id)) == kept
    assert kept.state is HandoverState.TAKEN
    assert store.read(lambda reader: reader.last_taken_handover()) == kept
    assert store.read(lambda reader: reader.open_handover()) is None
    with pytest.raises(IllegalMove, match="is taken and stays as it is"):
        save(store, replace(kept, digest="cd"))
    with pytest.raises(NotFound, match="no handover 99"):
        store.read(lambda reader: reader.handover(99))


def test_handovers_are_found_by_every_word_that_was_written_and_by_names(store: Store) -> None:
    first = add(store, replace(a_handover(), notes=(HandoverNote("", "Pump 3 broken, 水泵停", "li", NOON),)))
    over = Recorded("drop", "dropped", after(3), "zhao", "duty_officer", "wrong_shift 100%")
    save(store, replace(first, steps=(*first.steps, over)))
    second = add(store, a_handover())

    def found(words: str) -> list[int]:
        return [one.id for one in store.read(lambda reader: reader.handovers(words=words))]

    assert found("") == [second.id, first.id]
    assert found("PUMP broken") == found("水泵") == found("zhao") == found("100%") == [first.id]
    assert found("pump whole") == found("wrong%shift") == []
    assert [one.id for one in store.read(lambda reader: reader.handovers(before_id=second.id))] == [first.id]
