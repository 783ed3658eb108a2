"""Users, passwords and tokens as the command line manages them. Every step leaves an audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from data.errors import InputRejected, NotFound
from data.people import Role, Session, User
from data.record import AuditEntry
from data.store import Store, Writer
from web.deps import utc_now
from web.passwords import hash_password
from web.sessions import hash_secret, new_secret

CONSOLE = "console"
_LONGEST_NAME = 64


def add_user(store: Store, name: str, role: Role, password: str | None, *, display_name: str = "") -> User:
    """A new user; without a password only tokens let them in. Raises IllegalMove when the name is taken."""
    if not name or len(name) > _LONGEST_NAME or name != name.strip() or not name.isprintable() or ":" in name:
        raise InputRejected(f"a user name has 1 to {_LONGEST_NAME} printable characters, no colon, no blanks around it")
    user = User(name, role, None if password is None else hash_password(password), display_name)

    def work(writer: Writer) -> None:
        writer.add_user(user)
        _record(writer, "add_user", name, {"role": role.value, "password": password is not None})

    store.write(work)
    return user


def set_password(store: Store, name: str, password: str) -> None:
    """A new password; every session of the user ends, tokens too. Raises NotFound."""
    password_hash = hash_password(password)

    def work(writer: Writer) -> None:
        now = utc_now()
        writer.save_user(replace(writer.user(name), password_hash=password_hash))
        ended = writer.revoke_sessions_of(name, now)
        _record(writer, "set_password", name, {"ended": ended})

    store.write(work)


def issue_token(store: Store, name: str, *, valid_for: timedelta | None = None) -> str:
    """A bearer token, shown this once; only its hash is stored.

    For a responder who is known but has no user, the user is made. Raises NotFound for a name nobody has.
    """
    secret = new_secret()

    def work(writer: Writer) -> None:
        now = utc_now()
        user = _user_or_responder(writer, name)
        if user.disabled_at is not None:
            raise InputRejected(f"user {name!r} is disabled since {user.disabled_at.isoformat(timespec='seconds')}")
        expires_at = None if valid_for is None else now + valid_for
        writer.add_session(Session(hash_secret(secret), name, now, expires_at, kind="token"))
        until = None if expires_at is None else expires_at.isoformat(timespec="seconds")
        _record(writer, "issue_token", name, {"until": until})

    store.write(work)
    return secret


def revoke(store: Store, name: str) -> int:
    """End every session and token of a user; how many. Raises NotFound."""

    def work(writer: Writer) -> int:
        writer.user(name)
        ended = writer.revoke_sessions_of(name, utc_now())
        _record(writer, "revoke", name, {"ended": ended})
        return ended

    return store.write(work)


def disable(store: Store, name: str) -> None:
    """The user cannot log in any more, and every session and token ends. The name stays in the trail."""

    def work(writer: Writer) -> None:
        now: datetime = utc_now()
        user = writer.user(name)
        if user.disabled_at is None:
            writer.save_user(replace(user, disabled_at=now))
        _record(writer, "disable_user", name, {"ended": writer.revoke_sessions_of(name, now)})

    store.write(work)


def list_users(store: Store) -> Sequence[User]:
    """By name."""
    return sorted(store.read(lambda reader: reader.users()), key=lambda user: user.name)


def _user_or_responder(writer: Writer, name: str) -> User:
    try:
        return writer.user(name)
    except NotFound:
        try:
            responder = writer.responder(name)
        except NotFound:
            raise NotFound(f"there is neither a user nor a responder {name!r}") from None
        user = User(name, Role.RESPONDER, display_name=responder.name)
        writer.add_user(user)
        _record(writer, "add_user", name, {"role": Role.RESPONDER.value, "password": False})
        return user


def _record(writer: Writer, action: str, name: str, detail: Mapping[str, Any]) -> None:
    writer.record(AuditEntry(utc_now(), CONSOLE, "", action, f"user:{name}", detail))
