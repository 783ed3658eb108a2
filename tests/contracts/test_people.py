"""The Store's contract: responders and their positions, users, sessions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.errors import IllegalMove, NotFound
from data.geo import Location
from data.organisation import Unit, UnitKind
from data.people import Responder, Role, Session, User
from data.store import Store, Writer
from tests.contracts.samples import GATE, NOON, a_responder, after

BRIDGE = Location(lon=106.52, lat=29.59)


def put(store: Store, responder: Responder) -> None:
    store.write(lambda writer: writer.put_responder(responder))


def test_a_responder_is_updated_without_losing_the_position(store: Store) -> None:
    store.write(lambda writer: writer.put_responder(a_responder()))
    assert store.write(lambda writer: writer.put_position("zhang", NOON, GATE)) is True
    store.write(lambda writer: writer.put_responder(replace(a_responder(), on_shift=False, phone="139")))
    read = store.read(lambda reader: reader.responder("zhang"))
    assert read == replace(a_responder(), on_shift=False, phone="139", position=GATE, position_at=NOON)


def test_a_position_older_than_the_known_one_does_not_move_the_responder(store: Store) -> None:
    store.write(lambda writer: writer.put_responder(a_responder()))
    assert store.write(lambda writer: writer.put_position("zhang", after(10), BRIDGE)) is True
    assert store.write(lambda writer: writer.put_position("zhang", after(5), GATE)) is False
    assert store.write(lambda writer: writer.put_position("zhang", after(10), GATE)) is False
    read = store.read(lambda reader: reader.responder("zhang"))
    assert (read.position, read.position_at) == (BRIDGE, after(10))


def test_responders_are_listed_by_id_and_an_unknown_one_is_not_found(store: Store) -> None:
    for name in ("zhao", "sun", "zhang"):
        put(store, a_responder(name))
    assert [who.id for who in store.read(lambda reader: reader.responders())] == ["sun", "zhang", "zhao"]
    with pytest.raises(NotFound, match="no responder wu"):
        store.read(lambda reader: reader.responder("wu"))
    with pytest.raises(NotFound, match="no responder wu"):
        store.write(lambda writer: writer.put_position("wu", NOON, GATE))


def test_a_user_name_is_taken_once(store: Store) -> None:
    li = User("li", Role.DUTY_OFFICER, "scrypt$...", "李")
    store.write(lambda writer: writer.add_user(li))
    with pytest.raises(IllegalMove, match="there is a user 'li' already"):
        store.write(lambda writer: writer.add_user(replace(li, role=Role.ADMINISTRATOR)))
    assert store.read(lambda reader: reader.user("li")) == li


def test_a_disabled_user_stays_disabled(store: Store) -> None:
    store.write(lambda writer: writer.add_user(User("li", Role.OPERATOR)))
    disabled = User("li", Role.OPERATOR, "x", "李", disabled_at=NOON)
    store.write(lambda writer: writer.save_user(disabled))
    assert store.read(lambda reader: list(reader.users())) == [disabled]
    with pytest.raises(IllegalMove, match="user li: disabled_at is set already"):
        store.write(lambda writer: writer.save_user(replace(disabled, disabled_at=None)))
    with pytest.raises(NotFound, match="no user wu"):
        store.write(lambda writer: writer.save_user(User("wu", Role.OPERATOR)))


def test_sessions_are_revoked_one_by_one_or_all_of_a_user(store: Store) -> None:
    def sessions(writer: Writer) -> None:
        for name in ("li", "wang"):
            writer.add_user(User(name, Role.OPERATOR))
        for secret, name in (("a", "li"), ("b", "li"), ("c", "wang")):
            writer.add_session(Session(secret, name, NOON, after(3600), csrf="t"))

    store.write(sessions)
    store.write(lambda writer: writer.revoke_session("a", after(1)))
    store.write(lambda writer: writer.revoke_session("a", after(2)))
    assert store.write(lambda writer: writer.revoke_sessions_of("li", after(3))) == 1
    read = store.read(lambda reader: [reader.session(secret) for secret in "abcd"])
    assert [session and session.revoked_at for session in read] == [after(1), after(3), None, None]
    assert read[2] == Session("c", "wang", NOON, after(3600), csrf="t")
    assert read[3] is None


def test_a_session_needs_its_user(store: Store) -> None:
    with pytest.raises(IllegalMove, match="session of nobody"):
        store.write(lambda writer: writer.add_session(Session("a", "nobody", NOON, None, kind="token")))


def test_somebody_s_units_are_found_by_the_whole_name_only(store: Store) -> None:
    def organise(writer: Writer) -> None:
        writer.put_unit(Unit("a", UnitKind.DEPARTMENT, "甲", people=("li", "王芳")))
        writer.put_unit(Unit("b", UnitKind.DEPARTMENT, "乙", people=("lili", '"li"')))
        writer.put_unit(Unit("c", UnitKind.DEPARTMENT, "丙", people=("王芳", "100%")))

    store.write(organise)

    def of(person: str) -> list[str]:
        return [unit.id for unit in store.read(lambda reader: reader.units_of(person))]

    assert (of("li"), of("lili"), of("王芳"), of("100%"), of("100_"), of('"li"')) == (
        ["a"], ["b"], ["a", "c"], ["c"], [], ["b"],
    )  # fmt: skip
