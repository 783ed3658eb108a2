"""The Store's contract: responders and their positions, users, sessions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.errors import IllegalMove, NotFound
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import AccountCode, Factor, FactorKind, Responder, Role, Session, User
from data.ports.store import Store, Writer
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


def test_a_user_is_disabled_and_enabled_again(store: Store) -> None:
    store.write(lambda writer: writer.add_user(User("li", Role.OPERATOR)))
    disabled = User("li", Role.OPERATOR, "x", "李", disabled_at=NOON, disabled_by="admin")
    store.write(lambda writer: writer.save_user(disabled))
    assert store.read(lambda reader: list(reader.users())) == [disabled]
    enabled = replace(disabled, disabled_at=None, disabled_by="")
    store.write(lambda writer: writer.save_user(enabled))
    assert store.read(lambda reader: reader.user("li")) == enabled
    with pytest.raises(NotFound, match="no user wu"):
        store.write(lambda writer: writer.save_user(User("wu", Role.OPERATOR)))


def test_live_sessions_are_listed_and_one_can_be_kept(store: Store) -> None:
    def sessions(writer: Writer) -> None:
        for name in ("li", "wang"):
            writer.add_user(User(name, Role.OPERATOR))
        writer.add_session(Session("a", "li", NOON, after(10), address="10.0.0.1", agent="Firefox"))
        writer.add_session(Session("b", "li", after(1), None, kind="token", label="gauge 4"))
        writer.add_session(Session("c", "li", after(2), after(3600), address="10.0.0.2", provider_session="idp\n7"))
        writer.add_session(Session("d", "wang", after(3), after(3600)))

    store.write(sessions)

    def live(at_s: float, user: str | None = None) -> list[str]:
        return [one.secret_hash for one in store.read(lambda reader: reader.sessions(after(at_s), user=user))]

    assert (live(5), live(5, "li"), live(10, "li")) == (["d", "c", "b", "a"], ["c", "b", "a"], ["c", "b"])
    assert [s.secret_hash for s in store.read(lambda reader: reader.sessions_at_provider("idp\n7"))] == ["c"]
    assert store.read(lambda reader: reader.sessions_at_provider("")) == []
    assert store.write(lambda writer: writer.revoke_sessions_of("li", after(5), kept="b")) == 2
    assert live(5, "li") == ["b"]
    known = store.read(lambda reader: reader.login_addresses(NOON))
    assert known == [("li", "10.0.0.2"), ("li", "10.0.0.1")], "ended sessions count, tokens do not"


def test_factors_are_kept_changed_and_removed(store: Store) -> None:
    store.write(lambda writer: writer.add_user(User("li", Role.OPERATOR)))
    phone = store.write(lambda writer: writer.add_factor(Factor("li", FactorKind.TOTP, {"secret": "x"}, NOON, "手机")))
    store.write(lambda writer: writer.add_factor(Factor("li", FactorKind.RECOVERY, {"hash": "y"}, NOON)))
    used = replace(phone, used_at=after(5), body={"secret": "x", "step": 7})
    store.write(lambda writer: writer.save_factor(used))
    assert store.read(lambda reader: reader.factors("li"))[0] == used
    assert store.read(lambda reader: reader.users_with_factors()) == {"li"}
    store.write(lambda writer: writer.remove_factor(phone.id))
    assert [one.kind for one in store.read(lambda reader: reader.factors("li"))] == [FactorKind.RECOVERY]
    assert store.read(lambda reader: reader.users_with_factors()) == frozenset(), "recovery codes alone are no factor"


def test_a_one_time_code_is_used_once(store: Store) -> None:
    code = AccountCode("h", "li", "reset", NOON, after(3600), "admin")
    store.write(lambda writer: writer.add_user(User("li", Role.OPERATOR)))
    store.write(lambda writer: writer.add_account_code(code))
    assert store.read(lambda reader: reader.account_code("h")) == code
    assert store.write(lambda writer: writer.use_account_code("h", after(1))) is True
    assert store.write(lambda writer: writer.use_account_code("h", after(2))) is False
    assert store.write(lambda writer: writer.use_account_code("other", after(2))) is False
    store.write(lambda writer: writer.add_account_code(replace(code, code_hash="k")))
    store.write(lambda writer: writer.end_account_codes_of("li", after(3)))
    assert store.write(lambda writer: writer.use_account_code("k", after(4))) is False


def test_somebody_is_found_by_what_the_identity_provider_calls_them(store: Store) -> None:
    store.write(lambda writer: writer.add_user(User("li", Role.OPERATOR, identity="https://idp\n42")))
    found = store.read(lambda reader: reader.user_with_identity("https://idp\n42"))
    assert found is not None
    assert found.name == "li"
    assert store.read(lambda reader: reader.user_with_identity("https://idp\n4")) is None
    assert store.read(lambda reader: reader.user_with_identity("")) is None


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


def test_ended_sessions_and_codes_are_removed_so_many_at_a_time(store: Store) -> None:
    def fill(writer: Writer) -> None:
        writer.add_user(User("li", Role.OPERATOR))
        for number in range(5):
            writer.add_session(Session(f"s{number}", "li", NOON, after(number)))
            writer.add_account_code(AccountCode(f"c{number}", "li", "reset", NOON, after(number), "admin"))
        writer.add_session(Session("endless", "li", NOON, None, kind="token"))
        writer.add_session(Session("revoked", "li", NOON, None, kind="token"))
        writer.revoke_session("revoked", after(2))

    store.write(fill)
    assert store.write(lambda writer: writer.prune_sessions(after(3), 3)) == 3
    assert store.write(lambda writer: writer.prune_sessions(after(3), 3)) == 1
    assert store.write(lambda writer: writer.prune_sessions(after(3), 3)) == 0
    assert store.write(lambda writer: writer.prune_account_codes(after(3), 2)) == 2
    assert store.write(lambda writer: writer.prune_account_codes(after(3), 2)) == 1
    assert store.read(lambda reader: reader.session("s2")) is None
    assert store.read(lambda reader: reader.session("s3")) is not None
    assert store.read(lambda reader: reader.session("endless")) is not None
    assert store.read(lambda reader: reader.account_code("c3")) is not None


def test_tokens_that_end_between_two_times_are_found_the_earliest_first(store: Store) -> None:
    def fill(writer: Writer) -> None:
        writer.add_user(User("li", Role.OPERATOR))
        for key, seconds in (("c", 30), ("a", 10), ("b", 20)):
            writer.add_session(Session(key, "li", NOON, after(seconds), kind="token"))
        writer.add_session(Session("page", "li", NOON, after(15)))
        writer.add_session(Session("revoked", "li", NOON, after(15), kind="token"))
        writer.revoke_session("revoked", after(1))

    store.write(fill)
    found = store.read(lambda reader: reader.tokens_ending(NOON, after(25)))
    assert [one.secret_hash for one in found] == ["a", "b"]
