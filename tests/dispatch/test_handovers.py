"""Shift handover: whatever people try in whatever order, two of them sign, and what they signed stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import Forbidden, IllegalMove, InputRejected, StaleVersion
from data.model.handover import Handover, HandoverState, digest_of, handover_document
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import PERMITTED, Action, Actor, Role, User
from data.ports.store import Store, Writer
from dispatch import handovers
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
LI, ZHAO, LIU = Actor("li", Role.OPERATOR), Actor("zhao", Role.DUTY_OFFICER), Actor("liu", Role.ANALYST)
STEPS = ("begin", "note", "sign", "give_back", "take", "drop", "stale")
LATE = timedelta(minutes=30)


@contextmanager
def opened() -> Iterator[Store]:
    with TemporaryDirectory(prefix="handovers-") as folder:
        store = new_store(Path(folder) / "yiping.db")
        yield store
        store.close()


def attempt(writer: Writer, step: str, actor: Actor, now: datetime) -> Handover | None:
    known = next(iter(writer.handovers(limit=1)), None)
    if step == "begin":
        return handovers.begin(writer, actor, now)
    if known is None:
        return None
    version = known.version
    match step:
        case "note":
            return handovers.note(writer, known.id, actor, now, "alert:7", "看一下")
        case "sign":
            items = {"groups": {"alerts": [{"key": "alert:7", "seen": now.isoformat()}]}, "more": {}}
            return handovers.sign(writer, known.id, actor, now, items, version, "password")
        case "give_back":
            return handovers.give_back(writer, known.id, actor, now, "水泵没写", version)
        case "take":
            return handovers.take(writer, known.id, actor, now, version, "password")
        case "drop":
            return handovers.drop(writer, known.id, actor, now, "重来", version)
    return handovers.take(writer, known.id, actor, now, version - 1, "password")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from((LI, ZHAO, LIU))), max_size=18))
def test_in_any_order_of_steps_two_people_sign_one_is_open_and_what_was_signed_stays(
    steps: list[tuple[str, Actor]],
) -> None:
    frozen: dict[int, str] = {}
    with opened() as store:
        for number, (step, actor) in enumerate(steps):
            now = NOON + timedelta(minutes=number)
            try:
                moved = store.write(lambda writer, s=step, a=actor, at=now: attempt(writer, s, a, at))  # type: ignore[misc]
            except (Forbidden, IllegalMove):
                moved = None
            assert moved is None or (actor is not LIU and step != "stale")
            for one in store.read(lambda reader: reader.handovers()):
                assert store.read(lambda reader, one=one: handovers.is_intact(reader, one))  # type: ignore[misc]
                if one.id in frozen:
                    assert one.document == frozen[one.id] == handover_document(one)
                if one.state is HandoverState.TAKEN:
                    assert one.outgoing is not None
                    assert one.incoming is not None
                    assert one.outgoing.by != one.incoming.by
                    assert one.items is not None
                    assert one.digest == digest_of(one.document)
                    frozen[one.id] = one.document
                if one.state is HandoverState.DRAFT:
                    assert (one.outgoing, one.items, one.digest) == (None, None, "")
            assert len([one for one in store.read(lambda reader: reader.handovers()) if one.is_open]) <= 1
        told = [entry for entry in store.read(lambda reader: reader.audit()) if entry.action == "take"]
        assert {int(entry.subject.partition(":")[2]) for entry in told} == set(frozen)
        assert [entry.detail["sha256"] for entry in told] == [digest_of(frozen[int(e.subject[9:])]) for e in told]


def test_only_those_who_run_a_shift_hand_over() -> None:
    may = {role for role in Role if Action.HAND_OVER in PERMITTED[role]}
    assert may == {Role.OPERATOR, Role.DUTY_OFFICER, Role.SECTION_HEAD, Role.COMMANDER}


def test_a_question_after_the_first_signature_leaves_the_items_and_refusals_have_words() -> None:
    with opened() as store:
        begun = store.write(lambda writer: handovers.begin(writer, LI, NOON))
        assert begun.since == NOON - timedelta(hours=24)
        with pytest.raises(IllegalMove) as early:
            store.write(lambda writer: handovers.take(writer, begun.id, ZHAO, NOON, begun.version, "session"))
        assert (early.value.key, early.value.values) == ("handover.draft", {"handover": begun.id})
        items: dict[str, Any] = {"groups": {}, "more": {}}
        signed = store.write(lambda w: handovers.sign(w, begun.id, LI, NOON, items, begun.version, "session"))
        asked = store.write(lambda writer: handovers.note(writer, begun.id, ZHAO, NOON, "", "钥匙在哪？"))
        assert (asked.items, asked.notes[0].question) == (items, True)
        with pytest.raises(StaleVersion) as stale:
            store.write(lambda writer: handovers.take(writer, begun.id, ZHAO, NOON, signed.version, "session"))
        assert stale.value.key == "handover.changed", "who signs has read the question"
        with pytest.raises(IllegalMove) as alone:
            store.write(lambda writer: handovers.take(writer, begun.id, LI, NOON, asked.version, "session"))
        assert alone.value.key == "handover.same_person"
        with pytest.raises(InputRejected) as silent:
            store.write(lambda writer: handovers.give_back(writer, begun.id, ZHAO, NOON, " ", asked.version))
        assert silent.value.key == "reason"


def roster(store: Store) -> None:
    """Li until noon, Zhao from noon on; an analyst and a worker have shifts, too, which are no changes."""

    def put(writer: Writer) -> None:
        for actor in (LI, ZHAO, LIU, Actor("worker", Role.RESPONDER)):
            writer.add_user(User(actor.name, actor.role or Role.OPERATOR))
        writer.put_unit(Unit("post", UnitKind.POST, "值班岗"))
        eight = timedelta(hours=8)
        writer.add_shift(Shift("post", "li", NOON - eight, NOON - timedelta(hours=4)))
        writer.add_shift(Shift("post", "li", NOON - timedelta(hours=4), NOON))
        writer.add_shift(Shift("post", "zhao", NOON, NOON + eight))
        writer.add_shift(Shift("post", "liu", NOON - eight, NOON - timedelta(hours=1)))
        writer.add_shift(Shift("post", "worker", NOON - eight, NOON - timedelta(hours=2)))

    store.write(put)


def test_a_change_of_shift_without_both_signatures_is_overdue_after_the_limit_and_says_whose_is_missing() -> None:
    with opened() as store:
        roster(store)

        def late(at: datetime, after: timedelta | None = LATE) -> tuple[str, int | None] | None:
            found = store.read(lambda reader: handovers.overdue(reader, at, after))
            return None if found is None else (found.missing, found.handover)

        change = store.read(lambda reader: handovers.changes_of_shift(reader, NOON))
        assert change == [NOON, NOON + timedelta(hours=8)], "who goes on, or hands over nothing, changes no shift"
        assert late(NOON + timedelta(minutes=29)) is None
        assert late(NOON + timedelta(minutes=31)) == ("outgoing", None)
        assert late(NOON + timedelta(minutes=31), None) is None
        begun = store.write(lambda writer: handovers.begin(writer, LI, NOON - timedelta(minutes=10)))
        assert begun.change == NOON
        signed = store.write(lambda w: handovers.sign(w, begun.id, LI, NOON, {}, begun.version, "session"))
        assert late(NOON + timedelta(minutes=31)) == ("incoming", begun.id)
        taken = NOON + timedelta(minutes=40)
        store.write(lambda writer: handovers.take(writer, begun.id, ZHAO, taken, signed.version, "session"))
        assert late(NOON + timedelta(hours=2)) is None
        following = store.write(lambda writer: handovers.begin(writer, ZHAO, NOON + timedelta(hours=7)))
        assert (following.since, following.change) == (taken, NOON + timedelta(hours=8))
        assert late(NOON + timedelta(hours=9)) == ("outgoing", following.id)
